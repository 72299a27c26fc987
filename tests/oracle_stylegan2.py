"""A slow, obvious StyleGAN2 on the raw numbers of a snapshot (`toy_stylegan2.py`), in double precision.

One picture at a time. Convolutions go pixel by pixel; where several styles meet, each input pixel has a style of its
own, the mixture there, and each output pixel a demodulation of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import oracles
from toy_stylegan3 import Raw

__all__ = ["draw", "judged", "mapped", "numbers", "plainly"]

Told = list[tuple[list[np.ndarray], np.ndarray]]
"""For everything that is told a style, in order: K vectors w, and their maps (K, r, r)."""
Edit = Callable[[int, Any, Any], tuple[Any, Any]]


def numbers(raw: Raw) -> list[tuple[int, int]]:
    """(which of the L styles, size) of everything that is told one."""
    found, next_style = [], 0
    for name, block in raw["synthesis"].parts.items():
        told = [part for part in ("conv0", "conv1", "torgb") if part in block.parts]
        found += [(next_style + place, int(name[1:])) for place in range(len(told))]
        next_style += sum(part != "torgb" for part in told)
    return found


def plainly(raw: Raw, w: np.ndarray) -> Told:
    """One style (V,) everywhere, or one for each layer (L, V)."""
    ws = np.broadcast_to(w, (2 * len(raw["synthesis"].parts), w.shape[-1]))
    return [([ws[number]], np.ones((1, size, size))) for number, size in numbers(raw)]


def mapped(mapping: Raw, z: np.ndarray, label: int, psi: float = 1.0) -> np.ndarray:
    """The style (V,) of a latent under a class."""
    x = _unit(z.astype(float))
    if "embed" in mapping.parts:
        embed = mapping["embed"]
        x = np.concatenate([x, _unit(embed["weight"][:, label] * embed["weight_gain"] + embed["bias"])])
    w = _dense_layers(mapping, x)
    return mapping["w_avg"] + psi * (w - mapping["w_avg"])


def draw(
    raw: Raw, told: Told, edit: Edit = lambda index, x, picture: (x, picture), noise: bool = True
) -> list[tuple[np.ndarray, Any]]:
    """What every block gives after `edit`: features (C, r, r), and the picture so far (3, r, r) or None."""
    blocks, styles = raw["synthesis"].parts, iter(told)
    x, picture, states = None, None, []
    for index, block in enumerate(blocks.values()):
        beside = None
        if x is None:
            x = block["const"]
        else:
            if "skip" in block.parts:
                mixed = np.tensordot(block["skip"]["weight"][:, :, 0, 0] * block["skip"]["weight_gain"], x, 1)
                beside = _double(mixed, block["resample_filter"])
            x = _modulated(x, block["conv0"], *next(styles), True, noise)
        x = _modulated(x, block["conv1"], *next(styles), False, noise)
        x = x if beside is None else (x + beside) / np.sqrt(2)
        if "torgb" in block.parts:
            made = _picture(x, block["torgb"], *next(styles))
            picture = made if picture is None else made + _double(picture, block["resample_filter"])
        x, picture = edit(index, x, picture)
        states.append((x, picture))
    return states


def judged(raw: Raw, image: np.ndarray, label: int) -> tuple[np.ndarray, float]:
    """What a discriminator makes of one picture (3, R, R): the last block's map, and the logit."""
    blocks = [
        (name, raw[name]) for name in sorted(raw.parts, key=lambda name: -int(name[1:]) if name != "mapping" else 0)
    ]
    x = None
    for name, block in blocks:
        if name == "mapping":
            continue
        if "fromrgb" in block.parts:
            shown = _layer(image, block["fromrgb"], 0)
            x = shown if x is None else x + shown
        assert x is not None
        if name == "b4":
            break
        taps = block["conv1"]["resample_filter"]
        h = _layer(_filter(_layer(x, block["conv0"], 1), taps, 2), block["conv1"], 0)[:, ::2, ::2]
        if "skip" in block.parts:
            x = (h + _layer(_filter(x, taps, 1)[:, ::2, ::2], block["skip"], 0)) / np.sqrt(2)
        else:
            x = h
        image = _filter(image, taps, 1)[:, ::2, ::2]
    assert x is not None
    last, features = raw["b4"], x
    x = _layer(np.concatenate([x, np.full((1, 4, 4), 1e-4)]), last["conv"], 1)
    x = _dense(last["out"], _dense(last["fc"], x.reshape(-1)))
    if "mapping" not in raw.parts:
        return features, float(x[0])
    embed = raw["mapping"]["embed"]
    told = _unit(embed["weight"][:, label] * embed["weight_gain"] + embed["bias"])
    return features, float(x @ _dense_layers(raw["mapping"], told) / np.sqrt(len(x)))


