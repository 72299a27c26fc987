"""What StyleGAN-XL's snapshots (autonomousvision/stylegan-xl) have otherwise than StyleGAN3's: the mapping network.

Its classes are rows of a table that an image classifier has learned, brought to the length of z by one dense layer; and
truncation pulls towards the mean style of each class. The networks for larger pictures are layers like the others, put
behind those of a smaller model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from ..networks.mapping import SLOPE
from . import nvlabs
from .nvlabs import Module

__all__ = ["is_one", "mapping_config", "mapping_state"]


def is_one(mapping: Module) -> bool:
    """Whether a mapping network is StyleGAN-XL's: only its table of classes is one of torch's own modules."""
    return "embed" in mapping.parts and mapping.parts["embed"].class_name == "Embedding"


def mapping_config(mapping: Module) -> dict[str, Any]:
    """What it says of `MappingConfig`: all its fields but `truncated_layers`.

    Raises:
        CheckpointError: shapes that are not there.
    """
    plain = nvlabs.mapping_config(_plain(mapping))
    if "embed_proj" not in mapping.parts:  # without classes the table lies in the file all the same
        return plain
    n_classes, dim_class = _classes(mapping), mapping.shape("embed_proj.weight", 2)[0]
    joined = {"dim_z": plain["dim_z"] - dim_class, "dim_class": dim_class}
    return {**plain, **joined, "n_classes": n_classes, "n_means": n_classes}


def mapping_state(mapping: Module) -> dict[str, Tensor]:
    """Its weights under the names of `Mapping`.

    Raises:
        CheckpointError: attributes or tensors that are not there, or that nobody reads.
    """
    state = nvlabs.mapping_state(_plain(mapping))
    if "embed_proj" in mapping.parts:
        weight, bias = nvlabs.dense(mapping.part("embed_proj"))
        rows = mapping.part("embed").tensor("weight", 2)[: _classes(mapping)]
        if rows.shape[1] != weight.shape[1]:
            raise mapping.error(f"its embed_proj should take {rows.shape[1]} numbers, and takes {weight.shape[1]}")
        # The dense layer has its leaky ReLU, whose gain is in its weights, and nothing but the class goes into it.
        state["classes.weight"] = F.leaky_relu(F.linear(rows, weight, bias), SLOPE)
    return state


def _plain(mapping: Module) -> Module:
    """The mapping network without its classes."""
    return replace(mapping, parts={n: part for n, part in mapping.parts.items() if n not in ("embed", "embed_proj")})


def _classes(mapping: Module) -> int:
    """How many classes the model was trained on; its table may hold more."""
    return mapping.shape("w_avg", 2)[0]
