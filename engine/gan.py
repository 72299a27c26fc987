"""Gan: a loaded model, and the latents it draws.

A `Gan` is never patched: edits belong to the picture (`Collage`). `load` gives all parts in evaluation mode; `render`
and `project` refuse a generator that is not, since its batch statistics would tie the pictures of a batch together.

Shapes: N images, D latent size, R picture size.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral

import torch
from torch import Tensor, nn

from .class_names import find_class
from .errors import InputError, LabelError, ModelError
from .latent import Latent
from .networks.absent import AbsentGenerator
from .networks.auxiliary import Auxiliary
from .networks.discriminator import Discriminator
from .networks.generator import Generator
from .networks.vgg16 import VGG16
from .ranges import positive, whole

__all__ = ["Gan"]

SEEDS = 2**64
"""How many seeds there are: whole numbers from 0 on; ComfyUI's seed widgets use them all."""


@dataclass(frozen=True, eq=False)
class Gan:
    """A generator and, where the files had them, the parts that go with it."""

    generator: Generator
    """z and styles -> pictures."""
    discriminator: Discriminator | None = None
    """Pictures -> logits, and the features of eq. 4. Projection measures with it."""
    encoder: nn.Module | None = None
    """Pictures and labels -> z. Projection starts from it."""
    auxiliary: Auxiliary | None = None
    """The pair A, B. Projection on zeta needs it."""
    perception: VGG16 | None = None
    """VGG16, where the user brought it: projection measures with it where there is no discriminator."""
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
        return self._weight.device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the generator's weights; float32 unless someone converted them."""
        return self._weight.dtype

    @property
    def _weight(self) -> Tensor:
        """Any of the weights: the generator's, or, where there is none, the discriminator's."""
        parts = (part for part in (self.generator, self.discriminator) if part is not None)
        return next(weight for part in parts for weight in part.parameters())

    def to(self, device: torch.device | str) -> Gan:
        """The same model with its weights moved to `device`. (The modules are shared: both values point to it.)"""
        with torch.inference_mode(False):  # weights copied inside inference mode could not be projected through
            for part in (self.generator, self.discriminator, self.encoder, self.auxiliary, self.perception):
                if part is not None:
                    part.to(device)
        return replace(self)

    def part(self, name: str) -> nn.Module:
        """A part that must be there: "discriminator", "encoder", "auxiliary" or "perception" (VGG16).

        Raises:
            ModelError: the loaded model lacks it.
        """
        part = getattr(self, name)
        if part is None:
            file = "torchvision's vgg16-397923af.pth" if name == "perception" else "a file that holds it"
            raise ModelError(f"This needs the model's {name}, which was not loaded. Load {file} beside the generator.")
        return part

    def check(self, latent: Latent, whose: str = "") -> None:
        """Refuse a latent that this model cannot draw.

        Raises:
            InputError: z or w of another size, or w for a family without it. `whose` goes into the message.
            LabelError: labels that are no classes of this model.
        """
        if latent.z is not None and latent.z.shape[1] != self.dim_z:
            raise InputError(
                f"This model's latents have {self.dim_z} numbers; those{whose} have {latent.z.shape[1]}. "
                f"Draw or project them with the model that renders them."
            )
        if latent.w is not None:
            self._check_w(latent.w, whose)
        if latent.labels.min() < 0 or latent.labels.max() >= self.n_classes:
            raise LabelError(
                f"The labels{whose} must be class numbers from 0 to {self.n_classes - 1}; got "
                f"{latent.labels.tolist()}. Draw or project the picture with the model that renders it."
            )

    def _check_w(self, w: Tensor, whose: str) -> None:
        wanted = self.generator.w_shape
        if wanted is None:
            raise InputError(f"This model draws from z and has no styles w; the latents{whose} hold w. Give them as z.")
        if tuple(w.shape[1:]) not in (wanted, wanted[1:]):
            raise InputError(
                f"This model's styles w are ({wanted[1]},) or, one for each layer, {wanted}; those{whose} are "
                f"{tuple(w.shape[1:])}. Draw or project them with the model that renders them."
            )

    def mapped(self, latent: Latent) -> Latent:
        """The same pictures started from styles w (N, L, V), one for each layer, with the truncation done (StyleGANs).

        Raises:
            InputError, LabelError: a latent that does not fit, or a model that has no w.
            ModelError: a model without a generator, or in training mode.
        """
        self.check(latent)
        return self.drawing().mapped(latent.to(self.device, self.dtype))

    def drawing(self) -> Generator:
        """The generator, ready to draw.

        Raises:
            ModelError: it is in training mode, or not there at all.
        """
        if isinstance(self.generator, AbsentGenerator):
            self.generator.refuse()
        if self.generator.training:
            raise ModelError("Pictures are drawn in evaluation mode, and the generator trains. Call its method `eval`.")
        return self.generator

    def label(self, label: Hashable) -> int:
        """The class number of a number or a name: "3", a whole name, or as much of one as tells it from the others.

        "siamese" finds "Siamese cat, Siamese"; see `find_class` (`class_names.py`) for what is preferred.

        Raises:
            LabelError: no such class; the message names the nearest ones.
        """
        if isinstance(label, str):
            if not re.fullmatch(r"\s*[+-]?\d{1,9}\s*", label) or label.strip() in self.class_names:
                return self._named(label)
        elif isinstance(label, bool) or not isinstance(label, Integral):
            raise LabelError(f"A class is a number from 0 to {self.n_classes - 1} or a name; got {label!r}.")
        number = int(label)
        if not 0 <= number < self.n_classes:
            raise LabelError(f"A class number must be from 0 to {self.n_classes - 1} for this model; got {number}.")
        return number

    def _named(self, name: str) -> int:
        if not self.class_names:
            raise LabelError(
                f"This model has no class names; use a number from 0 to {self.n_classes - 1} instead of {name!r}."
            )
        return find_class(self.class_names, name)

    def labels(self, labels: Hashable | Sequence[Hashable] | Tensor, count: int | None = None) -> Tensor:
        """Class numbers (N,) from one label or several, names or numbers; one label is repeated `count` times.

        Raises:
            LabelError: an unknown class, or none at all.
            InputError: neither one label nor `count` of them.
        """
        if isinstance(labels, Tensor):
            labels = labels.reshape(-1).tolist()
        given = list(labels) if isinstance(labels, (list, tuple, range)) else [labels]
        if not given:
            raise LabelError("At least one class is needed; got an empty list.")
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
                (Brock et al. 2019, section 3.1). StyleGANs always draw from the standard normal, and pull w towards its
                mean when the picture is drawn (Karras et al. 2019, appendix B).
            count: how many, where `labels` is a single one.

        Raises:
            LabelError, InputError: an unknown class, or a seed, truncation or count out of range.
            ModelError: a model without a generator.
        """
        if isinstance(self.generator, AbsentGenerator):
            self.generator.refuse()
        truncation, seed = positive(truncation, "Truncation", 1), whole(seed, "A seed", 0, SEEDS - 1)
        count = None if count is None else whole(count, "The number of latents", 1)
        numbers = self.labels(labels, count)
        seeds = range(seed, seed + len(numbers))
        drawn = truncation if self.generator.truncates_z else 1.0
        z = torch.stack([_draw(each, self.dim_z, drawn) for each in seeds])
        # Of a seed beyond int64 the low bits serve: noise only has to differ from seed to seed.
        noise = None if self.generator.w_shape is None else torch.tensor([each % 2**63 for each in seeds])
        return Latent(z.to(self.device, self.dtype), numbers, truncation, noise=noise)


def _draw(seed: int, length: int, truncation: float) -> Tensor:
    """One latent (D,), on the CPU, from its own random generator."""
    generator = torch.Generator().manual_seed(seed % SEEDS)
    z = torch.randn(length, generator=generator)
    if truncation == 1:
        return z
    while (outside := z.abs() > 2).any():
        z = torch.where(outside, torch.randn(length, generator=generator), z)
    return z * truncation
