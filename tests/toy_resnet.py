"""Tiny weights files in the layouts of mimicry and of StudioGAN's resnet, and a slow, obvious reading of them.

`mimicry()` and `studiogan()` give what such a file holds, `mimicry_discriminator()` its counterpart. `draw()` and
`judge()` compute in float64, pixel by pixel where classes mix, from the names in the file alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["CLASSES", "DIM_Z", "Raw", "draw", "judge", "mimicry", "mimicry_discriminator", "save", "studiogan"]

Raw = dict[str, Tensor]
CLASSES, DIM_Z, WIDTHS = 3, 6, (16, 16, 16, 16)


def mimicry(*, conditional: bool = True, attention: bool = False) -> Raw:
    """A generator of three blocks (32 px) in mimicry's names; attention comes with spectral norm, as in its SAGAN."""
    raw = _Maker("l1", spectral=attention)
    for number, (width_in, width_out) in enumerate(pairwise(WIDTHS), start=2):
        block = f"block{number}"
        for name, width in (("b1", width_in), ("b2", width_out)):
            if conditional:
                raw.statistics(f"{block}.{name}.bn", width)
                raw.put(f"{block}.{name}.embed.weight", CLASSES, 2 * width)
            else:
                raw.norm(f"{block}.{name}", width)
        raw.block(block, ("c1", "c2", "c_sc"), width_in, width_out)
    if attention:
        raw.attention("attn_block", ("theta", "phi", "g", "o"))
        raw.tensors["attn_block.gamma"] = torch.tensor(0.7)
    raw.norm("b5", WIDTHS[-1], 0.1)
    raw.matrix("c5", 3, WIDTHS[-1], 3, 3)
    return raw.tensors


def studiogan(*, conditional: bool = True, attention: bool = True) -> Raw:
    """A generator of three blocks (32 px) in StudioGAN's names, attention behind the second."""
    raw = _Maker("linear0", spectral=attention)
    places = (0, 1, 3) if attention else (0, 1, 2)
    for number, width_in, width_out in zip(places, WIDTHS[:-1], WIDTHS[1:], strict=True):
        block = f"blocks.{number}.0"
        for name, width in (("bn1", width_in), ("bn2", width_out)):
            if conditional:
                raw.statistics(f"{block}.{name}.bn", width)
                for end in ("gain", "bias"):
                    raw.matrix(f"{block}.{name}.{end}", width, CLASSES, bias=False)
            else:
                raw.norm(f"{block}.{name}", width)
        raw.block(block, ("conv2d1", "conv2d2", "conv2d0"), width_in, width_out)
    if attention:
        raw.attention("blocks.2.0", ("conv1x1_theta", "conv1x1_phi", "conv1x1_g", "conv1x1_attn"))
        raw.tensors["blocks.2.0.sigma"] = torch.tensor([0.7])
    raw.norm("bn4", WIDTHS[-1], 0.1)
    raw.matrix("conv2d5", 3, WIDTHS[-1], 3, 3)
    return raw.tensors


def mimicry_discriminator(blocks: int, last: int, shrinking: int, *, classes: int, attention: bool = False) -> Raw:
    """A discriminator in mimicry's names, its last layer l<last>; spectral norm by torch's hook.

    A block that neither shrinks nor widens has no convolution at its side. At 48 px the last block widens.
    """
    widens = shrinking < blocks == last
    widths = (3, *(16,) * (blocks - 1), 24 if widens else 16)
    raw = _Maker(f"l{last}", spectral=True, shape=(1, widths[-1]))
    for number, (width_in, width_out) in enumerate(pairwise(widths), start=1):
        side = "c_sc" if number <= shrinking or width_in != width_out else ""
        raw.block(f"block{number}", ("c1", "c2", side), width_in, width_out, hidden=16)
    if attention:
        raw.attention("attn_block", ("theta", "phi", "g", "o"))
        raw.tensors["attn_block.gamma"] = torch.tensor(0.7)
    if classes:
        raw.matrix("l_y", classes, widths[-1], bias=False)
    return raw.tensors


