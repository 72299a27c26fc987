"""A saved workflow as a graph: nodes, each input a value or a link.

The page format holds things that exist for the eye alone; they are resolved here as ComfyUI's page resolves them when
the user presses Run, so that nothing later knows of them:

- a muted node (mode 2) is not there, and a link from it counts as absent;
- a bypassed node (mode 4) hands one of its inputs on: the one at the same place if its type fits, else the first of
  the type asked for, else the first that can be connected; if that one is not connected, nothing arrives;
- a Reroute hands its input on, a PrimitiveNode is the value it holds, Note and MarkdownNote are text;
- where a link into a widget leads nowhere, the widget's own saved value counts.

A node left without an input that it requires is refused when the graph is checked (`plan.py`), with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..engine import WorkflowError
from .declarations import Catalogue, sockets_match
from .document import BYPASSED, LINK_KEYS, MUTED, Document, is_slot

__all__ = ["PAGE_ONLY", "Graph", "Link", "Node", "as_prompt", "read_graph", "title_of"]

NOTES = ("Note", "MarkdownNote")
PAGE_ONLY = ("Reroute", "PrimitiveNode", *NOTES)
LEFTOVERS = ("upload", "control_after_generate")  # the page's own widgets, which some exports name among the inputs


class Link(NamedTuple):
    """The output `slot` of the node with id `node`."""

    node: str
    slot: int


@dataclass(frozen=True)
class Node:
    """A node to run. `absent` says, for inputs whose link led nowhere, why."""

    id: str
    class_type: str
    title: str
    inputs: Mapping[str, Any]
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """How messages call this node."""
        return f"'{self.title}' (node {self.id}, {self.class_type})"


Graph = dict[str, Node]


class _Value(NamedTuple):
    value: object


class _Absent(NamedTuple):
    reason: str


def read_graph(document: Document, catalogue: Catalogue) -> Graph:
    """Resolve a document to the nodes that are to run, by id.

    Raises WorkflowError for an unknown node, a link that leads to no node, widget values that do not fit the node, a
    loop of reroutes, or a node mode that does not exist.
    """
    if document.kind == "prompt":
        return {key: _prompt_node(key, raw, catalogue) for key, raw in document.data.items()}
    page = _Page(document.data, catalogue)
    return {str(raw["id"]): page.node(raw) for raw in document.data["nodes"] if page.runs(raw)}


def as_prompt(graph: Graph) -> dict[str, Any]:
    """The graph in ComfyUI's prompt format, as JSON values: what is embedded in saved pictures."""
    return {
        node.id: {
            "inputs": {name: _prompt_value(value) for name, value in node.inputs.items()},
            "class_type": node.class_type,
            "_meta": {"title": node.title},
        }
        for node in graph.values()
    }


def title_of(raw: Mapping[str, Any], catalogue: Catalogue) -> str:
    """The name a saved node (of either format) shows: the user's title, else the display name of its class."""
    meta = raw.get("_meta")
    title = raw.get("title") or (meta.get("title") if isinstance(meta, dict) else None)
    return str(title or catalogue.name(raw.get("type") or raw.get("class_type", "")))


def _prompt_value(value: Any) -> object:
    if isinstance(value, Link):
        return [value.node, value.slot]
    return {"__value__": value} if isinstance(value, list) else value  # a bare list would read as a link


def _prompt_node(key: str, raw: Mapping[str, Any], catalogue: Catalogue) -> Node:
    title = title_of(raw, catalogue)
    kept = {name: value for name, value in raw["inputs"].items() if name not in LEFTOVERS}
    node = Node(key, raw["class_type"], title, {})
    catalogue.declaration(node.class_type, node.where)
    inputs = {name: _from_prompt(value, f"{node.where}, input '{name}'") for name, value in kept.items()}
    return Node(key, raw["class_type"], title, inputs)


def _from_prompt(value: Any, where: str) -> object:
    if isinstance(value, dict) and "__value__" in value:
        return value["__value__"]
    if not isinstance(value, list):
        return value
    if len(value) != 2 or not isinstance(value[0], str | int) or not is_slot(value[1]):
        raise WorkflowError(f"{where}: a link is written [node id, output number], got {value!r:.80}. Export it again.")
    return Link(str(value[0]), value[1])


