"""kwotsin/mimicry (PyTorch): `netG_N_steps.pth` and `netD_N_steps.pth` of SNGAN, cGAN-PD, SAGAN and their kin.

A file holds one network, under `model_state_dict`. Blocks are numbered from 2 in a generator and from 1 in a
discriminator; the last layers carry the next number. Source: `torch_mimicry/nets` and `torch_mimicry/modules`.

WGAN-GP's discriminator takes the mean over pixels where the others take the sum, which no name tells: its logits come
out as many times too large, its features are right.
"""

from __future__ import annotations

from itertools import count, takewhile

from torch import Tensor

from ..errors import InputError
from ..networks.resnet_discriminator import ResNetDiscriminatorConfig
from .contents import Contents
from .outline import Config, Outline
from .resnet_generator import ResNetNames, attention_state, convolution_state, generator_config, generator_state
from .torch_weights import TorchWeights

__all__ = ["MARKS", "outline", "states"]

TITLE = "mimicry (PyTorch)"
MARKS = ("*block2.c1.weight*", "*block2.c2.weight*")
EPS = 1e-5
INSIDE = {"conv1": "c1", "conv2": "c2", "side": "c_sc", "norm1": "b1", "norm2": "b2"}
ATTENTION = {name: name for name in ("theta", "phi", "g", "o", "gamma")}
ATTENDED = {3: 2, 5: 3}
"""Blocks in a generator -> the one before its attention, at 32 px and 128 px. In a discriminator it is block 2."""
DISCRIMINATORS = {
    # number of blocks and of the last layer: how many blocks shrink, size of the picture
    (4, 5): (2, 32),
    (5, 5): (4, 48),
    (5, 6): (5, 64),
    (6, 7): (5, 128),
}
ROTATION = r"l_y\.(weight|bias|weight_(orig|u|v)|sn_(u|sigma))"
"""SSGAN's second output tells by how much a picture was turned; it is no class table, having an offset."""


def outline(contents: Contents) -> Outline:
    """What the file holds: a generator or a discriminator.

    Raises:
        CheckpointError: weights are missing, or shapes contradict one another.
    """
    weights = _weights(contents)
    part = _part(weights)
    config = _generator_config(weights) if part == "generator" else _discriminator_config(weights)
    return Outline("resnet", {part: config}, facts={"provenance": f"mimicry's {contents.path.name}"})


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names, spectral norms divided out.

    Raises:
        CheckpointError: weights are missing or unknown.
    """
    weights = _weights(contents)
    if _part(weights) == "generator":
        state = generator_state(weights, _names(weights), _norm)
        weights.finish()
        return {"generator": state}
    state = _discriminator_state(weights, _discriminator_config(weights))
    weights.finish(ROTATION if "l_y.bias" in weights else r"(?!)")
    return {"discriminator": state}


def _weights(contents: Contents) -> TorchWeights:
    return TorchWeights(contents, "block2.c1", TITLE)


def _part(weights: TorchWeights) -> str:
    return "discriminator" if "block1.c1.weight" in weights else "generator"


def _blocks(weights: TorchWeights, first: int) -> list[str]:
    """Names of the blocks, from number `first` on."""
    names = (f"block{number}" for number in count(first))
    return list(takewhile(lambda name: f"{name}.c1.weight" in weights, names))


def _names(weights: TorchWeights) -> ResNetNames:
    blocks = _blocks(weights, 2)
    last = len(blocks) + 2
    attention = {}
    if "attn_block.gamma" in weights:
        if len(blocks) not in ATTENDED:
            raise weights.error(f"a generator with attention has 3 or 5 blocks, this one has {len(blocks)}")
        attention = {ATTENDED[len(blocks)]: "attn_block"}
    return ResNetNames("l1", blocks, INSIDE, attention, ATTENTION, f"b{last}", f"c{last}")


def _generator_config(weights: TorchWeights) -> Config:
    table = "block2.b1.embed.weight"
    n_classes = weights.shape(table, 2)[0] if table in weights else 1
    return generator_config(weights, _names(weights), n_classes, EPS, "bilinear")


def _norm(weights: TorchWeights, module: str) -> dict[str, Tensor]:
    """A class table [classes, 2C], gains first, over a plain norm; or a norm of one gain: a table of one row."""
    if f"{module}.embed.weight" in weights:
        weights.shape(f"{module}.embed.weight", 2)
        gammas, betas = weights.take(f"{module}.embed.weight").chunk(2, dim=1)
        inner = f"{module}.bn"
    else:
        gammas, betas = (weights.take(f"{module}.{name}")[None] for name in ("weight", "bias"))
        inner = module
    mean, var = (weights.take(f"{inner}.running_{name}") for name in ("mean", "var"))
    return {"gammas": gammas.contiguous(), "betas": betas.contiguous(), "mean": mean, "var": var}


def _last(weights: TorchWeights, blocks: int) -> int:
    """Number of a discriminator's last layer: one more than its blocks, but at 48 px."""
    return blocks if f"l{blocks}.weight" in weights else blocks + 1


def _discriminator_config(weights: TorchWeights) -> Config:
    blocks = _blocks(weights, 1)
    shape = (len(blocks), _last(weights, len(blocks)))
    if shape not in DISCRIMINATORS:
        raise weights.error(f"a discriminator has 4 to 6 blocks, this one has {len(blocks)}")
    shrinking, resolution = DISCRIMINATORS[shape]
    channels = tuple(weights.shape(f"{block}.c2.weight", 4)[0] for block in blocks)
    knows = "l_y.weight" in weights and "l_y.bias" not in weights
    n_classes = weights.shape("l_y.weight", 2)[0] if knows else 0
    attention = (2,) if "attn_block.gamma" in weights else ()
    try:
        return ResNetDiscriminatorConfig(channels, shrinking, n_classes, resolution, attention)
    except InputError as error:
        raise weights.error(f"the shapes are impossible: {error}") from error


def _discriminator_state(weights: TorchWeights, config: ResNetDiscriminatorConfig) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    blocks = len(config.channels)
    modules = {"linear": f"l{_last(weights, blocks)}"}
    for number in range(1, blocks + 1):
        inside = ("conv1", "conv2", "side") if config.has_side(number) else ("conv1", "conv2")
        modules |= {f"blocks.{number - 1}.{ours}": f"block{number}.{INSIDE[ours]}" for ours in inside}
    for ours, theirs in modules.items():
        state |= {f"{ours}.{leaf}": tensor for leaf, tensor in convolution_state(weights, theirs).items()}
    for number in config.attention:
        attention = attention_state(weights, "attn_block", ATTENTION)
        state |= {f"blocks.{number - 1}.attention.{leaf}": tensor for leaf, tensor in attention.items()}
    return state | ({"embed.weight": weights.folded("l_y")} if config.n_classes else {})
