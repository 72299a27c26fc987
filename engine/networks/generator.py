"""A generator shaped to be cut between its layers, and the one loop that runs it.

    begin(latent) -> state     what the first layer works on (for SNGAN the first 4x4 map)
    layers                     each maps a state to a state, told one Style per conditional norm
    end(state, latent)         pictures: whatever follows the last layer

The same loop serves plain generation, label collage (other styles), feature collage (an edit between layers),
projection and training. A state is a tuple of spatial tensors, because some families carry more than features.

Shapes: N images, D latent size, V length of a style, R picture size, r size of a layer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from ..latent import Latent
from ..style import Style, resize

__all__ = ["Generator", "State", "frame"]

State = tuple[Tensor, ...]
Edit = Callable[[int, State], State]


def unedited(index: int, state: State) -> State:
    """The edit that changes nothing."""
    return state


def frame(maps: Tensor, size: int, margin: int) -> Tensor:
    """Maps of the picture (N, K, H, W) at a layer's `size`, continued over its margin: (N, K, size + 2 margin, ...)."""
    resized = resize(maps, (size, size))
    return F.pad(resized, (margin,) * 4, mode="replicate") if margin else resized


class Generator(nn.Module, ABC):
    """Base of every generator family."""

    dim_z: int
    """Length D of the latent z."""
    n_classes: int
    """How many classes there are; 1 for a model without classes."""
    resolution: int
    """Side R of the square picture, in pixels."""
    w_shape: tuple[int, int] | None = None
    """(L, V): how many styles w+ has, and their length; None for families that have no w."""
    truncates_z = True
    """Whether truncation is in how z is drawn (BigGAN); else it pulls w towards its mean when a picture is drawn."""
    half_is_right = False
    """Whether pictures drawn under autocast to float16 are less than two 8-bit steps off, edited or not: so measured on
    all reference cases of the family, whose random weights magnify rounding."""
    norm_sizes: tuple[int, ...]
    """Size in pixels at which each conditional norm works, from the input on. A label collage picks from these."""
    feature_sizes: tuple[int, ...]
    """Size in pixels of each feature map that a feature collage can blend: each layer's output, and before them the
    first state where it is a map of its own picture (then there is one more than there are layers)."""
    norm_margins: tuple[int, ...] = ()
    """Pixels that each norm's canvas extends beyond the picture, on every side; empty where none does."""
    feature_margins: tuple[int, ...] = ()
    """The same for each feature map."""
    layers: nn.ModuleList
    """Each layer is called as `layer(state, styles)` and has `n_norms`, the number of styles that it takes."""

    @abstractmethod
    def begin(self, latent: Latent) -> State:
        """What the first layer works on, for the N pictures of `latent`."""

    @abstractmethod
    def end(self, state: State, latent: Latent) -> Tensor:
        """Pictures (N, 3, R, R), about [-1, 1], from the last state of the N pictures of `latent`."""

    @abstractmethod
    def vectors(self, latent: Latent) -> list[Tensor]:
        """What each conditional norm is told for the N pictures of `latent`: one (N,) or (N, V) tensor a norm."""

    def noise(self, latent: Latent) -> list[Tensor | None]:
        """What each conditional norm's layer adds as noise, (1 or N, 1, r, r); None where there is none."""
        return [None] * len(self.norm_sizes)

    def mapped(self, latent: Latent) -> Latent:
        """The same pictures started from styles w, with the truncation done; for families that have w."""
        raise InputError("This model draws from z and has no styles w. Give its latents as z.")

    def first_map(self) -> int:
        """Number of the first layer's output among the feature maps: 1 where the first state counts as one, else 0."""
        return len(self.feature_sizes) - len(self.layers)

    def run(self, state: State, styles: Sequence[Style], edit: Edit = unedited) -> State:
        """Run the layers: the one loop.

        Args:
            state: from `begin`.
            styles: one for each conditional norm, from the input on.
            edit: called with the number of each feature map (from 0, as in `feature_sizes`) and the state there;
                returns the state to go on with. It may drop trailing images; later styles then have fewer too.

        Returns:
            The last state, for `end`.
        """
        told = iter(styles)
        first = self.first_map()
        if first:
            state = edit(0, state)
        for index, layer in enumerate(self.layers, start=first):
            state = layer(state, [next(told) for _ in range(layer.n_norms)])  # type: ignore[operator]
            state = edit(index, state)
        return state

    def forward(self, latent: Latent, styles: Sequence[Style] | None = None, edit: Edit = unedited) -> Tensor:
        """Pictures (N, 3, R, R), about [-1, 1]: plain ones, or under other styles and an edit (as `run` has them)."""
        styles = self.styles(latent) if styles is None else styles
        return self.end(self.run(self.begin(latent), styles, edit), latent)

    def styles(self, latent: Latent) -> list[Style]:
        """What each conditional norm is told where nothing is painted: one vector, everywhere."""
        told = zip(self.vectors(latent), self.noise(latent), strict=True)
        return [Style.uniform(vector, noise) for vector, noise in told]

    def generate(self, z: Tensor, labels: Tensor) -> Tensor:
        """Plain pictures (N, 3, R, R) from z (N, D) and labels (N,)."""
        return self(Latent(z, labels))
