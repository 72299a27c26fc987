"""A generator shaped to be cut between its layers, and the one loop that runs it.

    begin(z) -> state          the first feature map (for SNGAN the 4x4 map)
    layers                     each maps a state to a state, told one Style per conditional norm
    end(state) -> images       whatever follows the last layer

The same loop serves plain generation, label collage (other styles), feature collage (an edit between layers),
projection and training. A state is a tuple of spatial tensors, because some families carry more than features.

Shapes: N images, D latent size, R picture size.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from torch import Tensor, nn

from ..style import Style

__all__ = ["Generator", "State"]

State = tuple[Tensor, ...]
Edit = Callable[[int, State], State]


def unedited(index: int, state: State) -> State:
    """The edit that changes nothing."""
    return state


class Generator(nn.Module, ABC):
    """Base of every generator family."""

    dim_z: int
    """Length D of the latent z."""
    n_classes: int
    """How many classes there are; 1 for a model without classes."""
    resolution: int
    """Side R of the square picture, in pixels."""
    norm_sizes: tuple[int, ...]
    """Size in pixels at which each conditional norm works, from the input on. A label collage picks from these."""
    feature_sizes: tuple[int, ...]
    """Size in pixels of the first map and of each layer's output. A feature collage picks from these."""
    layers: nn.ModuleList
    """Each layer is called as `layer(state, styles)` and has `n_norms`, the number of styles that it takes."""

    @abstractmethod
    def begin(self, z: Tensor) -> State:
        """The first feature map, from z (N, D)."""

    @abstractmethod
    def end(self, state: State) -> Tensor:
        """Pictures (N, 3, R, R) in [-1, 1] from the last state."""

    @abstractmethod
    def vectors(self, z: Tensor, labels: Tensor) -> list[Tensor]:
        """What each conditional norm is told for z (N, D) and labels (N,): one (N,) or (N, V) tensor a norm."""

    def forward(self, z: Tensor, styles: Sequence[Style], edit: Edit = unedited) -> Tensor:
        """Run the layers: the one loop.

        Args:
            z: (N, D).
            styles: one for each conditional norm, from the input on.
            edit: called with 0 and the first state, then with i and the output of layer i (counted from 1);
                returns the state to go on with. It may drop trailing images; later styles then have fewer too.

        Returns:
            (N, 3, R, R) in [-1, 1].
        """
        told = iter(styles)
        state = edit(0, self.begin(z))
        for index, layer in enumerate(self.layers, start=1):
            state = layer(state, [next(told) for _ in range(layer.n_norms)])  # type: ignore[operator]
            state = edit(index, state)
        return self.end(state)

    def generate(self, z: Tensor, labels: Tensor) -> Tensor:
        """Plain pictures (N, 3, R, R) in [-1, 1] from z (N, D) and labels (N,)."""
        return self(z, [Style.uniform(vector) for vector in self.vectors(z, labels)])
