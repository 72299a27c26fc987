"""A workflow in the format that ComfyUI's page saves, built from what the nodes declare.

    page = Page(catalogue)
    page.group("Model", "Says what this part does.")
    gan = page.add("NeuralCollageLoadGAN", file="model.safetensors")
    page.add("NeuralCollageRandomCollage", gan=gan, seed=4)
    page.document()

Widgets take their defaults unless they are named, links are numbered, nodes are laid out in columns, group by group.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from neural_collage.engine import WorkflowError
from neural_collage.workflows.builtins import builtins_catalogue
from neural_collage.workflows.declarations import Catalogue, Declaration, Input
from neural_collage.workflows.folders import Folders
from neural_collage.workflows.run import pack_catalogue

GAP, HEADER, MARGIN = 40, 76, 24
WIDTH, SLOT, WIDGET, TEXT, PICTURE = 310, 22, 25, 110, 300
"""Pixels: a node's width; the height of a socket, a widget, a text box, a picture shown in a node."""
CANVAS = 400, 560
"""Pixels: width of a node that is painted on, height of its canvas and tools."""
ABREAST, PAGE_WIDTH = 3, 1900
"""Columns of a group before they go on below; pixels after which the next group goes below."""
NOTE_WIDTH, NOTE_LINE, NOTE_LETTERS = 420, 17, 66
BLUE, BROWN = "#3f789e", {"color": "#432", "bgcolor": "#653"}
SHOWS_PICTURES = ("LoadImage", "LoadImageMask", "SaveImage", "PreviewImage")


class Output(NamedTuple):
    """An output of a node on the page."""

    node: int
    slot: int
    type: str


class Placed(tuple[Output, ...]):
    """The outputs of a node, in order. Where one output is asked for, the first is meant."""


@dataclass
class Group:
    """A titled frame, what is written in it, and its nodes."""

    title: str
    note: str
    nodes: list[dict[str, Any]] = field(default_factory=list)


