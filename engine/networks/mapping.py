"""The mapping network of all StyleGANs: latents z, with a class where the model has classes, to styles w.

Karras et al. 2019, section 2: z is normalised and goes through dense layers. The run-time scales of the originals
(equalised learning rate, its multiplier, the gain after a slope) are constant factors: they are multiplied into the
weights when a file is read, and are not here.

Shapes: N images, D latent size, E length of a class vector, L layers that are told a style, V length of a style.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError

__all__ = ["Mapping", "MappingConfig", "mean_w", "pixel_norm"]

SLOPE = 0.2
EPS = 1e-8
SAMPLES, CHUNK = 10_000, 1_000


@dataclass(frozen=True)
class MappingConfig:
    """What fixes the shape of a mapping network; the configurations of the families extend it."""

    dim_z: int
    """D: length of the latent."""
    mapping_widths: tuple[int, ...]
    """Width after each dense layer; the last is V, the length of a style."""
    n_classes: int
    """Number of classes; 1 for a model without classes."""
    dim_class: int
    """E: length of the class vector joined to z; 0 for a model without classes."""
    joint_norm: bool
    """Whether z and class vector are normalised as one (StyleGAN 1); else each by itself (StyleGAN 2 and later)."""
    n_means: int
    """How many mean styles there are for truncation: 1, or one for each class (StyleGAN-XL)."""
    truncated_layers: int
    """How many layers, from the input on, truncation acts on."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "mapping_widths", tuple(self.mapping_widths))
        positive = min(self.dim_z, self.n_classes, *self.mapping_widths) if self.mapping_widths else 0
        if positive < 1 or self.truncated_layers < 0:
            raise InputError(f"A mapping network needs dense layers and positive sizes; got {self}.")
        if (self.n_classes > 1 and self.dim_class < 1) or self.n_means not in (1, self.n_classes):
            raise InputError(f"A mapping network needs a vector for each class, and one mean or as many; got {self}.")

    @property
    def dim_w(self) -> int:
        """V: length of a style."""
        return self.mapping_widths[-1]


def pixel_norm(x: Tensor) -> Tensor:
    """(N, D) -> the same, each row of mean square 1."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + EPS)


class Mapping(nn.Module):
    """z (N, D) and labels (N,) -> styles w (N, V), and their truncation."""

    w_avg: Tensor
    """(1, V), or (classes, V): what truncation pulls towards."""

    def __init__(self, config: MappingConfig) -> None:
        super().__init__()
        self.joint_norm, self.truncated_layers = config.joint_norm, config.truncated_layers
        # One vector a class: for one-hot labels a linear layer is a table.
        self.classes = nn.Embedding(config.n_classes, config.dim_class) if config.dim_class else None
        widths = (config.dim_z + config.dim_class, *config.mapping_widths)
        self.dense = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.register_buffer("w_avg", torch.zeros(config.n_means, config.dim_w))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Styles before truncation: (N, V)."""
        x = z if self.joint_norm else pixel_norm(z)
        if self.classes is not None:
            told = self.classes(labels)
            x = torch.cat([x, told if self.joint_norm else pixel_norm(told)], dim=1)
        x = pixel_norm(x) if self.joint_norm else x
        for dense in self.dense:
            x = F.leaky_relu(dense(x), SLOPE)
        return x

    def truncate(self, w: Tensor, labels: Tensor, psi: float) -> Tensor:
        """`w_avg + psi (w - w_avg)` in the truncated layers (Karras et al. 2019, appendix B): w (N, L, V)."""
        if psi == 1:
            return w
        mean = (self.w_avg if len(self.w_avg) == 1 else self.w_avg[labels])[:, None]  # (1 or N, 1, V)
        cut = self.truncated_layers
        return torch.cat([torch.lerp(mean, w[:, :cut], psi), w[:, cut:]], dim=1)


@torch.no_grad()
def mean_w(mapping: Mapping) -> Tensor:
    """(1, V): the mean style of 10 000 latents drawn from a fixed seed, classes in turn; for files that lack it."""
    source = torch.Generator().manual_seed(0)
    first = mapping.dense[0]
    assert isinstance(first, nn.Linear)
    n_classes, dim_class = (1, 0) if mapping.classes is None else mapping.classes.weight.shape
    labels = torch.arange(SAMPLES) % n_classes
    total = torch.zeros(mapping.w_avg.shape[1], dtype=torch.float64)
    for some in labels.split(CHUNK):
        z = torch.randn(len(some), first.in_features - dim_class, generator=source)
        total += mapping(z, some).double().sum(0)
    return (total / SAMPLES).float()[None]
