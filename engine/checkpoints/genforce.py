"""genforce/genforce (PyTorch): `stylegan_*.pth`, a dict whose `generator_smooth` is the averaged generator.

Source: `models/stylegan_generator.py`. Layer n works at 4 * 2^(n // 2) px.
"""

from __future__ import annotations

from torch import Tensor

from .contents import Contents
from .outline import Outline
from .stylegan_layout import Layout, Place, entry_of, left_out
from .stylegan_weights import StyleGANFile

__all__ = ["MARKS", "outline", "states"]

MARKS = ("*synthesis.layer0.const", "*synthesis.layer1.style.weight")

NAMES = {
    "dense.weight": "mapping.dense{0}.weight",
    "dense.bias": "mapping.dense{0}.bias",
    "label": "mapping.label_weight",
    "mean": "truncation.w_avg",
    "constant": "synthesis.layer0.const",
    "weight": "synthesis.layer{0}.weight",
    "bias": "synthesis.layer{0}.bias",
    "strength": "synthesis.layer{0}.apply_noise.weight",
    "noise": "synthesis.layer{0}.apply_noise.noise",
    "style.weight": "synthesis.layer{0}.style.weight",
    "style.bias": "synthesis.layer{0}.style.bias",
    "picture.weight": "synthesis.output{0}.weight",
    "picture.bias": "synthesis.output{0}.bias",
}
DEAD = r"synthesis\.(lod|output\d+\.(weight|bias)|layer\d+\.blur\.kernel)"
"""Pictures of coarser levels, and the blur, which is the same in all files."""


def outline(contents: Contents) -> Outline:
    """What the file holds; CheckpointError as `StyleGANFile`."""
    return _file(contents).outline()


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names; CheckpointError as `StyleGANFile`."""
    return _file(contents).states()


def _file(contents: Contents) -> StyleGANFile:
    entry = entry_of(contents, NAMES["constant"], "generator_smooth.")
    lod = f"{entry}synthesis.lod"
    untrained = left_out(contents.tensors({lod})[lod].item()) if contents.shapes.get(lod) == () else 0
    return StyleGANFile(contents, Layout("genforce", entry, _place, DEAD, untrained=untrained))


def _place(item: str, number: int) -> Place:
    return Place(NAMES[item].format(number))