class _Page:
    """The page format's nodes and links, looked up by id."""

    def __init__(self, data: Mapping[str, Any], catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.nodes = {str(raw["id"]): raw for raw in data["nodes"]}
        self.links = dict(_read_link(raw) for raw in data.get("links", []))

    def runs(self, raw: Mapping[str, Any]) -> bool:
        return raw["type"] not in PAGE_ONLY and raw.get("mode", 0) not in (MUTED, BYPASSED)

    def name(self, raw: Mapping[str, Any]) -> str:
        return f"'{title_of(raw, self.catalogue)}' (node {raw['id']}, {raw['type']})"

    def node(self, raw: Mapping[str, Any]) -> Node:
        """Resolve one node that runs: its widgets' values, overlaid by what its links lead to."""
        inputs, absent = self.widget_values(raw), {}
        for socket in raw.get("inputs") or []:
            name = str(socket.get("name"))
            if socket.get("link") is None:
                continue
            source = self.source(socket, f"{self.name(raw)}, input '{name}'")
            if isinstance(source, _Absent):
                absent[name] = source.reason
            else:
                inputs[name] = source.value if isinstance(source, _Value) else source
        return Node(str(raw["id"]), raw["type"], title_of(raw, self.catalogue), inputs, absent)

    def widget_values(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        values, where = raw.get("widgets_values") or [], self.name(raw)
        declaration = self.catalogue.declaration(raw["type"], where)
        if isinstance(values, dict):  # some packs save by name
            return {name: value for name, value in values.items() if name not in LEFTOVERS}
        values = declaration.completed(values)
        return {name: values[index] for name, index in declaration.positions(values, where).items()}

    def source(self, socket: Mapping[str, Any], where: str) -> "Link | _Value | _Absent":
        """Follow a socket's link back to a node that runs, through everything that only hands on."""
        link, wanted, passed = socket["link"], str(socket.get("type", "*")), []
        while True:
            origin = self.origin(link, where)
            raw = self.nodes[origin.node]
            if link in passed:
                raise WorkflowError(f"{where}: its link runs in a circle through {self.name(raw)}. Cut it in ComfyUI.")
            passed.append(link)
            if raw["type"] == "PrimitiveNode":
                return self.primitive(raw)
            if self.runs(raw):
                return origin
            if raw.get("mode") == MUTED:
                return _Absent(f"{self.name(raw)} is muted")
            link = self.handed_on(raw, origin.slot, wanted)
            if link is None:
                return _Absent(
                    f"{self.name(raw)} is bypassed or a reroute, and has nothing of type {wanted} to hand on"
                )

    def origin(self, link: Any, where: str) -> Link:
        found = self.links.get(link) if isinstance(link, str | int) else None
        if found is None:
            raise WorkflowError(f"{where}: its link {link!r:.40} is not in 'links'. Reconnect it in ComfyUI and save.")
        if found.node not in self.nodes:
            raise WorkflowError(f"{where}: its link {link} comes from node {found.node}, which is not in the file.")
        return found

    def primitive(self, raw: Mapping[str, Any]) -> "_Value | _Absent":
        values = raw.get("widgets_values")
        if not isinstance(values, list) or not values:
            return _Absent(f"{self.name(raw)} holds no value")
        return _Value(values[0])

    def handed_on(self, raw: Mapping[str, Any], slot: int, wanted: str) -> Any:
        """The link that a Reroute or a bypassed node puts in place of its output `slot`, None for nothing."""
        sockets = raw.get("inputs") or []
        if raw["type"] == "Reroute":
            return sockets[0].get("link") if sockets else None
        place = _bypass(sockets, raw.get("outputs") or [], slot, wanted)
        return None if place is None else sockets[place].get("link")


def _bypass(inputs: list[dict[str, Any]], outputs: list[dict[str, Any]], slot: int, wanted: str) -> int | None:
    """Which input a bypassed node hands on for its output `slot` (ComfyUI frontend 1.27: ExecutableNodeDTO)."""
    types = [str(entry.get("type", "*")) for entry in inputs]
    if wanted in ("*", ""):
        return slot if slot < len(types) else (0 if types else None)
    given = str(outputs[slot].get("type", wanted)) if slot < len(outputs) else wanted
    fitting = [i for i, kind in enumerate(types) if sockets_match(kind, given) and sockets_match(kind, wanted)]
    exact = [i for i, kind in enumerate(types) if kind == wanted]
    return slot if slot in fitting else next(iter(exact + fitting), None)


def _read_link(raw: Any) -> tuple[Any, Link]:
    number, origin, slot = (raw[key] for key in LINK_KEYS) if isinstance(raw, dict) else raw[:3]
    return number, Link(str(origin), slot)
