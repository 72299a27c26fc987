// Paint Regions' panel: the canvas, a row of tools above it, a row for each brush below.
//
// The drawing's text is the widget's value and the only thing that is kept; the panel shows it and writes it.

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { classNames, isName } from "./class_names.js";
import { pickClass } from "./class_picker.js";
import * as drawings from "./drawing.js";
import { PaintSurface } from "./paint_surface.js";

const MOST_STEPS = 100; // of undo
const [NARROWEST, WIDEST, WIDTH] = [4, 256, 48]; // of a stroke, in pixels of the drawing
const [TOOLS_HEIGHT, CANVAS_HEIGHT, ROW_HEIGHT, MOST_ROWS] = [40, 260, 30, 4]; // in pixels of the page

const tools = new Map(); // of each node, by when they were last taken: the page's undo makes nodes anew
const MOST_KEPT = 50; // nodes whose tools are remembered

export class PaintPanel {
  constructor(node, write) {
    Object.assign(this, { node, write, drawing: drawings.EMPTY, undone: [], done: [] });
    this.surface = new PaintSurface({
      hold: this,
      pictureAddress: () => this.#pictureAddress(),
      done: (stroke) => this.change(drawings.addStroke(this.drawing, stroke)),
    });
    this.root = make("div", { className: "nc-paint", title: "", tabIndex: -1 }); // no title hides the node's tooltip
    this.stage = make("div", { className: "nc-stage" }, this.surface.canvas);
    this.rows = make("div", { className: "nc-brushes" });
    this.adder = this.#adder();
    this.root.append(this.#toolbar(), this.stage, this.rows, this.adder);
    this.root.addEventListener("wheel", (event) => this.#wheel(event));
    this.root.addEventListener("keydown", () => (this.byPointer = false), true);
    this.root.addEventListener("pointerdown", () => (this.byPointer = true), true);
    this.root.addEventListener("keydown", keepNode);
  }

  // What the surface holds on to.

  get brush() {
    const { brush, erasing } = this.#tools;
    return erasing ? null : Math.min(brush, this.drawing.brushes.length - 1);
  }

  get width() {
    return this.#tools.width;
  }

  /** The brush and width of a stroke that begins, maybe by a pen's own eraser; the first one makes itself a brush. */
  startStroke(byEraser) {
    const { brushes, size } = this.drawing;
    const erasing = byEraser || this.#tools.erasing;
    if (!brushes.length && !erasing) {
      this.change(drawings.addBrush(this.drawing, classNames(this.node).find(isName) ?? "0"));
    }
    return { brush: erasing ? null : this.brush, width: Math.min(this.width, 2 * size) };
  }

  // The drawing.

  /** Shows a text that came from outside: a loaded workflow, the page's undo. Text that is no drawing stays text. */
  read(text, field) {
    [this.done, this.undone] = [[], []];
    try {
      this.drawing = drawings.parse(text);
      this.stage.replaceChildren(this.surface.canvas);
      this.show();
    } catch {
      this.drawing = drawings.EMPTY;
      this.stage.replaceChildren(field);
      this.show();
    }
  }

  /** Takes a step; one to a drawing that the engine would refuse is not taken, and the page says so. */
  change(drawing) {
    if (!drawings.fits(drawing)) {
      const detail = `At most ${drawings.LIMITS.MOST_BRUSHES} brushes with a class each, and no more strokes.`;
      app.extensionManager.toast.add({ severity: "warn", summary: "Paint Regions", detail, life: 4000 });
      this.show();
      return;
    }
    this.done = [...this.done, this.drawing].slice(-MOST_STEPS);
    this.undone = [];
    this.#become(drawing);
  }

  undo() {
    // Steps made before the page was loaded are not known, but strokes come off one by one all the same.
    const before = this.done.pop() ?? (this.drawing.strokes.length ? drawings.withoutLastStroke(this.drawing) : null);
    if (!before) return;
    this.undone.push(this.drawing);
    this.#become(before);
  }

  redo() {
    if (!this.undone.length) return;
    this.done.push(this.drawing);
    this.#become(this.undone.pop());
  }

  #become(drawing) {
    this.drawing = drawing;
    app.canvas.emitBeforeChange(); // one step of the page's own undo
    this.write(drawings.format(drawing));
    app.canvas.emitAfterChange();
    this.show();
  }

  // What is seen.

  show() {
    this.surface.show();
    this.#fill();
    this.#mark();
    this.node.setDirtyCanvas?.(true, true);
  }

  /** Makes the rows anew, and gives the keyboard back to the one of their parts that had it. */
  #fill() {
    const parts = () => [...this.rows.querySelectorAll("button, input")];
    const held = parts().indexOf(document.activeElement);
    this.rows.replaceChildren(...this.drawing.brushes.map((_, index) => this.#row(index)));
    if (held < 0) return;
    if (this.byPointer) this.#toCanvas();
    else (parts().slice(0, held + 1).at(-1) ?? this.adder).focus({ preventScroll: true });
  }

  /** Keys go to the canvas: in a slider the page's own undo would not come, and nowhere Delete would take the node. */
  #toCanvas() {
    this.surface.canvas.focus({ preventScroll: true });
  }

  /** The least height that holds it all, in pixels of the page. */
  get height() {
    return TOOLS_HEIGHT + CANVAS_HEIGHT + ROW_HEIGHT * (Math.min(MOST_ROWS, this.drawing.brushes.length) + 1);
  }

  /** The wheel moves and zooms the page, as everywhere, unless it is over more brushes than are seen. */
  #wheel(event) {
    if (this.rows.contains(event.target) && this.rows.scrollHeight > this.rows.clientHeight) return;
    event.preventDefault();
    app.canvas.processMouseWheel(event);
  }

