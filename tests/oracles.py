"""Slow, obvious versions of the arithmetic: loops over pixels in double precision, sharing no code with the engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
import torch
import torch.nn.functional as F
from torch import Tensor

Maps = list[tuple[list[int], np.ndarray]]
"""For each conditional norm: K class numbers and their weights (K, h, w)."""


def spread(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(N, K, C), (N, K, h, w) -> (N, C, h, w): the sum, pixel by pixel."""
    n, k, c = values.shape
    out = np.zeros((n, c, *weights.shape[2:]))
    for i, channel, y, x in np.ndindex(*out.shape):
        out[i, channel, y, x] = sum(values[i, j, channel] * weights[i, j, y, x] for j in range(k))
    return out


def paint(layers: Sequence[tuple[int, np.ndarray]], size: tuple[int, int]) -> dict[int, np.ndarray]:
    """What a paint program shows: at each pixel the label under the topmost paint, by share; -1 is the bare canvas."""
    shares = {label: np.zeros(size) for label in [-1, *(label for label, _ in layers)]}
    for y, x in np.ndindex(*size):
        visible = 1.0
        for label, mask in reversed(layers):  # looking down from the top, each coat hides what lies below
            shares[label][y, x] += visible * mask[y, x]
            visible *= 1 - mask[y, x]
        shares[-1][y, x] = visible
    return shares


def area_axis(values: np.ndarray, new: int) -> np.ndarray:
    """Box average of a row: every pixel is cut into `new` parts, every new pixel is the mean of `old` of them."""
    return np.repeat(values, new).reshape(new, len(values)).mean(1)


def linear_axis(values: np.ndarray, new: int) -> np.ndarray:
    """Linear interpolation between pixel centres; beyond the first and the last centre their value holds."""
    old = len(values)
    out = np.zeros(new)
    for i in range(new):
        place = (i + 0.5) * old / new - 0.5
        low = math.floor(place)
        part = place - low
        at = [values[min(max(j, 0), old - 1)] for j in (low, low + 1)]
        out[i] = at[0] * (1 - part) + at[1] * part
    return out


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W) -> size: each axis by area where it shrinks, linearly where it grows."""
    for axis, new in enumerate(size):
        rule = area_axis if new <= image.shape[axis] else linear_axis
        image = np.apply_along_axis(rule, axis, image, new)
    return image


def shift(features: np.ndarray, right: float, down: float) -> np.ndarray:
    """(C, h, w) moved by fractions of its size: each pixel looks up where it came from, never beyond the border."""
    _, h, w = features.shape
    out = np.zeros_like(features)
    for y, x in np.ndindex(h, w):
        from_y, from_x = min(max(y - down * h, 0), h - 1), min(max(x - right * w, 0), w - 1)
        y0, x0 = math.floor(from_y), math.floor(from_x)
        y1, x1 = min(y0 + 1, h - 1), min(x0 + 1, w - 1)
        part_y, part_x = from_y - y0, from_x - x0
        above = features[:, y0, x0] * (1 - part_x) + features[:, y0, x1] * part_x
        below = features[:, y1, x0] * (1 - part_x) + features[:, y1, x1] * part_x
        out[:, y, x] = above * (1 - part_y) + below * part_y
    return out


def blend(own: np.ndarray, other: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(C, h, w) each, weight (h, w): `own + weight (other - own)`, pixel by pixel."""
    out = own.copy()
    for y, x in np.ndindex(*weight.shape):
        out[:, y, x] = (1 - weight[y, x]) * own[:, y, x] + weight[y, x] * other[:, y, x]
    return out


def everywhere(generator: Any, label: int) -> Maps:
    """One class at every norm."""
    return [([label], np.ones((1, size, size))) for size in generator.norm_sizes]


