"""Small StyleGANs of random weights, and files of them as five code bases write theirs.

`Raw` holds the numbers as the original stores them: without its run-time factors, in torch's order of axes. The files
are written from the description of each layout alone, independently of the readers.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import old_files
import torch
from torch import Tensor

__all__ = [
    "CHANNELS",
    "DIM_Z",
    "Raw",
    "genforce",
    "interfacegan",
    "lernapparat",
    "raw",
    "rosinality",
    "save",
    "tensorflow",
]

DIM_Z, WIDTHS, CLASSES = 5, (7, 6), 3
CHANNELS = (6, 4, 3)
"""4, 8 and 16 px."""
Layer = dict[str, Tensor]


@dataclass
class Raw:
    """A StyleGAN's numbers."""

    dense: list[tuple[Tensor, Tensor]]
    """Of the mapping network: (out, in), (out,)."""
    constant: Tensor
    layers: list[Layer]
    """weight, bias, strength, noise, style_weight, style_bias; the first has no weight."""
    pictures: list[tuple[Tensor, Tensor]]
    """For each block: (3, C, 1, 1), (3,)."""
    mean: Tensor
    labels: Tensor | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    """What a TensorFlow network was made with."""


def raw(channels: tuple[int, ...] = CHANNELS, *, classes: int = 0, seed: int = 0) -> Raw:
    """Random numbers; with `classes` a conditional network."""
    source = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=source)

    inputs = (DIM_Z * (2 if classes else 1), *WIDTHS)
    dense = [(draw(b, a) * 100, draw(b) * 30) for a, b in zip(inputs[:-1], WIDTHS, strict=True)]  # multiplied by 0.01
    layers: list[Layer] = []
    for number in range(2 * len(channels)):
        width, size = channels[number // 2], 4 << number // 2
        before = channels[(number - 1) // 2]
        layer = {"bias": draw(width), "strength": draw(width), "noise": draw(1, 1, size, size)}
        layer |= {"style_weight": draw(2 * width, WIDTHS[-1]), "style_bias": draw(2 * width)}
        layers.append(layer | ({"weight": draw(width, before, 3, 3)} if number else {}))
    pictures = [(draw(3, width, 1, 1), draw(3)) for width in channels]
    labels = draw(classes, DIM_Z) if classes else None
    return Raw(dense, draw(1, channels[0], 4, 4), layers, pictures, draw(WIDTHS[-1]), labels)


def genforce(numbers: Raw, *, lod: float = 0.0) -> dict[str, Any]:
    """`{"generator_smooth": ...}`, beside networks that go on in training and have other numbers."""
    state = {"truncation.w_avg": numbers.mean, "synthesis.lod": torch.tensor(lod)}
    state["synthesis.layer0.const"] = numbers.constant
    for i, (weight, bias) in enumerate(numbers.dense):
        state |= {f"mapping.dense{i}.weight": weight, f"mapping.dense{i}.bias": bias}
    if numbers.labels is not None:
        state["mapping.label_weight"] = numbers.labels
    for i, layer in enumerate(numbers.layers):
        own = {
            "bias": layer["bias"],
            "apply_noise.weight": layer["strength"],
            "apply_noise.noise": layer["noise"],
            "style.weight": layer["style_weight"],
            "style.bias": layer["style_bias"],
        }
        own |= {"weight": layer["weight"]} if i else {}
        own |= {"blur.kernel": _blur(len(layer["bias"]))} if i and i % 2 == 0 else {}
        state |= {f"synthesis.layer{i}.{name}": tensor for name, tensor in own.items()}
    for i, (weight, bias) in enumerate(numbers.pictures):
        state |= {f"synthesis.output{i}.weight": weight, f"synthesis.output{i}.bias": bias}
    return {"generator": {name: -tensor for name, tensor in state.items()}, "generator_smooth": state}


def interfacegan(numbers: Raw) -> dict[str, Tensor]:
    """A flat dict; kernels of fused layers (128 px and more) in TensorFlow's order; no mean."""
    state = {"synthesis.lod": torch.tensor(0.0), "synthesis.layer0.first_layer": numbers.constant}
    for i, (weight, bias) in enumerate(numbers.dense):
        state |= {f"mapping.dense{i}.linear.weight": weight, f"mapping.dense{i}.wscale.bias": bias}
    for i, layer in enumerate(numbers.layers):
        own = {
            "epilogue.bias": layer["bias"],
            "epilogue.apply_noise.weight": layer["strength"],
            "epilogue.apply_noise.noise": layer["noise"],
            "epilogue.style_mod.dense.linear.weight": layer["style_weight"],
            "epilogue.style_mod.dense.wscale.bias": layer["style_bias"],
        }
        if i and i % 2 == 0:
            own["blur.kernel"] = _blur(len(layer["bias"]))
        if i and i % 2 == 0 and layer["noise"].shape[-1] >= 128:
            own["weight"] = layer["weight"].permute(2, 3, 1, 0).contiguous()
        elif i:
            own["conv.weight"] = layer["weight"]
        state |= {f"synthesis.layer{i}.{name}": tensor for name, tensor in own.items()}
    for i, (weight, bias) in enumerate(numbers.pictures):
        state |= {f"synthesis.output{i}.conv.weight": weight, f"synthesis.output{i}.bias": bias}
    return state


def lernapparat(numbers: Raw) -> dict[str, Tensor]:
    """A flat dict without noise, mean and the coarser pictures."""
    state = {"g_synthesis.blocks.4x4.const": numbers.constant}
    for i, (weight, bias) in enumerate(numbers.dense):
        state |= {f"g_mapping.dense{i}.weight": weight, f"g_mapping.dense{i}.bias": bias}
    for i, layer in enumerate(numbers.layers):
        size, half = layer["noise"].shape[-1], i % 2 + 1
        block = f"g_synthesis.blocks.{size}x{size}"
        inner = f"{block}." + (("", "conv.") if i < 2 else ("conv0_up.", "conv1."))[half - 1]
        state |= {f"{inner}bias": layer["bias"]} | ({f"{inner}weight": layer["weight"]} if i else {})
        state[f"{block}.epi{half}.top_epi.noise.weight"] = layer["strength"]
        state[f"{block}.epi{half}.style_mod.lin.weight"] = layer["style_weight"]
        state[f"{block}.epi{half}.style_mod.lin.bias"] = layer["style_bias"]
        if i > 1 and half == 1:
            state[f"{inner}intermediate.kernel"] = _blur(1)
    weight, bias = numbers.pictures[-1]
    return state | {"g_synthesis.torgb.weight": weight, "g_synthesis.torgb.bias": bias}


def rosinality(numbers: Raw, *, fused_from: int = 2) -> dict[str, Any]:
    """`{"g_running": ...}`; the blocks from number `fused_from` on (5 in real files) double by fused layers."""
    state = {"generator.progression.0.conv1.input": numbers.constant}
    for i, (weight, bias) in enumerate(numbers.dense):
        state |= {f"style.{2 * i + 1}.linear.weight_orig": weight / 100, f"style.{2 * i + 1}.linear.bias": bias / 100}
    for i, layer in enumerate(numbers.layers):
        block, half = divmod(i, 2)
        stage = f"generator.progression.{block}"
        state[f"{stage}.noise{half + 1}.weight_orig"] = layer["strength"][None, :, None, None]
        state[f"{stage}.adain{half + 1}.style.linear.weight_orig"] = layer["style_weight"]
        state[f"{stage}.adain{half + 1}.style.linear.bias"] = layer["style_bias"]
        fused = block >= fused_from
        if i and fused and not half:
            state[f"{stage}.conv1.0.weight"] = layer["weight"].transpose(0, 1).contiguous()
            state[f"{stage}.conv1.0.bias"] = layer["bias"]
        elif i:
            inner = f"{stage}.{'conv2' if half else 'conv1.1'}.conv"
            state |= {f"{inner}.weight_orig": layer["weight"], f"{inner}.bias": layer["bias"]}
        if i and not half:
            blur = f"{stage}.conv1.{1 if fused else 2}"
            state |= {f"{blur}.weight": _blur(1), f"{blur}.weight_flip": _blur(1)}
    for i, (weight, bias) in enumerate(numbers.pictures):
        state |= {f"generator.to_rgb.{i}.conv.weight_orig": weight, f"generator.to_rgb.{i}.conv.bias": bias}
    other = {name: -tensor for name, tensor in state.items()}
    return {"generator": other, "discriminator": {"linear.weight": torch.ones(1)}, "g_running": state}


def tensorflow(numbers: Raw, *, lod: float = 0.0, **settings: Any) -> bytes:
    """The pickle of (G, D, Gs), with the settings of Gs."""
    mapping = [(f"Dense{i}/weight", weight.T) for i, (weight, _) in enumerate(numbers.dense)]
    mapping += [(f"Dense{i}/bias", bias) for i, (_, bias) in enumerate(numbers.dense)]
    mapping += [("LabelConcat/weight", numbers.labels)] if numbers.labels is not None else []
    synthesis: list[tuple[str, Any]] = [("4x4/Const/const", numbers.constant)]
    for i, layer in enumerate(numbers.layers):
        size = layer["noise"].shape[-1]
        place = f"{size}x{size}/" + (("Const", "Conv") if i < 2 else ("Conv0_up", "Conv1"))[i % 2]
        synthesis += [(f"{place}/weight", layer["weight"].permute(2, 3, 1, 0))] if i else []
        synthesis += [(f"{place}/bias", layer["bias"]), (f"{place}/Noise/weight", layer["strength"])]
        synthesis += [(f"{place}/StyleMod/weight", layer["style_weight"].T)]
        synthesis += [(f"{place}/StyleMod/bias", layer["style_bias"]), (f"noise{i}", layer["noise"])]
    for i, (weight, bias) in enumerate(reversed(numbers.pictures)):
        synthesis += [(f"ToRGB_lod{i}/weight", weight.permute(2, 3, 1, 0)), (f"ToRGB_lod{i}/bias", bias)]
    own = [("lod", np.float32(lod)), ("dlatent_avg", numbers.mean.numpy())]
    with old_files.foreign() as classes:
        components = {
            "synthesis": classes.Network("G_synthesis", [("lod", np.float32(lod)), *_arrays(synthesis, 1)], {}),
            "mapping": classes.Network("G_mapping", _arrays(mapping, 1), {}),
        }
        other = {"mapping": classes.Network("G_mapping", _arrays(mapping, -1), {})}
        networks = (
            classes.Network(
                "G", own, {**other, "synthesis": classes.Network("G_synthesis", _arrays(synthesis, -1), {})}
            ),
            classes.Network("D", [], {}),
            classes.Network("Gs", own, components, **settings),
        )
        return pickle.dumps(networks, 4)


def save(content: Any, path: Path) -> Path:
    """Write a dict by torch, bytes as they are."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    return path


def _arrays(variables: list[tuple[str, Any]], sign: int) -> list[tuple[str, np.ndarray]]:
    return [(name, sign * np.ascontiguousarray(tensor.numpy())) for name, tensor in variables]


def _blur(channels: int) -> Tensor:
    row = torch.tensor([1.0, 2.0, 1.0]) / 4
    return torch.outer(row, row).expand(channels, 1, 3, 3).contiguous()
