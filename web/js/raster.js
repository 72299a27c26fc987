// A drawing in colours, as it will be painted: the page's own canvas does what engine/drawing.py does with weights.

import { colourOf, strengthOf } from "./drawing.js";

function square(size) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  return canvas.getContext("2d");
}

/** The picture of a drawing, kept while it is drawn on. `picture` is a canvas, clear where nothing is painted. */
export class Raster {
  constructor() {
    this.resize(1);
  }

  get picture() {
    return this.all.canvas;
  }

  resize(size) {
    [this.done, this.run, this.all] = [square(size), square(size), square(size)];
  }

  /** Draws everything anew. */
  show(drawing) {
    if (this.picture.width !== drawing.size) this.resize(drawing.size);
    for (const layer of [this.done, this.run]) this.#clear(layer);
    this.drawing = drawing;
    this.brush = undefined;
    for (const stroke of drawing.strokes) this.#line(stroke);
    this.#lay();
  }

  /** Draws one more line over what is there. A stroke in the making is handed over piece by piece. */
  add(stroke) {
    this.#line(stroke);
    this.#lay();
  }

  // Strokes of one brush in a row are one region: they are drawn without strength, and laid over the rest as a whole.
  #line({ brush, width, points }) {
    if (brush !== this.brush) {
      this.#put(this.done);
      this.#clear(this.run);
      this.brush = brush;
    }
    const layer = this.run;
    layer.strokeStyle = brush === null ? "#000" : colourOf(this.drawing, brush);
    layer.lineCap = layer.lineJoin = "round";
    layer.lineWidth = width;
    layer.beginPath();
    layer.moveTo(points[0], points[1]);
    for (let i = 2; i < points.length; i += 2) layer.lineTo(points[i], points[i + 1]);
    if (points.length === 2) layer.lineTo(points[0], points[1]);
    layer.stroke();
  }

  #lay() {
    this.#clear(this.all);
    this.all.drawImage(this.done.canvas, 0, 0);
    this.#put(this.all);
  }

  #put(layer) {
    if (this.brush === undefined) return;
    layer.save();
    if (this.brush === null) layer.globalCompositeOperation = "destination-out";
    else layer.globalAlpha = strengthOf(this.drawing.brushes[this.brush]);
    layer.drawImage(this.run.canvas, 0, 0);
    layer.restore();
  }

  #clear(layer) {
    layer.clearRect(0, 0, layer.canvas.width, layer.canvas.height);
  }
}
