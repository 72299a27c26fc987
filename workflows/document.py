"""A saved workflow as a file: JSON of either format, or a PNG that carries one.

Two formats exist. The *page* format is what people save: nodes with positions, widget values in order, a table of
links. The *prompt* format is what ComfyUI runs: `{id: {class_type, inputs}}`. A PNG saved by ComfyUI carries both, in
text chunks called `workflow` and `prompt`; the prompt is taken, since it says exactly what made that picture.

Files come from strangers, so their size is bounded and nothing in them is believed before it was checked.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeGuard

from PIL import Image

from ..engine import WorkflowError

__all__ = ["BYPASSED", "LINK_KEYS", "MAX_JSON_BYTES", "MAX_NODES", "MUTED", "Document", "is_slot", "read_document"]

MAX_JSON_BYTES = 16 * 2**20
MAX_NODES = 10_000
MAX_DEPTH = 100
"""Lists and objects inside one another; ComfyUI's files have about ten, and Python cannot copy a thousand."""
MUTED, BYPASSED = 2, 4
MODES = (0, 1, MUTED, 3, BYPASSED)  # 1 and 3 (on event, on trigger) run like 0 in ComfyUI
LINK_KEYS = ("id", "origin_id", "origin_slot")

_EXPECTED = "Expected a workflow saved by ComfyUI (Save or Export API), or a PNG that carries one"


@dataclass(frozen=True)
class Document:
    """A workflow as it was saved: `data` is the parsed JSON, `kind` says which of the two formats it is."""

    path: Path
    kind: Literal["page", "prompt"]
    data: dict[str, Any]


def read_document(path: str | Path) -> Document:
    """Read a workflow from a `.json` file of either format or from a PNG that carries one.

    Raises WorkflowError for a file that is missing, too large, not JSON, or JSON of another kind.
    """
    path = Path(path)
    if not os.path.isfile(path):  # False too for a name that no file can have
        raise WorkflowError(f"{_EXPECTED}; there is no file {path}. Check the path.")
    text = _text_of_png(path) if _is_png(path) else _text_of_json(path)
    return recognise(_parse(text, path), path)


def recognise(data: object, path: Path) -> Document:
    """Tell the two formats apart. Raises WorkflowError for parsed JSON that is neither."""
    if not isinstance(data, dict):
        raise WorkflowError(f"{path}: {_EXPECTED}; this is a JSON {type(data).__name__}, not an object.")
    if "nodes" in data or "links" in data:
        return Document(path, "page", _page(data, path))
    if not data:
        raise WorkflowError(f"{path}: {_EXPECTED}; this one is empty. Save it again from ComfyUI.")
    if not any(isinstance(node, dict) and "class_type" in node for node in data.values()):
        found = ", ".join(sorted(map(str, data))[:5])
        raise WorkflowError(
            f"{path}: {_EXPECTED}; this object has neither 'nodes' nor entries with a 'class_type' (it has: {found})."
        )
    return Document(path, "prompt", _prompt(data, path))


def _page(data: dict[str, Any], path: Path) -> dict[str, Any]:
    nodes, links = data.get("nodes"), data.get("links", [])
    if not isinstance(nodes, list) or not isinstance(links, list):
        found = {key: type(data.get(key)).__name__ for key in ("nodes", "links")}
        raise WorkflowError(f"{path}: 'nodes' and 'links' must be lists, got {found}. Save it again from ComfyUI.")
    _bound(len(nodes), path)
    _refuse_subgraphs(data, path)
    for number, node in enumerate(nodes):
        if not isinstance(node, dict) or not isinstance(node.get("type"), str) or not _is_id(node.get("id")):
            raise WorkflowError(
                f"{path}: every node needs an 'id' and a 'type'; entry {number} of 'nodes' is {node!r:.80}. "
                "Save it again from ComfyUI."
            )
        _page_node(node, f"{path}: node {node['id']} ({node['type']})")
    for link in links:
        _page_link(link, path)
    _distinct([str(node["id"]) for node in nodes], path)
    return data


def _page_node(node: dict[str, Any], where: str) -> None:
    """Check the shape of what later steps read of a node, so that they need not."""
    if node.get("mode", 0) not in MODES:
        raise WorkflowError(
            f"{where} has mode {node['mode']!r:.40}; known are 0 (run), 2 (muted) and 4 (bypassed). "
            "Save the workflow again from ComfyUI."
        )
    for key in ("inputs", "outputs"):
        sockets = node.get(key) or []
        if not isinstance(sockets, list) or not all(isinstance(socket, dict) for socket in sockets):
            raise WorkflowError(f"{where}: '{key}' must be a list of sockets, got {sockets!r:.80}. Save it again.")
    if not all(isinstance(socket.get("links") or [], list) for socket in node.get("outputs") or []):
        raise WorkflowError(f"{where}: an output's 'links' must be a list, got {node['outputs']!r:.80}. Save it again.")
    if not isinstance(node.get("widgets_values") or [], list | dict):
        raise WorkflowError(
            f"{where}: 'widgets_values' must be a list, got {node['widgets_values']!r:.60}. Save it again."
        )


