"""The generators of `toy_stylegan2.py` as other code writes them: NVIDIA's TensorFlow, and rosinality's.

Written from the descriptions of those files, independently of their readers.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import old_files
import torch
from toy_stylegan3 import Raw

__all__ = ["rosinality", "rosinality_judge", "tensorflow", "tensorflow_file", "tensorflow_judge"]


def tensorflow(raw: Raw) -> dict[str, dict[str, Any]]:
    """Variables by component: "" for the network's own, "mapping" and "synthesis"."""
    mapping, synthesis = raw["mapping"], {}
    dense: dict[str, Any] = {}
    for name, layer in mapping.parts.items():
        place = "LabelEmbed" if name == "embed" else f"Dense{name[2:]}"
        dense |= {f"{place}/weight": layer["weight"].T, f"{place}/bias": layer["bias"]}
    noises = iter(range(99))
    for size, block in ((int(name[1:]), block) for name, block in raw["synthesis"].parts.items()):
        at = f"{size}x{size}"
        if "const" in block.parameters:
            synthesis[f"{at}/Const/const"] = block["const"][None]
        for name, theirs in {"conv0": "Conv0_up", "conv1": "Conv1" if size > 4 else "Conv"}.items():
            if name in block.parts:
                conv = block[name]
                synthesis |= _modulated(f"{at}/{theirs}", conv, mirrored=name == "conv0")
                synthesis[f"noise{next(noises)}"] = conv["noise_const"][None, None]
                synthesis[f"{at}/{theirs}/noise_strength"] = np.float32(conv["noise_strength"])
        if "torgb" in block.parts:
            synthesis |= _modulated(f"{at}/ToRGB", block["torgb"], mirrored=False)
        if "skip" in block.parts:
            synthesis[f"{at}/Skip/weight"] = block["skip"]["weight"].transpose(2, 3, 1, 0)[::-1, ::-1]
    own = {"lod": np.float32(0), "dlatent_avg": mapping["w_avg"]}
    return {"": own, "mapping": dense, "synthesis": synthesis}


def tensorflow_judge(raw: Raw) -> dict[str, Any]:
    """Variables of a discriminator."""
    found: dict[str, Any] = {}
    names = {"fromrgb": "FromRGB", "conv0": "Conv0", "conv1": "Conv1_down", "skip": "Skip", "conv": "Conv"}
    for size, block in ((int(name[1:]), block) for name, block in raw.parts.items()):
        for name, layer in block.parts.items():
            place = "Output" if name == "out" else f"{size}x{size}/{names.get(name, 'Dense0')}"
            weight = layer["weight"]
            found[f"{place}/weight"] = weight.T if weight.ndim == 2 else weight.transpose(2, 3, 1, 0)
            found |= {f"{place}/bias": layer["bias"]} if "bias" in layer.parameters else {}
    return found


def tensorflow_file(path: Path, variables: dict[str, dict[str, Any]], **settings: Any) -> Path:
    """The pickle of (G, D, Gs); of D, the variables "D", or such as belong to classes."""
    with old_files.foreign() as known:
        mapping, synthesis = (
            known.Network(f"G_{name}", _named(variables[name]), {}) for name in ("mapping", "synthesis")
        )
        components = {"synthesis": synthesis, "mapping": mapping}
        whole = known.Network("Gs", _named(variables[""]), components, **settings)
        judge = known.Network("D", _named(variables.get("D", {"Output/bias": np.zeros(3)})), {}, **settings)
        path.write_bytes(pickle.dumps((known.Network("G", [], {}), judge, whole), 4))
    return path


def rosinality(raw: Raw) -> dict[str, torch.Tensor]:
    """The state of a generator; without the mean style, which lies beside it."""
    state: dict[str, Any] = {}
    for name, layer in raw["mapping"].parts.items():
        state |= {f"style.{int(name[2:]) + 1}.{leaf}": layer[leaf] for leaf in ("weight", "bias")}
    blocks = list(raw["synthesis"].parts.values())
    state["input.input"] = blocks[0]["const"][None]
    convs = [(block, name) for block in blocks for name in ("conv0", "conv1") if name in block.parts]
    for number, (block, name) in enumerate(convs):
        conv, place = block[name], f"convs.{number - 1}" if number else "conv1"
        state |= _modulation(f"{place}.conv", conv)
        state[f"{place}.noise.weight"] = conv["noise_strength"].reshape(1)
        state[f"{place}.activate.bias"] = conv["bias"]
        state[f"noises.noise_{number}"] = conv["noise_const"][None, None]
        if name == "conv0":
            state[f"{place}.conv.blur.kernel"] = conv["resample_filter"] * 4
    for number, block in enumerate(blocks):
        place = f"to_rgbs.{number - 1}" if number else "to_rgb1"
        state |= _modulation(f"{place}.conv", block["torgb"])
        state[f"{place}.bias"] = block["torgb"]["bias"].reshape(1, 3, 1, 1)
        if number:
            state[f"{place}.upsample.kernel"] = block["resample_filter"] * 4
    return {name: torch.from_numpy(np.array(value, dtype=np.float32)) for name, value in state.items()}


def rosinality_judge(raw: Raw) -> dict[str, torch.Tensor]:
    """The state of a discriminator of the residual architecture."""
    state: dict[str, Any] = {}
    blocks = sorted(raw.parts.items(), key=lambda item: -int(item[0][1:]))
    for number, (_, block) in enumerate(blocks):
        places = {"fromrgb": "convs.0.0", "conv": "final_conv.0", "fc": "final_linear.0", "out": "final_linear.1"}
        places |= {name: f"convs.{number + 1}.{at}" for name, at in (("conv0", "conv1.0"), ("conv1", "conv2.1"))}
        places |= {"skip": f"convs.{number + 1}.skip.1"}
        for name, layer in block.parts.items():
            place, slope = places[name], places[name]
            if name not in ("fc", "out"):
                slope = f"{place[:-1]}{int(place[-1]) + 1}"
            state[f"{place}.weight"] = layer["weight"]
            state |= {f"{slope}.bias": layer["bias"]} if "bias" in layer.parameters else {}
        if "conv1" in block.parts:
            for name in ("conv2", "skip"):
                state[f"convs.{number + 1}.{name}.0.kernel"] = block["conv1"]["resample_filter"]
    return {name: torch.from_numpy(np.array(value, dtype=np.float32)) for name, value in state.items()}


def _modulated(place: str, layer: Raw, mirrored: bool) -> dict[str, Any]:
    weight = layer["weight"].transpose(2, 3, 1, 0)
    return {
        f"{place}/weight": weight[::-1, ::-1] if mirrored else weight,
        f"{place}/bias": layer["bias"],
        f"{place}/mod_weight": layer["affine"]["weight"].T,
        f"{place}/mod_bias": layer["affine"]["bias"] - 1,
    }


def _modulation(place: str, layer: Raw) -> dict[str, Any]:
    affine = layer["affine"]
    return {
        f"{place}.weight": layer["weight"][None],
        f"{place}.modulation.weight": affine["weight"],
        f"{place}.modulation.bias": affine["bias"],
    }


def _named(variables: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        (name, value if np.isscalar(value) else np.array(value, dtype=np.float32)) for name, value in variables.items()
    ]
