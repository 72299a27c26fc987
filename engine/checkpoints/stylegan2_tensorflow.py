"""NVIDIA's StyleGAN2 pickles of TensorFlow: `stylegan2-ffhq-config-f.pkl`, and those of StyleGAN2-ADA's first code.

A tuple of three networks: G, D, and Gs, the averaged generator, which is used. Matrices are (in, out), convolutions
(row, column, in, out); those that double the size are stored mirrored. Facts: `legacy.py` of stylegan2-ada-pytorch,
which converts such files.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from torch import Tensor

from ..errors import CheckpointError
from .contents import Contents
from .flat_weights import Place, unchanged
from .outline import Config, Outline
from .records import Record, Stored
from .stylegan2_judges import JUDGE, FlatJudge, judge_config, judge_state
from .stylegan2_weights import GENERATOR, Classes, FlatLayout, flat_config, flat_state, smoothing

__all__ = ["MARKS", "outline", "states"]

MARKS = ("*synthesis/4x4/Const/const", "*synthesis/4x4/Conv/mod_weight")

MODULES = {"conv0": "Conv0_up", "conv1": "Conv1", "to_picture": "ToRGB", "side": "Skip"}
LEAVES = {"affine.weight": "mod_weight", "affine.bias": "mod_bias", "strength": "noise_strength"}
JUDGED = {
    "from_picture": "FromRGB",
    "conv0": "Conv0",
    "conv1": "Conv1_down",
    "side": "Skip",
    "last_conv": "Conv",
    "last_dense": "Dense0",
}
"""Modules of the discriminator."""
DEAD = r"lod|synthesis/lod"
TITLE, DISCRIMINATOR, AVERAGED = "NVIDIA (TensorFlow)", 1, 2
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
    configs: dict[str, Config] = {"generator": flat_config(_generator(contents))}
    told = f"NVIDIA's TensorFlow file {contents.path.name}"
    if (judge := _judge(contents)) is not None:
        configs["discriminator"] = judge_config(judge)
    else:
        told += ", whose discriminator judges classes and is not read"
    return Outline("stylegan2", configs, facts={"provenance": told})


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """For each part in the file, its weights under canonical names.

    Raises:
        CheckpointError: as `outline`; or damaged data.
    """
    generator, judge = _generator(contents), _judge(contents)
    found = {"generator": flat_state(generator, flat_config(generator))}
    return found | ({"discriminator": judge_state(judge, judge_config(judge))} if judge is not None else {})


def _generator(contents: Contents) -> FlatLayout:
    network = _network(contents, AVERAGED)
    settings, values = _settings(network, contents), _variables(network)
    return FlatLayout(
        network=GENERATOR,
        title=TITLE,
        path=contents.path,
        values=values,
        dead=DEAD,
        place=_place,
        dense=lambda number, leaf: Place(f"mapping/Dense{number}/{leaf}", _turned if leaf == "weight" else unchanged),
        constant="synthesis/4x4/Const/const",
        mean="dlatent_avg",
        taps=lambda: smoothing(tuple(settings["resample_kernel"])),
        clamp=float(settings["conv_clamp"] or 0),
        rate=float(settings["mapping_lrmul"]),
        classes=_classes(values),
    )


def _judge(contents: Contents) -> FlatJudge | None:
    """The discriminator; None for one that judges classes."""
    network = _network(contents, DISCRIMINATOR)
    settings, values = _settings(network, contents), _variables(network)
    out = values.get("Output/bias")
    if "LabelEmbed/weight" in values or (isinstance(out, Stored) and out.shape != (1,)):
        return None
    blocks = sum(re.fullmatch(r"\d+x\d+/Conv0/bias", name) is not None for name in values)

    def place(module: str, number: int, leaf: str) -> Place:
        size = 4 << (blocks - number) if number <= blocks else 0
        name = "Output" if module == "out" else f"{size}x{size}/{JUDGED[module]}"
        changes = {"weight": _turned if module in ("out", "last_dense") else _kernel}
        return Place(f"{name}/{leaf}", changes.get(leaf, unchanged))

    return FlatJudge(
        network=JUDGE,
        title=TITLE,
        path=contents.path,
        values=values,
        dead=DEAD,
        place=place,
        taps=lambda: smoothing(tuple(settings["resample_kernel"])),
        clamp=float(settings["conv_clamp"] or 0),
    )


def _network(contents: Contents, number: int) -> Record:
    """One of G, D and Gs."""
    tree = contents.tree
    if not isinstance(tree, (tuple, list)) or len(tree) != 3 or not isinstance(tree[number], Record):
        raise CheckpointError(
            f"A tuple of the three networks G, D and Gs is needed; {contents.path.name} holds something else. Give the "
            "pickle as it was published."
        )
    return tree[number]


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
    return Place(f"synthesis/{size}x{size}/{layer}/{LEAVES.get(leaf, leaf)}", changes.get(leaf, unchanged))


def _turned(matrix: Tensor) -> Tensor:
    return matrix.permute(1, 0)


def _kernel(kernel: Tensor) -> Tensor:
    return kernel.permute(3, 2, 0, 1)


def _is_dense(weight: tuple[int, ...], bias: tuple[int, ...]) -> bool:
    return len(weight) == 2 and weight[0] > 0 and weight[1:] == bias


def _classes(values: dict[str, Stored | float]) -> Classes | None:
    """Class vectors: a matrix as it is (StyleGAN2), or a dense layer (StyleGAN2-ADA)."""
    concatenated, weight, bias = (
        values.get(f"mapping/{name}") for name in ("LabelConcat/weight", "LabelEmbed/weight", "LabelEmbed/bias")
    )
    if isinstance(concatenated, Stored) and len(concatenated.shape) == 2:
        return Classes(concatenated.read, concatenated.shape, True, frozenset({"mapping/LabelConcat/weight"}))
    if isinstance(weight, Stored) and isinstance(bias, Stored) and _is_dense(weight.shape, bias.shape):
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
