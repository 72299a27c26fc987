"""Every node test runs as ComfyUI runs nodes: under inference mode. `comfy` is a stand-in for ComfyUI's modules."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
import toy
from torch import nn


@pytest.fixture(autouse=True)
def _inference_mode():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="session")
def gan():
    return toy.gan()


class Interrupted(Exception):  # noqa: N818 - the host's own is a plain Exception, too
    """What the stand-in raises when the user stops the run."""


FLAGS = ("force_fp32", "force_fp16", "fp32_unet", "fp16_unet", "bf16_unet")


class ModelPatcher:
    """The host's handle on a module: it moves weights by copying, and leaves behind what does not fit."""

    def __init__(self, model: nn.Module, load_device: torch.device, offload_device: torch.device) -> None:
        self.model, self.load_device, self.offload_device = model, load_device, offload_device

    def partially_load(self, device: torch.device, room: float) -> int:
        size = sum(weight.nbytes for weight in self.model.parameters())
        if room > size:
            self.model.to(device)
        return size if room > size else 0

    def partially_unload(self, device: torch.device, room: int) -> int:
        next(self.model.children()).to(device)
        return room

    def detach(self, unpatch_all: bool = True) -> nn.Module:
        return self.model.to(self.offload_device) if unpatch_all else self.model


@dataclass
class Comfy:
    """The stand-in's state: what was reported, and when to interrupt."""

    models_dir: Path
    reports: list[tuple[int, int, Any]] = field(default_factory=list)
    loads: list[tuple[Any, int]] = field(default_factory=list)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    flags: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(**dict.fromkeys(FLAGS, False)))
    emptied: int = 0
    interrupt_after: int | None = None
    folders: dict[str, tuple[list[str], set[str]]] = field(default_factory=dict)

    def throw(self) -> None:
        if self.interrupt_after is not None and len(self.reports) >= self.interrupt_after:
            raise Interrupted

    def progress_bar(self, total: int) -> Any:
        bar = ModuleType("bar")
        bar.update_absolute = lambda value, total, preview=None: self.reports.append((value, total, preview))  # type: ignore[attr-defined]
        return bar

    def load_models(self, patchers: list[Any], memory_required: int, force_full_load: bool) -> None:
        """As the host does in its low-memory modes: it gives a model less room than it needs."""
        assert force_full_load
        for patcher in patchers:
            if any(patcher is other for other, _ in self.loads):
                patcher.detach(unpatch_all=False)
            patcher.partially_load(patcher.load_device, 0.1, force_patch_weights=False)
            self.loads.append((patcher, memory_required))

    def empty_cache(self) -> None:
        self.emptied += 1

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
    names = ("utils", "model_management", "model_patcher", "cli_args")
    modules: dict[str, Any] = {
        name: ModuleType(name) for name in ("folder_paths", "comfy", *map("comfy.{}".format, names))
    }
    folder_paths, package, utils, management, patcher, cli_args = modules.values()
    folder_paths.models_dir, folder_paths.folder_names_and_paths = str(state.models_dir), state.folders
    folder_paths.add_model_folder_path = state.add
    folder_paths.get_filename_list, folder_paths.get_full_path = state.files, state.full_path
    utils.ProgressBar = state.progress_bar
    management.throw_exception_if_processing_interrupted = state.throw
    management.get_torch_device = lambda: state.device
    management.unet_offload_device = lambda: torch.device("cpu")
    management.load_models_gpu, management.soft_empty_cache = state.load_models, state.empty_cache
    patcher.ModelPatcher, cli_args.args = ModelPatcher, state.flags
    for name, module in zip(names, (utils, management, patcher, cli_args), strict=True):
        setattr(package, name, module)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return state
