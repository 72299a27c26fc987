"""PyTorch-StudioGAN's `resnet` generator (SNGAN, SAGAN and their kin): `model=G_ema-best-weights-step=N.pth`.

A file holds the network under `state_dict`. Attention is an entry of `blocks` of its own, so that later numbers shift.
Its yaml file, which nobody passes on with the weights, could name another activation than ReLU; none of the published
ones does. Source: `src/models/resnet.py` and `src/utils/ops.py`.
"""

from __future__ import annotations

from torch import Tensor

from .contents import Contents
from .outline import Outline
from .resnet_generator import ResNetNames, generator_config, generator_state
from .torch_weights import TorchWeights

__all__ = ["MARKS", "outline", "states"]

TITLE = "StudioGAN's resnet generator"
MARKS = ("*linear0.weight*", "*blocks.0.0.bn1.*", "*blocks.0.0.conv2d2.weight*", "*bn4.weight", "*conv2d5.weight*")
EPS = 1e-4
INSIDE = {"conv1": "conv2d1", "conv2": "conv2d2", "side": "conv2d0", "norm1": "bn1", "norm2": "bn2"}
ATTENTION = {"theta": "conv1x1_theta", "phi": "conv1x1_phi", "g": "conv1x1_g", "o": "conv1x1_attn", "gamma": "sigma"}


def outline(contents: Contents) -> Outline:
    """What the file holds: a generator.

    Raises:
        CheckpointError: weights are missing, or shapes contradict one another.
    """
    weights = TorchWeights(contents, "linear0", TITLE)
    table = "blocks.0.0.bn1.gain.weight"
    n_classes = weights.shape(table, 2)[1] if table in weights else 1
    config = generator_config(weights, _names(weights), n_classes, EPS, "nearest")
    return Outline("resnet", {"generator": config}, facts={"provenance": f"StudioGAN's {contents.path.name}"})


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names, spectral norms divided out.

    Raises:
        CheckpointError: weights are missing or unknown.
    """
    weights = TorchWeights(contents, "linear0", TITLE)
    state = generator_state(weights, _names(weights), _norm)
    weights.finish()
    return {"generator": state}


def _names(weights: TorchWeights) -> ResNetNames:
    blocks: list[str] = []
    attention: dict[int, str] = {}
    number = 0
    while True:
        place = f"blocks.{number}.0"
        if f"{place}.conv2d1.weight" in weights:
            blocks.append(place)
        elif f"{place}.sigma" in weights:
            attention[len(blocks)] = place
        else:
            return ResNetNames("linear0", blocks, INSIDE, attention, ATTENTION, "bn4", "conv2d5")
        number += 1


def _norm(weights: TorchWeights, module: str) -> dict[str, Tensor]:
    """Matrices [C, classes] that a one-hot class picks a column of, the gain less one; or a norm of one gain."""
    if f"{module}.gain.weight" in weights:
        for name in ("gain", "bias"):
            weights.shape(f"{module}.{name}.weight", 2)
        gammas, betas = (weights.folded(f"{module}.{name}").T.contiguous() for name in ("gain", "bias"))
        gammas, inner = gammas.add_(1), f"{module}.bn"
    else:
        gammas, betas = (weights.take(f"{module}.{name}")[None] for name in ("weight", "bias"))
        inner = module
    mean, var = (weights.take(f"{inner}.running_{name}") for name in ("mean", "var"))
    return {"gammas": gammas, "betas": betas, "mean": mean, "var": var}