def _modulated(x: np.ndarray, conv: Raw, ws: list[np.ndarray], maps: np.ndarray, up: bool, noise: bool) -> np.ndarray:
    weight, styles = conv["weight"], [_dense(conv["affine"], w) for w in ws]
    units = [style / np.sqrt(np.mean(style**2)) for style in styles]
    # The original adds 1e-8 to what a style of its own size gives.
    back = [
        1 / np.sqrt(((weight * u[:, None, None]) ** 2).sum((1, 2, 3)) + 1e-8 / np.mean(s**2))
        for u, s in zip(units, styles, strict=True)
    ]
    size = x.shape[1:]
    x = x * oracles.spread(np.stack(units)[None], np.stack([oracles.resize(m, size) for m in maps])[None])[0]
    y = _filter(_transposed(x, weight), conv["resample_filter"], 1) * 4 if up else _conv(x, weight, 1)
    y = y * oracles.spread(np.stack(back)[None], maps[None])[0]
    if noise and conv["use_noise"]:
        y = y + conv["noise_const"] * conv["noise_strength"]
    return np.clip(_slope(y + conv["bias"][:, None, None]) * np.sqrt(2), -conv["conv_clamp"], conv["conv_clamp"])


def _picture(x: np.ndarray, layer: Raw, ws: list[np.ndarray], maps: np.ndarray) -> np.ndarray:
    styles = np.stack([_dense(layer["affine"], w) * layer["weight_gain"] for w in ws])
    y = _conv(x * oracles.spread(styles[None], maps[None])[0], layer["weight"], 0) + layer["bias"][:, None, None]
    return np.clip(y, -layer["conv_clamp"], layer["conv_clamp"])


def _layer(x: np.ndarray, layer: Raw, padding: int) -> np.ndarray:
    """A Conv2dLayer at full size."""
    y = _conv(x, layer["weight"] * layer["weight_gain"], padding)
    if layer["activation"] == "linear":
        return y
    return np.clip(_slope(y + layer["bias"][:, None, None]) * np.sqrt(2), -layer["conv_clamp"], layer["conv_clamp"])


def _conv(x: np.ndarray, weight: np.ndarray, padding: int) -> np.ndarray:
    k = weight.shape[-1]
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    out = np.zeros((len(weight), x.shape[1] - k + 1, x.shape[2] - k + 1))
    for row, column in np.ndindex(*out.shape[1:]):
        out[:, row, column] = np.tensordot(weight, x[:, row : row + k, column : column + k], 3)
    return out


def _transposed(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Every pixel scatters its kernel, two pixels apart."""
    out = np.zeros((len(weight), 2 * x.shape[1] + 1, 2 * x.shape[2] + 1))
    for row, column in np.ndindex(*x.shape[1:]):
        out[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3] += np.tensordot(
            weight, x[:, row, column], ((1,), (0,))
        )
    return out


def _filter(x: np.ndarray, taps: np.ndarray, padding: int) -> np.ndarray:
    """Convolution proper of every channel: the filter acts mirrored."""
    return np.stack([_conv(one[None], taps[None, None, ::-1, ::-1], padding)[0] for one in x])


def _double(x: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Zeros between the pixels, two before and one after; then the filter, times four."""
    zeros = np.zeros((len(x), 2 * x.shape[1] + 3, 2 * x.shape[2] + 3))
    zeros[:, 2:-1:2, 2:-1:2] = x
    return _filter(zeros, taps, 0) * 4


def _dense_layers(mapping: Raw, x: np.ndarray) -> np.ndarray:
    for number in range(sum(name.startswith("fc") for name in mapping.parts)):
        x = _dense(mapping[f"fc{number}"], x)
    return x


def _dense(layer: Raw, x: np.ndarray) -> np.ndarray:
    y = layer["weight"] @ x * layer["weight_gain"] + layer["bias"] * layer["bias_gain"]
    return y if layer["activation"] == "linear" else _slope(y) * np.sqrt(2)


def _slope(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, 0.2 * x, x)


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt(np.mean(x**2) + 1e-8)