def generate(
    generator: Any,
    z: Tensor,
    maps: Maps,
    edit: Callable[[int, np.ndarray], np.ndarray] = lambda index, features: features,
) -> tuple[list[np.ndarray], np.ndarray]:
    """One picture: z (D,) -> every feature map (C, h, w) after `edit`, and the picture (3, R, R), in float64."""
    g, norms = generator, iter(maps)
    bottom = g.config.bottom
    h = edit(
        0, _array(F.linear(z.double(), g.first.weight.double(), g.first.bias.double())).reshape(-1, bottom, bottom)
    )
    features = [h]
    for index, block in enumerate(g.layers, start=1):
        main = _twice(_relu(_norm(h, block.norm1, *next(norms))))
        main = _relu(_norm(_conv(main, block.conv1), block.norm2, *next(norms)))
        h = edit(index, _conv(main, block.conv2) + _conv(_twice(h), block.side))
        features.append(h)
    last = g.last_norm
    mean, var, gain, bias = (
        _array(t)[:, None, None] for t in (last.running_mean, last.running_var, last.weight, last.bias)
    )
    h = _relu((h - mean) / np.sqrt(var + 2e-5) * gain + bias)
    return features, np.tanh(_conv(h, g.last_conv))


def _norm(x: np.ndarray, norm: Any, labels: list[int], weights: np.ndarray) -> np.ndarray:
    """Paper eq. 2, pixel by pixel: gamma and beta of the mixture, on the normalised value."""
    gammas, betas, mean, var = (_array(t) for t in (norm.gammas, norm.betas, norm.mean, norm.var))
    out = np.zeros_like(x)
    for row, column in np.ndindex(*x.shape[1:]):
        share = weights[:, row, column]
        gamma = sum(share[k] * gammas[label] for k, label in enumerate(labels))
        beta = sum(share[k] * betas[label] for k, label in enumerate(labels))
        out[:, row, column] = gamma * (x[:, row, column] - mean) / np.sqrt(var + 2e-5) + beta
    return out


def _conv(x: np.ndarray, conv: Any) -> np.ndarray:
    weight, bias = conv.weight.double(), conv.bias.double()
    return _array(F.conv2d(torch.from_numpy(x)[None], weight, bias, padding=weight.shape[-1] // 2))[0]


def _twice(x: np.ndarray) -> np.ndarray:
    return x.repeat(2, axis=1).repeat(2, axis=2)


def _relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def poisson(target: np.ndarray, source: np.ndarray, domain: np.ndarray, mode: str = "normal") -> np.ndarray:
    """Perez et al. 2003, eq. 7, pixel by pixel and solved directly; planes (C,H,W), domain (H,W) of bool."""
    places = [(int(y), int(x)) for y, x in np.argwhere(domain)]
    number = {place: i for i, place in enumerate(places)}
    luminance = np.tensordot([0.299, 0.587, 0.114], source, 1) if len(source) == 3 else source[0]
    matrix = scipy.sparse.lil_array((len(places), len(places)))
    right = np.zeros((len(places), len(target)))
    for i, (y, x) in enumerate(places):
        for v, u in [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]:
            if not (0 <= v < domain.shape[0] and 0 <= u < domain.shape[1]):
                continue
            matrix[i, i] += 1
            guide = source[:, y, x] - source[:, v, u]
            if mode == "mixed":
                own = target[:, y, x] - target[:, v, u]
                guide = np.where(abs(own) > abs(guide), own, guide)
            elif mode == "monochrome":
                guide = luminance[y, x] - luminance[v, u]
            right[i] += guide
            if (v, u) in number:
                matrix[i, number[v, u]] -= 1
            else:
                right[i] += target[:, v, u]
    system = matrix.tocsc()
    if domain.all():  # one more equation for the free constant: the sum of the unknowns is the sum of the source
        ones = np.ones((len(places), 1))
        system = scipy.sparse.bmat([[matrix, ones], [ones.T, None]], format="csc")
        right = np.concatenate([right, source.sum((1, 2))[None]])
    solution = target.astype(float)
    if places:
        values = np.asarray(scipy.sparse.linalg.spsolve(system, right)).reshape(len(right), -1)
        for i, (y, x) in enumerate(places):
            solution[:, y, x] = values[i]
    return solution
