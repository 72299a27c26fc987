"""Every node test runs as ComfyUI runs nodes: under inference mode. `comfy` is a stand-in for ComfyUI's modules."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import toy


@pytest.fixture(autouse=True)
def _inference_mode():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="session")
def gan():
    return toy.gan()


class Interrupted(Exception):  # noqa: N818 - the host's own is a plain Exception, too
    """What the stand-in raises when the user stops the run."""


@dataclass
class Comfy:
    """The stand-in's state: what was reported, and when to interrupt."""

    models_dir: Path
    reports: list[tuple[int, int, Any]] = field(default_factory=list)
    freed: list[int] = field(default_factory=list)
    interrupt_after: int | None = None
    folders: dict[str, tuple[list[str], set[str]]] = field(default_factory=dict)

    def throw(self) -> None:
        if self.interrupt_after is not None and len(self.reports) >= self.interrupt_after:
            raise Interrupted

    def progress_bar(self, total: int) -> Any:
        bar = ModuleType("bar")
        bar.update_absolute = lambda value, total, preview=None: self.reports.append((value, total, preview))  # type: ignore[attr-defined]
        return bar

    def add(self, name: str, path: str, is_default: bool = False) -> None:
        paths, _ = self.folders.setdefault(name, ([], set()))
        if path not in paths:
            paths.append(path)

    def files(self, name: str) -> list[str]:
        paths, extensions = self.folders[name]
        found = (file for path in paths for file in Path(path).glob("*") if file.suffix in extensions or not extensions)
        return sorted({file.name for file in found})

    def full_path(self, name: str, file: str) -> str | None:
        inside = os.path.relpath(os.path.join("/", file), "/")  # as the host does: a path cannot leave the folder
        return next((str(Path(p) / inside) for p in self.folders[name][0] if (Path(p) / inside).is_file()), None)


@pytest.fixture
def comfy(tmp_path, monkeypatch):
    state = Comfy(tmp_path / "models")
    names = ("folder_paths", "comfy", "comfy.utils", "comfy.model_management")
    modules: dict[str, Any] = {name: ModuleType(name) for name in names}
    folder_paths, package, utils, management = modules.values()
    folder_paths.models_dir, folder_paths.folder_names_and_paths = str(state.models_dir), state.folders
    folder_paths.add_model_folder_path = state.add
    folder_paths.get_filename_list, folder_paths.get_full_path = state.files, state.full_path
    utils.ProgressBar = state.progress_bar
    management.throw_exception_if_processing_interrupted = state.throw
    management.get_torch_device = lambda: torch.device("cpu")
    management.free_memory = lambda room, device: state.freed.append(room)
    package.utils, package.model_management = utils, management
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return state
