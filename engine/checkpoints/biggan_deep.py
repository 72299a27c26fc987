"""ajbrock/BigGAN-PyTorch, `BigGANdeep.py`: `G_ema.pth` and `G.pth`.

Two blocks a stage, of which the second doubles the size: the code runs with no other depth. The repository, under the
MIT licence, says that it was never fully trained. Facts: `BigGANdeep.py`, commit 98459431.
"""

from __future__ import annotations

from torch import Tensor

from .biggan import EPS, ajbrock_names, eps_of
from .biggan_generator import Names, generator_state, staged_config
from .contents import Contents
from .outline import Outline
from .torch_weights import TorchWeights

__all__ = ["DEEP_INSIDE", "MARKS", "outline", "states"]

TITLE = "ajbrock's BigGAN-deep"
MARKS = ("*linear.weight", "*blocks.0.0.bn4.gain.weight", "*blocks.0.0.conv4.weight", "*output_layer.2.weight")
DEEP_INSIDE = {
    f"{ours}{number}": f"{theirs}{number}"
    for number in range(1, 5)
    for ours, theirs in (("norm", "bn"), ("conv", "conv"))
}


def outline(contents: Contents) -> Outline:
    """What the file holds: a generator.

    Raises:
        CheckpointError: weights are missing, or shapes contradict one another.
    """
    weights = _weights(contents)
    config = staged_config(weights, _names(weights), eps_of(contents), EPS)
    facts = {"provenance": f"ajbrock's BigGAN-deep, {contents.path.name}"}
    return Outline("biggan-deep", {"generator": config}, facts=facts)


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names, spectral norms divided out.

    Raises:
        CheckpointError: weights are missing or unknown.
    """
    weights = _weights(contents)
    return {"generator": generator_state(weights, _names(weights))}


def _weights(contents: Contents) -> TorchWeights:
    return TorchWeights(contents, "linear", TITLE)


def _names(weights: TorchWeights) -> Names:
    return ajbrock_names(weights, DEEP_INSIDE, "shared")
