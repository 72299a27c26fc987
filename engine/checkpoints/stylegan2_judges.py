"""StyleGAN2's discriminator in files that are flat lists of named weights: one that judges without classes.

A layout says where each weight lies (`FlatJudge.place`). Asked for are, of each block n (from 0, at the picture):

    from_picture                  weight (C, 3, 1, 1), bias (C,); of block 0, or of all down to the last map
    conv0, conv1                  weight (out, in, 3, 3), bias (out,)
    side                          weight (out, in, 1, 1), of a residual block
    last_conv, last_dense, out    weight, bias; n is the number of blocks
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ..errors import InputError
from ..networks.stylegan2_discriminator import StyleGAN2DiscriminatorConfig
from .flat_weights import FlatWeights, Place

__all__ = ["JUDGE", "FlatJudge", "judge_config", "judge_state"]

JUDGE = "StyleGAN2 discriminator"
GAIN = math.sqrt(2)
"""Follows every leaky ReLU, and is in what comes before."""
BOTH = ("weight", "bias")


@dataclass(frozen=True)
class FlatJudge(FlatWeights):
    """A discriminator in a file, as one implementation lays its weights out."""

    place: Callable[[str, int, str], Place]
    """Where a leaf of a module of a block lies: `place("conv0", 2, "bias")`."""
    taps: Callable[[], Tensor]
    """Gives the smoothing filter (T, T)."""
    clamp: float = 0.0


def judge_config(layout: FlatJudge) -> StyleGAN2DiscriminatorConfig:
    """What fixes the discriminator's shape, read off the lengths of biases.

    Raises:
        CheckpointError: weights that are missing or nobody knows, or shapes that contradict one another.
    """
    blocks = layout.count(lambda number: [layout.place("conv0", number, leaf).name for leaf in BOTH])
    biases = [layout.place("conv0", number, "bias").name for number in range(blocks)]
    biases.append(layout.place("last_conv", blocks, "bias").name)
    widths = tuple(math.prod(layout.shape(name)) for name in biases)
    held = math.prod(layout.shape(layout.place("last_conv", blocks, "weight").name))
    resnet, skip = (
        layout.place(*key).name in layout.values for key in (("side", 0, "weight"), ("from_picture", 1, "bias"))
    )
    try:
        config = StyleGAN2DiscriminatorConfig(
            channels=widths,
            architecture="resnet" if resnet else "skip" if skip else "orig",
            clamp=layout.clamp,
            taps=len(layout.taps()),
            n_classes=0,
            mapping_widths=(),
            deviations=held // max(9 * widths[-1], 1) - widths[-1],
        )
    except InputError as error:
        raise layout.error(f"the shapes are not those of a discriminator ({error})") from error
    layout.check_known({place.name for place in _places(layout, config).values()})
    return config


def judge_state(layout: FlatJudge, config: StyleGAN2DiscriminatorConfig) -> dict[str, Tensor]:
    """The discriminator's weights under canonical names.

    Raises:
        CheckpointError: weights that are missing, or damaged data.
    """
    state = {name: layout.read(place) for name, place in _places(layout, config).items()}
    state = {name: tensor.mul_(_factor(name, tensor)) for name, tensor in state.items()}
    return state | {f"blocks.{number}.taps": layout.taps() for number in range(len(config.channels) - 1)}


def _places(layout: FlatJudge, config: StyleGAN2DiscriminatorConfig) -> dict[str, Place]:
    blocks = len(config.channels) - 1
    shown = blocks + 1 if config.architecture == "skip" else 1
    wanted = [(f"from_picture.{number}", "from_picture", number, BOTH) for number in range(shown)]
    for number in range(blocks):
        wanted += [(f"blocks.{number}.{conv}", conv, number, BOTH) for conv in ("conv0", "conv1")]
        wanted += [(f"blocks.{number}.side", "side", number, ("weight",))] if config.architecture == "resnet" else []
    wanted += [(name, name, blocks, BOTH) for name in ("last_conv", "last_dense", "out")]
    return {f"{ours}.{leaf}": layout.place(module, n, leaf) for ours, module, n, leaves in wanted for leaf in leaves}


def _factor(name: str, tensor: Tensor) -> float:
    """Equalised learning rate, and the gain after the slope where one follows."""
    gain = 1.0 if name.startswith("out.") or ".side." in name else GAIN
    return gain / math.sqrt(max(math.prod(tensor.shape[1:]), 1)) if name.endswith(".weight") else gain
