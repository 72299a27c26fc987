"""Inception v3's weights of 2015 as pytorch-fid and torch-fidelity publish them, in one and the same file:
`pt_inception-2015-12-05-6726825d.pth`, `weights-inception-2015-12-05-6726825d.pth`. Nothing in it is run."""

from __future__ import annotations

import os

from torch import Tensor

from ..errors import CheckpointError
from ..networks.inception import Convolution, InceptionV3
from .contents import open_contents, some

__all__ = ["read_inception"]

STEM = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
SIZES = "1x1 5x5_1 5x5_2 3x3dbl_1 3x3dbl_2 3x3dbl_3 _pool"
LINES = "1x1 7x7_1 7x7_2 7x7_3 7x7dbl_1 7x7dbl_2 7x7dbl_3 7x7dbl_4 7x7dbl_5 _pool"
FORKS = "1x1 3x3_1 3x3_2a 3x3_2b 3x3dbl_1 3x3dbl_2 3x3dbl_3a 3x3dbl_3b _pool"
MIXED = {
    **dict.fromkeys(("5b", "5c", "5d"), SIZES),
    "6a": "3x3 3x3dbl_1 3x3dbl_2 3x3dbl_3",
    **dict.fromkeys(("6b", "6c", "6d", "6e"), LINES),
    "7a": "3x3_1 3x3_2 7x7x3_1 7x7x3_2 7x7x3_3 7x7x3_4",
    **dict.fromkeys(("7b", "7c"), FORKS),
}
"""Blocks, and the branches' convolutions in each, in the network's order."""
NORM = ("weight", "bias", "running_mean", "running_var")
DEAD = ("fc.weight", "fc.bias")
"""The classifier behind the features; distances have no use for it."""


def read_inception(path: str | os.PathLike[str]) -> InceptionV3:
    """The network with the weights in a file.

    Raises:
        CheckpointError: not there, damaged, or other weights (torchvision's Inception v3 is another network).
    """
    contents, network = open_contents(path), InceptionV3()
    names, wanted = _names(network), network.state_dict()
    counted = {name for name in contents.shapes if name.endswith(".num_batches_tracked")}
    found = contents.shapes.keys() - counted
    wrong = (names.keys() | set(DEAD)) ^ found
    wrong |= {name for name, ours in names.items() if contents.shapes.get(name) != tuple(wanted[ours].shape)}
    if wrong:
        raise CheckpointError(
            "Inception v3 of 2015 is needed as pytorch-fid and torch-fidelity publish it "
            f"(pt_inception-2015-12-05-6726825d.pth); in {contents.path.name} these are missing, too many or of "
            f"another shape: {some(wrong)}. Give the path of that file."
        )
    weights = {names[name]: tensor for name, tensor in contents.tensors(set(names)).items()}
    if bad := {name for name, tensor in weights.items() if not tensor.isfinite().all()}:
        raise CheckpointError(f"Weights must be finite; in {contents.path.name} these are not: {some(bad)}.")
    network.load_state_dict({**_counts(wanted), **weights})
    return network


def _counts(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """How many batches each norm has seen, which older files lack and nothing here asks for."""
    return {name: value for name, value in state.items() if name.endswith(".num_batches_tracked")}


def _names(network: InceptionV3) -> dict[str, str]:
    """Name in the file -> canonical name. Both list their convolutions in the same order."""
    ours = [name for name, module in network.named_modules() if isinstance(module, Convolution)]
    theirs = [*STEM, *(f"Mixed_{block}.branch{end}" for block, ends in MIXED.items() for end in ends.split())]
    names = {}
    for there, here in zip(theirs, ours, strict=True):
        names[f"{there}.conv.weight"] = f"{here}.conv.weight"
        names |= {f"{there}.bn.{end}": f"{here}.norm.{end}" for end in NORM}
    return names
