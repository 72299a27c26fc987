// A drawing as a plain value: brushes with a class each, and strokes in the order in which they were made.
//
// The text it is kept in is the one that engine/drawing.py reads; see there for what it means. Nothing here changes a
// drawing: every function returns a new one.

export const EMPTY = Object.freeze({ size: 512, brushes: [], strokes: [] });

/** What engine/drawing.py takes, in its own words and numbers: what the page shows must run. */
export const LIMITS = { SMALLEST: 64, LARGEST: 1024, MOST_LETTERS: 1_000_000, MOST_BRUSHES: 64, MOST_POINTS: 20_000 };
const COLOUR = /^#[0-9a-fA-F]{6}$/;

const COLOURS = ["#e6194b", "#3cb44b", "#4363d8", "#ffc619", "#f58231", "#911eb4", "#42d4f4", "#f032e6", "#9a6324"];
const TOLERANCE = 0.75; // pixels by which a simplified stroke may miss the one that was drawn

/** Reads a drawing. Throws where the text is none: the engine says what is wrong with it. */
export function parse(text) {
  if (!text.trim()) return EMPTY;
  const drawing = JSON.parse(text);
  if (text.length > LIMITS.MOST_LETTERS || !isDrawing(drawing)) throw new Error("this text is no drawing");
  return drawing;
}

export const format = (drawing) => JSON.stringify(drawing);

/** Whether the engine takes a drawing, and its text. */
export const fits = (drawing) => isDrawing(drawing) && format(drawing).length <= LIMITS.MOST_LETTERS;

function isDrawing(value) {
  if (!hasFields(value, ["size", "brushes", "strokes"])) return false;
  const { size, brushes, strokes } = value;
  if (!isWhole(size, LIMITS.SMALLEST, LIMITS.LARGEST)) return false;
  if (!isList(brushes, LIMITS.MOST_BRUSHES) || !brushes.every(isBrush)) return false;
  if (!isList(strokes, LIMITS.MOST_POINTS) || !strokes.every((one) => isStroke(one, size, brushes.length))) return false;
  return strokes.reduce((sum, { points }) => sum + points.length / 2, 0) <= LIMITS.MOST_POINTS;
}

function isBrush(value) {
  if (!hasFields(value, ["class"], ["colour", "strength"])) return false;
  const { class: label, colour = "#000000", strength = 1 } = value;
  return isText(label, /\S/) && isText(colour, COLOUR) && isNumber(strength, 0, 1);
}

function isStroke(value, size, brushes) {
  if (!hasFields(value, ["brush", "width", "points"])) return false;
  const { brush, width, points } = value;
  if (brush !== null && !isWhole(brush, 0, brushes - 1)) return false;
  if (!isNumber(width, Number.MIN_VALUE, 2 * size)) return false;
  const paired = isList(points, 2 * LIMITS.MOST_POINTS) && points.length > 1 && points.length % 2 === 0;
  return paired && points.every((place) => isNumber(place, -size, 2 * size));
}

const isText = (value, kind) => typeof value === "string" && kind.test(value);
const isNumber = (value, low, high) => typeof value === "number" && low <= value && value <= high;
const isWhole = (value, low, high) => Number.isInteger(value) && isNumber(value, low, high);
const isList = (value, most) => Array.isArray(value) && value.length <= most;

function hasFields(value, needed, more = []) {
  if (value === null || typeof value !== "object") return false;
  const fields = Object.keys(value);
  return needed.every((name) => fields.includes(name)) && fields.every((name) => [...needed, ...more].includes(name));
}

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
