"""What the readers of StyleGAN2's layouts share: the run-time factors of the original, multiplied into its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

__all__ = ["scaled"]

GAIN = math.sqrt(2)
"""Follows every leaky ReLU. Positive factors go through one, so it is in what comes before."""


def scaled(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A synthesis network's weights as stored -> as `StyleGAN2Generator` has them, in place.

    Equalised learning rate (Karras et al. 2018, section 4.1) divides weights by the root of their fan-in when they are
    used. A 3x3 convolution's factors cancel in its demodulation and stay out.

    Args:
        state: canonical name -> tensor, its own copy.
    """
    return {name: tensor.mul_(_factor(name, tensor)) for name, tensor in state.items()}


def _factor(name: str, tensor: Tensor) -> float:
    if name.endswith((".affine.weight", ".to_picture.weight", ".side.weight")):
        return 1 / math.sqrt(tensor.shape[1])
    if name.endswith((".conv0.bias", ".conv1.bias", ".strength")):
        return GAIN
    return 1.0
