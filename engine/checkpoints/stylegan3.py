"""StyleGAN3 snapshots (.pkl), configurations T and R, as NVlabs/stylegan3 writes them.

The sizes of every canvas, filter and factor are attributes of the modules, and are taken from there. What the original
multiplies in anew at every run (equalised learning rate, weights brought to one size, the size of each layer's input
as training has seen it, the gain of the slope) is multiplied into the weights once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import CheckpointError, InputError
from ..networks.stylegan3_config import StyleGAN3Config
from . import nvlabs, stylegan_xl
from .contents import Contents, some
from .nvlabs import Module, dense
from .nvlabs_discriminator import discriminator_config, discriminator_state
from .outline import Config, Outline
from .records import Stored

__all__ = ["MARKS", "outline", "states"]

MARKS = ("G_ema.mapping.fc0.weight", "G_ema.synthesis.input.freqs", "G_ema.synthesis.input.phases")

INPUT = ("weight", "transform", "freqs", "phases", "affine.weight", "affine.bias")
LAYER = ("weight", "bias", "magnitude_ema", "up_filter", "down_filter", "affine.weight", "affine.bias")
"""Every tensor of the input and of a layer; filters are there where the layer has them."""

GAIN = math.sqrt(2)
"""Follows the slope, and keeps the variance."""


def outline(contents: Contents) -> Outline:
    """What a snapshot holds.

    Raises:
        CheckpointError: modules, attributes or shapes that are missing or contradict one another.
    """
    generator = _generator(contents)
    config = _config(generator)
    for number, layer in enumerate(_layers(generator)):
        _check_layer(layer, config, number)
    configs: dict[str, Config] = {"generator": config}
    if (discriminator := _discriminator(contents, generator)) is not None:
        configs["discriminator"] = discriminator_config(discriminator)
    whose = "StyleGAN-XL" if stylegan_xl.is_one(generator.part("mapping")) else "StyleGAN3"
    return Outline("stylegan3", configs, facts={"provenance": f"{whose} snapshot {contents.path.name}"})


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """For each part in the snapshot, its weights under canonical names.

    Raises:
        CheckpointError: as `outline`; tensors that nobody reads; or damaged data.
    """
    generator = _generator(contents)
    mapping = generator.part("mapping")
    read = stylegan_xl.mapping_state if stylegan_xl.is_one(mapping) else nvlabs.mapping_state
    state = {f"mapping.{name}": tensor for name, tensor in read(mapping).items()}
    state |= {f"waves.{name}": tensor for name, tensor in _waves(generator.part("synthesis.input")).items()}
    for number, layer in enumerate(_layers(generator)):
        state |= {f"layers.{number}.{name}": tensor for name, tensor in _layer(layer).items()}
    found = {"generator": state}
    if (discriminator := _discriminator(contents, generator)) is not None:
        found["discriminator"] = discriminator_state(discriminator)
    return found


def _discriminator(contents: Contents, generator: Module) -> Module | None:
    """StyleGAN2's, which StyleGAN3 trains against. StyleGAN-XL's looks through image classifiers, and is not read."""
    return None if stylegan_xl.is_one(generator.part("mapping")) else nvlabs.snapshot(contents, "D")


def _generator(contents: Contents) -> Module:
    generator = nvlabs.snapshot(contents, "G_ema")
    if generator is None:
        raise CheckpointError(
            f"A StyleGAN3 snapshot must hold the averaged generator G_ema; {contents.path.name} has none. Give the "
            "network-snapshot-*.pkl of a training, or a published file."
        )
    return generator


def _layers(generator: Module) -> list[Module]:
    """The layers, in the order in which they follow one another."""
    synthesis = generator.part("synthesis")
    names = synthesis.setting("layer_names", list)
    if len(set(map(str, names))) != len(names) or {"input", *map(str, names)} != synthesis.parts.keys():
        raise synthesis.error(f"its layer_names should be its modules {some(list(synthesis.parts))}")
    return [synthesis.parts[str(name)] for name in names]


def _config(generator: Module) -> StyleGAN3Config:
    mapping, synthesis = generator.part("mapping"), generator.part("synthesis")
    start, layers = synthesis.part("input"), _layers(generator)
    read = stylegan_xl.mapping_config if stylegan_xl.is_one(mapping) else nvlabs.mapping_config
    try:
        return StyleGAN3Config(
            **read(mapping),
            truncated_layers=len(layers) + 1,
            channels=(start.shape("freqs", 2)[0], *(layer.shape("weight", 4)[0] for layer in layers)),
            sizes=(_size(start, "size"), *(_size(layer, "out_size") for layer in layers)),
            rates=(_whole(start, "sampling_rate"), *(_whole(layer, "out_sampling_rate") for layer in layers)),
            kernels=tuple(layer.shape("weight", 4)[3] for layer in layers),
            ups=tuple(_whole(layer, "up_factor") for layer in layers),
            downs=tuple(_whole(layer, "down_factor") for layer in layers),
            up_taps=tuple(max(_filter(layer, "up_filter"), default=1) for layer in layers),
            down_taps=tuple(max(_filter(layer, "down_filter"), default=1) for layer in layers),
            radial=tuple(len(_filter(layer, "down_filter")) == 2 for layer in layers),
            clamps=tuple(_number(layer, "conv_clamp", 0.0) for layer in layers),
            bandwidth=_number(start, "bandwidth"),
            output_scale=_number(synthesis, "output_scale"),
        )
    except InputError as error:
        raise generator.error(f"the sizes do not fit one another. {error}") from error


def _check_layer(layer: Module, config: StyleGAN3Config, number: int) -> None:
    """Whether what the file says of a layer's input and padding is what follows from the sizes around it."""
    size, rate = config.sizes[number], config.rates[number]
    padding = config.filtering(number).padding(size + config.kernels[number] - 1, config.sizes[number + 1])
    last = number == len(config.kernels) - 1
    told = {
        "in_size": (_size(layer, "in_size"), size),
        "in_sampling_rate": (_whole(layer, "in_sampling_rate"), rate),
        "padding": (layer.setting("padding", list), [*padding, *padding]),
        "is_torgb": (layer.setting("is_torgb", bool), last),
    }
    for name, (found, wanted) in told.items():
        if found != wanted:
            raise layer.error(f"its {name} should be {wanted}, as its neighbours and filters ask, and is {found}")


