// A drawing as a plain value: brushes with a class each, and strokes in the order in which they were made.
//
// The text it is kept in is the one that engine/drawing.py reads; see there for what it means. Nothing here changes a
// drawing: every function returns a new one.

export const SIZE = 512;
export const EMPTY = Object.freeze({ size: SIZE, brushes: [], strokes: [] });

const COLOURS = ["#e6194b", "#3cb44b", "#4363d8", "#ffc619", "#f58231", "#911eb4", "#42d4f4", "#f032e6", "#9a6324"];
const TOLERANCE = 0.75; // pixels by which a simplified stroke may miss the one that was drawn

/** Reads a drawing. Throws where the text is none: the engine says what is wrong with it. */
export function parse(text) {
  if (!text.trim()) return EMPTY;
  const { size, brushes, strokes } = JSON.parse(text);
  const sound =
    Number.isInteger(size) &&
    brushes.every((brush) => typeof brush.class === "string") &&
    strokes.every(({ brush, width, points }) => (brush === null || brush in brushes) && width > 0 && points.length > 1);
  if (!sound) throw new Error("this text is no drawing");
  return { size, brushes, strokes };
}

export const format = (drawing) => JSON.stringify(drawing);

export const strengthOf = (brush) => brush.strength ?? 1;

/** The colour of a brush; one from our list where the text names none. */
export const colourOf = (drawing, index) => drawing.brushes[index].colour ?? COLOURS[index % COLOURS.length];

export function addBrush(drawing, label) {
  const taken = new Set(drawing.brushes.map((_, index) => colourOf(drawing, index)));
  const colour = COLOURS.find((one) => !taken.has(one)) ?? COLOURS[drawing.brushes.length % COLOURS.length];
  return { ...drawing, brushes: [...drawing.brushes, { class: label, colour, strength: 1 }] };
}

export function changeBrush(drawing, index, change) {
  const brushes = drawing.brushes.map((brush, place) => (place === index ? { ...brush, ...change } : brush));
  return { ...drawing, brushes };
}

/** Takes a brush away together with its strokes; those behind it move up. */
export function removeBrush(drawing, index) {
  const strokes = drawing.strokes
    .filter(({ brush }) => brush !== index)
    .map((stroke) => (stroke.brush > index ? { ...stroke, brush: stroke.brush - 1 } : stroke));
  return { ...drawing, brushes: drawing.brushes.filter((_, place) => place !== index), strokes };
}

export const addStroke = (drawing, stroke) => ({ ...drawing, strokes: [...drawing.strokes, simplified(stroke)] });

export const withoutStrokes = (drawing) => ({ ...drawing, strokes: [] });

export const withoutLastStroke = (drawing) => ({ ...drawing, strokes: drawing.strokes.slice(0, -1) });

/** The same line with no more corners than it needs (Ramer, Douglas and Peucker). */
function simplified(stroke) {
  const corners = [];
  for (let i = 0; i < stroke.points.length; i += 2) corners.push([stroke.points[i], stroke.points[i + 1]]);
  return { ...stroke, points: needed(corners).flat() };
}

function needed(corners) {
  const [first, last] = [corners[0], corners.at(-1)];
  let [farthest, distance] = [0, 0];
  for (let i = 1; i < corners.length - 1; i++) {
    const here = toSegment(corners[i], first, last);
    if (here > distance) [farthest, distance] = [i, here];
  }
  if (distance > TOLERANCE) {
    const [before, after] = [corners.slice(0, farthest + 1), corners.slice(farthest)];
    return [...needed(before), ...needed(after).slice(1)];
  }
  return first[0] !== last[0] || first[1] !== last[1] ? [first, last] : [first];
}

function toSegment([x, y], [fromX, fromY], [toX, toY]) {
  const [along, down] = [toX - fromX, toY - fromY];
  const place = ((x - fromX) * along + (y - fromY) * down) / (along * along + down * down || 1);
  const near = Math.min(1, Math.max(0, place));
  return Math.hypot(x - fromX - near * along, y - fromY - near * down);
}
