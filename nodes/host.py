"""Everything that the nodes ask of ComfyUI, and the answer where there is no ComfyUI.

progress(total)   reports steps and previews, and lets the user stop the run
device(room)      where networks run
gan_files()       the weights files to choose from
gan_path(name)    the path of one of them

ComfyUI's modules are named here alone, and asked for when they are needed: the pack imports, and its nodes run, without
it. "Inside ComfyUI" means that it is the program that runs us, not that it could be imported from somewhere.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image
from tqdm import tqdm

from ..engine import CheckpointError

__all__ = ["FOLDER", "NONE", "Progress", "device", "gan_files", "gan_path", "progress"]

FOLDER = "gan"
"""Name of our model folder: `models/gan`."""
EXTENSIONS = (".safetensors", ".npz")
PACK_MODELS = Path(__file__).parent.parent / "models"
"""The starter model lies here."""
NONE = "none"
"""Stands for no file in a list of files."""
PREVIEW_SIDE = 512
"""ComfyUI scales larger previews down to this many pixels."""


class Progress(Protocol):
    """Who is told how far a run has come."""

    def update(self, done: int, preview: Image.Image | None = None) -> None:
        """Report `done` of the total. Raises the host's own interrupt if the user stopped the run."""
        ...


def progress(total: int) -> Progress:
    """Progress of a run of `total` steps: ComfyUI's bar inside it, a line in the terminal without it."""
    return _HostProgress(total) if _inside() else _TerminalProgress(total)


class _HostProgress:
    def __init__(self, total: int) -> None:
        import comfy.utils  # pyright: ignore[reportMissingImports]

        self.total, self.bar = total, comfy.utils.ProgressBar(total)

    def update(self, done: int, preview: Image.Image | None = None) -> None:
        import comfy.model_management  # pyright: ignore[reportMissingImports]

        # The interrupt is a plain Exception of the host's: nothing between here and it may catch broadly.
        comfy.model_management.throw_exception_if_processing_interrupted()
        self.bar.update_absolute(done, self.total, preview and ("JPEG", preview, PREVIEW_SIDE))


class _TerminalProgress:
    def __init__(self, total: int) -> None:
        self.bar = tqdm(total=total, unit="step", leave=False, file=sys.stderr)

    def update(self, done: int, preview: Image.Image | None = None) -> None:
        self.bar.update(done - self.bar.n)
        if done == self.bar.total:
            self.bar.close()


def device(room: int = 0) -> torch.device:
    """Where networks run: ComfyUI's choice inside it; else CUDA, Apple's GPU or the CPU, whichever is there first.

    ComfyUI is asked to free `room` bytes there, for models of its own may fill the memory.
    """
    if _inside():
        import comfy.model_management  # pyright: ignore[reportMissingImports]

        chosen = comfy.model_management.get_torch_device()
        comfy.model_management.free_memory(room, chosen)
        return chosen
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def gan_files() -> list[str]:
    """Names of the weights files in the model folders, sorted.

    The folders are the pack's own `models` and, inside ComfyUI, `models/gan`, `models/stylegan` and what the user's
    extra_model_paths.yaml adds to either; without ComfyUI, `models/gan` where the user stands.
    """
    if _inside():
        return list(_registered().get_filename_list(FOLDER))
    found = {
        path.relative_to(folder).as_posix()
        for folder in _folders()
        for path in folder.rglob("*")
        if path.suffix.lower() in EXTENSIONS and path.is_file()
    }
    return sorted(found)


def gan_path(name: str) -> Path:
    """The file called `name` in the model folders; without ComfyUI, `name` may also be a path.

    Raises:
        CheckpointError: there is no such file.
    """
    for path in _candidates(name):
        if os.path.isfile(path):  # False too for a name that no file can have
            return path
    known = ", ".join(gan_files()) or "none yet"
    raise CheckpointError(
        f"A model is one of the {' and '.join(EXTENSIONS)} files in the model folders; there is no {name!r}. "
        f"Put it into models/{FOLDER}, or choose from: {known}."
    )


def _candidates(name: str) -> list[Path]:
    if _inside():
        found = _registered().get_full_path(FOLDER, name)
        return [Path(found)] if found else []
    return [*(folder / name for folder in _folders()), Path(os.path.expanduser(name))]


def _folders() -> list[Path]:
    """Model folders without ComfyUI."""
    return [PACK_MODELS, Path.cwd() / "models" / FOLDER]


def _inside() -> bool:
    return "folder_paths" in sys.modules


def _registered() -> Any:
    """ComfyUI's `folder_paths`, which knows our folders from here on (asking twice changes nothing)."""
    import folder_paths  # pyright: ignore[reportMissingImports]

    known = folder_paths.folder_names_and_paths
    neighbours = known["stylegan"][0] if "stylegan" in known else []
    models = Path(folder_paths.models_dir)
    for path in (models / FOLDER, models / "stylegan", *neighbours, PACK_MODELS):
        folder_paths.add_model_folder_path(FOLDER, str(path))
    # Added to, never assigned: the entry may hold what the user's extra_model_paths.yaml put there.
    known[FOLDER][1].update(EXTENSIONS)
    return folder_paths