class Page:
    """A workflow in the making."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.groups: list[Group] = []
        self.nodes: list[dict[str, Any]] = []
        self.links: list[list[Any]] = []

    def group(self, title: str, note: str) -> None:
        """Open a group: what is added from here on stands in it, below the note."""
        self.groups.append(Group(title, note))
        text = {
            "type": "MarkdownNote",
            "widgets_values": [note],
            "inputs": [],
            "outputs": [],
            "properties": {},
            **BROWN,
        }
        self._place(text, [NOTE_WIDTH, 60 + NOTE_LINE * _lines(note)])

    def add(self, kind: str, title: str = "", **inputs: Any) -> Placed:
        """Add a node. `inputs` are widget values, or outputs of nodes that were added before.

        Raises WorkflowError for an unknown node or input, a socket left open, or a value that the node does not take.
        """
        declaration = self.catalogue.declaration(kind, f"'{title or kind}'")
        unknown = inputs.keys() - declaration.inputs.keys()
        if unknown:
            raise WorkflowError(f"{kind} has no input {', '.join(sorted(unknown))}; it has {[*declaration.inputs]}.")
        node = {"type": kind, "properties": {"Node name for S&R": kind}, **({"title": title} if title else {})}
        node["outputs"] = _outputs(declaration)
        node["widgets_values"] = [value for entry in declaration.widgets for value in _saved(kind, entry, inputs)]
        node["widgets_values"] += ["image"] * any(e.options.get("image_upload") for e in declaration.widgets)
        self._place(node, _size(kind, declaration))
        sockets = [entry for entry in declaration.inputs.values() if not entry.is_widget]
        node["inputs"] = [self._socket(node["id"], slot, entry, inputs) for slot, entry in enumerate(sockets)]
        return Placed(Output(node["id"], slot, given) for slot, given in enumerate(declaration.outputs))

    def document(self) -> dict[str, Any]:
        """The workflow as JSON values, every node with its place."""
        frames, left, top, low = [], 0, 0, 0
        for number, group in enumerate(self.groups, start=1):
            if left > PAGE_WIDTH:
                left, top = 0, low + GAP
            width, height = self._lay_out(group, left, top)
            frame = {"id": number, "title": group.title, "bounding": [left, top, width, height], "color": BLUE}
            frames.append({**frame, "font_size": 24, "flags": {}})
            left, low = left + width + GAP, max(low, top + height)
        return {
            "last_node_id": len(self.nodes),
            "last_link_id": len(self.links),
            "nodes": self.nodes,
            "links": self.links,
            "groups": frames,
            "config": {},
            "extra": {"ds": {"scale": 0.6, "offset": [60, 90]}},
            "version": 0.4,
        }

    def _place(self, node: dict[str, Any], size: list[int]) -> None:
        """Give a node the next number and a size; its place follows when all are there."""
        number = len(self.nodes) + 1
        node.update(id=number, size=size, flags={}, order=number - 1, mode=0)
        self.nodes.append(node)
        self.groups[-1].nodes.append(node)

    def _socket(self, node: int, slot: int, entry: Input, inputs: dict[str, Any]) -> dict[str, Any]:
        if entry.name not in inputs:
            if entry.required:
                raise WorkflowError(f"Node {node} needs its input {entry.name} connected.")
            return {"name": entry.name, "type": entry.type, "link": None, "shape": 7}
        given = inputs[entry.name]
        source = given[0] if isinstance(given, Placed) else given
        return {"name": entry.name, "type": entry.type, "link": self._link(source, node, slot)}

    def _link(self, source: Output, target: int, slot: int) -> int:
        number = len(self.links) + 1
        self.links.append([number, source.node, source.slot, target, slot, source.type])
        self.nodes[source.node - 1]["outputs"][source.slot]["links"].append(number)
        return number

    def _lay_out(self, group: Group, left: int, top: int) -> tuple[int, int]:
        """Put a group's nodes in columns, each right of what it needs; returns the frame's width and height."""
        note, *nodes = group.nodes
        note["pos"] = [left + MARGIN, top + HEADER]
        right, low = left + MARGIN + NOTE_WIDTH, top + HEADER + note["size"][1]
        columns = _columns(nodes, self.links)
        for first in range(0, len(columns), ABREAST):
            x, row = left + MARGIN, low + GAP + MARGIN
            for column in columns[first : first + ABREAST]:
                low = max(low, _stack(column, x, row))
                x += max(node["size"][0] for node in column) + GAP
            right = max(right, x - GAP)
        return right + MARGIN - left, low + MARGIN - top


def text(draw: Callable[[Page], None]) -> str:
    """The file of a workflow that `draw` puts on an empty page."""
    page = Page(builtins_catalogue(Folders((), Path())).over(pack_catalogue()))
    draw(page)
    return json.dumps(page.document(), indent=1) + "\n"


def _stack(column: list[dict[str, Any]], x: int, y: int) -> int:
    """Put nodes below each other from (x, y) on; returns where the last one ends."""
    for node in column:
        node["pos"] = [x, y]
        y += node["size"][1] + GAP + MARGIN
    return y - GAP - MARGIN


def _columns(nodes: list[dict[str, Any]], links: list[list[Any]]) -> list[list[dict[str, Any]]]:
    """Nodes by the length of the longest way to them inside their group."""
    depth: dict[int, int] = {}
    for node in nodes:  # a node stands after those it needs
        before = [link[1] for link in links if link[3] == node["id"]]
        depth[node["id"]] = 1 + max((depth[other] for other in before if other in depth), default=-1)
    deepest = max(depth.values(), default=-1)
    return [[node for node in nodes if depth[node["id"]] == at] for at in range(deepest + 1)]


def _outputs(declaration: Declaration) -> list[dict[str, Any]]:
    names: Iterable[str] = getattr(declaration.cls, "RETURN_NAMES", declaration.outputs)
    pairs = zip(names, declaration.outputs, strict=True)
    return [{"name": name, "type": kind, "links": [], "slot_index": slot} for slot, (name, kind) in enumerate(pairs)]


def _saved(kind: str, entry: Input, inputs: dict[str, Any]) -> list[Any]:
    """What a widget takes in `widgets_values`; a seed is followed by what becomes of it after a run."""
    default = entry.choices[0] if entry.choices else None
    value = inputs.get(entry.name, entry.options.get("default", default))
    files = entry.name == "file" or entry.options.get("image_upload", False)  # whatever the folders hold today
    value = entry.check(value, f"{kind}, input '{entry.name}'", limits=not files)
    return [value] + ["fixed"] * entry.has_control


def _size(kind: str, declaration: Declaration) -> list[int]:
    sockets = sum(not entry.is_widget for entry in declaration.inputs.values())
    texts = sum(bool(entry.options.get("multiline")) for entry in declaration.widgets)
    widgets = len(declaration.widgets) - texts + sum(entry.has_control for entry in declaration.widgets)
    canvas = any(entry.options.get("paint_canvas") for entry in declaration.widgets)
    width, texts = CANVAS if canvas else (WIDTH, TEXT * texts)
    height = 16 + SLOT * max(sockets, len(declaration.outputs)) + WIDGET * widgets + texts
    return [width, height + PICTURE * (kind in SHOWS_PICTURES)]


def _lines(text: str) -> int:
    return sum(max(1, math.ceil(len(line) / NOTE_LETTERS)) for line in text.splitlines())