def _page_link(link: object, path: Path) -> None:
    """A link is a list (id, origin, slot, target, slot, type), or an object in newer files."""
    entry = [link.get(key) for key in LINK_KEYS] if isinstance(link, dict) else link
    if not isinstance(entry, list) or len(entry) < 3 or not all(_is_id(key) for key in entry[:2]):
        raise WorkflowError(
            f"{path}: a link is [id, from node, output, to node, input, type], got {link!r:.80}. Save it again."
        )
    if not is_slot(entry[2]):
        raise WorkflowError(f"{path}: a link's output must be a number from 0, got {link!r:.80}. Save it again.")


def _distinct(ids: list[str], path: Path) -> None:
    twice = sorted({key for key in ids if ids.count(key) > 1}) if len(set(ids)) < len(ids) else []
    if twice:
        raise WorkflowError(f"{path}: node ids must differ; {twice[0]} occurs twice. Save it again from ComfyUI.")


def _refuse_subgraphs(data: dict[str, Any], path: Path) -> None:
    definitions = data.get("definitions") or {}
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, dict) else definitions
    if subgraphs:
        found = subgraphs if isinstance(subgraphs, list) else [subgraphs]
        names = ", ".join(repr(s.get("name", s.get("id"))) if isinstance(s, dict) else repr(s) for s in found)
        raise WorkflowError(
            f"{path}: only plain nodes can be run here; this workflow has the subgraph {names}. "
            "Unpack it in ComfyUI (right click, Unpack Subgraph), or save with Export (API)."
        )


def _prompt(data: dict[str, Any], path: Path) -> dict[str, Any]:
    _bound(len(data), path)
    for key, node in data.items():
        if not isinstance(node, dict) or not isinstance(node.get("class_type"), str):
            raise WorkflowError(f"{path}: node {key} needs a 'class_type'; it is {node!r:.80}. Export it again.")
        if not isinstance(node.get("inputs"), dict):
            raise WorkflowError(
                f"{path}: node {key} ({node['class_type']}) needs an object of 'inputs', got "
                f"{node.get('inputs')!r:.60}. Export it again."
            )
    return data


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def is_slot(value: object) -> TypeGuard[int]:
    """Whether a JSON value can be the number of an output."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _bound(count: int, path: Path) -> None:
    if count > MAX_NODES:
        raise WorkflowError(f"{path}: at most {MAX_NODES} nodes are read, this has {count}. Split the workflow.")


def _is_png(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8) == b"\x89PNG\r\n\x1a\n"


def _text_of_json(path: Path) -> str:
    size = path.stat().st_size
    if size > MAX_JSON_BYTES:
        raise WorkflowError(f"{path}: a workflow may have {MAX_JSON_BYTES} bytes, this file has {size}. {_EXPECTED}.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise WorkflowError(f"{path}: {_EXPECTED}; this file is not text ({error}).") from error


def _text_of_png(path: Path) -> str:
    try:
        with Image.open(path, formats=["PNG"]) as image:
            chunks = image.info
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise WorkflowError(f"{path}: this PNG cannot be read ({error}). {_EXPECTED}.") from error
    for name in ("prompt", "workflow"):
        text = chunks.get(name)
        if isinstance(text, str) and len(text) <= MAX_JSON_BYTES:
            return str(text)
    raise WorkflowError(
        f"{path}: {_EXPECTED}; this PNG has no readable 'prompt' or 'workflow' text. Pictures lose it when they are "
        "edited or sent through a chat; use the file that was saved first."
    )


def _parse(text: str, path: Path) -> object:
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise WorkflowError(f"{path}: {_EXPECTED}; this is not valid JSON ({error}).") from error
    _check_depth(data, path)
    return data


def _check_depth(data: object, path: Path) -> None:
    level, depth = [data], 0
    while level := [
        inner
        for entry in level
        if isinstance(entry, dict | list)
        for inner in (entry.values() if isinstance(entry, dict) else entry)
    ]:
        depth += 1
        if depth > MAX_DEPTH:
            raise WorkflowError(f"{path}: {_EXPECTED}; this is nested more than {MAX_DEPTH} levels deep.")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
