// What this pack adds to ComfyUI's page: a list of class names where a class is asked for, and a canvas to paint on.
//
// Nodes say in their declaration which inputs are meant: `class_picker`, `class_lines`, `paint_canvas`. Where this
// script is not loaded, or fails, all are the plain text inputs that the nodes declare.

import { app } from "../../../scripts/app.js";
import { everyNode, learn } from "./class_names.js";
import { offerClassesInLines } from "./class_lines.js";
import { offerClasses } from "./class_picker.js";
import { PaintPanel } from "./paint_panel.js";

const LOADER = "NeuralCollageLoadGAN";
const SMALLEST = [380, 520]; // a new node with a canvas
const panels = new WeakMap(); // of nodes; the page makes copies of nodes that it never shows, nor removes

/** Exchanges the text box of a drawing for the panel. The box stays what holds the text. */
function putCanvas(node, widget) {
  const [field, { getValue, setValue }] = [widget.element, widget.options];
  const panel = new PaintPanel(node, (text) => {
    setValue(text);
    widget.callback?.(text);
  });
  panel.read(getValue(), field);
  widget.element = panel.root;
  Object.assign(widget.options, {
    hideOnZoom: false,
    getMinHeight: () => panel.height,
    setValue: (text) => {
      setValue(text);
      panel.read(getValue(), field); // the box makes text of everything
    },
  });
  field.addEventListener("change", () => panel.read(field.value, field));
  node.setSize([Math.max(node.size[0], SMALLEST[0]), Math.max(node.size[1], SMALLEST[1])]);
  keepUp(node, panel);
}

/** Draws the panel anew when the node has run. */
function keepUp(node, panel) {
  const { onExecuted } = node;
  panels.set(node, panel);
  node.onExecuted = function (output) {
    onExecuted?.call(this, output);
    panel.surface.draw();
  };
}

function addStyle() {
  const href = new URL("../paint.css", import.meta.url).href;
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
}

app.registerExtension({
  name: "NeuralCollage",
  setup: addStyle,
  beforeRegisterNodeDef(_, declaration) {
    if (declaration.name === LOADER) learn(declaration);
  },
  refreshComboInNodes(declarations) {
    learn(declarations[LOADER]);
  },
  nodeCreated(node) {
    const { required = {}, optional = {} } = node.constructor.nodeData?.input ?? {};
    for (const widget of [...(node.widgets ?? [])]) {
      const options = (required[widget.name] ?? optional[widget.name])?.[1];
      if (options?.class_picker) offerClasses(widget, options.class_picker);
      if (options?.class_lines && widget.element) offerClassesInLines(node, widget.element);
      if (options?.paint_canvas && widget.element) putCanvas(node, widget);
    }
  },
  onNodeOutputsUpdated() {
    for (const node of everyNode(app.graph)) panels.get(node)?.surface.draw();
  },
});
