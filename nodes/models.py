"""Load GAN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import engine as nc
from . import host
from .class_names import class_names
from .sockets import GAN

__all__ = ["LoadGAN"]

PARTS = {
    "discriminator": "Another file for the discriminator, which Project Image measures with. none: as in `file`.",
    "encoder": "Another file for the encoder, from which Project Image starts. none: as in `file`.",
    "auxiliary": "Another file for the auxiliary pair A, B, through which Project Image descends on zeta. none: as in "
    "`file`.",
    "perception": "VGG16's weights (torchvision's vgg16-397923af.pth), which Project Image measures with where a model "
    "has no discriminator. none: it compares pixels.",
}


class LoadGAN:
    """A weights file, or several, to a model."""

    DESCRIPTION = (
        "Load a GAN: one file that holds all, or one for each part. BigGAN, BigGAN-deep, SNGAN, StyleGAN 1 to 3 and "
        "others, as their owners publish them; nothing that lies in a file is run."
    )
    SEARCH_ALIASES = ("load gan", "gan loader", "sngan", "biggan", "stylegan", "checkpoint")
    CATEGORY = "neural collage"
    FUNCTION = "load"
    RETURN_TYPES = (GAN, "STRING")
    RETURN_NAMES = ("gan", "classes")
    OUTPUT_TOOLTIPS = (
        "The model: generator and whatever else the files hold.",
        "Its classes, one a line: number and name. Connect Preview Any to read them.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        files = host.gan_files()
        tooltip = "Weights file in models/gan, models/stylegan or this pack's own models folder."
        parts = {name: ([host.NONE, *files], {"default": host.NONE, "tooltip": told}) for name, told in PARTS.items()}
        return {
            "required": {"file": (files, {"tooltip": tooltip, "class_names": class_names(files)})},
            "optional": parts,
        }

    @classmethod
    def VALIDATE_INPUTS(cls, file: str) -> bool | str:
        """True, or why the file cannot be loaded. It stands for the host's own check of `file`, which knows no paths.

        The other files are left to that check: the host repeats our message for every input that is named here.
        """
        try:
            _paths(file)
        except nc.CheckpointError as error:
            return str(error)
        return True

    @classmethod
    def IS_CHANGED(cls, file: str, **parts: str) -> str:
        """The age and size of each file, and of every *config.json beside it: what was replaced is loaded anew."""
        paths = _paths(file, **parts).values()
        settings = (each for path in paths for each in sorted(path.parent.glob("*config.json")) if each.is_file())
        found = [*paths, *settings]
        return " ".join(f"{one.st_mtime_ns}:{one.st_size}" for one in map(Path.stat, found))

    def load(self, file: str, **parts: str) -> tuple[nc.Gan, str]:
        paths = _paths(file, **parts)
        gan = nc.load(paths.pop("file", None), **paths)
        return gan, "\n".join(_classes(gan))


def _classes(gan: nc.Gan) -> list[str]:
    """Number and name of each class; the number alone where the file has no names."""
    return [f"{number} {name}" for number, name in enumerate(gan.class_names)] or list(map(str, range(gan.n_classes)))


def _paths(file: str, **parts: str) -> dict[str, Any]:
    """The path of every file that was named. A linked input is None while the host only checks: it is not known yet."""
    named = {"file": file, **parts}
    return {part: host.gan_path(name) for part, name in named.items() if name not in (None, host.NONE)}
