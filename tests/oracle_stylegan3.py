"""A slow, obvious StyleGAN3 in float64: from a snapshot's raw modules (`toy_stylegan3.Raw`) to every map and picture.

One image at a time. Styles of several labels are mixed pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.signal
from toy_stylegan3 import Raw

__all__ = ["draw", "frame", "layers", "mapped"]

Told = tuple[Sequence[np.ndarray], np.ndarray]
"""Styles w of K labels (V,), and where each holds (K, S, S), on the canvas of the layer's input."""


def mapped(mapping: Raw, z: np.ndarray, label: int, psi: float = 1) -> np.ndarray:
    """z (D,) -> w (V,)."""
    x = _unit(z.astype(float))
    if "embed_proj" in mapping.parts:
        x = np.concatenate([x, _unit(_dense(mapping["embed_proj"], mapping["embed"]["weight"][label]))])
    elif "embed" in mapping.parts and mapping["embed"].kind != "Embedding":
        onehot = np.eye(mapping["embed"]["weight"].shape[1])[label]
        x = np.concatenate([x, _unit(_dense(mapping["embed"], onehot))])
    for number in range(2):
        x = _dense(mapping[f"fc{number}"], x)
    mean = mapping["w_avg"][label] if mapping["w_avg"].ndim == 2 else mapping["w_avg"]
    return mean + psi * (x - mean)


def layers(generator: Raw) -> list[Raw]:
    """The layers in their order."""
    synthesis = generator["synthesis"]
    return [synthesis[name] for name in synthesis["layer_names"]]


def draw(
    generator: Raw,
    first: np.ndarray,
    told: Sequence[Told],
    edit: Callable[[int, np.ndarray], np.ndarray] = lambda index, x: x,
) -> tuple[list[np.ndarray], np.ndarray]:
    """The input's w (V,) and what each layer is told -> every map (C, S, S) after `edit`, and the picture (3, R, R)."""
    maps = [edit(0, _waves(generator["synthesis"]["input"], first))]
    for number, (layer, (styles, weights)) in enumerate(zip(layers(generator), told, strict=True), start=1):
        maps.append(edit(number, _layer(layer, maps[-1], styles, weights)))
    return maps, maps[-1] * generator["synthesis"]["output_scale"]


def frame(weights: np.ndarray, margin: int) -> np.ndarray:
    """Maps (K, h, w) of the picture, continued over a margin."""
    return np.pad(weights, ((0, 0), (margin, margin), (margin, margin)), mode="edge")


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x**2).mean() + 1e-8)


def _dense(layer: Raw, x: np.ndarray) -> np.ndarray:
    out = layer["weight"] @ x * layer["weight_gain"] + layer["bias"] * layer["bias_gain"]
    return np.where(out > 0, out, 0.2 * out) * np.sqrt(2) if layer["activation"] == "lrelu" else out


def _waves(start: Raw, w: np.ndarray) -> np.ndarray:
    cosine, sine, right, down = _dense(start["affine"], w)
    length = np.hypot(cosine, sine)
    cosine, sine, right, down = (value / length for value in (cosine, sine, right, down))
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    move = np.array([[1, 0, -right], [0, 1, -down], [0, 0, 1]])
    size, rate, bandwidth = start["size"][0], start["sampling_rate"], start["bandwidth"]
    waves = np.zeros((len(start["freqs"]), size, size))
    for row, column in np.ndindex(size, size):
        point = np.array([(column + 0.5 - size / 2) / rate, (row + 0.5 - size / 2) / rate, 1])
        x, y, _ = turn @ move @ start["transform"] @ point
        waves[:, row, column] = np.sin(2 * np.pi * (start["freqs"] @ [x, y] + start["phases"]))
    speed = np.linalg.norm(start["freqs"] @ (turn @ move @ start["transform"])[:2, :2], axis=1)
    waves *= np.clip(1 - (speed - bandwidth) / (rate / 2 - bandwidth), 0, 1)[:, None, None]
    return np.einsum("oc,chw->ohw", start["weight"], waves) / np.sqrt(len(waves))


def _layer(layer: Raw, x: np.ndarray, ws: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    kernel, colours = layer["weight"], layer["is_torgb"]
    styles = [_dense(layer["affine"], w) for w in ws]
    if colours:
        styles = [style / np.sqrt(kernel[0].size) for style in styles]
    else:
        kernel = kernel / np.sqrt((kernel**2).mean((1, 2, 3), keepdims=True))
        styles = [style / np.sqrt((style**2).mean()) for style in styles]
    x = x * sum(style[:, None, None] * where for style, where in zip(styles, weights, strict=True))
    x = np.array([sum(scipy.signal.correlate2d(a, b, "full") for a, b in zip(x, one, strict=True)) for one in kernel])
    if not colours:
        scales = [1 / np.sqrt(((kernel * style[None, :, None, None]) ** 2).sum((1, 2, 3)) + 1e-8) for style in styles]
        wider = frame(weights, kernel.shape[-1] // 2)
        x = x * sum(scale[:, None, None] * where for scale, where in zip(scales, wider, strict=True))
    x = x / np.sqrt(layer["magnitude_ema"]) + layer["bias"][:, None, None]
    x = np.array([_raised(one, layer) for one in x])
    x = x if colours else np.where(x > 0, x, 0.2 * x) * np.sqrt(2)
    if layer["conv_clamp"] is not None:
        x = np.clip(x, -layer["conv_clamp"], layer["conv_clamp"])
    return np.array([_lowered(one, layer) for one in x])


def _raised(x: np.ndarray, layer: Raw) -> np.ndarray:
    factor, (left, right, top, bottom) = layer["up_factor"], layer["padding"]
    fine = np.zeros((len(x) * factor, len(x) * factor))
    fine[::factor, ::factor] = x
    fine = np.pad(fine, ((max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))))
    fine = fine[max(-top, 0) : len(fine) - max(-bottom, 0), max(-left, 0) : fine.shape[1] - max(-right, 0)]
    return _smooth(fine, layer["up_filter"]) * factor**2


def _lowered(x: np.ndarray, layer: Raw) -> np.ndarray:
    return _smooth(x, layer["down_filter"])[:: layer["down_factor"], :: layer["down_factor"]]


def _smooth(x: np.ndarray, taps: Any) -> np.ndarray:
    if taps is None:
        return x
    return scipy.signal.convolve2d(x, np.outer(taps, taps) if taps.ndim == 1 else taps, "valid")
