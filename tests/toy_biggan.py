"""Tiny BigGAN files in the layouts that people hold, and a slow, obvious reading of them in float64.

`LAYOUTS` names the layouts, `generator()` gives what such a file holds, `write()` puts it where its users have it,
`draw()` computes the picture from the names in the file alone: every label's own normalisation, mixed pixel by pixel.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["CLASSES", "LAYOUTS", "Layout", "draw", "generator", "write"]

Raw = dict[str, Tensor]
CLASSES, SHARED, WIDTHS = 3, 5, (16, 16, 8, 8)
STATISTICS = 6
"""Truncations of Hugging Face's layout: 0, 0.2, ... 1."""


@dataclass(frozen=True)
class Layout:
    """How a code base lays a tiny generator out: blocks of `widths`, attention behind block number 1."""

    file: str
    deep: bool
    spectral: str
    """ "step" (u0, sv0), "converted" (u0 alone), "hook" (u and v as stored), or none."""
    norm: str
    """Where a norm's statistics lie: "" in itself, "bn." in another."""
    statistics: tuple[str, str]
    shared: str = "shared"
    hierarchical: bool = True
    side: bool = True
    eps: float = 1e-5
    last_eps: float = 1e-5
    names: str = "ajbrock"

    @property
    def blocks(self) -> int:
        return 6 if self.deep else 3

    @property
    def channels(self) -> tuple[int, ...]:
        return tuple(w for w in WIDTHS for _ in (0, 1))[1:] if self.deep else WIDTHS

    @property
    def slot(self) -> int:
        return 4

    @property
    def dim_z(self) -> int:
        return self.slot * (self.blocks + 1) if self.hierarchical and not self.deep else self.slot

    def doubles(self, block: int) -> bool:
        return block % 2 == 1 if self.deep else True

    def place(self, block: int) -> str:
        """The block's own place: attention, an entry of its own, is behind block 1 in some."""
        if self.names == "ajbrock":
            return f"blocks.{block}.0"
        entry = block + (block > 1)
        return f"generator.layers.{entry}" if self.names == "hf" else f"blocks.{entry}.0"

    @property
    def attention(self) -> str:
        return {"ajbrock": "blocks.1.1", "hf": "generator.layers.2", "studio": "blocks.2.0"}[self.names]

    def inside(self, kind: str, number: int) -> str:
        """A convolution's or norm's name, number from 1; number 0 is the convolution on the side."""
        if self.names == "hf":
            return f"{kind}_{number - 1}"
        if self.names == "studio" and kind == "conv":
            return f"conv2d{number}"
        return f"{kind}{number}" if number else "conv_sc"

    @property
    def others(self) -> dict[str, str]:
        ajbrock = {"first": "linear", "last": "output_layer.0", "rgb": "output_layer.2", "gain": "gain", "bias": "bias"}
        ajbrock |= {name: name for name in ("theta", "phi", "g", "o", "gamma")} | {"scale": "gain", "shift": "bias"}
        hf = {"first": "generator.gen_z", "last": "generator.bn", "rgb": "generator.conv_to_rgb", "gamma": "gamma"}
        hf |= {"gain": "scale", "bias": "offset", "scale": "weight", "shift": "bias", "o": "snconv1x1_o_conv"}
        hf |= {name: f"snconv1x1_{name}" for name in ("theta", "phi", "g")}
        studio = {"first": "linear0", "last": "bn4", "rgb": "conv2d5", "gain": "gain", "bias": "bias", "gamma": "sigma"}
        studio |= {name: f"conv1x1_{name}" for name in ("theta", "phi", "g")} | {"o": "conv1x1_attn"}
        studio |= {"scale": "weight", "shift": "bias"}
        return {"ajbrock": ajbrock, "hf": hf, "studio": studio}[self.names]


