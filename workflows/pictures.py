"""ComfyUI's nodes that read and write pictures, for runs without ComfyUI.

Ids, inputs, defaults and arithmetic are those of ComfyUI 0.3.64. IMAGE is (B, H, W, C) float32 in [0, 1]; MASK is
(B, H, W), 1 where a picture is transparent. `picture_nodes(folders)` binds the classes to the folders of one run.
"""

import json
import os
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image, ImageOps, ImageSequence, PngImagePlugin

from ..engine import InputError, WorkflowError
from .folders import Folders

__all__ = ["LoadImage", "LoadImageMask", "PreviewImage", "SaveImage", "picture_nodes"]

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""What is read as a picture, by content: other readers of Pillow's may start a program (EPS starts Ghostscript)."""


class LoadImage:
    """A picture file -> IMAGE (frames of an animation as a batch) and MASK (1 - alpha; 64x64 zeros without alpha)."""

    folders: ClassVar[Folders]
    RETURN_TYPES = ("IMAGE", "MASK")
    FUNCTION = "load_image"
    CATEGORY = "image"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """The file's name; the folders are searched by VALIDATE_INPUTS, so no list of files is offered."""
        return {"required": {"image": ([], {"image_upload": True})}}

    @classmethod
    def VALIDATE_INPUTS(cls, image: str) -> bool | str:
        """True if the file is there and may be read, else why not."""
        return _findable(cls.folders, image)

    def load_image(self, image: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Read it, turned upright as its EXIF tag says. Frames of another size than the first are left out."""
        frames = _frames(self.folders.find(image))
        same = [frame for frame in frames if frame.size == frames[0].size]
        pictures = [_unit(frame.convert("RGB")) for frame in same]
        return torch.stack(pictures), torch.stack([_transparency(frame) for frame in same])


class LoadImageMask:
    """One channel of a picture file -> MASK; alpha is inverted, as in Load Image."""

    folders: ClassVar[Folders]
    RETURN_TYPES = ("MASK",)
    FUNCTION = "load_image"
    CATEGORY = "mask"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """The file's name and the channel."""
        channels = ["alpha", "red", "green", "blue"]
        return {"required": {"image": ([], {"image_upload": True}), "channel": (channels,)}}

    @classmethod
    def VALIDATE_INPUTS(cls, image: str) -> bool | str:
        """True if the file is there and may be read, else why not."""
        return _findable(cls.folders, image)

    def load_image(self, image: str, channel: str) -> tuple[torch.Tensor]:
        """Read the channel of the first frame, (1, H, W). A picture without alpha is opaque: zeros."""
        frame = _frames(self.folders.find(image))[0].convert("RGBA")
        values = _unit(frame.getchannel(channel[0].upper()))
        return ((1.0 - values if channel == "alpha" else values)[None],)


class SaveImage:
    """IMAGE -> one PNG per item below the output folder, cut to 8 bits, with the workflow in its text chunks."""

    folders: ClassVar[Folders]
    RETURN_TYPES = ()
    FUNCTION = "save_images"
    OUTPUT_NODE = True
    CATEGORY = "image"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """The pictures and how their names begin."""
        return {
            "required": {"images": ("IMAGE",), "filename_prefix": ("STRING", {"default": "ComfyUI"})},
            "hidden": {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"},
        }

    def save_images(
        self,
        images: torch.Tensor,
        filename_prefix: str = "ComfyUI",
        prompt: dict[str, Any] | None = None,
        extra_pnginfo: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Write `prefix_00001_.png` and on. Raises InputError if `images` is no IMAGE."""
        chunks = {"prompt": prompt, **(extra_pnginfo or {})}
        return _save(self.folders, self.folders.output, images, filename_prefix, chunks)


class PreviewImage:
    """IMAGE -> PNG files in the previews folder, if previews are asked for; else nothing is written."""

    folders: ClassVar[Folders]
    RETURN_TYPES = ()
    FUNCTION = "save_images"
    OUTPUT_NODE = True
    CATEGORY = "image"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """The pictures."""
        return {"required": {"images": ("IMAGE",)}, "hidden": {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}}

    def save_images(
        self,
        images: torch.Tensor,
        prompt: dict[str, Any] | None = None,
        extra_pnginfo: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Write `preview_00001_.png` and on. Raises InputError if `images` is no IMAGE."""
        if self.folders.previews is None:
            return {"ui": {"images": []}}
        chunks = {"prompt": prompt, **(extra_pnginfo or {})}
        return _save(self.folders, self.folders.previews, images, "preview", chunks)


def picture_nodes(folders: Folders) -> dict[str, type]:
    """The classes of this module by class type, reading and writing in `folders`."""
    classes = (LoadImage, LoadImageMask, SaveImage, PreviewImage)
    return {cls.__name__: type(cls.__name__, (cls,), {"folders": folders}) for cls in classes}


def _findable(folders: Folders, name: str | None) -> bool | str:
    if name is None:
        return True  # linked: known when it runs
    try:
        folders.find(name)
    except WorkflowError as error:
        return str(error)
    return True


def _frames(path: Path) -> list[Image.Image]:
    """The frames of a picture, upright. MPO (two-eyed photographs) counts as one."""
    try:
        with Image.open(path, formats=FORMATS) as file:
            frames = [ImageOps.exif_transpose(frame.copy()) for frame in ImageSequence.Iterator(file)]
            first_only = file.format == "MPO"
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            f"A picture file is required ({', '.join(FORMATS)}); {path} cannot be read as one ({error})."
        ) from error
    return [_eight_bits(frame) for frame in (frames[:1] if first_only else frames)]


def _eight_bits(frame: Image.Image) -> Image.Image:
    """Bring 16-bit grey to 8 bits; Pillow alone would cut everything above 255 to white."""
    return frame.convert("I").point(lambda value: value * (1 / 255)) if frame.mode.startswith("I") else frame


def _unit(frame: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(frame).astype(np.float32) / 255.0)


def _transparency(frame: Image.Image) -> torch.Tensor:
    """1 - alpha, (H, W); where a picture has no alpha ComfyUI gives 64x64 zeros, whatever its size."""
    if "A" in frame.getbands() or (frame.mode == "P" and "transparency" in frame.info):
        return 1.0 - _unit(frame.convert("RGBA").getchannel("A"))
    return torch.zeros(64, 64)


def _save(folders: Folders, folder: Path, images: torch.Tensor, prefix: str, chunks: dict[str, Any]) -> dict[str, Any]:
    try:
        return _saved(folders, folder, _bytes(images), prefix, chunks)
    except OSError as error:  # no room, no right to write, or a name that is too long
        raise WorkflowError(
            f"Pictures must be writable below {folder}: {error}. Free it, or choose another."
        ) from error


def _saved(folders: Folders, folder: Path, pictures: np.ndarray, prefix: str, chunks: dict[str, Any]) -> dict[str, Any]:
    path, counter = folders.target(folder, prefix, pictures.shape[2], pictures.shape[1])
    saved = []
    for number, picture in enumerate(pictures):
        name = path.name.replace("%batch_num%", str(number))
        target = path.with_name(f"{name}_{counter + number:05}_.png")
        _write(target, Image.fromarray(picture), chunks)
        subfolder = path.parent.relative_to(os.path.abspath(folder)).as_posix()
        kind = "output" if folder == folders.output else "temp"
        saved.append({"filename": target.name, "subfolder": "" if subfolder == "." else subfolder, "type": kind})
    return {"ui": {"images": saved}}


def _bytes(images: torch.Tensor) -> np.ndarray:
    """(B, H, W, 3 or 4) float -> uint8, cut and not rounded, as ComfyUI writes it."""
    if not isinstance(images, torch.Tensor) or images.ndim != 4 or images.shape[-1] not in (3, 4) or 0 in images.shape:
        found = tuple(images.shape) if isinstance(images, torch.Tensor) else type(images).__name__
        raise InputError(f"An IMAGE is a tensor (B, H, W, 3 or 4), got {found}. Connect an IMAGE output.")
    if not torch.isfinite(images).all():
        raise InputError("An IMAGE to save must be finite, this one holds NaN or infinity. Look at what made it.")
    return np.clip(images.float().cpu().numpy() * 255.0, 0, 255).astype(np.uint8)


def _write(target: Path, picture: Image.Image, chunks: dict[str, Any]) -> None:
    info = PngImagePlugin.PngInfo()
    for name, value in chunks.items():
        if value is not None:
            info.add_text(name, json.dumps(value))
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    picture.save(partial, format="PNG", pnginfo=info, compress_level=4)
    os.replace(partial, target)