  #mark() {
    const { brush } = this;
    this.eraser.classList.toggle("nc-on", brush === null);
    [...this.rows.children].forEach((row, index) => row.classList.toggle("nc-on", index === brush));
    [this.undoButton.disabled, this.redoButton.disabled] = [
      !this.done.length && !this.drawing.strokes.length,
      !this.undone.length,
    ];
    this.clearButton.disabled = !this.drawing.strokes.length;
    this.adder.disabled = this.drawing.brushes.length >= drawings.LIMITS.MOST_BRUSHES;
    this.eraser.ariaPressed = brush === null;
    const active = document.activeElement;
    if (active?.disabled && this.root.contains(active)) this.#toCanvas();
    this.size.value = this.sizeShown.textContent = this.width;
  }

  #toolbar() {
    const act = (label, title, onclick, className = "") =>
      make("button", { type: "button", textContent: label, title, ariaLabel: className ? title : label, onclick, className });
    this.eraser = act("Eraser", "Take away what was painted", () => this.#take({ erasing: !this.#tools.erasing }));
    this.undoButton = act("↶", "Undo", () => this.undo(), "nc-step");
    this.redoButton = act("↷", "Redo", () => this.redo(), "nc-step");
    this.clearButton = act("Clear", "Remove all strokes", () => this.change(drawings.withoutStrokes(this.drawing)));
    const title = "Width of brush and eraser";
    this.size = make("input", { type: "range", min: NARROWEST, max: WIDEST, title, ariaLabel: title });
    this.size.oninput = () => this.#take({ width: Number(this.size.value) });
    this.size.onchange = () => this.byPointer && this.#toCanvas();
    this.sizeShown = make("output", {});
    const size = make("label", { className: "nc-size", textContent: "Size" }, this.size, this.sizeShown);
    const buttons = [this.undoButton, this.redoButton, this.clearButton];
    return make("div", { className: "nc-tools" }, this.eraser, size, ...buttons);
  }

  #row(index) {
    const { class: label, strength } = { strength: 1, ...this.drawing.brushes[index] };
    const change = (part) => this.change(drawings.changeBrush(this.drawing, index, part));
    const colour = make("input", { type: "color", value: drawings.colourOf(this.drawing, index), title: "Colour" });
    colour.ariaLabel = `Colour of ${label}`;
    colour.onchange = () => change({ colour: colour.value });
    const name = make("button", { type: "button", className: "nc-class", textContent: label, title: label });
    name.ariaLabel = `Class: ${label}`;
    name.onclick = () => this.#pick(name, label, (text) => change({ class: text }));
    const percent = make("output", { textContent: `${Math.round(strength * 100)}%` });
    const slider = make("input", { type: "range", min: 0, max: 100, value: strength * 100 });
    slider.title = slider.ariaLabel = `Strength of ${label}`;
    slider.oninput = () => (percent.textContent = `${slider.value}%`);
    slider.onchange = () => change({ strength: Number(slider.value) / 100 });
    const away = make("button", { type: "button", textContent: "×", title: "Remove this brush and its strokes" });
    away.ariaLabel = `Remove ${label} and its strokes`;
    away.onclick = () => this.change(drawings.removeBrush(this.drawing, index));
    const row = make("div", { className: "nc-brush" }, colour, name, slider, percent, away);
    row.addEventListener("pointerdown", () => this.#take({ brush: index, erasing: false }));
    return row;
  }

  #adder() {
    const button = make("button", { type: "button", className: "nc-add", textContent: "+ Add brush" });
    button.onclick = () =>
      this.#pick(button, "", (text) => {
        this.change(drawings.addBrush(this.drawing, text));
        this.#take({ brush: this.drawing.brushes.length - 1, erasing: false });
      });
    return button;
  }

  #pick(beside, value, done) {
    const { left: x, bottom: y } = beside.getBoundingClientRect();
    pickClass({ node: this.node, names: classNames(this.node), value, x, y, done });
  }

  get #tools() {
    return tools.get(this.#key) ?? { brush: 0, erasing: false, width: WIDTH };
  }

  #take(part) {
    const now = { ...this.#tools, ...part };
    tools.delete(this.#key);
    tools.set(this.#key, now);
    if (tools.size > MOST_KEPT) tools.delete(tools.keys().next().value);
    this.#mark();
    this.surface.draw();
  }

  get #key() {
    return `${this.node.graph?.id}:${this.node.id}`;
  }

  #pictureAddress() {
    const picture = this.#outputs()?.base?.[0];
    return picture && api.apiURL(`/view?${new URLSearchParams(picture)}`);
  }

  /** What the node last gave to be shown. The page keeps it by node, and by subgraph where there is one. */
  #outputs() {
    const { graph, id } = this.node;
    return app.nodeOutputs?.[!graph || graph.isRootGraph ? id : `${graph.id}:${id}`];
  }
}

/** The node is selected, so that Delete would take it: here it takes text, or nothing. */
function keepNode(event) {
  if (["Delete", "Backspace"].includes(event.key)) event.stopPropagation();
}

function make(kind, properties, ...children) {
  const element = Object.assign(document.createElement(kind), properties);
  element.append(...children);
  return element;
}
