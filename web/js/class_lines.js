// Lines of text that end in a class, `#ff0000 = banana`: the list of classes opens at a typed `=`, and for a class that
// is double-clicked.

import { classNames } from "./class_names.js";
import { pickClass } from "./class_picker.js";

/** Makes a text box open the list where the model's class names are known. */
export function offerClassesInLines(node, field) {
  field.addEventListener("input", (event) => {
    if (event.data === "=") open(node, field);
  });
  field.addEventListener("dblclick", () => open(node, field));
}

function open(node, field) {
  const [names, part] = [classNames(node), classAt(field.value, field.selectionStart)];
  if (!names.length || !part) return;
  const { left: x, bottom: y } = field.getBoundingClientRect();
  const done = (text) => {
    field.setRangeText(` ${text}`, part.start, part.end, "end");
    field.dispatchEvent(new Event("input"));
  };
  pickClass({ node, names, words: ["own"], value: part.text, x, y, done });
}

/** The class that a place of the text stands in: what follows the `=` of its line. */
function classAt(text, place) {
  const from = text.lastIndexOf("\n", place - 1) + 1;
  const to = text.indexOf("\n", place);
  const line = text.slice(from, to < 0 ? undefined : to);
  const sign = line.indexOf("=");
  if (sign < 0 || place <= from + sign) return null;
  return { start: from + sign + 1, end: from + line.length, text: line.slice(sign + 1).trim() };
}
