"""Real photographs to edit: which fruit of which file, as an ellipse, its class, and the class it is to become.

The photographs are those of the Grocery Store Dataset (M. Klasson, MIT licence), which are not part of this repository;
`--photos` names the folder that holds them.

Shapes: H W size of a photograph in pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from neural_collage.engine.training.data import to_network
from PIL import Image
from torch import Tensor


@dataclass(frozen=True)
class Fruit:
    """One fruit in a photograph."""

    file: str
    centre: tuple[float, float]
    """(right, down), in pixels."""
    radii: tuple[float, float]
    """Half axes of the ellipse around it, in pixels."""
    angle: float
    """Degrees by which the first axis is turned clockwise from the horizontal."""
    shown: str
    """Its class."""
    target: str
    """The class it is to become."""

    def photo(self, folder: Path) -> Tensor:
        """(1, 3, H, W) in [-1, 1]."""
        with Image.open(folder / self.file) as opened:
            pixels = np.array(opened.convert("RGB"))
        return to_network(torch.from_numpy(pixels).permute(2, 0, 1)[None])

    def mask(self, size: tuple[int, int]) -> Tensor:
        """(1, 1, H, W): one inside the ellipse, zero outside."""
        down = torch.arange(size[0])[:, None] + 0.5 - self.centre[1]
        right = torch.arange(size[1])[None, :] + 0.5 - self.centre[0]
        cosine, sine = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        along, across = right * cosine + down * sine, down * cosine - right * sine
        return ((along / self.radii[0]) ** 2 + (across / self.radii[1]) ** 2 <= 1).float()[None, None]


FRUITS = (
    Fruit("grocery_Orange_001.jpg", (186, 209), (41, 41), 0, "orange", "apple-granny-smith"),
    Fruit("grocery_Beef-Tomato_001.jpg", (134, 171), (47, 47), 0, "tomato-beefsteak", "apple-granny-smith"),
    Fruit("grocery_Granny-Smith_001.jpg", (149.5, 320.5), (40.5, 40.5), 0, "apple-granny-smith", "tomato-beefsteak"),
    Fruit("grocery_Golden-Delicious_001.jpg", (215, 291), (34, 39), 0, "apple-golden", "apple-red-delicious"),
    Fruit("grocery_Regular-Tomato_001.jpg", (228, 236.5), (34.5, 34.5), 0, "tomato-beefsteak", "orange"),
    Fruit("grocery_Mango_001.jpg", (156, 251), (25, 31), 0, "mango", "lemon"),
)
