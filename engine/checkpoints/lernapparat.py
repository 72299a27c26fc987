"""lernapparat (PyTorch): `karras2019stylegan-ffhq-1024x1024.for_g_all.pt`, a flat dict.

Source: `style_gan/pytorch_style_gan.ipynb`. NVIDIA's weights; the code runs them with torch's eps of 1e-5 in the norms.
Neither noise nor the mean style is stored.
"""

from __future__ import annotations

from torch import Tensor

from ..networks.stylegan import BOTTOM
from .contents import Contents
from .outline import Outline
from .stylegan_layout import Factors, Layout, Place, entry_of
from .stylegan_weights import StyleGANFile

__all__ = ["MARKS", "outline", "states"]

MARKS = ("g_synthesis.blocks.4x4.const", "g_synthesis.blocks.4x4.epi1.style_mod.lin.weight")

BLOCK = "g_synthesis.blocks.{r}x{r}"
NAMES = {
    "dense.weight": "g_mapping.dense{n}.weight",
    "dense.bias": "g_mapping.dense{n}.bias",
    "constant": "g_synthesis.blocks.4x4.const",
    "weight": f"{BLOCK}.{{convolution}}.weight",
    "bias": f"{BLOCK}.{{convolution}}.bias",
    "strength": f"{BLOCK}.epi{{half}}.top_epi.noise.weight",
    "style.weight": f"{BLOCK}.epi{{half}}.style_mod.lin.weight",
    "style.bias": f"{BLOCK}.epi{{half}}.style_mod.lin.bias",
    "picture.weight": "g_synthesis.torgb.weight",
    "picture.bias": "g_synthesis.torgb.bias",
}
DEAD = r"g_synthesis\.blocks\.\d+x\d+\.conv0_up\.intermediate\.kernel"
"""The blur, which is the same in all files."""


def outline(contents: Contents) -> Outline:
    """What the file holds; CheckpointError as `StyleGANFile`."""
    return _file(contents).outline()


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names; CheckpointError as `StyleGANFile`."""
    return _file(contents).states()


def _file(contents: Contents) -> StyleGANFile:
    return StyleGANFile(
        contents, Layout("lernapparat", entry_of(contents, NAMES["constant"], ""), _place, DEAD, Factors(eps=1e-5))
    )


def _place(item: str, number: int) -> Place | None:
    block, half = divmod(number, 2)
    convolution = ("conv0_up", "conv1") if block else ("", "conv")
    fields = {"n": number, "r": BOTTOM << block, "half": half + 1, "convolution": convolution[half]}
    name = NAMES[item].format(**fields) if item in NAMES else None
    return None if name is None else Place(name.replace("..", "."))  # the constant's bias is its block's own
