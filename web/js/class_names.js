// Which class names a node may offer: those of the model it works with, as Load GAN's declaration lists them.

import { app } from "../../../scripts/app.js";

const LOADER = "NeuralCollageLoadGAN";
const GAN = "COLLAGE_GAN";
const REROUTE = "Reroute";
const [INSIDE_INPUT, INSIDE_OUTPUT] = [-10, -20]; // the two ends of a subgraph, as links name them

let names = {}; // of each weights file that has some

/** Takes the names from what the server declares; called again when the page asks it anew. */
export function learn(declaration) {
  names = declaration?.input?.required?.file?.[1]?.class_names ?? {};
}

/** The class names of the model that a node works with; none where that cannot be told. */
export function classNames(node) {
  const loader = upstream(node) ?? nearest(node) ?? everyNode(node.graph).find(isLoader);
  const file = loader?.widgets?.find((widget) => widget.name === "file")?.value;
  return names[file] ?? [];
}

/** Whether a class can be asked for by its name: not if that is empty, or holds what cannot be seen or typed. */
export const isName = (text) => /\S/.test(text) && !/\p{Cc}/u.test(text);

const isLoader = (node) => node?.type === LOADER;

/** Follows the node's own GAN input to the loader, through reroutes and nodes that hand a model on. */
function upstream(node, seen = new Set()) {
  if (!node || seen.has(node)) return undefined;
  if (isLoader(node)) return node;
  seen.add(node);
  const inputs = (node.inputs ?? []).filter(({ type }) => type === GAN || node.type === REROUTE);
  for (const { link } of inputs) {
    const found = upstream(origin(node.graph, link), seen);
    if (found) return found;
  }
  return undefined;
}

/** The loader with the fewest links between it and the node, in either direction. */
function nearest(start) {
  const [queue, seen] = [[start], new Set([start])];
  for (const node of queue) {
    if (isLoader(node)) return node;
    for (const next of neighbours(node)) {
      if (next && !seen.has(next)) queue.push(next) && seen.add(next);
    }
  }
  return undefined;
}

function* neighbours(node) {
  for (const { link } of node.inputs ?? []) yield origin(node.graph, link);
  for (const { links } of node.outputs ?? []) for (const link of links ?? []) yield* targets(node.graph, link);
}

/** The node that a link comes from; the one outside or inside if it crosses the border of a subgraph. */
function origin(graph, id) {
  const link = graph?.getLink(id);
  if (!link) return undefined;
  if (link.origin_id === INSIDE_INPUT) {
    const holder = holderOf(graph);
    return origin(holder?.graph, holder?.inputs[link.origin_slot]?.link);
  }
  const node = graph.getNodeById(link.origin_id);
  return node?.subgraph ? origin(node.subgraph, node.subgraph.outputNode.slots[link.origin_slot]?.linkIds[0]) : node;
}

/** The nodes that a link goes to, likewise. */
function targets(graph, id) {
  const link = graph?.getLink(id);
  if (!link) return [];
  if (link.target_id === INSIDE_OUTPUT) {
    const holder = holderOf(graph);
    return (holder?.outputs[link.target_slot]?.links ?? []).flatMap((outer) => targets(holder.graph, outer));
  }
  const node = graph.getNodeById(link.target_id);
  if (!node?.subgraph) return [node];
  const inside = node.subgraph.inputNode.slots[link.target_slot]?.linkIds ?? [];
  return inside.flatMap((inner) => targets(node.subgraph, inner));
}

/** The node that a subgraph is shown as. */
const holderOf = (subgraph) => everyNode(subgraph).find((node) => node.subgraph === subgraph);

/** The nodes of a workflow, those inside subgraphs too. */
export function everyNode(graph) {
  const root = graph?.rootGraph ?? app.graph;
  return [root, ...(root.subgraphs?.values() ?? [])].flatMap((one) => one.nodes);
}
