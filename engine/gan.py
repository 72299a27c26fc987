"""Gan: a loaded model, and the latents it draws.

A `Gan` is never patched: edits belong to the picture (`Collage`). All its parts are in evaluation mode.

Shapes: N images, D latent size, R picture size.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

import torch
from torch import Tensor, nn

from .collage import Latent
from .errors import InputError, LabelError, ModelError
from .networks.auxiliary import Auxiliary
from .networks.generator import Generator
from .networks.sngan_discriminator import SNGANDiscriminator

__all__ = ["Gan"]


@dataclass(frozen=True, eq=False)
class Gan:
    """A generator and, where the files had them, the parts that go with it."""

    generator: Generator
    """z and styles -> pictures."""
    discriminator: SNGANDiscriminator | None = None
    """Pictures -> logits, and the features of eq. 4. Projection measures with it."""
    encoder: nn.Module | None = None
    """Pictures and labels -> z. Projection starts from it."""
    auxiliary: Auxiliary | None = None
    """The pair A, B. Projection on zeta needs it."""
    class_names: tuple[str, ...] = ()
    """One for each class, or none where the file has none."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the file says of itself: family, licence, provenance."""

    def __post_init__(self) -> None:
        if self.class_names and len(self.class_names) != self.n_classes:
            raise ModelError(f"The model has {self.n_classes} classes but {len(self.class_names)} class names.")

    @property
    def resolution(self) -> int:
        """Side R of the square picture, in pixels."""
        return self.generator.resolution

    @property
    def dim_z(self) -> int:
        """Length D of the latent."""
        return self.generator.dim_z

    @property
    def n_classes(self) -> int:
        """Number of classes; 1 for a model without classes."""
        return self.generator.n_classes

    @property
    def device(self) -> torch.device:
        """Where the generator's weights are."""
        return next(self.generator.parameters()).device

    def to(self, device: torch.device | str) -> Gan:
        """The same model with its weights moved to `device`. (The modules are shared: both values point to it.)"""
        for part in (self.generator, self.discriminator, self.encoder, self.auxiliary):
            if part is not None:
                part.to(device)
        return replace(self)

    def part(self, name: str) -> nn.Module:
        """A part that must be there: "discriminator", "encoder" or "auxiliary".

        Raises:
            ModelError: the loaded model lacks it.
        """
        part = getattr(self, name)
        if part is None:
            raise ModelError(
                f"This needs the model's {name}, which was not loaded. Load a file that holds it beside the generator."
            )
        return part

    def label(self, label: Hashable) -> int:
        """The class number of a number or a name (searched without regard to case).

        Raises:
            LabelError: no such class; the message names the nearest ones.
        """
        if isinstance(label, str) and not label.strip().lstrip("-").isdigit():
            return self._named(label)
        if isinstance(label, bool) or not isinstance(label, (int, str)):
            raise LabelError(
                f"A class is a number from 0 to {self.n_classes - 1} or a name; got {type(label).__name__}."
            )
        number = int(label)
        if not 0 <= number < self.n_classes:
            raise LabelError(f"A class number must be from 0 to {self.n_classes - 1} for this model; got {number}.")
        return number

    def _named(self, name: str) -> int:
        known = {known.casefold(): number for number, known in reversed(list(enumerate(self.class_names)))}
        key = name.strip().casefold()
        if key in known:
            return known[key]
        # "cat" finds "Siamese cat, Siamese" when no other class contains it.
        partial = [number for known_name, number in known.items() if key and key in known_name]
        if len(partial) == 1:
            return partial[0]
        if not known:
            raise LabelError(
                f"This model has no class names; use a number from 0 to {self.n_classes - 1} instead of {name!r}."
            )
        near = [self.class_names[n] for n in sorted(partial)] or [
            self.class_names[known[k]] for k in get_close_matches(key, known, n=5, cutoff=0.4)
        ]
        hint = f"Did you mean {', '.join(near[:8])}?" if near else f"The first are {', '.join(self.class_names[:8])}."
        what = "matches several classes" if partial else "is no class of this model"
        raise LabelError(f"A class must be a name or a number of this model; {name!r} {what}. {hint}")

    def labels(self, labels: Hashable | Sequence[Hashable] | Tensor, count: int | None = None) -> Tensor:
        """Class numbers (N,) from one label or several, names or numbers; one label is repeated `count` times."""
        if isinstance(labels, Tensor):
            labels = labels.reshape(-1).tolist()
        given = list(labels) if isinstance(labels, (list, tuple, range)) else [labels]
        if count is not None and len(given) not in (1, count):
            raise InputError(f"There must be one label, or one for each of the {count} images; got {len(given)}.")
        numbers = [self.label(label) for label in given]
        return torch.tensor(numbers * (count or 1) if len(numbers) == 1 else numbers, device=self.device)

    def sample(
        self, labels: Hashable | Sequence[Hashable], *, seed: int = 0, truncation: float = 1.0, count: int | None = None
    ) -> Latent:
        """Draw latents on the CPU with one private generator an item: item i equals a single draw with seed + i.

        Args:
            labels: one class or several, names or numbers.
            seed: any whole number from 0 to 2^64 - 1.
            truncation: 1 draws from the standard normal; t below 1 from the normal truncated at two deviations, times t
                (Brock et al. 2019, section 3.1).
            count: how many, where `labels` is a single one.

        Raises:
            LabelError, InputError: an unknown class, or a seed, truncation or count out of range.
        """
        if not 0 < truncation <= 1:
            raise InputError(f"Truncation must be above 0 and at most 1 (no truncation); got {truncation!r}.")
        if count is not None and count < 1:
            raise InputError(f"At least one latent must be drawn; got count {count}.")
        numbers = self.labels(labels, count)
        z = torch.stack([_draw(seed + i, self.dim_z, truncation) for i in range(len(numbers))])
        return Latent(z.to(self.device), numbers, truncation)


def _draw(seed: int, length: int, truncation: float) -> Tensor:
    """One latent (D,), on the CPU, from its own random generator."""
    if seed < 0:
        raise InputError(f"A seed must be a whole number from 0 to 2^64 - 1; got {seed}.")
    generator = torch.Generator().manual_seed(seed % 2**64)
    z = torch.randn(length, generator=generator)
    if truncation == 1:
        return z
    while (outside := z.abs() > 2).any():
        z = torch.where(outside, torch.randn(length, generator=generator), z)
    return z * truncation
