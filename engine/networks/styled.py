"""What all StyleGANs have in common: z is mapped to styles w, which truncation pulls towards their mean.

Shapes: N images, L layers that are told a style, V length of a style.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..latent import Latent
from .generator import Generator
from .mapping import Mapping, MappingConfig

__all__ = ["StyledGenerator"]


class StyledGenerator(Generator):
    """Base of the StyleGAN families: `vectors` starts from `ws(latent)`."""

    truncates_z = False

    def __init__(self, config: MappingConfig, n_styles: int) -> None:
        """`n_styles`: L, how many layers are told a style."""
        super().__init__()
        self.dim_z, self.n_classes, self.w_shape = config.dim_z, config.n_classes, (n_styles, config.dim_w)
        self.n_styles = n_styles
        self.mapping = Mapping(config)

    def ws(self, latent: Latent) -> Tensor:
        """The style of every layer, truncated as the latent asks: (N, L, V)."""
        if latent.w is None:
            assert latent.z is not None
            with torch.autocast(latent.z.device.type, enabled=False):  # in half precision it would be another picture
                w = self.mapping(latent.z, latent.labels)
        else:
            w = latent.w
        w = w[:, None].expand(-1, self.n_styles, -1) if w.dim() == 2 else w
        return self.mapping.truncate(w, latent.labels, latent.truncation)

    def mapped(self, latent: Latent) -> Latent:
        """The same pictures, started from w (N, L, V), with the truncation done."""
        return replace(latent, z=None, w=self.ws(latent), truncation=1.0)
