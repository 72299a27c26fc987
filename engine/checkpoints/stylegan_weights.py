"""StyleGAN (1) weights of any layout: sizes read off the shapes, run-time factors multiplied into the numbers.

A layout says where each weight lies (`Layout.place`) and how its implementation scales it (`Factors`). Items are

    dense.weight, dense.bias       dense layer n of the mapping network: (out, in), (out,)
    label, mean                    class vectors (classes, E); the mean style (V,)
    constant                       (1, C, 4, 4)
    weight, bias                   convolution of layer n: (out, in, 3, 3), (out,); layer 0 has no convolution
    strength, noise                of the noise of layer n: C numbers, (1, 1, r, r)
    style.weight, style.bias       (2C, V), (2C,)
    picture.weight, picture.bias   to the picture, from block n: (3, C, 1, 1), (3,)
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count, takewhile

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import CheckpointError, InputError
from ..networks.mapping import Mapping, mean_w
from ..networks.noise import seeded_noise
from ..networks.stylegan import BOTTOM, StyleGANConfig
from .contents import Contents, some
from .outline import Outline

__all__ = ["TRUNCATED", "Factors", "Layout", "Place", "StyleGANFile", "entry_of"]

GAIN = math.sqrt(2)
TRUNCATED = 8
"""How many layers the original truncates unless told otherwise (`truncation_cutoff`)."""


@dataclass(frozen=True)
class Place:
    """Where a weight lies in a file."""

    name: str
    axes: tuple[int, ...] = ()
    """The order in which its axes are to be taken; empty for their own."""


@dataclass(frozen=True)
class Factors:
    """What an implementation multiplies its weights with when it runs, and what else it does in its own way. The
    defaults are the original's.

    Weights are divided by the root of their fan-in everywhere (equalised learning rate, Karras et al. 2018, section
    4.1), and dense layers and convolutions multiplied by sqrt(2)."""

    mapping: float = 0.01
    """Learning-rate multiplier of the mapping network: for weights and biases."""
    style: float = 1.0
    """Gain of style and picture layers."""
    noise: float | None = None
    """Gain of the strengths of noise, which are then divided by the root of the fan-in too; None: as they are."""
    added: float = 1.0
    """What is added to a style's multiplier."""
    fused_from: int = 128
    """The size in pixels from which on doubling is a transposed convolution, not a repetition and a convolution."""
    fused: float = 1.0
    """Factor of those transposed convolutions."""
    eps: float = 1e-8
    bias_before_blur: bool = False
    shared_noise: bool = False


@dataclass(frozen=True)
class Layout:
    """How one implementation lays its weights out."""

    title: str
    """For messages: whose."""
    entry: str
    """What stands before every name: where the generator is among the networks of the file."""
    place: Callable[[str, int], Place | None]
    """Where an item of layer (or block) n lies, without `entry`; None for what such files never have."""
    dead: str
    """Pattern of the names, without `entry`, that are not needed."""
    factors: Factors = field(default_factory=Factors)
    untrained: int = 0
    """How many blocks at the end are not used, because training has not come to them."""
    truncated_layers: int | None = TRUNCATED
    """None for all."""


def entry_of(contents: Contents, landmark: str, averaged: str) -> str:
    """What stands before `landmark`, a name that the generator has; of several networks the `averaged` one's."""
    found = [name.removesuffix(landmark) for name in contents.shapes if name.endswith(landmark)]
    return next((entry for entry in found if entry.startswith(averaged)), found[0])


