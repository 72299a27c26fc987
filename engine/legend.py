"""A class map as a picture: every label in a colour of its own, and a legend that names them.

Shapes: N maps, K labels and the picture's own, S side of the map's longer edge in pixels.
"""

from __future__ import annotations

import colorsys
from collections.abc import Hashable

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from .class_map import ClassMap
from .collage import Collage
from .gan import Gan
from .ranges import expect
from .style import resize

__all__ = ["draw_class_map"]

SIDE = 384
"""Pixels of the map's longer edge."""
ROW = 20
"""Pixels of one line of the legend."""
OWN_COLOUR = (0.5, 0.5, 0.5)
GOLDEN = 0.381966
"""Hues this far apart stay apart, however many there are."""


def draw_class_map(gan: Gan, class_map: ClassMap) -> Tensor:
    """Draw a class map: colours mixed as the labels are, and below it each label's colour, class and share of the area.

    Args:
        gan: the model that the labels are meant for.
        class_map: labelled regions. What they leave is the picture's own label, in grey.

    Returns:
        (N, 3, H, W) in [-1, 1].

    Raises:
        LabelError: a label that is no class of this model.
        InputError: another kind of model or map.
    """
    expect(gan, Gan, "The model that labels are meant for")
    expect(class_map, ClassMap, "What to draw")
    names = [_name(gan, label) for label in class_map.labels] + ["the picture's own label"]
    colours = torch.tensor([*map(_colour, range(len(class_map.labels))), OWN_COLOUR])  # (K + 1, 3)
    painted = class_map.weights.cpu()
    weights = torch.cat([painted, 1 - class_map.coverage.cpu()], dim=1)  # (N, K + 1, H, W)
    height, width = weights.shape[-2:]
    scale = SIDE / max(height, width)
    fine = resize(weights, (max(1, round(height * scale)), max(1, round(width * scale))))
    pictures = torch.einsum("nkhw,kc->nchw", fine, colours) * 2 - 1
    return torch.stack([
        torch.cat([picture, _legend(names, colours, shares, picture.shape[-1])], dim=1)
        for picture, shares in zip(pictures, weights.mean((2, 3)), strict=True)
    ])  # fmt: skip


def _name(gan: Gan, label: Hashable) -> str:
    """How the legend calls a label: class number and name, up to its first comma."""
    if isinstance(label, Collage):
        return "the style of another collage"
    number = gan.label(label)
    return f"{number} {gan.class_names[number].partition(',')[0]}" if gan.class_names else f"class {number}"


def _colour(index: int) -> tuple[float, float, float]:
    """Red, green, blue, 0 to 1, of label number `index`."""
    return colorsys.hsv_to_rgb(index * GOLDEN % 1.0, 0.75, 0.95)


def _legend(names: list[str], colours: Tensor, shares: Tensor, width: int) -> Tensor:
    """(3, K * ROW, width) in [-1, 1]: a swatch, the name and the share of each label."""
    canvas = Image.new("RGB", (width, ROW * len(names)), (255, 255, 255))
    draw = ImageDraw.Draw(canvas)
    for index, (name, colour, share) in enumerate(zip(names, colours, shares, strict=True)):
        fill = tuple(round(255 * part) for part in colour.tolist())
        draw.rectangle((4, index * ROW + 3, 18, index * ROW + 16), fill, (0, 0, 0))
        draw.text((26, index * ROW + 4), f"{name}   {share:.1%}", (0, 0, 0))
    return torch.from_numpy(np.array(canvas)).permute(2, 0, 1).float() / 127.5 - 1
