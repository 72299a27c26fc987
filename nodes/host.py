"""Everything that the nodes ask of ComfyUI, and the answer where there is no ComfyUI.

progress(total)   reports steps and previews, and lets the user stop the run
place(gan, room)  brings a model to where networks run, and leaves it to the host to move it away again
shown(picture)    lays a picture where the page can ask for it
note(text)        a line in the console
half()            whether the user asked for float16
spare(items)      memory ran out: makes room, and says so
gan_files()       the weights files to choose from
gan_path(name)    the path of one of them

ComfyUI's modules are named here alone, and asked for when they are needed: the pack imports, and its nodes run, without
it. "Inside ComfyUI" means that it is the program that runs us, not that it could be imported from somewhere.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import torch
from PIL import Image
from torch import nn
from tqdm import tqdm

from ..engine import CheckpointError, Gan

__all__ = ["FOLDER", "NONE", "Progress", "gan_files", "gan_path", "half", "note", "place", "progress", "shown", "spare"]

FOLDER = "gan"
"""Name of our model folder: `models/gan`."""
EXTENSIONS = (".safetensors", ".npz", ".pt", ".pth", ".pkl", ".bin", ".model")
"""What a weights file may be called; what is in it, the engine finds out."""
PACK_MODELS = Path(__file__).parent.parent / "models"
"""The starter model lies here."""
NONE = "none"
"""Stands for no file in a list of files."""
PREVIEW_SIDE = 512
"""ComfyUI scales larger previews down to this many pixels."""
ALL = 1e32
"""More bytes than any model has: ComfyUI's own way of saying "load all of it"."""


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


def place(gan: Gan, room: int = 0) -> None:
    """Bring a model to where networks run: ComfyUI's choice inside it; else CUDA, Apple's GPU or the CPU.

    Inside ComfyUI the model is from here on one of those that it accounts for: it moves others away for this one, and
    this one for others. So every use of a model begins with this call.

    Args:
        gan: the model; its weights are moved, the value stays what it is.
        room: bytes that the work itself will take.
    """
    if not _inside():
        gan.to(_fastest())
        return
    import comfy.model_management  # pyright: ignore[reportMissingImports]

    if gan not in _PLACED:
        _PLACED[gan] = _adopted(gan)
    # Layers of ours cannot run apart from their weights, so the host's low-memory modes must not split the model.
    comfy.model_management.load_models_gpu([_PLACED[gan]], memory_required=room, force_full_load=True)


_PLACED: WeakKeyDictionary[Gan, Any] = WeakKeyDictionary()
"""ComfyUI's handle on each model, for as long as somebody holds the model."""


class NeuralCollageGAN(nn.ModuleDict):
    """All networks of a model as one module: the host moves them together, and its log shows this class's name."""

    def __init__(self, gan: Gan) -> None:
        super().__init__({name: part for name, part in vars(gan).items() if isinstance(part, nn.Module)})


def _adopted(gan: Gan) -> Any:
    """ComfyUI's handle on a model: its own, but it moves the model as a whole, and outside inference mode."""
    import comfy.model_management  # pyright: ignore[reportMissingImports]
    import comfy.model_patcher  # pyright: ignore[reportMissingImports]
    from comfy.cli_args import args  # pyright: ignore[reportMissingImports]

    class Whole(comfy.model_patcher.ModelPatcher):
        # Weights that were copied inside inference mode could not be projected through, and the host is always in it.
        @torch.inference_mode(False)
        def partially_load(self, device_to: torch.device, *limits: object, **also: object) -> int:
            return super().partially_load(device_to, ALL)

        def partially_unload(self, *limits: object, **also: object) -> int:
            return 0  # the host then unloads all of it

        @torch.inference_mode(False)
        def detach(self, *how: object, **also: object) -> nn.Module:
            return super().detach(*how, **also)

    if args.bf16_unet:
        note("bfloat16 is too coarse for pictures of 8 bits; they are drawn in full precision.")
    management = comfy.model_management
    if args.fp16_unet and not args.force_fp32 and not gan.generator.half_is_right:
        note("float16 would move this model's pictures by more than two 8-bit steps; they are drawn in full precision.")
    return Whole(NeuralCollageGAN(gan), management.get_torch_device(), management.unet_offload_device())


def _fastest() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def half() -> bool:
    """Whether ComfyUI was started to draw in float16 (`--fp16-unet`, `--force-fp16`).

    Families for which float16 is too coarse are drawn in full precision all the same (`Generator.half_is_right`). Under
    bfloat16 (`--bf16-unet`) all are: it holds eight bits itself, and what it rounds adds up to several 8-bit steps.
    """
    if not _inside():
        return False
    from comfy.cli_args import args  # pyright: ignore[reportMissingImports]

    return args.fp16_unet and not args.force_fp32


def shown(picture: Image.Image) -> list[dict[str, str]]:
    """Lay a picture into ComfyUI's folder for previews, which it empties when it starts.

    Returns:
        A list for a node's `ui`, of one picture, named as the page asks for it; empty without ComfyUI.
    """
    if not _inside():
        return []
    import folder_paths  # pyright: ignore[reportMissingImports]

    name = f"neural_collage_{hashlib.sha256(picture.tobytes()).hexdigest()[:16]}.png"  # the same one lies there once
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.part"
    picture.save(part, "PNG", compress_level=1)
    os.replace(part, folder / name)
    return [{"filename": name, "subfolder": "", "type": "temp"}]


def note(text: str) -> None:
    """Say something in the console that the user did not ask for but should know."""
    logging.getLogger(__name__).warning("Neural Collage: %s", text)


def spare(items: int) -> None:
    """Memory ran out: say that the work goes on with `items` at a time, and give back what PyTorch keeps in store."""
    note(f"out of memory; going on with {items} at a time.")
    if _inside():
        import comfy.model_management  # pyright: ignore[reportMissingImports]

        comfy.model_management.soft_empty_cache()
    elif torch.cuda.is_available():
        torch.cuda.empty_cache()


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
        f"A model is a weights file ({', '.join(EXTENSIONS)}) in the model folders; there is no {name!r}. "
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
