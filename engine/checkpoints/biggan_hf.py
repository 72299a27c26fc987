"""Hugging Face's pytorch-pretrained-biggan: DeepMind's BigGAN-deep, `pytorch_model.bin` with `config.json` beside it.

The package is under the MIT licence by its LICENSE file. Its condition is z first, then class, and its first linear
layer makes row, column, channel: both are put into our order here. Statistics come for 51 truncations. Facts:
`pytorch_pretrained_biggan/model.py`, `config.py`; version 0.1.1.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import CheckpointError, InputError
from ..networks.biggan_deep import BigGANDeepConfig
from .biggan_generator import Names, deep_config, generator_state, places
from .contents import Contents
from .outline import Outline
from .torch_weights import TorchWeights

__all__ = ["MARKS", "outline", "states"]

TITLE = "Hugging Face's BigGAN-deep"
MARKS = ("*embeddings.weight", "*generator.gen_z.weight_orig", "*generator.layers.0.bn_0.scale.weight_orig")
INSIDE = {
    f"{name}{number + 1}": f"{theirs}_{number}"
    for number in range(4)
    for name, theirs in (("norm", "bn"), ("conv", "conv"))
}
PARTS = ("theta", "phi", "g")
ATTENTION = {name: f"snconv1x1_{name}" for name in PARTS} | {"o": "snconv1x1_o_conv", "gamma": "gamma"}

SETTINGS = {"layers": list, "eps": float, "attention_layer_position": int, "output_dim": int, "channel_width": int}
"""What is needed of config.json and what it must be; the rest is in the shapes."""
LARGEST, MOST = 2**20, 64
"""No size in it is larger, and there are no more layers."""
LONGEST = 2**20
"""A longer config.json is none."""


def outline(contents: Contents) -> Outline:
    """What the file holds: a generator.

    Raises:
        CheckpointError: no config.json, or weights that contradict it or one another, or are missing.
    """
    weights = _weights(contents)
    names = _names(weights)
    settings = _settings(contents.path)
    doubling = [bool(layer[0]) for layer in settings["layers"]]
    length, n_classes = weights.shape("embeddings.weight", 2)
    rows = weights.shape("generator.bn.running_means", 2)[0]
    eps = settings["eps"]
    try:
        config = replace(deep_config(weights, names, (n_classes, length), doubling, (eps, eps)), statistics=rows)
    except InputError as error:
        raise weights.error(f"the sizes are impossible: {error}") from error
    _agree(weights, config, settings)
    if config.resolution != settings["output_dim"]:
        raise weights.error(
            f"config.json tells pictures of {settings['output_dim']} px, and layers that make {config.resolution} px. "
            "It was changed, or is another model's"
        )
    facts = {"provenance": f"Hugging Face's BigGAN-deep, {contents.path.name}"}
    return Outline("biggan-deep", {"generator": config}, facts=facts)


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names, spectral norms divided out.

    Raises:
        CheckpointError: weights are missing or unknown.
    """
    weights = _weights(contents)
    names = _names(weights)
    embedded = weights.shape("embeddings.weight", 2)[0]
    weights.shape("generator.conv_to_rgb.bias", 1)
    state = generator_state(weights, names)
    state["shared.weight"] = state["shared.weight"].T.contiguous()
    for name in [name for name in state if name.endswith("affine.weight") or name == "first.weight"]:
        state[name] = state[name].roll(embedded, 1)  # from z, class to class, z
    channels = state["layers.0.conv1.weight"].shape[1]
    for name in ("first.weight", "first.bias"):
        tensor = state[name]
        state[name] = tensor.reshape(-1, channels, *tensor.shape[1:]).transpose(0, 1).reshape(tensor.shape)
    for name in ("last_conv.weight", "last_conv.bias"):  # as many channels as the map has, of which three are looked at
        state[name] = state[name][:3].clone()
    return {"generator": state}


def _weights(contents: Contents) -> TorchWeights:
    return TorchWeights(contents, "embeddings", TITLE)


def _names(weights: TorchWeights) -> Names:
    blocks, attention = places(weights, "generator.layers.{}", "conv_3", "gamma")
    return Names(
        first="generator.gen_z",
        shared="embeddings",
        blocks=blocks,
        inside=INSIDE,
        gain="scale",
        shift="offset",
        attention=attention,
        attention_inside=ATTENTION,
        last_norm="generator.bn",
        last_norm_inside=("weight", "bias"),
        last_conv="generator.conv_to_rgb",
    )


def _settings(path: Path) -> dict[str, Any]:
    """config.json, whose name begins as that of the weights does: biggan-deep-256-pytorch_model.bin has its own."""
    place = path.with_name(path.name.removesuffix("pytorch_model.bin") + "config.json")
    if not path.name.endswith("pytorch_model.bin"):
        place = path.with_name("config.json")
    try:
        with place.open(encoding="utf-8") as file:
            settings = json.loads(file.read(LONGEST))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"Weights of {TITLE} need the configuration published with them; {place}: {error}. Put it beside "
            f"{path.name}."
        ) from error
    if not isinstance(settings, dict) or not all(_is(settings.get(name), kind) for name, kind in SETTINGS.items()):
        raise CheckpointError(
            f"{place} must hold {', '.join(SETTINGS)}, each layer as [doubles, width in, width out]; it does not. "
            "Download it again."
        )
    return settings


def _is(value: Any, kind: type) -> bool:
    """Whether a setting is a number, a size, or the list of layers: each [doubles, width in, width out]."""
    if kind is int:
        return type(value) is int and 0 <= value <= LARGEST
    if kind is float:
        return type(value) is float and math.isfinite(value)
    return isinstance(value, list) and len(value) <= MOST and all(_is_layer(layer) for layer in value)


def _is_layer(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) == 3 and type(value[0]) is bool and all(_is(w, int) for w in value[1:])
    )


def _agree(weights: TorchWeights, config: BigGANDeepConfig, settings: dict[str, Any]) -> None:
    """Refuse a configuration that is another model's."""
    width = settings["channel_width"]
    told = [config.channels[0], *(layer[2] * width for layer in settings["layers"])]
    before = settings["attention_layer_position"] - 1
    if told != list(config.channels) or (before,) != config.attention:
        raise weights.error(
            f"config.json tells widths {told} and attention behind block {before}; the weights have "
            f"{list(config.channels)} and {config.attention}. It is another model's"
        )
