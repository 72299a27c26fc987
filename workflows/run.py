"""Run a saved workflow without ComfyUI.

    results = run("workflows/label_collage.json", {"Load Image.image": "photo.jpg"})
    results.files            # the pictures it saved
    results.outputs["7"]     # what node 7 returned

read_document -> override -> read_graph -> plan -> one node after the other, each once, under `torch.inference_mode()`
as in ComfyUI. Seeds run as they stand in the file: `control_after_generate` acts between two runs of ComfyUI's page.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ..engine import NeuralCollageError, WorkflowError
from .builtins import builtins_catalogue
from .declarations import Catalogue
from .document import Document, read_document
from .folders import Folders
from .graph import Link, as_prompt, read_graph
from .overrides import override
from .plan import Step, plan

__all__ = ["Results", "pack_catalogue", "run"]


@dataclass(frozen=True)
class Results:
    """What a run gave: files in the order they were saved, each node's outputs and its `ui` answer by node id."""

    files: tuple[Path, ...]
    outputs: Mapping[str, tuple[Any, ...]]
    ui: Mapping[str, Mapping[str, Any]]


def run(
    path: str | Path,
    overrides: Mapping[str, object] | None = None,
    input_dir: str | Path | None = None,
    output_dir: str | Path = "output",
    previews_dir: str | Path | None = None,
    pack: Catalogue | None = None,
) -> Results:
    """Run the workflow in `path` (JSON of the page or the prompt format, or a PNG that carries one).

    `overrides` sets inputs, `{"node.input": value}`; text is read as the type of the input, and a file named there may
    lie anywhere. Pictures are looked for in `input_dir` (None: the folder `input`, if there is one), in the current
    folder and beside the workflow; they are saved below `output_dir`. What preview nodes show is written below
    `previews_dir`, and not at all if that is None. `pack` replaces this pack's own nodes.

    Raises WorkflowError before anything runs if the workflow cannot be run as it stands. An error of this package that
    a node raises gets the node's name put before it, any other passes unchanged.
    """
    document, overrides = read_document(path), overrides or {}
    folders = Folders(
        search=_search(document.path, input_dir),
        output=Path.cwd() / output_dir,
        previews=None if previews_dir is None else Path.cwd() / previews_dir,
        trusted=frozenset(value for value in overrides.values() if isinstance(value, str)),
    )
    catalogue = builtins_catalogue(folders).over(pack or pack_catalogue())
    document = override(document, overrides, catalogue)
    graph = read_graph(document, catalogue)
    asked = {"PROMPT": as_prompt(graph), "EXTRA_PNGINFO": _page_info(document)}
    return _execute(plan(graph, catalogue), asked, folders)


def pack_catalogue() -> Catalogue:
    """This pack's own nodes."""
    from .. import nodes  # heavy, and not needed to run a workflow on other nodes

    return Catalogue(nodes.NODE_CLASS_MAPPINGS, nodes.NODE_DISPLAY_NAME_MAPPINGS)


def _search(workflow: Path, input_dir: str | Path | None) -> tuple[Path, ...]:
    given = Path.cwd() / (input_dir or "input")
    if input_dir is not None and not given.is_dir():
        raise WorkflowError(f"The input folder must exist; there is no folder {given}. Make it or name another.")
    search = ([given] if given.is_dir() else []) + [Path.cwd(), workflow.absolute().parent]
    return tuple(dict.fromkeys(search))


def _page_info(document: Document) -> dict[str, Any] | None:
    return {"workflow": document.data} if document.kind == "page" else None


def _execute(steps: tuple[Step, ...], asked: Mapping[str, Any], folders: Folders) -> Results:
    outputs: dict[str, tuple[Any, ...]] = {}
    answers: dict[str, Mapping[str, Any]] = {}  # for the page: what output nodes saved or show
    with torch.inference_mode(), tqdm(steps, unit="node") as bar:
        for step in bar:
            bar.set_description(step.node.title[:40])
            outputs[step.node.id], answers[step.node.id] = _run_node(step, outputs, asked)
    return Results(tuple(_files(answers, folders)), outputs, answers)


def _run_node(
    step: Step, outputs: Mapping[str, tuple[Any, ...]], asked: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    node, declaration = step.node, step.declaration
    values = {name: _arrived(value, outputs) for name, value in node.inputs.items()}
    answers = {**asked, "UNIQUE_ID": node.id}
    values |= {name: answers[kind] for name, kind in declaration.hidden.items() if kind in answers}
    method = getattr(declaration.cls(), declaration.cls.FUNCTION)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        return _result(method(**values), step)
    except NeuralCollageError as error:
        raise type(error)(f"{node.where}: {error}") from error


def _arrived(value: Any, outputs: Mapping[str, tuple[Any, ...]]) -> Any:
    return outputs[value.node][value.slot] if isinstance(value, Link) else value


def _result(returned: Any, step: Step) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """A node returns a tuple, or `{"ui": ..., "result": tuple}`."""
    if inspect.isawaitable(returned) or (isinstance(returned, dict) and "expand" in returned):
        raise WorkflowError("nodes that run asynchronously or expand into others run in ComfyUI only. Remove the node.")
    answer = returned.get("ui", {}) if isinstance(returned, dict) else {}
    result = returned.get("result", ()) if isinstance(returned, dict) else returned
    result = () if result is None else result
    promised = step.declaration.outputs
    if not isinstance(result, tuple | list) or len(result) < len(promised):
        raise WorkflowError(
            f"the node must return {len(promised)} values, it gave {result!r:.80}. Its code is at fault."
        )
    return tuple(result), answer


def _files(answers: Mapping[str, Mapping[str, Any]], folders: Folders) -> list[Path]:
    bases = {"output": folders.output, "temp": folders.previews}
    saved = [entry for answer in answers.values() for entry in answer.get("images", ())]
    return [
        base / entry["subfolder"] / entry["filename"]
        for entry in saved
        if (base := bases.get(entry["type"])) is not None
    ]