def _filter(layer: Module, name: str) -> tuple[int, ...]:
    """Shape of a filter, () where there is none."""
    return layer.own[name].shape if name in layer.own else ()


def _size(module: Module, name: str) -> int:
    """Side of a square canvas: [width, height] in an array or list, or one number for both."""
    value = module.settings.get(name)
    if isinstance(value, Stored) and value.shape == (2,):
        value = value.read().tolist()
    sides: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(sides) not in (1, 2) or any(type(side) is not int or side != sides[0] for side in sides):
        raise module.error(f"its {name} should be the side of a square, and is {str(value)[:60]}")
    return sides[0]


def _whole(module: Module, name: str) -> int:
    value = module.setting(name, (int, float))
    if not math.isfinite(value) or value != int(value):
        raise module.error(f"its {name} should be a whole number, and is {value}")
    return int(value)


def _number(module: Module, name: str, missing: float | None = None) -> float:
    """A number; `missing` where the file says None."""
    if missing is not None and name in module.settings and module.settings[name] is None:
        return missing
    return float(module.setting(name, (int, float)))


def _waves(module: Module) -> dict[str, Tensor]:
    """Weights of a SynthesisInput under the names of `FourierInput`."""
    nvlabs.check_used(module, set(INPUT), {})
    mix = module.tensor("weight", 2)
    return {
        **_dense("affine", module),
        "mix": mix.div_(math.sqrt(mix.shape[1])),
        "transform": module.tensor("transform", 2),
        "frequencies": module.tensor("freqs", 2),
        "phases": module.tensor("phases", 1),
    }


def _layer(module: Module) -> dict[str, Tensor]:
    """Weights of a SynthesisLayer under the names of `FilteredLayer`."""
    nvlabs.check_used(module, set(LAYER), {})
    weight, bias = module.tensor("weight", 4), module.tensor("bias", 1)
    gain = torch.rsqrt(module.tensor("magnitude_ema", 0))
    if module.setting("is_torgb", bool):
        gain = gain / math.sqrt(weight[0].numel())
    else:
        gain, bias = gain * GAIN, bias.mul_(GAIN)
        # Its size is taken out again in every layer; at 1 for each output, what lies between stays small in float16.
        weight.mul_(weight.square().sum((1, 2, 3), keepdim=True).rsqrt())
    state = {**_dense("affine", module), "weight": weight, "bias": bias, "gain": gain}
    if "up_filter" in module.own:  # the zeros between pixels take brightness, which each axis gives back
        state["up_filter"] = module.tensor("up_filter", 1) * _whole(module, "up_factor")
    if "down_filter" in module.own:
        state["down_filter"] = module.own["down_filter"].read().float()
    return state


def _dense(name: str, module: Module) -> Mapping[str, Any]:
    weight, bias = dense(module.part(name))
    return {f"{name}.weight": weight, f"{name}.bias": bias}
