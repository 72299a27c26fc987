"""genforce/interfacegan (PyTorch): `stylegan_ffhq.pth`, `stylegan_celebahq.pth` and their kin, a flat dict.

Source: `models/stylegan_generator_model.py`. Upsampling layers of 128 px and more keep TensorFlow's order of axes. The
mean style is not stored.
"""

from __future__ import annotations

from torch import Tensor

from ..networks.stylegan import BOTTOM
from .contents import Contents
from .outline import Outline
from .stylegan_layout import Factors, Layout, Place, entry_of
from .stylegan_weights import StyleGANFile

__all__ = ["MARKS", "outline", "states"]

MARKS = ("synthesis.layer0.first_layer", "synthesis.layer1.epilogue.style_mod.dense.linear.weight")

EPILOGUE = "synthesis.layer{0}.epilogue"
NAMES = {
    "dense.weight": "mapping.dense{0}.linear.weight",
    "dense.bias": "mapping.dense{0}.wscale.bias",
    "constant": "synthesis.layer0.first_layer",
    "weight": "synthesis.layer{0}.conv.weight",
    "bias": f"{EPILOGUE}.bias",
    "strength": f"{EPILOGUE}.apply_noise.weight",
    "noise": f"{EPILOGUE}.apply_noise.noise",
    "style.weight": f"{EPILOGUE}.style_mod.dense.linear.weight",
    "style.bias": f"{EPILOGUE}.style_mod.dense.wscale.bias",
    "picture.weight": "synthesis.output{0}.conv.weight",
    "picture.bias": "synthesis.output{0}.bias",
}
DEAD = r"synthesis\.(lod|output\d+\.(conv\.weight|bias)|layer\d+\.blur\.kernel)|truncation\..*"
"""Pictures of coarser levels, and the blur, which is the same in all files."""


def outline(contents: Contents) -> Outline:
    """What the file holds; CheckpointError as `StyleGANFile`."""
    return _file(contents).outline()


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names; CheckpointError as `StyleGANFile`."""
    return _file(contents).states()


def _file(contents: Contents) -> StyleGANFile:
    return StyleGANFile(contents, Layout("interfacegan", entry_of(contents, NAMES["constant"], ""), _place, DEAD))


def _place(item: str, number: int) -> Place | None:
    if item == "weight" and number % 2 == 0 and BOTTOM << number // 2 >= Factors.fused_from:
        return Place(f"synthesis.layer{number}.weight", (3, 2, 0, 1))
    return Place(NAMES[item].format(number)) if item in NAMES else None
