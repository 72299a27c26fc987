"""Sound weights files of toy models with other values in them: tensors of other shapes and types, other settings.

Nothing in them is against the rules of a pickle, so all of it arrives at the readers of the families.
"""

from __future__ import annotations

import io
import random
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import toy_biggan
import toy_stylegan
import toy_stylegan2
import toy_stylegan2_layouts
import toy_stylegan3
from mutations import operations
from torch import Tensor

__all__ = ["MODELS", "changed_values"]


def dumped(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def biggan(name: str) -> bytes:
    layout = toy_biggan.LAYOUTS[name]
    with tempfile.TemporaryDirectory() as folder:
        return toy_biggan.write(Path(folder), layout, toy_biggan.generator(layout)).read_bytes()


def tensorflow2() -> bytes:
    raw = toy_stylegan2.snapshot(usual=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.pkl"
        return toy_stylegan2_layouts.tensorflow_file(path, toy_stylegan2_layouts.tensorflow(raw)).read_bytes()


MODELS: dict[str, Callable[[], bytes]] = {
    "ajbrock": lambda: biggan("ajbrock"),
    "StudioGAN": lambda: biggan("StudioGAN"),
    "genforce": lambda: dumped(toy_stylegan.genforce(toy_stylegan.raw())),
    "interfacegan": lambda: dumped(toy_stylegan.interfacegan(toy_stylegan.raw())),
    "StyleGAN": lambda: toy_stylegan.tensorflow(toy_stylegan.raw()),
    "StyleGAN2 TensorFlow": tensorflow2,
    "StyleGAN2": lambda: toy_stylegan3.written(toy_stylegan2.snapshot(), D=toy_stylegan2.discriminator()),
    "StyleGAN3": lambda: toy_stylegan3.written(toy_stylegan3.snapshot("T")),
    "StyleGAN-XL": lambda: toy_stylegan3.written(toy_stylegan3.snapshot("XL")),
}


def changed_values(name: str, count: int) -> Iterator[tuple[str, bytes]]:
    """Seeded changes of a toy model's file."""
    sound = MODELS[name]()
    for number in range(count):
        dice = random.Random(f"{name} {number}")
        yield f"{name} {number}", other_tensors(dice, sound) if sound[:2] == b"PK" else other_settings(dice, sound)


# --- State dicts -----------------------------------------------------------------------------------------------------

SHAPES: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda tensor: tensor.reshape(-1),
    lambda tensor: tensor[None],
    lambda tensor: tensor.reshape(-1)[:0],
    lambda tensor: torch.tensor(1.0),
    lambda tensor: tensor.to(torch.int64),
    lambda tensor: tensor > 0,
    lambda tensor: tensor.transpose(0, -1).contiguous() if tensor.dim() > 1 else torch.zeros(2, 2),
    lambda tensor: tensor * float("nan"),
    lambda tensor: tensor.reshape(-1)[:1],
    lambda tensor: torch.zeros(1, 1, 1, 1, 1),
    lambda tensor: torch.cat([tensor.reshape(-1)] * 3),
)


def other_tensors(dice: random.Random, sound: bytes) -> bytes:
    """One or two tensors of a state dict in another shape or type, under another name, or gone."""
    content = torch.load(io.BytesIO(sound), weights_only=True)
    for _ in range(dice.choice((1, 1, 2))):
        holder = dice.choice([entry for entry in (content, *content.values()) if has_tensors(entry)])
        name = dice.choice([name for name, value in holder.items() if isinstance(value, Tensor)])
        tensor = holder.pop(name)
        if dice.random() < 0.8:
            holder[dice.choice((name, name, name, name + "x"))] = dice.choice(SHAPES)(tensor)
    return dumped(content)


def has_tensors(entry: Any) -> bool:
    return isinstance(entry, dict) and any(isinstance(value, Tensor) for value in entry.values())


# --- Snapshots -------------------------------------------------------------------------------------------------------

NUMBERS = ("BININT", "BININT1", "BININT2", "BINFLOAT", "NEWTRUE", "NEWFALSE", "NONE")
WHOLE = (0, 1, 2, -1, 3, 7, 2**20, 2**31, 2**62, 2**200, -(2**63))
REAL = (0.0, -1.0, 1e308, float("nan"), float("inf"))
VALUES = (
    *(
        b"\x8a" + bytes([n.bit_length() // 8 + 1]) + n.to_bytes(n.bit_length() // 8 + 1, "little", signed=True)
        for n in WHOLE
    ),
    *(b"G" + struct.pack(">d", number) for number in REAL),
    *(b"\x8c" + bytes([len(text)]) + text for text in (b"", b"x", b"synthesis")),
    *(b"N", b"\x88", b"\x89", b"]", b"}", b")", b"K\x01\x85", b"](K\x01K\x02e", b"](NNe"),
)
"""As operations of a pickle."""
TYPES = (b"IntStorage", b"BoolStorage")


def other_settings(dice: random.Random, sound: bytes) -> bytes:
    """Another value for a number or text of a snapshot, or another type for the numbers of a tensor."""
    if b"FloatStorage" in sound and dice.random() < 0.2:
        return other_type(dice, sound)
    found = operations(sound)
    numeric = [(start, end) for name, start, end in found if name in NUMBERS]
    texts = [(start, end) for name, start, end in found if "UNICODE" in name]
    start, end = dice.choice(numeric if dice.random() < 0.75 else texts)
    return sound[:start] + dice.choice(VALUES) + sound[end:]


def other_type(dice: random.Random, sound: bytes) -> bytes:
    """One tensor's numbers, four bytes each, said to be whole or truth values."""
    held = [(start, end) for name, start, end in operations(sound) if name == "BINBYTES"]
    start, end = dice.choice([(start, end) for start, end in held if b"FloatStorage" in sound[start:end]])
    inner = sound[start + 5 : end].replace(b"FloatStorage", dice.choice(TYPES))
    return sound[:start] + b"B" + struct.pack("<I", len(inner)) + inner + sound[end:]