class StyleGANFile:
    """The generator in a file of a known layout."""

    def __init__(self, contents: Contents, layout: Layout) -> None:
        self.contents, self.layout, self.factors = contents, layout, layout.factors
        # Other networks, if any, are those that go on in training.
        own = (name for name in contents.shapes if name.startswith(layout.entry))
        self.shapes = {name.removeprefix(layout.entry): contents.shapes[name] for name in own}

    def outline(self) -> Outline:
        """What the file holds.

        Raises:
            CheckpointError: names that are missing or not known, or shapes that contradict one another.
        """
        config = self._config()
        blocks = len(config.channels)
        names = set(self.shapes)
        if missing := self._names(config, blocks) - names:
            raise self._error(f"it lacks {some(missing)}")
        others = names - self._names(config, blocks + self.layout.untrained)
        if unknown := {name for name in others if not re.fullmatch(self.layout.dead, name)}:
            raise self._error(f"these names are not known: {some(unknown)}")
        facts = {"provenance": f"{self.layout.title}: {self.contents.path.name}"}
        return Outline("stylegan", {"generator": config}, facts=facts)

    def states(self) -> dict[str, dict[str, Tensor]]:
        """Its weights under canonical names.

        Raises:
            CheckpointError: as `outline`.
        """
        config = self.outline().configs["generator"]
        mapping = self._mapping(config)
        if "w_avg" not in mapping:
            mapping["w_avg"] = _mean(config, mapping)
        state = {f"mapping.{name}": tensor for name, tensor in mapping.items()}
        state["constant"] = self._read("constant") + self._bias(0)[:, None, None]
        for layer in range(2 * len(config.channels)):
            state |= self._layer(layer)
        state |= self._noise(config)
        block = len(config.channels) - 1
        state["picture.weight"] = self._scaled("picture.weight", block, self.factors.style)
        return {"generator": {**state, "picture.bias": self._read("picture.bias", block)}}

    def _config(self) -> StyleGANConfig:
        depth = self._many("dense.weight")
        blocks = self._many("style.weight", step=2) - self.layout.untrained
        widths = tuple(self._shape("dense.weight", number, 2)[0] for number in range(depth))
        n_classes, dim_class = self._shape("label", 0, 2) if self._has("label") else (1, 0)
        try:
            return StyleGANConfig(
                dim_z=self._shape("dense.weight", 0, 2)[1] - dim_class,
                mapping_widths=widths,
                n_classes=n_classes,
                dim_class=dim_class,
                joint_norm=True,
                n_means=1,
                truncated_layers=2 * blocks if self.layout.truncated_layers is None else self.layout.truncated_layers,
                channels=tuple(self._shape("style.weight", 2 * block, 2)[0] // 2 for block in range(blocks)),
                eps=self.factors.eps,
                bias_before_blur=self.factors.bias_before_blur,
                shared_noise=self.factors.shared_noise,
            )
        except InputError as error:
            raise self._error(f"the shapes are impossible: {error}") from error

    def _names(self, config: StyleGANConfig, blocks: int) -> set[str]:
        """Everything that a network of so many blocks is made from."""
        per_layer = ("bias", "strength", "noise", "style.weight", "style.bias")
        dense, layers = range(len(config.mapping_widths)), range(2 * blocks)
        wanted = [(f"dense.{leaf}", number) for number in dense for leaf in ("weight", "bias")]
        wanted += [("label", 0)] if config.dim_class else []
        wanted += [("mean", 0), ("constant", 0)]
        wanted += [(item, layer) for layer in layers for item in per_layer]
        wanted += [("weight", layer) for layer in layers[1:]]
        wanted += [(f"picture.{leaf}", blocks - 1) for leaf in ("weight", "bias")]
        places = [self.layout.place(*key) for key in wanted]
        return {place.name for place in places if place is not None}

    def _mapping(self, config: StyleGANConfig) -> dict[str, Tensor]:
        state: dict[str, Tensor] = {}
        for number in range(len(config.mapping_widths)):
            weight = self._scaled("dense.weight", number, GAIN * self.factors.mapping)
            bias = self._read("dense.bias", number).mul_(self.factors.mapping)
            state |= {f"dense.{number}.weight": weight, f"dense.{number}.bias": bias}
        if config.dim_class:
            state["classes.weight"] = self._read("label")
        if self._has("mean"):
            state["w_avg"] = self._read("mean").reshape(1, -1)
        return state

    def _layer(self, layer: int) -> dict[str, Tensor]:
        """Convolution, strength of the noise, and style of one layer."""
        block, half = divmod(layer, 2)
        convolution = f"layers.{block}.{'conv' if half else 'up'}"
        state: dict[str, Tensor] = {}
        if layer:
            weight = self._scaled("weight", layer, GAIN)
            state[f"{convolution}.weight"] = weight if half else self._doubling(weight, BOTTOM << block)
            state[f"{convolution}.bias"] = self._bias(layer)
        noise = self.factors.noise
        strength = self._read("strength", layer) if noise is None else self._scaled("strength", layer, noise)
        state[f"layers.{block}.norm{half + 1}.strength"] = strength.flatten()
        bias = self._read("style.bias", layer)
        bias[: len(bias) // 2] += self.factors.added
        weight = self._scaled("style.weight", layer, self.factors.style)
        return state | {f"pairs.{layer}.weight": weight, f"pairs.{layer}.bias": bias}

    def _doubling(self, weight: Tensor, size: int) -> Tensor:
        """A doubling layer's (out, in, 3, 3) as a transposed convolution: (in, out, 4, 4), every pixel repeated 2x2.

        A convolution looks up what a transposed one hands out: the same kernel, turned round."""
        fused = size >= self.factors.fused_from
        weight = weight.mul_(self.factors.fused) if fused else weight.flip(2, 3)
        padded = F.pad(weight.transpose(0, 1), (1, 1, 1, 1))
        return padded[..., 1:, 1:] + padded[..., :-1, 1:] + padded[..., 1:, :-1] + padded[..., :-1, :-1]

    def _noise(self, config: StyleGANConfig) -> dict[str, Tensor]:
        """Stored maps; where files have none, maps from a fixed seed, so that a picture always comes out the same."""
        layers = range(2 * len(config.channels))
        if self._has("noise"):
            maps = [self._read("noise", layer) for layer in layers]
        else:
            like = [torch.empty(1, 1, *[BOTTOM << layer // 2] * 2) for layer in layers]
            maps = seeded_noise(torch.tensor([0]), like, config.shared_noise)
        return {f"layers.{layer // 2}.norm{layer % 2 + 1}.noise": maps[layer] for layer in layers}

    def _bias(self, layer: int) -> Tensor:
        return self._read("bias", layer) if self._has("bias", layer) else torch.zeros(1)

    def _many(self, item: str, step: int = 1) -> int:
        """How many layers (or every `step`-th of them) have an item."""
        return len(list(takewhile(lambda number: self._has(item, step * number), count())))

    def _has(self, item: str, number: int = 0) -> bool:
        place = self.layout.place(item, number)
        return place is not None and place.name in self.shapes

    def _shape(self, item: str, number: int, axes: int) -> tuple[int, ...]:
        place = self.layout.place(item, number)
        assert place is not None
        if place.name not in self.shapes:
            raise self._error(f"it lacks {place.name}")
        shape = self.shapes[place.name]
        if len(shape) != axes:
            raise self._error(f"{place.name} should have {axes} axes and its shape is {shape}")
        return tuple(shape[axis] for axis in place.axes or range(axes))

    def _read(self, item: str, number: int = 0) -> Tensor:
        place = self.layout.place(item, number)
        assert place is not None
        name = self.layout.entry + place.name
        tensor = self.contents.tensors({name})[name]
        if place.axes and tensor.dim() != len(place.axes):
            raise self._error(f"{place.name} should have {len(place.axes)} axes and its shape is {tuple(tensor.shape)}")
        return tensor.permute(place.axes).contiguous() if place.axes else tensor

    def _scaled(self, item: str, number: int, gain: float) -> Tensor:
        """A weight times gain / sqrt(fan-in), the fan-in being what one output is made of."""
        tensor = self._read(item, number)
        return tensor.mul_(gain / math.sqrt(tensor[0].numel()))

    def _error(self, what: str) -> CheckpointError:
        return CheckpointError(
            f"A StyleGAN generator as {self.layout.title} writes it is needed; in {self.contents.path.name}, {what}. "
            "Give the file as it was published."
        )


def _mean(config: StyleGANConfig, state: dict[str, Tensor]) -> Tensor:
    """The mean style of a mapping network whose file does not have it."""
    mapping = Mapping(config)
    mapping.load_state_dict({**state, "w_avg": mapping.w_avg})
    return mean_w(mapping)