def save(raw: Raw, path: Path, *, parallel: bool = False) -> Path:
    """Write a training checkpoint as mimicry or StudioGAN does; `parallel` as DataParallel names it."""
    entry = "model_state_dict" if any(name.startswith("block2") for name in raw) else "state_dict"
    named = {("module." if parallel else "") + name: tensor for name, tensor in raw.items()}
    torch.save({entry: named, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": []}}, path)
    return path


class _Maker:
    """Random tensors by name, always the same."""

    def __init__(self, first: str, *, spectral: bool, shape: tuple[int, int] = (WIDTHS[0] * 16, DIM_Z)) -> None:
        self.random, self.spectral = torch.Generator().manual_seed(5), spectral
        self.tensors: Raw = {}
        self.matrix(first, *shape)

    def put(self, name: str, *shape: int) -> None:
        self.tensors[name] = torch.randn(shape, generator=self.random)

    def matrix(self, name: str, *shape: int, bias: bool = True) -> None:
        """A convolution or linear layer; under spectral norm with u and v that are no singular vectors."""
        rest = int(np.prod(shape[1:]))
        if self.spectral:
            for end, size in (("_orig", shape), ("_u", shape[:1]), ("_v", (rest,))):
                self.put(f"{name}.weight{end}", *size)
            self.tensors[f"{name}.weight_u"] = self.tensors[f"{name}.weight_orig"].flatten(1)[:, 0].clone()
            self.tensors[f"{name}.weight_v"][0] = 5.0
        else:
            self.put(f"{name}.weight", *shape)
            self.tensors[f"{name}.weight"] /= rest**0.5
        if bias:
            self.put(f"{name}.bias", shape[0])

    def block(
        self, block: str, names: tuple[str, str, str], width_in: int, width_out: int, hidden: int | None = None
    ) -> None:
        hidden = hidden or width_out
        self.matrix(f"{block}.{names[0]}", hidden, width_in, 3, 3)
        self.matrix(f"{block}.{names[1]}", width_out, hidden, 3, 3)
        if names[2]:
            self.matrix(f"{block}.{names[2]}", width_out, width_in, 1, 1)

    def attention(self, name: str, parts: Sequence[str]) -> None:
        width = WIDTHS[1]
        for part, rows, columns in zip(
            parts, (width // 8, width // 8, width // 2, width), (width, width, width, width // 2), strict=True
        ):
            self.matrix(f"{name}.{part}", rows, columns, 1, 1, bias=False)

    def statistics(self, name: str, width: int) -> None:
        self.put(f"{name}.running_mean", width)
        self.tensors[f"{name}.running_var"] = torch.rand(width, generator=self.random) + 0.02
        self.tensors[f"{name}.num_batches_tracked"] = torch.tensor(7)

    def norm(self, name: str, width: int, scale: float = 1.0) -> None:
        """A plain batch norm; the last one of small gain, or tanh would hide what came before."""
        self.put(f"{name}.weight", width)
        self.tensors[f"{name}.weight"] *= scale
        self.put(f"{name}.bias", width)
        self.statistics(name, width)


def draw(
    raw: Raw,
    z: Tensor,
    labels: Sequence[int],
    weights: Callable[[int], np.ndarray],
    edit: Callable[[int, Tensor], Tensor] = lambda index, features: features,
) -> tuple[list[Tensor], Tensor]:
    """One picture: z (D,), K labels, weights (K, h, h) at size h -> all feature maps after `edit`, the picture."""
    raw = {name: tensor.double() for name, tensor in raw.items()}
    ours = "l1.bias" in raw
    blocks = sorted({name.partition(".c")[0] for name in raw if ".c1." in name or ".conv2d1." in name})
    c1, c2, side, b1, b2 = ("c1", "c2", "c_sc", "b1", "b2") if ours else ("conv2d1", "conv2d2", "conv2d0", "bn1", "bn2")
    eps = 1e-5 if ours else 1e-4
    h = edit(0, _linear(raw, "l1" if ours else "linear0", z.double()).reshape(1, -1, 4, 4))
    found = [h]
    for number, block in enumerate(blocks, start=1):
        main = _twice(_norm(raw, f"{block}.{b1}", h, labels, weights, eps).relu(), ours)
        main = _norm(raw, f"{block}.{b2}", _conv(raw, f"{block}.{c1}", main), labels, weights, eps)
        h = _conv(raw, f"{block}.{c2}", main.relu()) + _conv(raw, f"{block}.{side}", _twice(h, ours))
        if number == 2 and ("attn_block.gamma" in raw or "blocks.2.0.sigma" in raw):
            h = _attend(raw, h, ours)
        h = edit(number, h)
        found.append(h)
    last, conv = ("b5", "c5") if ours else ("bn4", "conv2d5")
    return found, torch.tanh(_conv(raw, conv, _norm(raw, last, h, labels, weights, eps).relu()))


def judge(raw: Raw, image: Tensor, label: int, shrinking: int) -> tuple[Tensor, Tensor]:
    """One picture (3, R, R) -> the last map after its ReLU, and the logit. ReLUs work in place, as mimicry's do."""
    raw = {name: tensor.double() for name, tensor in raw.items()}
    x, blocks = image.double()[None], sum(name.endswith(".c1.bias") for name in raw)
    for number in range(1, blocks + 1):
        block = f"block{number}"
        h = x if number == 1 else x.relu_()  # changes x as well
        h = _conv(raw, f"{block}.c2", _conv(raw, f"{block}.c1", h).relu())
        x = _conv(raw, f"{block}.c_sc", x) if f"{block}.c_sc.bias" in raw else x
        x = F.avg_pool2d(x, 2) + F.avg_pool2d(h, 2) if number <= shrinking else x + h
        if number == 2 and "attn_block.gamma" in raw:
            x = _attend(raw, x, True)
    h = x.relu().sum((2, 3))[0]
    last = next(name.partition(".")[0] for name in raw if re.match(r"l\d", name))
    row = _weight(raw, "l_y")[label] if "l_y.weight_orig" in raw and "l_y.bias" not in raw else torch.zeros_like(h)
    return x.relu()[0], _linear(raw, last, h) + row @ h


def _weight(raw: Raw, name: str) -> Tensor:
    if f"{name}.weight" in raw:
        return raw[f"{name}.weight"]
    weight, u, v = (raw[f"{name}.weight_{end}"] for end in ("orig", "u", "v"))
    return weight / sum(u[i] * row.flatten() @ v for i, row in enumerate(weight))


def _linear(raw: Raw, name: str, x: Tensor) -> Tensor:
    return _weight(raw, name) @ x + raw[f"{name}.bias"]


def _conv(raw: Raw, name: str, x: Tensor) -> Tensor:
    weight = _weight(raw, name)
    return F.conv2d(x, weight, raw.get(f"{name}.bias"), padding=weight.shape[-1] // 2)


def _twice(x: Tensor, smooth: bool) -> Tensor:
    if not smooth:
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    for axis in (2, 3):  # new centres lie a quarter of a pixel beside the old ones
        size = x.shape[axis]
        before = x.index_select(axis, torch.arange(size).sub(1).clamp(0))
        after = x.index_select(axis, torch.arange(size).add(1).clamp(max=size - 1))
        x = torch.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis + 1).flatten(axis, axis + 1)
    return x


def _norm(
    raw: Raw, name: str, x: Tensor, labels: Sequence[int], weights: Callable[[int], np.ndarray], eps: float
) -> Tensor:
    inner = f"{name}.bn" if f"{name}.bn.running_mean" in raw else name
    mean, var = raw[f"{inner}.running_mean"], raw[f"{inner}.running_var"]
    pairs = [_pair(raw, name, label) for label in labels]
    out, share = torch.zeros_like(x), weights(x.shape[-1])
    for row, column in np.ndindex(*x.shape[2:]):
        gamma = sum(share[k, row, column] * pair[0] for k, pair in enumerate(pairs))
        beta = sum(share[k, row, column] * pair[1] for k, pair in enumerate(pairs))
        out[0, :, row, column] = gamma * (x[0, :, row, column] - mean) / (var + eps).sqrt() + beta
    return out


def _pair(raw: Raw, name: str, label: int) -> tuple[Tensor, Tensor]:
    """Gain and offset of a class at a norm."""
    if f"{name}.embed.weight" in raw:
        table = raw[f"{name}.embed.weight"][label]
        return table[: len(table) // 2], table[len(table) // 2 :]
    if f"{name}.bn.running_mean" in raw:
        return 1 + _weight(raw, f"{name}.gain")[:, label], _weight(raw, f"{name}.bias")[:, label]
    return raw[f"{name}.weight"], raw[f"{name}.bias"]


def _attend(raw: Raw, x: Tensor, ours: bool) -> Tensor:
    place, prefix = ("attn_block", "") if ours else ("blocks.2.0", "conv1x1_")
    theta, phi, g = (_conv(raw, f"{place}.{prefix}{part}", x) for part in ("theta", "phi", "g"))
    phi, g = F.max_pool2d(phi, 2)[0].flatten(1), F.max_pool2d(g, 2)[0].flatten(1)
    mixed = torch.stack([g @ (query @ phi).softmax(0) for query in theta[0].flatten(1).T], dim=1)
    mixed = mixed.reshape(1, -1, *x.shape[2:])
    scale = raw["attn_block.gamma" if ours else "blocks.2.0.sigma"]
    return x + scale * _conv(raw, f"{place}.o" if ours else f"{place}.conv1x1_attn", mixed)
