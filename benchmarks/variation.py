"""How the judge of a study's figures sees the photographs while it learns: objects on white, on other grounds too.

Shapes: N pictures of R px, in [-1, 1].
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from neural_collage.engine.training.draws import Draws
from torch import Tensor

WHITE = 0.85  # a pixel whose darkest channel is above this belongs to the white background


def on_any_ground(images: Tensor, draws: Draws) -> Tensor:
    """Mirrored, turned, moved, other light, other plain backgrounds, noise: (N, 3, R, R) in [-1, 1].

    Backgrounds change because the classes must be told by the object: a made picture's white is never quite white.
    """
    count = len(images)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return draws.uniform(count, *shape) * (high - low) + low

    images = _moved(images, uniform(-0.5, 0.5), uniform(0.9, 1.15), uniform(-0.08, 0.08, 2), uniform(-1, 1, 2).sign())
    background = images.amin(1, keepdim=True) > WHITE
    brightness, contrast = uniform(-0.2, 0.2, 1, 1, 1), uniform(0.8, 1.2, 1, 1, 1)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * uniform(0.7, 1.3, 1, 1, 1)  # saturation
    images = (images * contrast + brightness + uniform(-0.05, 0.05, 3, 1, 1)).clamp(-1, 1)
    plain = torch.where(uniform(0, 1, 1, 1, 1) < 0.3, uniform(-1, 1, 3, 1, 1), torch.ones(()))
    images = torch.where(background, plain, images)
    return images + 0.03 * draws.normal(count, *images.shape[1:])


def _moved(images: Tensor, angle: Tensor, scale: Tensor, shift: Tensor, mirror: Tensor) -> Tensor:
    """Turned by `angle` (N,), shrunk by `scale` (N,), moved by `shift` (N, 2), mirrored by signs (N, 2), on white."""
    sine, cosine = angle.sin() * scale, angle.cos() * scale
    rows = torch.stack([torch.stack([cosine, -sine], 1), torch.stack([sine, cosine], 1)], 1) * mirror[:, None]
    grid = F.affine_grid(torch.cat([rows, shift[:, :, None]], 2), list(images.shape), align_corners=False)
    return F.grid_sample(images - 1, grid, align_corners=False) + 1  # outside the picture is 0 there: white
