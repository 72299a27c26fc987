"""StyleGAN (1) weights of any layout: sizes read off the shapes, run-time factors multiplied into the numbers."""

from __future__ import annotations

import math
import re
from itertools import count, takewhile

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import CheckpointError, InputError
from ..networks.mapping import Mapping, mean_w
from ..networks.noise import seeded_noise
from ..networks.stylegan import BOTTOM, StyleGANConfig
from .contents import Contents, some
from .outline import Outline, check_fit
from .stylegan_layout import Layout, Place, items_of

__all__ = ["StyleGANFile"]

GAIN = math.sqrt(2)
Facts = dict[str, str]
NONE: Facts = {}


class StyleGANFile:
    """The generator in a file of a known layout.

    Raises:
        CheckpointError: names that are missing or not known, or shapes that contradict one another.
    """

    def __init__(self, contents: Contents, layout: Layout, facts: Facts = NONE) -> None:
        """`facts` are what the file says of itself, beside where it comes from."""
        self.contents, self.layout, self.factors, self.facts = contents, layout, layout.factors, facts
        # Other networks, if any, are those that go on in training.
        own = (name for name in contents.shapes if name.startswith(layout.entry))
        self.shapes = {name.removeprefix(layout.entry): contents.shapes[name] for name in own}
        channels = tuple(
            self._shape("style.weight", 2 * block, 2)[0] // 2 for block in range(self._many("style.weight", 2))
        )
        self.config = self._config(channels[: max(len(channels) - layout.untrained, 0)])
        check_fit({"generator": self.config})  # before anything of the picture's size is made
        items = items_of(self.config, self.config.channels)
        self.wanted = {item: shape for item, shape in items if layout.place(*item)}
        self._check({place.name for item, _ in items_of(self.config, channels) if (place := layout.place(*item))})

    def outline(self) -> Outline:
        """What the file holds."""
        facts = {"provenance": f"{self.layout.title}: {self.contents.path.name}"}
        return Outline("stylegan", {"generator": self.config}, facts={**facts, **self.facts})

    def states(self) -> dict[str, dict[str, Tensor]]:
        """Its weights under canonical names."""
        mapping = self._mapping()
        if "w_avg" not in mapping:
            mapping["w_avg"] = _mean(self.config, mapping)
        state = {f"mapping.{name}": tensor for name, tensor in mapping.items()}
        state["constant"] = self._read("constant") + self._bias(0)[:, None, None]
        for layer in range(2 * len(self.config.channels)):
            state |= self._layer(layer)
        state |= self._noise()
        block = len(self.config.channels) - 1
        state["picture.weight"] = self._scaled("picture.weight", block, self.factors.style)
        return {"generator": {**state, "picture.bias": self._read("picture.bias", block)}}

    def _config(self, channels: tuple[int, ...]) -> StyleGANConfig:
        widths = tuple(self._shape("dense.weight", number, 2)[0] for number in range(self._many("dense.weight")))
        n_classes, dim_class = self._shape("label", 0, 2) if self._has("label") else (1, 0)
        layers, cut = 2 * len(channels), self.layout.truncated_layers
        try:
            return StyleGANConfig(
                dim_z=self._shape("dense.weight", 0, 2)[1] - dim_class,
                mapping_widths=widths,
                n_classes=n_classes,
                dim_class=dim_class,
                joint_norm=True,
                n_means=1,
                truncated_layers=layers if cut is None else min(cut, layers),
                channels=channels,
                eps=self.factors.eps,
                bias_before_blur=self.factors.bias_before_blur,
                shared_noise=self.factors.shared_noise,
            )
        except InputError as error:
            raise self._error(f"the shapes are impossible: {error}") from error

    def _check(self, known: set[str]) -> None:
        """Refuse a file that lacks something, has something unknown, or something of another shape."""
        places = {self._place(*item): shape for item, shape in self.wanted.items()}
        if missing := {place.name for place in places} - self.shapes.keys():
            raise self._error(f"it lacks {some(missing)}")
        if unknown := {name for name in self.shapes.keys() - known if not re.fullmatch(self.layout.dead, name)}:
            raise self._error(f"these names are not known: {some(unknown)}")
        for place, shape in places.items():
            stored = self.shapes[place.name]
            if len(place.axes) not in (0, len(stored)) or _sides(place.turned(stored)) != _sides(shape):
                raise self._error(f"{place.name} of shape {stored} does not fit the others, which ask for {shape}")

    def _mapping(self) -> dict[str, Tensor]:
        state: dict[str, Tensor] = {}
        for number in range(len(self.config.mapping_widths)):
            weight = self._scaled("dense.weight", number, GAIN * self.factors.mapping)
            bias = self._read("dense.bias", number).mul_(self.factors.mapping)
            state |= {f"dense.{number}.weight": weight, f"dense.{number}.bias": bias}
        for name, item in {"classes.weight": "label", "w_avg": "mean"}.items():
            if (item, 0) in self.wanted:
                state[name] = self._read(item)
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
        strength = self._read("strength", layer)
        strength *= 1.0 if noise is None else noise / math.sqrt(len(strength))
        state[f"layers.{block}.norm{half + 1}.strength"] = strength
        bias = self._read("style.bias", layer)
        bias[: len(bias) // 2] += self.factors.added
        weight = self._scaled("style.weight", layer, self.factors.style)
        return state | {f"pairs.{layer}.weight": weight, f"pairs.{layer}.bias": bias}

    def _doubling(self, weight: Tensor, size: int) -> Tensor:
        """A doubling layer's (out, in, 3, 3) as a transposed convolution: (in, out, 4, 4), every pixel repeated 2x2.

        A convolution looks up what a transposed one hands out: the same kernel, turned round."""
        fused = size >= self.factors.fused_from
        weight = weight.mul_(self.factors.fused) if fused else weight.flip(2, 3)
        return F.avg_pool2d(weight.transpose(0, 1), 2, stride=1, padding=1, divisor_override=1)  # sums of 2x2

    def _noise(self) -> dict[str, Tensor]:
        """Stored maps; where files have none, maps from a fixed seed, so that a picture always comes out the same."""
        layers = range(2 * len(self.config.channels))
        if ("noise", 0) in self.wanted:
            maps = [self._read("noise", layer) for layer in layers]
        else:
            like = [torch.empty(1, 1, *[BOTTOM << layer // 2] * 2) for layer in layers]
            maps = seeded_noise(torch.tensor([0]), like, self.config.shared_noise)
        return {f"layers.{layer // 2}.norm{layer % 2 + 1}.noise": maps[layer] for layer in layers}

    def _bias(self, layer: int) -> Tensor:
        return self._read("bias", layer) if ("bias", layer) in self.wanted else torch.zeros(1)

    def _many(self, item: str, step: int = 1) -> int:
        """How many layers (or every `step`-th of them) have an item."""
        return len(list(takewhile(lambda number: self._has(item, step * number), count())))

    def _has(self, item: str, number: int = 0) -> bool:
        place = self.layout.place(item, number)
        return place is not None and place.name in self.shapes

    def _place(self, item: str, number: int) -> Place:
        place = self.layout.place(item, number)
        assert place is not None, "such files have it"
        return place

    def _shape(self, item: str, number: int, axes: int) -> tuple[int, ...]:
        place = self._place(item, number)
        if len(self.shapes.get(place.name, ())) != axes:
            raise self._error(f"{place.name} should be a tensor of {axes} axes and is not")
        return place.turned(self.shapes[place.name])

    def _read(self, item: str, number: int = 0) -> Tensor:
        place = self._place(item, number)
        name = self.layout.entry + place.name
        tensor = self.contents.tensors({name})[name]
        turned = tensor.permute(place.axes).contiguous() if place.axes else tensor
        return turned.reshape(self.wanted[item, number])

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


def _sides(shape: tuple[int, ...]) -> list[int]:
    """A shape without axes of length one, which implementations keep or leave out."""
    return [side for side in shape if side != 1]
