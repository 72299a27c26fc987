// Type to search a class: a list that opens where it is asked for. What is chosen is plain text; any text may be.

import { app } from "../../../scripts/app.js";
import { classNames, isName } from "./class_names.js";

let closeLast = () => {};
const MOST = 200; // entries shown at once; typing narrows them down

/** Entries for what was typed: the class of that number, names that start with it or hold it, and the text itself. */
function entries(names, words, typed) {
  const wanted = typed.trim().toLowerCase();
  const classes = names.map((text, number) => ({ text, hint: `${number}` })).filter(({ text }) => isName(text));
  const every = [...words.map((text) => ({ text, hint: "" })), ...classes];
  const numbered = every.filter(({ hint }) => hint && hint === wanted);
  const starts = every.filter(({ text }) => text.toLowerCase().startsWith(wanted));
  const holds = every.filter(({ text }) => text.toLowerCase().includes(wanted));
  const known = [...new Set([...numbered, ...starts, ...holds])].slice(0, MOST); // of those found twice, the first
  const same = known.some(({ text }) => text.toLowerCase() === wanted);
  return isName(wanted) && !same ? [...known, { text: typed.trim(), hint: "as typed" }] : known;
}

/**
 * Opens the list at a place of the window. It closes when its node goes, and the keyboard returns to where it was.
 * @param names the model's classes; `words`: what else may stand for one
 * @param done is called with the chosen text, and not at all if none is chosen
 */
export function pickClass({ node, names, words = [], value, x, y, done }) {
  closeLast();
  const [before, { onRemoved }] = [document.activeElement, node];
  const { box, field, list } = parts(value);
  let [shown, chosen] = [[], 0];

  function close() {
    document.removeEventListener("pointerdown", outside, true);
    [node.onRemoved, closeLast] = [onRemoved, () => {}];
    box.remove();
    if (before?.isConnected) before.focus({ preventScroll: true });
  }
  function removed() {
    close();
    onRemoved?.call(node);
  }
  function choose(index) {
    close();
    if (shown[index]) done(shown[index].text);
  }
  function outside(event) {
    if (!box.contains(event.target)) close();
  }
  function mark(index) {
    chosen = Math.min(Math.max(index, 0), shown.length - 1);
    [...list.children].forEach((item, place) => {
      item.classList.toggle("nc-chosen", place === chosen);
      item.ariaSelected = place === chosen;
    });
    field.setAttribute("aria-activedescendant", list.children[chosen]?.id ?? "");
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  }
  function fill(typed) {
    shown = entries(names, words, typed);
    list.replaceChildren(...shown.map((entry, index) => item(entry, index, choose)));
    mark(typed ? 0 : shown.findIndex(({ text }) => text === value));
  }

  const keys = {
    ArrowDown: () => mark(chosen + 1),
    ArrowUp: () => mark(chosen - 1),
    Enter: () => choose(chosen),
    Escape: close,
  };
  field.addEventListener("input", () => fill(field.value));
  box.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the page has shortcuts of its own
    if (event.isComposing || !keys[event.key]) return; // Enter may end a word of several keys
    event.preventDefault();
    keys[event.key]();
  });
  document.addEventListener("pointerdown", outside, true);
  [node.onRemoved, closeLast] = [removed, close];
  document.body.append(box);
  fill("");
  place(box, x, y);
  field.focus();
  field.select();
}

/** A field to type in, and a list below it that it works. */
function parts(value) {
  const box = element("div", "nc-picker");
  const field = element("input", "nc-picker-field", { value, placeholder: "Type a class", spellcheck: false });
  const list = element("ul", "nc-picker-list", { id: "nc-picker-list", role: "listbox", ariaLabel: "Classes" });
  Object.assign(field, { role: "combobox", ariaLabel: "Class", ariaExpanded: true, ariaAutoComplete: "list" });
  field.setAttribute("aria-controls", list.id);
  box.append(field, list);
  return { box, field, list };
}

function element(kind, className, more = {}) {
  return Object.assign(document.createElement(kind), { className, ...more });
}

function item({ text, hint }, index, choose) {
  const line = element("li", "", { id: `nc-picker-${index}`, role: "option" });
  line.append(element("span", "", { textContent: text }), element("small", "", { textContent: hint }));
  line.addEventListener("click", () => choose(index));
  return line;
}

/** Keeps the list inside the window. */
function place(box, x, y) {
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${Math.max(4, Math.min(x, innerWidth - width - 4))}px`;
  box.style.top = `${Math.max(4, Math.min(y, innerHeight - height - 4))}px`;
}

/** Makes a text widget open the list where the model's class names are known; elsewhere it stays what it is. */
export function offerClasses(widget, words) {
  const asText = widget.onClick;
  // Not an arrow: a copy of the widget on a subgraph's node takes this function along.
  widget.onClick = function ({ e, node, canvas }) {
    const names = classNames(node);
    if (!names.length) return asText.call(this, { e, node, canvas });
    const done = (text) => {
      canvas.emitBeforeChange(); // one step of the page's own undo
      this.setValue(text, { e, node, canvas });
      canvas.emitAfterChange();
      app.graph.setDirtyCanvas(true, true);
    };
    pickClass({ node, names, words, value: String(this.value), x: e.clientX, y: e.clientY, done });
  };
}
