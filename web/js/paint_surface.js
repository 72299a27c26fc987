// The square that is painted on: the picture underneath, the drawing over it, and what the pointer does.

import { app } from "../../../scripts/app.js";
import { Raster } from "./raster.js";

const OVER_PICTURE = 0.7; // how much of the picture underneath the drawing hides, at full strength
const RING = ["#000c", "#fffc"];
const [LEFT, MIDDLE, PEN_ERASER] = [0, 1, 5]; // buttons of an event
const [PAINTS, PANS] = [1 | 32, 4]; // in the set of buttons that are down

export class PaintSurface {
  /**
   * @param hold where the drawing and the tools are: `drawing`, `brush` (null: the eraser), `width`
   * @param pictureAddress gives the address of the picture underneath, or nothing
   * @param done is called with each stroke that is finished
   */
  constructor({ hold, pictureAddress, done }) {
    Object.assign(this, { hold, pictureAddress, done });
    this.raster = new Raster();
    this.picture = new Image();
    this.picture.onload = () => this.draw();
    this.canvas = Object.assign(document.createElement("canvas"), { className: "nc-canvas", tabIndex: 0 });
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "Drawing; painted with a mouse, pen or finger");
    this.#listen();
  }

  /** Shows the drawing as it is now. */
  show() {
    const { drawing } = this.hold;
    if (this.canvas.width !== drawing.size) this.canvas.width = this.canvas.height = drawing.size;
    this.stroke = null;
    this.raster.show(drawing);
    this.draw();
  }

  /** Puts picture, drawing and the ring of the brush on the canvas. */
  draw() {
    const [context, side] = [this.canvas.getContext("2d"), this.canvas.width];
    context.clearRect(0, 0, side, side);
    const pictured = this.#pictured();
    if (pictured) context.drawImage(this.picture, 0, 0, side, side);
    context.globalAlpha = pictured ? OVER_PICTURE : 1;
    context.drawImage(this.raster.picture, 0, 0);
    context.globalAlpha = 1;
    if (this.at) this.#ring(context);
  }

  #pictured() {
    const address = this.pictureAddress() ?? "";
    if ((this.picture.dataset.address ?? "") !== address) {
      this.picture.dataset.address = address;
      if (address) this.picture.src = address; // drawn again when it has come
    }
    return address && this.picture.complete && this.picture.naturalWidth > 0;
  }

  #ring(context) {
    context.lineWidth = this.canvas.width / 300;
    RING.forEach((colour, place) => {
      context.strokeStyle = colour;
      context.beginPath();
      context.arc(...this.at, Math.max(1, this.hold.width / 2 - place * context.lineWidth), 0, 2 * Math.PI);
      context.stroke();
    });
  }

  #listen() {
    const on = (kind, act) => this.canvas.addEventListener(kind, act);
    on("pointerdown", (event) => this.#down(event));
    for (const kind of ["pointermove", "pointerup", "lostpointercapture"]) on(kind, (event) => this.#follow(event));
    on("pointercancel", (event) => event.pointerId === this.pointer?.pointerId && this.show());
    on("pointerleave", () => this.#leave());
    on("contextmenu", (event) => event.preventDefault());
    on("keydown", (event) => (event.ctrlKey || event.metaKey) && this.#end()); // undo takes a whole stroke
  }

  #down(event) {
    this.canvas.focus({ preventScroll: true });
    if (this.stroke) {
      // With a second finger the page zooms. A hand laid down beside the pen is nothing.
      if (this.pointer.pointerType === "touch") this.show();
      return;
    }
    if (event.button === MIDDLE) {
      this.panning = true;
      app.canvas.processMouseDown(event);
    }
    if (event.button === LEFT || event.button === PEN_ERASER) this.#begin(event);
  }

  /** While one button is down, another that goes down or up is a move: only the set of buttons tells. */
  #follow(event) {
    if (this.panning) {
      this.panning = Boolean(event.buttons & PANS);
      app.canvas[this.panning ? "processMouseMove" : "processMouseUp"](event);
    } else if (!this.stroke) {
      if (event.type === "pointermove") this.#move(event);
    } else if (event.pointerId === this.pointer.pointerId) {
      if (event.type === "pointermove" && event.buttons & PAINTS) this.#move(event);
      else this.#end();
    }
  }

  #begin(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event;
    const { brush, width } = this.hold.startStroke(event.button === PEN_ERASER);
    this.stroke = { brush, width, points: this.#place(event) };
    this.raster.add(this.stroke);
    this.#move(event);
  }

  #move(event) {
    this.at = this.#place(event);
    if (this.stroke) {
      for (const one of event.getCoalescedEvents?.() ?? []) this.#extend(this.#place(one));
      this.#extend(this.at);
    }
    this.draw();
  }

  #extend(point) {
    const last = this.stroke.points.slice(-2);
    if (last[0] === point[0] && last[1] === point[1]) return;
    this.stroke.points.push(...point);
    this.raster.add({ ...this.stroke, points: [...last, ...point] });
  }

  #end() {
    const stroke = this.stroke;
    this.stroke = null;
    if (stroke) this.done(stroke);
  }

  #leave() {
    this.at = null;
    this.draw();
  }

  /** Where an event is, in whole pixels of the drawing; outside it by no more than the engine takes. */
  #place({ clientX, clientY }) {
    const [box, side] = [this.canvas.getBoundingClientRect(), this.canvas.width];
    const inside = (part) => Math.round(Math.min(2, Math.max(-1, part)) * side);
    return [inside((clientX - box.left) / box.width), inside((clientY - box.top) / box.height)];
  }
}
