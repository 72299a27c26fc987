"""ajbrock/BigGAN-PyTorch, `BigGAN.py`: `G_ema.pth` and `G.pth`, and TF-Hub's weights as its converter writes them.

A file is one network's state. Settings of the code change names: norms may be of three makes (`stored_mean`,
`bn.stored_mean` with a counter, `bn.running_mean`), and without a shared embedding each norm has class tables.

The last make is its cross-replica norm, which in evaluation adds the gain where in training it multiplies by it
(`sync_batchnorm/batchnorm.py`, first lines of `forward`). We multiply: so the weights were trained, and so all other
makes draw.

The repository is under the MIT licence. Facts: `BigGAN.py`, `layers.py`, `TFHub/converter.py`; commit 98459431.
"""

from __future__ import annotations

from torch import Tensor

from .biggan_generator import Names, generator_state, places, wide_config
from .contents import Contents
from .outline import Outline
from .torch_weights import TorchWeights

__all__ = ["ATTENTION", "MARKS", "ajbrock_names", "eps_of", "outline", "states"]

TITLE = "ajbrock's BigGAN"
MARKS = ("*linear.weight", "*blocks.0.0.bn1.gain.weight", "*blocks.0.0.conv_sc.weight", "*output_layer.2.weight")
INSIDE = {"norm1": "bn1", "conv1": "conv1", "norm2": "bn2", "conv2": "conv2", "side": "conv_sc"}
ATTENTION = {name: name for name in ("theta", "phi", "g", "o", "gamma")}

EPS, CONVERTED_EPS = 1e-5, 1e-4
"""`BN_eps` of the training scripts, and of the settings for TF-Hub's weights. The last norm has the first in both."""


def outline(contents: Contents) -> Outline:
    """What the file holds: a generator.

    Raises:
        CheckpointError: weights are missing, or shapes contradict one another.
    """
    weights = _weights(contents)
    config = wide_config(weights, _names(weights), eps_of(contents), EPS)
    return Outline("biggan", {"generator": config}, facts={"provenance": f"ajbrock's BigGAN, {contents.path.name}"})


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names, spectral norms divided out.

    Raises:
        CheckpointError: weights are missing or unknown.
    """
    weights = _weights(contents)
    return {"generator": generator_state(weights, _names(weights))}


def eps_of(contents: Contents) -> float:
    """What the conditional norms add to a variance, told by who wrote the file: the converter writes no `sv0`."""
    written = {name.rpartition(".")[2] for name in contents.shapes}
    return CONVERTED_EPS if "u0" in written and "sv0" not in written else EPS


def ajbrock_names(weights: TorchWeights, inside: dict[str, str], shared: str) -> Names:
    """What the code calls the modules of either of its generators; each block is a list, attention its number 1."""
    blocks, _ = places(weights, "blocks.{}.0", "conv2", "gamma")
    attended = [number for number in range(len(blocks)) if f"blocks.{number}.1.gamma" in weights]
    return Names(
        first="linear",
        shared=shared,
        blocks=blocks,
        inside=inside,
        gain="gain",
        shift="bias",
        attention={number: f"blocks.{number}.1" for number in attended},
        attention_inside=ATTENTION,
        last_norm="output_layer.0",
        last_norm_inside=("gain", "bias"),
        last_conv="output_layer.2",
    )


def _weights(contents: Contents) -> TorchWeights:
    return TorchWeights(contents, "linear", TITLE)


def _names(weights: TorchWeights) -> Names:
    return ajbrock_names(weights, INSIDE, "shared" if "shared.weight" in weights else "")
