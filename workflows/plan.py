"""Check a graph against the node declarations and put what is needed in order.

Only what an output node depends on is checked and run, as in ComfyUI. Unlike ComfyUI, which drops an output node it
cannot run and goes on with the others, any mistake in what is needed stops the run before it starts.
"""

import graphlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..engine import WorkflowError
from .declarations import Catalogue, Declaration, Input, nearest, sockets_match
from .graph import Graph, Link, Node

__all__ = ["Step", "plan"]


@dataclass(frozen=True)
class Step:
    """A node that runs, its values checked, and what its class declares."""

    node: Node
    declaration: Declaration


def plan(graph: Graph, catalogue: Catalogue) -> tuple[Step, ...]:
    """The nodes that the output nodes need, every one after those it depends on.

    Raises WorkflowError if there is no output node, for a cycle, a link to a node or output that does not exist, a
    missing or unknown input, a wrong type, a value out of range or not among the choices, or what a node's own
    VALIDATE_INPUTS refuses.
    """
    declared = {key: catalogue.declaration(node.class_type, node.where) for key, node in graph.items()}
    outputs = [key for key in graph if declared[key].is_output]
    if not outputs:
        raise WorkflowError(
            "A workflow needs at least one output node that is neither muted nor bypassed, such as Save Image; this "
            f"one has none among its {len(graph)} nodes. Add one in ComfyUI."
        )
    order = _ordered(graph, outputs)
    return tuple(Step(_checked(graph[key], declared), declared[key]) for key in order)


def _ordered(graph: Graph, outputs: list[str]) -> list[str]:
    needs: dict[str, list[str]] = {}
    waiting = list(reversed(outputs))
    while waiting:
        key = waiting.pop()
        if key not in needs:
            needs[key] = list(_sources(graph, graph[key]))
            waiting += reversed(needs[key])
    try:
        return list(graphlib.TopologicalSorter(needs).static_order())
    except graphlib.CycleError as error:
        circle = " -> ".join(graph[key].where for key in error.args[1])
        raise WorkflowError(f"Nodes must not depend on themselves; here they do: {circle}. Cut one link.") from error


def _sources(graph: Graph, node: Node) -> Iterator[str]:
    for name, value in node.inputs.items():
        if isinstance(value, Link):
            if value.node not in graph:
                raise WorkflowError(
                    f"{node.where}, input '{name}' is linked to node {value.node}, which is not in the file. "
                    "Reconnect it in ComfyUI and save."
                )
            yield value.node


def _checked(node: Node, declared: Mapping[str, Declaration]) -> Node:
    """The node with its values as the declared types. `declared` has every node of the graph, by id."""
    declaration = declared[node.id]
    _unsupported(node, declaration.cls)
    _inputs_known(node, declaration)
    values = {
        name: _checked_input(node, declaration, entry, declared)
        for name, entry in declaration.inputs.items()
        if _present(node, entry)
    }
    node = replace(node, inputs=values)
    _ask_node(node, declaration, declared)
    return node


def _unsupported(node: Node, cls: type) -> None:
    if getattr(cls, "INPUT_IS_LIST", False) or any(getattr(cls, "OUTPUT_IS_LIST", ())):
        raise WorkflowError(
            f"{node.where} works on lists (INPUT_IS_LIST or OUTPUT_IS_LIST), which only ComfyUI itself can run; "
            "remove the node, or run the workflow there."
        )


def _inputs_known(node: Node, declaration: Declaration) -> None:
    for name in node.inputs:
        if name not in declaration.inputs:
            known, hint = ", ".join(declaration.inputs) or "none", nearest(str(name), declaration.inputs)
            raise WorkflowError(
                f"{node.where} has no input {name!r:.60}; its inputs are: {known}.{hint}"
                " Take it out of the file or correct its name."
            )


def _present(node: Node, entry: Input) -> bool:
    if entry.name not in node.inputs and entry.required:
        reason = node.absent.get(entry.name, "nothing is there")
        ask = "Set a value" if entry.is_widget else f"Connect a {entry.type} output"
        raise WorkflowError(f"{node.where} requires the input '{entry.name}'; {reason}. {ask}.")
    return entry.name in node.inputs


def _checked_input(node: Node, declaration: Declaration, entry: Input, declared: Mapping[str, Declaration]) -> object:
    value, where = node.inputs[entry.name], f"{node.where}, input '{entry.name}'"
    if not isinstance(value, Link):
        own_check = declaration.validates_all or entry.name in declaration.validates
        return entry.check(value, where, limits=not own_check)
    given = _output_type(value, declared[value.node], where)
    if "input_types" not in declaration.validates and not sockets_match(given, entry.type):
        raise WorkflowError(
            f"{where} takes {entry.type}, but output {value.slot} of node {value.node} ({declared[value.node].name}) "
            f"gives {given}. Connect a {entry.type} output."
        )
    return value


def _output_type(link: Link, source: Declaration, where: str) -> str:
    if link.slot >= len(source.outputs):
        raise WorkflowError(
            f"{where} is linked to output {link.slot} of node {link.node} ({source.name}), which has "
            f"{len(source.outputs)} outputs ({', '.join(source.outputs) or 'none'}), counted from 0. Reconnect it."
        )
    return source.outputs[link.slot]


def _ask_node(node: Node, declaration: Declaration, declared: Mapping[str, Declaration]) -> None:
    """Call the class's own VALIDATE_INPUTS: with the constants it names, None for linked ones (ComfyUI 0.3.64)."""
    if not declaration.validates:
        return
    asked: dict[str, Any] = {
        name: None if isinstance(value, Link) else value
        for name, value in node.inputs.items()
        if declaration.validates_all or name in declaration.validates
    }
    if "input_types" in declaration.validates:
        links = {name: link for name, link in node.inputs.items() if isinstance(link, Link)}
        asked["input_types"] = {name: declared[link.node].outputs[link.slot] for name, link in links.items()}
    answer = declaration.cls.VALIDATE_INPUTS(**asked)  # pyright: ignore[reportAttributeAccessIssue]
    if answer is not True:
        raise WorkflowError(f"{node.where} refuses its inputs: {answer or 'no reason given'}. Correct them.")