STORED, RUNNING = ("stored_mean", "stored_var"), ("running_mean", "running_var")
G_EMA, STUDIO = "G_ema.pth", "model=G_ema-best-weights-step=7.pth"
LAYOUTS = {
    "ajbrock": Layout(G_EMA, False, "step", "", STORED),
    "ajbrock, mybn": Layout(G_EMA, False, "step", "bn.", STORED),
    "ajbrock, cross-replica": Layout(G_EMA, False, "step", "bn.", RUNNING),
    "ajbrock, unshared": Layout(G_EMA, False, "step", "", STORED, shared="", hierarchical=False),
    "ajbrock, not hierarchical": Layout(G_EMA, False, "step", "", STORED, hierarchical=False),
    "ajbrock, without spectral norm": Layout(G_EMA, False, "", "", STORED),
    "TF-Hub, converted": Layout("biggan-128.pth", False, "converted", "", STORED, eps=1e-4),
    "ajbrock, deep": Layout(G_EMA, True, "step", "", STORED, side=False),
    "Hugging Face": Layout(
        "pytorch_model.bin", True, "hook", "", ("running_means", "running_vars"), "embeddings", side=False,
        eps=1e-4, last_eps=1e-4, names="hf",
    ),
    "StudioGAN": Layout(STUDIO, False, "hook", "bn.", RUNNING, eps=1e-4, last_eps=1e-4, names="studio"),
    "StudioGAN, deep legacy": Layout(
        STUDIO, True, "hook", "bn.", RUNNING, side=False, eps=1e-4, last_eps=1e-4, names="studio"
    ),
    "StudioGAN, deep studiogan": Layout(STUDIO, True, "", "bn.", RUNNING, eps=1e-4, last_eps=1e-4, names="studio"),
}  # fmt: skip


class _Maker:
    """Random tensors under a layout's names."""

    def __init__(self, layout: Layout, seed: int) -> None:
        self.layout, self.raw = layout, {}
        self.random = torch.Generator().manual_seed(seed)

    def numbers(self, *shape: int, scale: float = 1.0) -> Tensor:
        return torch.randn(*shape, generator=self.random) * scale

    def matrix(self, name: str, *shape: int, bias: bool = True, plain: bool = False) -> None:
        weight, spectral = self.numbers(*shape), "" if plain else self.layout.spectral
        self.raw[name + (".weight_orig" if spectral == "hook" else ".weight")] = weight
        if not spectral:
            weight.div_(math.sqrt(weight[0].numel()))
        if spectral in ("step", "converted"):
            self.raw[f"{name}.u0"] = self.numbers(1, shape[0], scale=0.3)
        if spectral == "step":
            self.raw[f"{name}.sv0"] = torch.tensor([99.0])  # a log value that nothing may use
        if spectral == "hook":
            u, _, vh = torch.linalg.svd(weight.flatten(1), full_matrices=False)
            self.raw[f"{name}.weight_u"] = F.normalize(u[:, 0] + self.numbers(shape[0], scale=0.1), dim=0)
            self.raw[f"{name}.weight_v"] = F.normalize(vh[0] + self.numbers(vh.shape[1], scale=0.1), dim=0)
        if bias:
            self.raw[f"{name}.bias"] = self.numbers(shape[0], scale=0.2)

    def statistics(self, place: str, channels: int) -> None:
        mean, var = self.layout.statistics
        shape = (STATISTICS, channels) if self.layout.names == "hf" else (channels,)
        self.raw[f"{place}.{mean}"] = self.numbers(*shape, scale=0.2)
        self.raw[f"{place}.{var}"] = self.numbers(*shape).abs() * 0.3 + 0.2
        if self.layout.norm == "bn." and self.layout.statistics == STORED:
            self.raw[f"{place}.accumulation_counter"] = torch.tensor([4.0])
            self.raw[f"{place}.{mean}"] *= 4
            self.raw[f"{place}.{var}"] *= 4
        if self.layout.statistics == RUNNING:
            self.raw[f"{place}.num_batches_tracked"] = torch.tensor(9)


