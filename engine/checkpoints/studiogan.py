"""PyTorch-StudioGAN's BigGAN generators, `model=G_ema-best-weights-step=N.pth`.

The backbones are `big_resnet`, `big_resnet_deep_legacy` and `big_resnet_deep_studiogan`. Which of them a file has is
told by its names: the deep ones have four convolutions a block, the last kind a fifth on the side path. Attention is an
entry of `blocks` of its own, so that later numbers shift. The parts used are under the MIT licence. Facts:
`src/models/big_resnet*.py`, `src/utils/ops.py`; commit 947b35e9.
"""

from __future__ import annotations

from torch import Tensor

from .biggan_deep import DEEP_INSIDE
from .biggan_generator import Names, generator_state, places, staged_config, wide_config
from .contents import Contents
from .outline import Outline
from .studiogan_resnet import ATTENTION
from .studiogan_resnet import INSIDE as WIDE_INSIDE
from .torch_weights import TorchWeights

__all__ = ["MARKS", "outline", "states"]

TITLE = "StudioGAN's BigGAN"
MARKS = (
    "*shared.weight",
    "*linear0.weight*",
    "*blocks.0.0.bn1.gain.weight*",
    "*blocks.0.0.conv2d2.weight*",
    "*conv2d5.weight*",
)
EPS = 1e-4
"""Of every norm (`ops.py`)."""
INSIDE = {ours: theirs.replace("conv", "conv2d") for ours, theirs in DEEP_INSIDE.items()}


def outline(contents: Contents) -> Outline:
    """What the file holds: a generator.

    Raises:
        CheckpointError: weights are missing, or shapes contradict one another.
    """
    weights = _weights(contents)
    names, facts = _names(weights), {"provenance": f"StudioGAN's {contents.path.name}"}
    if not _is_deep(weights):
        return Outline("biggan", {"generator": wide_config(weights, names, EPS, EPS)}, facts=facts)
    # Two blocks a stage: the only depth of the published settings.
    return Outline("biggan-deep", {"generator": staged_config(weights, names, EPS, EPS)}, facts=facts)


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names, spectral norms divided out.

    Raises:
        CheckpointError: weights are missing or unknown.
    """
    weights = _weights(contents)
    return {"generator": generator_state(weights, _names(weights))}


def _weights(contents: Contents) -> TorchWeights:
    return TorchWeights(contents, "linear0", TITLE)


def _is_deep(weights: TorchWeights) -> bool:
    return "blocks.0.0.conv2d4.weight" in weights


def _names(weights: TorchWeights) -> Names:
    inside = dict(WIDE_INSIDE)
    if _is_deep(weights):
        inside = INSIDE | ({"side": "conv2d0"} if "blocks.0.0.conv2d0.weight" in weights else {})
    blocks, attention = places(weights, "blocks.{}.0", "conv2d1", "sigma")
    return Names(
        first="linear0",
        shared="shared",
        blocks=blocks,
        inside=inside,
        gain="gain",
        shift="bias",
        attention=attention,
        attention_inside=ATTENTION,
        last_norm="bn4",
        last_norm_inside=("weight", "bias"),
        last_conv="conv2d5",
    )
