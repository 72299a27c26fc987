// The square that is painted on: the picture underneath, the drawing over it, and what the pointer does.

import { app } from "../../../scripts/app.js";
import { Raster } from "./raster.js";

const OVER_PICTURE = 0.7; // how much of the picture underneath the drawing hides, at full strength
const RING = ["#000c", "#fffc"];

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
    this.canvas = document.createElement("canvas");
    this.canvas.className = "nc-canvas";
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
    const byButton = (paint, pan) => (event) => [paint, pan][event.button]?.(event); // left, middle
    on("pointerdown", byButton((event) => this.#begin(event), (event) => app.canvas.processMouseDown(event)));
    on("pointerup", byButton(() => this.#end(), (event) => app.canvas.processMouseUp(event)));
    on("pointermove", (event) => (event.buttons & 4 ? app.canvas.processMouseMove(event) : this.#move(event)));
    on("pointercancel", () => this.show());
    on("pointerleave", () => this.#leave());
    on("contextmenu", (event) => event.preventDefault());
  }

  #begin(event) {
    this.canvas.setPointerCapture(event.pointerId);
    const { brush, width } = this.hold.startStroke();
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
