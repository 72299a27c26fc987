"""Values given from outside: `"Load Image.image" -> "photo.jpg"`.

They are written into a copy of the saved document, before it becomes a graph. So they are checked like every other
value, and the workflow that is embedded in a saved picture is the one that made it.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..engine import WorkflowError
from .declarations import Catalogue, Declaration, Input, nearest
from .document import Document
from .graph import PAGE_ONLY, title_of

__all__ = ["override", "read_assignments"]

Saved = Mapping[str, Any]


def read_assignments(texts: list[str]) -> dict[str, str]:
    """`["Load Image.image=photo.jpg"] -> {"Load Image.image": "photo.jpg"}`.

    The first `=` ends the name; a node whose title has one is called by its id. Raises WorkflowError for text of
    another form, or a name given twice.
    """
    assignments: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or "." not in name:
            raise WorkflowError(f'--set takes "node.input=value", such as "Load Image.image=photo.jpg"; got {text!r}.')
        if name in assignments:
            raise WorkflowError(f"--set may name an input once; {name!r} is there twice. Leave one out.")
        assignments[name] = value
    return assignments


def override(document: Document, assignments: Mapping[str, object], catalogue: Catalogue) -> Document:
    """The document with each `"node.input"` set to its value; text is read as the type the input declares.

    A node is called by its title, else its display name, else its class type, else its id: the first of these that
    agrees with any node counts. A linked input loses its link. Raises WorkflowError for a name that agrees with no node
    or with several, an unknown input, or one that cannot hold a value.
    """
    data = copy.deepcopy(document.data)
    for name, value in assignments.items():
        _assign(replace(document, data=data), name, value, catalogue)
    return replace(document, data=data)


def _assign(document: Document, name: str, value: object, catalogue: Catalogue) -> None:
    node_name, _, input_name = name.rpartition(".")
    node = _find(document, node_name, catalogue)
    where = f"'{title_of(node, catalogue)}'"
    declaration = catalogue.declaration(_class_of(node), where)
    entry = _widget(declaration, input_name, where)
    if isinstance(value, str):
        value = entry.parse(value, f"{where}, input '{input_name}'")
    if document.kind == "prompt":
        node["inputs"][input_name] = value
    else:
        _set_widget(node, declaration, input_name, value)
        _unlink(document.data, node, input_name)


def _widget(declaration: Declaration, name: str, where: str) -> Input:
    entry = declaration.inputs.get(name)
    if entry is None:
        known = ", ".join(widget.name for widget in declaration.widgets) or "none"
        hint = nearest(name, declaration.inputs)
        raise WorkflowError(f"{where} has no input {name!r}; those that can be set are: {known}.{hint}")
    if not entry.is_widget:
        raise WorkflowError(
            f"{where}, input '{name}' takes a link from a {entry.type} output and cannot be set to a value."
        )
    return entry


def _find(document: Document, name: str, catalogue: Catalogue) -> dict[str, Any]:
    saved = _saved_nodes(document)
    names: tuple[Callable[[str, Saved], str], ...] = (
        lambda _key, node: title_of(node, catalogue),
        lambda _key, node: catalogue.name(_class_of(node)),
        lambda _key, node: _class_of(node),
        lambda key, _node: key,
    )
    for name_of in names:
        found = {key: node for key, node in saved.items() if name_of(key, node) == name}
        if len(found) > 1:
            raise WorkflowError(
                f"{name!r} could be any of: {_listed(found, catalogue)}. Use the number before the colon."
            )
        if found:
            return next(iter(found.values()))
    titles = [title_of(node, catalogue) for node in saved.values()]
    raise WorkflowError(f"No node is called {name!r}; there are: {_listed(saved, catalogue)}.{nearest(name, titles)}")


def _saved_nodes(document: Document) -> dict[str, dict[str, Any]]:
    if document.kind == "prompt":
        return document.data
    return {str(node["id"]): node for node in document.data["nodes"] if node["type"] not in PAGE_ONLY}


def _class_of(node: Saved) -> str:
    return node.get("class_type") or node["type"]


def _listed(nodes: Mapping[str, Saved], catalogue: Catalogue) -> str:
    return ", ".join(f"{key}: {title_of(node, catalogue)}" for key, node in nodes.items()) or "none"


def _set_widget(node: dict[str, Any], declaration: Declaration, name: str, value: object) -> None:
    values = node.get("widgets_values") or []
    if isinstance(values, dict):
        values[name] = value
    else:
        node["widgets_values"] = values = declaration.completed(values)
        values[declaration.positions(values, f"'{declaration.name}' (node {node['id']})")[name]] = value


def _unlink(data: dict[str, Any], node: dict[str, Any], name: str) -> None:
    """Take the link into an input out of all three places that name it."""
    for socket in node.get("inputs") or []:
        link = socket.get("link")
        if socket.get("name") == name and link is not None:
            socket["link"] = None
            data["links"] = [entry for entry in data.get("links", []) if _link_id(entry) != link]
            for output in (output for other in data["nodes"] for output in other.get("outputs") or []):
                output["links"] = [number for number in output.get("links") or [] if number != link]


def _link_id(entry: Any) -> object:
    return entry.get("id") if isinstance(entry, dict) else entry[0]
