"""NVIDIA's StyleGAN pickles of TensorFlow: `karras2019stylegan-ffhq-1024x1024.pkl`, `network-snapshot-010000.pkl`.

A tuple of three networks: G, D, and Gs, the averaged generator, which is used. Source: `training/networks_stylegan.py`.
Matrices are (in, out), convolutions (row, column, in, out).
"""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from ..errors import CheckpointError
from ..networks.stylegan import BOTTOM
from .contents import Contents
from .outline import Outline
from .records import Record
from .stylegan_layout import TRUNCATED, Factors, Layout, Place, entry_of, left_out
from .stylegan_weights import StyleGANFile

__all__ = ["MARKS", "outline", "states"]

MARKS = ("*synthesis/4x4/Const/const", "*synthesis/4x4/Const/StyleMod/weight")

TITLE = "NVIDIA (TensorFlow)"
LAYER = "synthesis/{layer}"
MATRIX, CONVOLUTION = (1, 0), (3, 2, 0, 1)
PLACES = {
    "dense.weight": Place("mapping/Dense{n}/weight", MATRIX),
    "dense.bias": Place("mapping/Dense{n}/bias"),
    "label": Place("mapping/LabelConcat/weight"),
    "mean": Place("dlatent_avg"),
    "constant": Place("synthesis/4x4/Const/const"),
    "weight": Place(f"{LAYER}/weight", CONVOLUTION),
    "bias": Place(f"{LAYER}/bias"),
    "strength": Place(f"{LAYER}/Noise/weight"),
    "noise": Place("synthesis/noise{n}"),
    "style.weight": Place(f"{LAYER}/StyleMod/weight", MATRIX),
    "style.bias": Place(f"{LAYER}/StyleMod/bias"),
    "picture.weight": Place("synthesis/ToRGB_lod{lod}/weight", CONVOLUTION),
    "picture.bias": Place("synthesis/ToRGB_lod{lod}/bias"),
}
DEAD = r"lod|synthesis/lod|synthesis/ToRGB_lod\d+/(weight|bias)"
"""Pictures of coarser levels."""
SETTINGS: dict[str, Any] = {
    "num_channels": 3,
    "use_styles": True,
    "const_input_layer": True,
    "use_noise": True,
    "use_wscale": True,
    "use_pixel_norm": False,
    "use_instance_norm": True,
    "normalize_latents": True,
    "nonlinearity": "lrelu",
    "mapping_nonlinearity": "lrelu",
    "blur_filter": [1, 2, 1],
}
"""What the pictures are drawn with here, and was the original's default; a network of other settings is refused."""
FREE: dict[str, Any] = {"fused_scale": "auto", "mapping_lrmul": 0.01, "truncation_cutoff": TRUNCATED}
"""Settings that may differ, and their defaults."""
KINDS = {"fused_scale": (str, bool), "mapping_lrmul": (int, float), "truncation_cutoff": (int, type(None))}
FUSED_FROM = {"auto": 128, True: 2 * BOTTOM, False: 2**30}
"""The setting `fused_scale`: from which size on doubling is a transposed convolution."""


def outline(contents: Contents) -> Outline:
    """What the file holds; CheckpointError as `StyleGANFile`, or settings that are not supported."""
    return _file(contents).outline()


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names; CheckpointError as `outline`."""
    return _file(contents).states()


def _file(contents: Contents) -> StyleGANFile:
    entry = entry_of(contents, PLACES["constant"].name, "2.")
    settings = _settings(contents)
    pictures = re.compile(rf"{re.escape(entry)}synthesis/ToRGB_lod\d+/bias")
    levels = sum(pictures.fullmatch(name) is not None for name in contents.shapes)

    def place(item: str, number: int) -> Place:
        block, half = divmod(number, 2)
        layer = ("Conv0_up", "Conv1") if block else ("Const", "Conv")
        size, known = BOTTOM << block, PLACES[item]
        name = known.name.format(n=number, layer=f"{size}x{size}/{layer[half]}", lod=levels - 1 - number)
        return Place(name, known.axes)

    factors = Factors(mapping=float(settings["mapping_lrmul"]), fused_from=FUSED_FROM[settings["fused_scale"]])
    cutoff = settings["truncation_cutoff"]
    return StyleGANFile(contents, Layout(TITLE, entry, place, DEAD, factors, _untrained(contents), cutoff))


def _state(contents: Contents) -> dict[str, Any]:
    """What the file says of the generator, Gs, beside its weights."""
    tree = contents.tree
    network = tree[-1] if isinstance(tree, (list, tuple)) else tree
    return network.state if isinstance(network, Record) and isinstance(network.state, dict) else {}


def _untrained(contents: Contents) -> int:
    lods = [value for name, value in _state(contents).get("variables", []) if name == "lod"]
    return left_out(lods[0]) if lods and isinstance(lods[0], (int, float)) else 0


def _settings(contents: Contents) -> dict[str, Any]:
    """What the network was made with."""
    given = _state(contents).get("static_kwargs")
    settings = {**FREE, **given} if isinstance(given, dict) else dict(FREE)
    wrong = [name for name, wanted in SETTINGS.items() if _listed(settings.get(name, wanted)) != wanted]
    wrong += [name for name, kinds in KINDS.items() if not isinstance(settings[name], kinds)]
    wrong += [] if wrong or settings["fused_scale"] in FUSED_FROM else ["fused_scale"]
    if wrong:
        told = ", ".join(f"{name}={str(settings[name])[:40]}" for name in wrong)
        raise CheckpointError(
            f"A StyleGAN with the settings of the published ones is needed; the network in {contents.path.name} was "
            f"made with {told}. It cannot be drawn here."
        )
    return settings


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
