"""NVIDIA's StyleGAN2 pickles of TensorFlow: `stylegan2-ffhq-config-f.pkl`, and those of StyleGAN2-ADA's first code.

A tuple of three networks: G, D, and Gs, the averaged generator, which is used. Matrices are (in, out), convolutions
(row, column, in, out); those that double the size are stored mirrored. Facts: `legacy.py` of stylegan2-ada-pytorch,
which converts such files.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from ..errors import CheckpointError
from .contents import Contents
from .outline import Outline
from .records import Record, Stored
from .stylegan2_weights import Classes, FlatLayout, Place, flat_config, flat_state, smoothing

__all__ = ["MARKS", "outline", "states"]

MARKS = ("*synthesis/4x4/Const/const", "*synthesis/4x4/Conv/mod_weight")

MODULES = {"conv0": "Conv0_up", "conv1": "Conv1", "to_picture": "ToRGB", "side": "Skip"}
LEAVES = {"affine.weight": "mod_weight", "affine.bias": "mod_bias", "strength": "noise_strength"}
DEAD = r"lod|synthesis/lod"
SETTINGS: dict[str, Any] = {
    "num_channels": 3,
    "nonlinearity": "lrelu",
    "mapping_nonlinearity": "lrelu",
    "use_noise": True,
    "normalize_latents": True,
}
"""What pictures are drawn with here, the code's defaults."""
DEFAULTS: dict[str, Any] = {"resample_kernel": [1, 3, 3, 1], "conv_clamp": None, "mapping_lrmul": 0.01}
"""Settings that may differ, and their defaults."""


def outline(contents: Contents) -> Outline:
    """What the file holds.

    Raises:
        CheckpointError: weights that are missing or nobody knows, shapes that contradict one another, or settings that
            are not supported.
    """
    facts = {"provenance": f"NVIDIA's TensorFlow file {contents.path.name}"}
    return Outline("stylegan2", {"generator": flat_config(_layout(contents))}, facts=facts)


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names.

    Raises:
        CheckpointError: as `outline`; or damaged data.
    """
    layout = _layout(contents)
    return {"generator": flat_state(layout, flat_config(layout))}


def _layout(contents: Contents) -> FlatLayout:
    network = contents.tree[-1] if isinstance(contents.tree, (tuple, list)) else contents.tree
    settings, values = _settings(network, contents), _variables(network)
    return FlatLayout(
        title="NVIDIA (TensorFlow)",
        path=contents.path,
        values=values,
        place=_place,
        dense=lambda number, leaf: Place(f"mapping/Dense{number}/{leaf}", _turned if leaf == "weight" else _kept),
        constant="synthesis/4x4/Const/const",
        mean="dlatent_avg",
        dead=DEAD,
        taps=lambda: smoothing(tuple(settings["resample_kernel"])),
        clamp=float(settings["conv_clamp"] or 0),
        rate=float(settings["mapping_lrmul"]),
        classes=_classes(values),
    )


def _variables(network: Record, prefix: str = "") -> dict[str, Stored | float]:
    """All variables of a network and its components. (Single numbers among them are weights too.)"""
    found: dict[str, Stored | float] = {}
    for name, value in network.state["variables"]:
        if isinstance(value, (Stored, float, int)):
            found[prefix + name] = value
    for name, component in network.state.get("components", {}).items():
        if isinstance(component, Record):
            found |= _variables(component, f"{prefix}{name}/")
    return found


def _place(block: int, module: str, leaf: str) -> Place:
    size = 4 << block
    if leaf == "noise":
        return Place(f"synthesis/noise{2 * block - (module == 'conv0')}")
    layer = "Conv" if (block, module) == (0, "conv1") else MODULES[module]
    mirrored = module in ("conv0", "side")
    changes: dict[str, Callable[[Tensor], Tensor]] = {
        "weight": (lambda kernel: _kernel(kernel).flip((2, 3))) if mirrored else _kernel,
        "affine.weight": _turned,
        "affine.bias": lambda bias: bias + 1,
    }
    return Place(f"synthesis/{size}x{size}/{layer}/{LEAVES.get(leaf, leaf)}", changes.get(leaf, _kept))


def _kept(tensor: Tensor) -> Tensor:
    return tensor


def _turned(matrix: Tensor) -> Tensor:
    return matrix.permute(1, 0)


def _kernel(kernel: Tensor) -> Tensor:
    return kernel.permute(3, 2, 0, 1)


def _classes(values: dict[str, Stored | float]) -> Classes | None:
    """Class vectors: a matrix as it is (StyleGAN2), or a dense layer (StyleGAN2-ADA)."""
    concatenated, weight, bias = (
        values.get(f"mapping/{name}") for name in ("LabelConcat/weight", "LabelEmbed/weight", "LabelEmbed/bias")
    )
    if isinstance(concatenated, Stored) and len(concatenated.shape) == 2:
        return Classes(concatenated.read, concatenated.shape, True, frozenset({"mapping/LabelConcat/weight"}))
    if isinstance(weight, Stored) and isinstance(bias, Stored) and len(weight.shape) == 2:
        names = frozenset({"mapping/LabelEmbed/weight", "mapping/LabelEmbed/bias"})
        return Classes(lambda: weight.read() / math.sqrt(weight.shape[0]) + bias.read(), weight.shape, False, names)
    return None


def _settings(network: Record, contents: Contents) -> dict[str, Any]:
    """What the network was made with."""
    given = network.state.get("static_kwargs") if isinstance(network.state, dict) else None
    settings = {**DEFAULTS, **(given if isinstance(given, dict) else {})}
    wrong = [name for name, only in SETTINGS.items() if settings.get(name, only) != only]
    kernel = settings["resample_kernel"]
    if not isinstance(kernel, (list, tuple)) or not all(isinstance(tap, (int, float)) for tap in kernel):
        wrong.append("resample_kernel")
    kinds = {"conv_clamp": (int, float, type(None)), "mapping_lrmul": (int, float)}
    wrong += [name for name, kind in kinds.items() if not isinstance(settings[name], kind)]
    if wrong:
        told = ", ".join(f"{name}={str(settings[name])[:40]}" for name in wrong)
        raise CheckpointError(
            f"A StyleGAN2 with the settings of the published ones is needed; the network in {contents.path.name} was "
            f"made with {told}. It cannot be drawn here."
        )
    return settings
