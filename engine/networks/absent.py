"""AbsentGenerator: what a model of a discriminator alone has in a generator's place."""

from __future__ import annotations

from typing import NoReturn

from torch import Tensor, nn

from ..errors import ModelError
from ..latent import Latent
from .generator import Generator, State

__all__ = ["AbsentGenerator"]


class AbsentGenerator(Generator):
    """Knows the size of the pictures and the number of classes, and draws nothing."""

    def __init__(self, resolution: int, n_classes: int) -> None:
        super().__init__()
        self.resolution, self.n_classes, self.dim_z = resolution, max(n_classes, 1), 0
        self.norm_sizes = self.feature_sizes = ()
        self.layers = nn.ModuleList()

    def refuse(self) -> NoReturn:
        """Raise the ModelError that says what is missing."""
        raise ModelError("This model is a discriminator alone and draws nothing. Load a generator with it.")

    def begin(self, latent: Latent) -> State:
        """Refuse."""
        self.refuse()

    def end(self, state: State, latent: Latent) -> Tensor:
        """Refuse."""
        self.refuse()

    def vectors(self, latent: Latent) -> list[Tensor]:
        """Refuse."""
        self.refuse()
