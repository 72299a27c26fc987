"""rosinality/style-based-gan-pytorch: `train_step-6.model`, `stylegan-256px-new.model`, `100000.model`.

Source: `model.py`. A dict whose `g_running` is the averaged generator, or that alone. It is not quite the original: the
factors below, one noise for both layers of a block, and a bias before the blur. Neither noise nor the mean style is
stored. A file holds nine blocks however few of them were trained. Those that were not still add no noise: its strengths
start as zeros, which no training leaves. Of the others the file's name may say that only the first ones count.
"""

from __future__ import annotations

import math
import re

from torch import Tensor

from ..errors import CheckpointError
from ..networks.stylegan import BOTTOM
from .contents import Contents
from .outline import Outline
from .stylegan_layout import Factors, Layout, Place, entry_of
from .stylegan_weights import StyleGANFile

__all__ = ["MARKS", "outline", "states"]

MARKS = ("*generator.progression.0.conv1.input", "*style.1.linear.weight_orig")

BLOCK = "generator.progression.{block}"
NAMES = {
    "dense.weight": "style.{dense}.linear.weight_orig",
    "dense.bias": "style.{dense}.linear.bias",
    "constant": "generator.progression.0.conv1.input",
    "weight": f"{BLOCK}.{{convolution}}.weight_orig",
    "bias": f"{BLOCK}.{{convolution}}.bias",
    "strength": f"{BLOCK}.noise{{half}}.weight_orig",
    "style.weight": f"{BLOCK}.adain{{half}}.style.linear.weight_orig",
    "style.bias": f"{BLOCK}.adain{{half}}.style.linear.bias",
    "picture.weight": "generator.to_rgb.{n}.conv.weight_orig",
    "picture.bias": "generator.to_rgb.{n}.conv.bias",
}
DEAD = r"generator\.(progression\.\d\.conv1\.[12]\.weight(_flip)?|to_rgb\.\d\.conv\.(weight_orig|bias))"
"""The blur, which is the same in all files, and pictures of coarser sizes."""
GAIN = math.sqrt(2)
STEP, SIZE = re.compile(r"step-(\d)"), re.compile(r"(\d{1,4})px")
"""What a file's name says of its size: how often 4 px were doubled, or the pixels."""


def outline(contents: Contents) -> Outline:
    """What the file holds; CheckpointError as `StyleGANFile`."""
    return _file(contents).outline()


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names; CheckpointError as `StyleGANFile`."""
    return _file(contents).states()


def _file(contents: Contents) -> StyleGANFile:
    entry = entry_of(contents, NAMES["constant"], "g_running.")

    def place(item: str, number: int) -> Place | None:
        if item not in NAMES or (item, number) == ("bias", 0):
            return None
        block, half = divmod(number, 2)
        fused = f"{BLOCK.format(block=block)}.conv1.0"
        is_fused = f"{entry}{fused}.weight" in contents.shapes
        if item == "weight" and not half and is_fused:
            return Place(f"{fused}.weight", (1, 0, 2, 3))
        convolution = "conv2.conv" if half else "conv1.0" if is_fused else "conv1.1.conv"
        name = NAMES[item].format(n=number, dense=2 * number + 1, block=block, half=half + 1, convolution=convolution)
        return Place(name)

    blocks = sum(f"{entry}generator.to_rgb.{block}.conv.bias" in contents.shapes for block in range(10))
    strengths = [f"{entry}{BLOCK.format(block=block)}.noise1.weight_orig" for block in range(blocks)]
    used, why = _used(contents, strengths)
    layout = Layout("rosinality", entry, place, DEAD, _factors(contents), blocks - used, None)
    return StyleGANFile(contents, layout, {"size": f"{BOTTOM << max(used - 1, 0)} px: {why}"})


def _used(contents: Contents, blocks: list[str]) -> tuple[int, str]:
    """How many blocks draw the picture, and what tells so; `blocks` are the names of their first strengths of noise.

    Raises:
        CheckpointError: nothing tells.
    """
    tensors = contents.tensors(contents.shapes.keys() & set(blocks))
    silent = {name for name, tensor in tensors.items() if tensor.numel() and not tensor.any()}
    # Where training came to none, nothing is told.
    trained = next((number for number, name in enumerate(blocks) if name in silent), 0) or len(blocks)
    named, all_trained = _blocks(contents.path.name), trained == len(blocks)
    if named is None and all_trained:
        raise CheckpointError(
            f"The picture's size must be in the name of a file of rosinality's StyleGAN in which all {len(blocks)} "
            f"blocks are trained, for some of them may be left from another training; got {contents.path.name}. Put "
            f'it there, such as "-{BOTTOM << len(blocks) - 1}px", or name the file as its training did '
            "(train_step-5.model)."
        )
    have = f"{trained} of {len(blocks)} blocks are trained"
    if named is not None and named <= trained:
        return named, f"by the file's name; {have}"
    return trained, have if named is None else f"{have}, and the file's name asks for {named}"


def _factors(contents: Contents) -> Factors:
    numbers = [int(found[1]) for name in contents.shapes if (found := FUSED.fullmatch(name))]
    return Factors(
        mapping=1.0,
        style=GAIN,
        noise=GAIN,
        added=0.0,
        fused_from=BOTTOM << min(numbers, default=99),
        fused=1 / 4,
        eps=1e-5,
        bias_before_blur=True,
        shared_noise=True,
    )


FUSED = re.compile(r".*generator\.progression\.(\d)\.conv1\.0\.weight")
"""Doubling by a transposed convolution: a weight of its own, without the hook of the others."""


def _blocks(name: str) -> int | None:
    """How many blocks a file of this name has trained; None where the name does not say."""
    if step := STEP.search(name):
        return int(step[1]) + 1
    if (size := SIZE.search(name)) and int(size[1]) >= BOTTOM:
        return (int(size[1]) // BOTTOM).bit_length()
    return None
