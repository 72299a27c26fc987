"""StyleGAN's arithmetic, slow and obvious: from the numbers as stored, in double precision, one picture at a time.

`official` is NVIDIA's code, `rosinality` that of the other formulation; no code is shared with the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import oracles
import torch
import torch.nn.functional as F
from torch import Tensor
from toy_stylegan import Raw

__all__ = ["draw", "mapped"]

Shares = Callable[[int], np.ndarray]
"""Size of a layer -> weights (K, r, r) of K styles."""
ROOT2 = math.sqrt(2)


def everywhere(size: int) -> np.ndarray:
    """One style at every pixel."""
    return np.ones((1, size, size))


def mapped(numbers: Raw, z: Tensor, label: int = 0, *, official: bool = True) -> np.ndarray:
    """z (D,) -> w (V,), not truncated."""
    x = z.double().numpy()
    if numbers.labels is not None:
        x = np.concatenate([x, numbers.labels[label].double().numpy()])
    x = x / math.sqrt((x**2).mean() + 1e-8)
    for weight, bias in numbers.dense:
        matrix, offset = weight.double().numpy(), bias.double().numpy()
        # rosinality's files hold a hundredth of the original's numbers, and nothing is multiplied by 0.01.
        x = (matrix @ x) * ROOT2 / math.sqrt(matrix.shape[1]) * 0.01 + offset * 0.01
        x = np.where(x > 0, x, 0.2 * x)
    return x


def draw(
    numbers: Raw,
    ws: Sequence[np.ndarray],
    shares: Shares = everywhere,
    *,
    official: bool = True,
    fused_from: int = 128,
    noise: Sequence[Tensor] | None = None,
    edit: Callable[[int, np.ndarray], np.ndarray] = lambda block, features: features,
) -> tuple[list[np.ndarray], np.ndarray]:
    """K styles ws, (V,) or (L, V) each, mixed by `shares` -> every block's features (C, h, w), picture (3, R, R)."""
    x = numbers.constant[0].double().numpy()
    features: list[np.ndarray] = []
    for number, layer in enumerate(numbers.layers):
        if number:
            x = _convolved(x, layer, number, official, fused_from)
        elif official:
            x = x + _column(layer["bias"])
        own = layer["noise"] if noise is None else noise[number]
        scale = 1.0 if official else ROOT2 / math.sqrt(len(layer["strength"]))
        x = x + scale * _column(layer["strength"]) * own[0].double().numpy()
        x = np.where(x > 0, x, 0.2 * x)
        told = [w if w.ndim == 1 else w[number] for w in ws]
        x = _styled(x, layer, told, shares(x.shape[-1]), official)
        if number % 2:
            x = edit(number // 2, x)
            features.append(x)
    weight, bias = (tensor.double().numpy() for tensor in numbers.pictures[len(features) - 1])
    gain = (1.0 if official else ROOT2) / math.sqrt(weight.shape[1])
    return features, np.einsum("oc,chw->ohw", weight[:, :, 0, 0] * gain, x) + bias[:, None, None]


def _column(vector: Tensor) -> np.ndarray:
    return vector.double().numpy()[:, None, None]


def _convolved(x: np.ndarray, layer: dict[str, Tensor], number: int, official: bool, fused_from: int) -> np.ndarray:
    """The convolution of a layer; every other one doubles the size before and blurs after."""
    weight = layer["weight"].double() * ROOT2 / math.sqrt(layer["weight"][0].numel())
    bias = layer["bias"].double()
    if number % 2:
        return F.conv2d(torch.from_numpy(x)[None], weight, bias, padding=1)[0].numpy()
    if 2 * x.shape[-1] >= fused_from:
        x = _handed_out(x, weight.numpy()) / (1 if official else 4)
    else:
        big = torch.from_numpy(x.repeat(2, axis=1).repeat(2, axis=2))
        x = F.conv2d(big[None], weight, padding=1)[0].numpy()
    before, after = (0, bias.numpy()[:, None, None]) if official else (bias.numpy()[:, None, None], 0)
    return _blurred(x + before) + after


def _handed_out(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Every pixel adds its kernel (out, in, 3, 3), and that moved by one down, right and both, at twice its place."""
    _, height, width = x.shape
    out = np.zeros((len(weight), 2 * height + 4, 2 * width + 4))
    for row, column in np.ndindex(height, width):
        added = np.einsum("oikl,i->okl", weight, x[:, row, column])
        for down, right in np.ndindex(2, 2):
            top, left = 2 * row + down, 2 * column + right
            out[:, top : top + 3, left : left + 3] += added
    return out[:, 1 : 2 * height + 1, 1 : 2 * width + 1]


def _blurred(x: np.ndarray) -> np.ndarray:
    """[1 2 1] / 4 along both axes, nothing beyond the border."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    rows = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
    return (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4


def _styled(
    x: np.ndarray, layer: dict[str, Tensor], ws: list[np.ndarray], shares: np.ndarray, official: bool
) -> np.ndarray:
    """Instance norm, then gamma and beta of the mixture at every pixel."""
    weight, bias = layer["style_weight"].double().numpy(), layer["style_bias"].double().numpy()
    gain = (1.0 if official else ROOT2) / math.sqrt(weight.shape[1])
    pairs = np.stack([gain * weight @ w + bias for w in ws])[None]  # (1, K, 2C)
    gamma, beta = np.split(oracles.spread(pairs, shares[None])[0], 2)
    centred = x - x.mean((1, 2), keepdims=True)
    normal = centred / np.sqrt((centred**2).mean((1, 2), keepdims=True) + (1e-8 if official else 1e-5))
    return normal * (gamma + (1 if official else 0)) + beta
