"""ajbrock/BigGAN-PyTorch, `D.pth`: the discriminators of `BigGAN.py` and `BigGANdeep.py`.

No weight tells the size of the pictures, nor, in the deep kind, which stages shrink: the code has one layout for each
number of blocks or stages. Facts: `BigGAN.py`, `BigGANdeep.py`, `layers.py`; commit 98459431.
"""

from __future__ import annotations

from itertools import count, takewhile

from torch import Tensor

from ..errors import InputError
from ..networks.biggan_discriminator import BigGANDeepDiscriminatorConfig, BigGANDiscriminatorConfig
from .biggan import ATTENTION
from .contents import Contents
from .outline import Outline
from .resnet_generator import attention_state, convolution_state
from .torch_weights import TorchWeights

__all__ = ["DEEP_MARKS", "MARKS", "outline", "states"]

TITLE = "ajbrock's BigGAN discriminator"
MARKS = ("*linear.weight", "*embed.weight", "*blocks.0.0.conv_sc.weight", "*blocks.1.0.conv2.weight")
DEEP_MARKS = ("*linear.weight", "*embed.weight", "*input_conv.weight", "*blocks.0.0.conv4.weight")

INSIDE = {"conv1": "conv1", "conv2": "conv2", "conv3": "conv3", "conv4": "conv4", "side": "conv_sc"}
SIZES = {4: 32, 5: 64, 6: 128, 7: 256}
"""Number of blocks -> side of the pictures."""
DEEP_SIZES = {3: (32, 2), 4: (64, 4), 5: (128, 5), 6: (256, 6)}
"""Number of stages -> side of the pictures, how many stages shrink."""


def outline(contents: Contents) -> Outline:
    """What the file holds: a discriminator.

    Raises:
        CheckpointError: weights are missing, or shapes contradict one another.
    """
    weights = _weights(contents)
    deep = "input_conv.weight" in weights
    facts = {"provenance": f"ajbrock's BigGAN, {contents.path.name}"}
    try:
        config = _deep_config(weights) if deep else _config(weights)
    except InputError as error:
        raise weights.error(f"the shapes are impossible: {error}") from error
    return Outline("biggan-deep" if deep else "biggan", {"discriminator": config}, facts=facts)


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names, spectral norms divided out.

    Raises:
        CheckpointError: weights are missing or unknown.
    """
    weights = _weights(contents)
    modules, attention = _modules(weights)
    state = {"embed.weight": weights.folded("embed")}
    for ours, theirs in modules.items():
        state |= {f"{ours}.{leaf}": tensor for leaf, tensor in convolution_state(weights, theirs).items()}
    for ours, theirs in attention.items():
        read = attention_state(weights, theirs, ATTENTION)
        state |= {f"{ours}.{leaf}": tensor for leaf, tensor in read.items()}
    weights.finish()
    return {"discriminator": state}


def _modules(weights: TorchWeights) -> tuple[dict[str, str], dict[str, str]]:
    """Our names of the convolutions and of attention, and theirs."""
    modules, attention = {"linear": "linear"}, {}
    if "input_conv.weight" in weights:
        modules["blocks.0"] = "input_conv"
    places = [place for stage in _stages(weights) for place in _blocks(weights, stage)]
    for number, place in enumerate(places, start=len(modules) - 1):
        inside = {ours: f"{place}.{theirs}" for ours, theirs in INSIDE.items()}
        modules |= {f"blocks.{number}.{ours}": name for ours, name in inside.items() if f"{name}.weight" in weights}
        stage, _, index = place.rpartition(".")
        behind = f"{stage}.{int(index) + 1}"
        if f"{behind}.gamma" in weights:
            attention[f"blocks.{number}.attention"] = behind
    return modules, attention


def _weights(contents: Contents) -> TorchWeights:
    return TorchWeights(contents, "linear", TITLE)


def _stages(weights: TorchWeights) -> list[str]:
    """Places of the blocks, which in the deep kind are stages of several."""
    return list(takewhile(lambda place: f"{place}.0.conv1.weight" in weights, (f"blocks.{n}" for n in count())))


def _blocks(weights: TorchWeights, stage: str) -> list[str]:
    return list(takewhile(lambda place: f"{place}.conv1.weight" in weights, (f"{stage}.{n}" for n in count())))


def _config(weights: TorchWeights) -> BigGANDiscriminatorConfig:
    blocks = [f"{stage}.0" for stage in _stages(weights)]
    if len(blocks) not in SIZES:
        raise weights.error(f"a discriminator has 4 to 7 blocks, this one has {len(blocks)}")
    channels = tuple(weights.shape(f"{block}.conv2.weight", 4)[0] for block in blocks)
    hidden = tuple(weights.shape(f"{block}.conv1.weight", 4)[0] for block in blocks)
    # A block of one width has a convolution on its side path only where it shrinks, and the last ones are of one width.
    shrinking = sum(f"{block}.conv_sc.weight" in weights for block in blocks)
    attention = tuple(number for number in range(len(blocks)) if f"blocks.{number}.1.gamma" in weights)
    n_classes = weights.shape("embed.weight", 2)[0]
    return BigGANDiscriminatorConfig(channels, hidden, shrinking, attention, n_classes, SIZES[len(blocks)])


def _deep_config(weights: TorchWeights) -> BigGANDeepDiscriminatorConfig:
    stages = _stages(weights)
    if len(stages) not in DEEP_SIZES:
        raise weights.error(f"a deep discriminator has 3 to 6 stages, this one has {len(stages)}")
    depth = len(_blocks(weights, stages[0]))
    channels = tuple(weights.shape(f"{stage}.0.conv4.weight", 4)[0] for stage in stages)
    hidden = tuple(weights.shape(f"{stage}.0.conv1.weight", 4)[0] for stage in stages)
    resolution, shrinking = DEEP_SIZES[len(stages)]
    attention = tuple(number for number, stage in enumerate(stages) if f"{stage}.{depth}.gamma" in weights)
    n_classes, stem = weights.shape("embed.weight", 2)[0], weights.shape("input_conv.weight", 4)[0]
    return BigGANDeepDiscriminatorConfig(
        channels, hidden, shrinking, attention, n_classes, resolution, stem=stem, depth=depth
    )