def generator(layout: Layout, seed: int = 0) -> Raw:
    """What a generator's file holds, without the entry it may lie under."""
    make, other = _Maker(layout, seed), layout.others
    if layout.shared:
        shape = (SHARED, CLASSES) if layout.names == "hf" else (CLASSES, SHARED)
        make.matrix(layout.shared, *shape, bias=False, plain=True)
    told = (SHARED if layout.shared else 0) + (layout.slot if layout.hierarchical or layout.deep else 0)
    make.matrix(other["first"], 16 * layout.channels[0], told if layout.deep else layout.slot)
    for block in range(layout.blocks):
        _block(make, block, told)
    width = layout.channels[2]
    for part, shape in {"theta": (width // 8, width), "phi": (width // 8, width), "g": (width // 2, width)}.items():
        make.matrix(f"{layout.attention}.{other[part]}", *shape, 1, 1, bias=False)
    make.matrix(f"{layout.attention}.{other['o']}", width, width // 2, 1, 1, bias=False)
    make.raw[f"{layout.attention}.{other['gamma']}"] = torch.tensor(0.7 if layout.names == "ajbrock" else [0.7])
    last = layout.channels[-1]
    place = other["last"]
    make.raw[f"{place}.{other['scale']}"] = 0.2 + make.numbers(last, scale=0.05)
    make.raw[f"{place}.{other['shift']}"] = make.numbers(last, scale=0.3)
    make.statistics(place + (".bn" if layout.norm and layout.names == "ajbrock" else ""), last)
    make.matrix(other["rgb"], last if layout.names == "hf" else 3, last, 3, 3)
    return make.raw


def _block(make: _Maker, block: int, told: int) -> None:
    layout, place = make.layout, make.layout.place(block)
    width_in, width_out = layout.channels[block : block + 2]
    hidden = width_in // 4
    widths = (width_in, hidden, hidden, hidden, width_out) if layout.deep else (width_in, width_out, width_out)
    for number in range(1, len(widths)):
        norm = f"{place}.{layout.inside('bn', number)}"
        for end in ("gain", "bias"):
            shape = (widths[number - 1], told) if layout.shared else (CLASSES, widths[number - 1])
            make.matrix(f"{norm}.{layout.others[end]}", *shape, bias=False, plain=not layout.shared)
        make.statistics(f"{norm}.{layout.norm}".rstrip("."), widths[number - 1])
        kernel = 1 if layout.deep and number in (1, 4) else 3
        make.matrix(f"{place}.{layout.inside('conv', number)}", widths[number], widths[number - 1], kernel, kernel)
    if layout.side:
        make.matrix(f"{place}.{layout.inside('conv', 0)}", width_out, width_in, 1, 1)


def write(folder: Path, layout: Layout, raw: Raw, prefix: str = "") -> Path:
    """The file as its users hold it; with `prefix` on every name, as DataParallel's "module."."""
    raw = {prefix + name: tensor for name, tensor in raw.items()}
    path = folder / layout.file
    torch.save({"state_dict": raw, "optimizer": None} if layout.names == "studio" else raw, path)
    if layout.names == "hf":
        widths = [width // 8 for width in layout.channels]
        units = [[layout.doubles(block), *widths[block : block + 2]] for block in range(layout.blocks)]
        config = {"layers": units, "eps": layout.eps, "attention_layer_position": 2, "channel_width": 8}
        config["output_dim"] = 32
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return path


# The slow reading.

Maps = Callable[[int, int], Tensor]
"""(number of a norm, its size) -> weights (K, size, size) of the labels."""


def draw(
    layout: Layout,
    raw: Raw,
    z: Tensor,
    labels: Sequence[int],
    maps: Maps,
    edit: Callable[[int, Tensor], Tensor] = lambda index, h: h,
    truncation: float = 1.0,
) -> Tensor:
    """One picture (3, R, R): z (D,); the first label is the picture's own; `edit` may change each feature map."""
    reader = _Reader(layout, {name: tensor.double() for name, tensor in raw.items()}, z.double(), labels, truncation)
    h = edit(0, reader.first())
    norm = 0
    for block in range(layout.blocks):
        h, norm = reader.block(block, h, maps, norm)
        h = edit(block + 1, h)
    return reader.last(h)


class _Reader:
    def __init__(self, layout: Layout, raw: Raw, z: Tensor, labels: Sequence[int], truncation: float) -> None:
        self.layout, self.raw, self.z, self.labels, self.truncation = layout, raw, z, labels, truncation

    def weight(self, name: str) -> Tensor:
        raw = self.raw
        if f"{name}.weight_orig" in raw:
            weight = raw[f"{name}.weight_orig"]
            return weight / (raw[f"{name}.weight_u"] @ weight.flatten(1) @ raw[f"{name}.weight_v"])
        weight = raw[f"{name}.weight"]
        if f"{name}.u0" not in raw:
            return weight
        matrix = weight.flatten(1)
        v = raw[f"{name}.u0"][0] @ matrix
        u = matrix @ (v / v.norm())
        return weight / u.norm()  # u . (W v) where u points along W v

    def convolution(self, name: str, h: Tensor) -> Tensor:
        weight = self.weight(name)
        return F.conv2d(h[None], weight, self.raw.get(f"{name}.bias"), padding=weight.shape[-1] // 2)[0]

    def embedded(self, label: int) -> Tensor:
        weight = self.weight(self.layout.shared)
        return weight[:, label] if self.layout.names == "hf" else weight[label]

    def condition(self, label: int, block: int) -> Tensor:
        """What a norm of a block (or, for -1, the first layer) is told."""
        layout, z = self.layout, self.z
        if layout.deep:
            pair = (z, self.embedded(label)) if layout.names == "hf" else (self.embedded(label), z)
            return torch.cat(pair)
        if not layout.hierarchical:
            return z if block < 0 else self.embedded(label)
        slot = z[(block + 1) * layout.slot : (block + 2) * layout.slot]
        return slot if block < 0 else torch.cat([self.embedded(label), slot])

    def first(self) -> Tensor:
        name, width = self.layout.others["first"], self.layout.channels[0]
        flat = self.weight(name) @ self.condition(self.labels[0], -1) + self.raw[f"{name}.bias"]
        return flat.reshape(4, 4, width).permute(2, 0, 1) if self.layout.names == "hf" else flat.reshape(width, 4, 4)

    def normalised(self, place: str, h: Tensor, eps: float) -> Tensor:
        place += ".bn" if f"{place}.bn.{self.layout.statistics[0]}" in self.raw else ""
        count = self.raw.get(f"{place}.accumulation_counter", torch.tensor([1.0]))
        mean, var = (self.at_truncation(self.raw[f"{place}.{name}"]) / count for name in self.layout.statistics)
        return (h - mean[:, None, None]) / torch.sqrt(var[:, None, None] + eps)

    def at_truncation(self, table: Tensor) -> Tensor:
        """The row of the truncation, or what lies between two rows on a straight line."""
        if table.dim() == 1:
            return table
        place = self.truncation * (len(table) - 1)
        low = min(math.floor(place), len(table) - 2)
        return table[low] + (table[low + 1] - table[low]) * (place - low)

    def norm(self, place: str, h: Tensor, block: int, weights: Tensor) -> Tensor:
        """Each label's own result, mixed pixel by pixel; then ReLU."""
        total = torch.zeros_like(h)
        for label, weight in zip(self.labels, weights, strict=True):
            gain, shift = (self.told(f"{place}.{self.layout.others[end]}", label, block) for end in ("gain", "bias"))
            own = self.normalised(place, h, self.layout.eps) * (1 + gain)[:, None, None] + shift[:, None, None]
            total += weight * own
        return total.clamp(min=0)

    def told(self, name: str, label: int, block: int) -> Tensor:
        weight = self.weight(name)
        return weight @ self.condition(label, block) if self.layout.shared else weight[label]

    def block(self, block: int, x: Tensor, maps: Maps, norm: int) -> tuple[Tensor, int]:
        layout, place = self.layout, self.layout.place(block)
        h, doubles_at = x, (2 if layout.deep else 1) if layout.doubles(block) else 0
        for number in range(1, 5 if layout.deep else 3):
            h = self.norm(f"{place}.{layout.inside('bn', number)}", h, block, maps(norm, h.shape[-1]).double())
            h, norm = _twice(h) if number == doubles_at else h, norm + 1
            h = self.convolution(f"{place}.{layout.inside('conv', number)}", h)
        side = _twice(x) if doubles_at else x
        side = self.convolution(f"{place}.{layout.inside('conv', 0)}", side) if layout.side else side[: len(h)]
        return (self.attended(h + side) if block == 1 else h + side), norm

    def attended(self, x: Tensor) -> Tensor:
        """Every pixel asks all of the pooled ones."""
        place, other = self.layout.attention, self.layout.others
        theta, phi, g = (self.convolution(f"{place}.{other[part]}", x) for part in ("theta", "phi", "g"))
        phi, g = F.max_pool2d(phi, 2).flatten(1), F.max_pool2d(g, 2).flatten(1)
        mixed = g @ torch.softmax(theta.flatten(1).T @ phi, dim=1).T
        o = self.convolution(f"{place}.{other['o']}", mixed.reshape(len(g), *x.shape[1:]))
        return x + self.raw[f"{place}.{other['gamma']}"].reshape(()) * o

    def last(self, h: Tensor) -> Tensor:
        place, other = self.layout.others["last"], self.layout.others
        scale, shift = (self.raw[f"{place}.{other[end]}"][:, None, None] for end in ("scale", "shift"))
        h = (self.normalised(place, h, self.layout.last_eps) * scale + shift).clamp(min=0)
        return torch.tanh(self.convolution(other["rgb"], h)[:3])


def _twice(h: Tensor) -> Tensor:
    return h.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
