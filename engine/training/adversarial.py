"""Adversarial training of generator and discriminator, as the paper's models were made (Miyato & Koyama 2018).

Hinge loss by default; spectral norm lives in the networks' layers. One generator step, then some discriminator steps.

Shapes: N images, D latent size, R picture size.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from .augment import augment, parse_augmentations
from .average import update_average
from .data import ImageSet
from .families import networks
from .losses import LOSSES, add_orthogonality, r1_penalty
from .processes import ALONE, Processes
from .settings import GanSettings
from .task import Task, shown_classes

__all__ = ["AdversarialTask"]


class AdversarialTask(Task[GanSettings]):
    """Generator and discriminator against one another, and the moving average of the generator."""

    kind = "gan"
    parts = ("generator", "discriminator", "average", "generator_adam", "discriminator_adam")
    limits = {"generator": 1e3, "discriminator": 1e3}  # noqa: RUF012  (declared a ClassVar in the base)

    def __init__(
        self, settings: GanSettings, data: ImageSet, device: str = "cpu", processes: Processes = ALONE
    ) -> None:
        super().__init__(settings, data, device, processes, settings.resolution)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            generator, discriminator = networks(settings, len(data.class_names))
        self.generator, self.discriminator = self.place(generator), self.place(discriminator)
        self.average = deepcopy(self.generator).requires_grad_(False).eval()
        self.generator_adam = self.adam(self.generator.parameters(), settings.generator_rate)
        self.discriminator_adam = self.adam(self.discriminator.parameters(), settings.discriminator_rate)
        self.strengths = parse_augmentations(settings.augment)
        self.loss = LOSSES[settings.loss]
        self.fakes = self.share(settings.fakes, "fakes")

    def step(self) -> dict[str, float]:
        """One generator step, then `discriminator_steps` discriminator steps; returns their last losses."""
        logits = self.generator_step(*self.draw_latents(self.fakes))
        losses = {"generator": self.loss.generator(logits).item()}
        for _ in range(self.settings.discriminator_steps):
            real, labels = self.draw()
            on_real, on_made = self.discriminator_step(real, labels, *self.draw_latents(len(real)))
            loss = self.loss.discriminator(on_real, on_made).item()
            losses |= {"discriminator": loss, "real": on_real.mean().item(), "made": on_made.mean().item()}
        own = self.settings
        update_average(self.average, self.generator, self.done, own.average, own.average_from)
        self.done += 1
        return self.processes.mean(losses)

    def draw_latents(self, count: int) -> tuple[Tensor, Tensor]:
        """Normal z (count, D) and uniform labels (count,), whatever classes the real pictures have."""
        z = self.draws.normal(count, self.settings.dim_z)
        labels = self.draws.whole(len(self.data.class_names), count)
        return z.to(self.device, self.dtype), labels.to(self.device)

    def generator_step(self, z: Tensor, labels: Tensor) -> Tensor:
        """One Adam step of the generator on z (N, D), labels (N,); returns the logits (N, 1) of its pictures."""
        self.discriminator.requires_grad_(False)
        self.generator_adam.zero_grad()
        found = []
        for part_z, part_labels in self.pieces(z, labels):
            with self.autocast():
                logits = self._judge(self.generator.generate(part_z, part_labels), part_labels)
            (self.loss.generator(logits) * self.weight).backward()
            found.append(logits.detach())
        self.gather(self.generator)
        if self.settings.orthogonal:
            add_orthogonality(self.generator, self.settings.orthogonal)
        self.descend(self.generator_adam, self.settings.generator_rate)
        return torch.cat(found)

    def discriminator_step(self, real: Tensor, labels: Tensor, z: Tensor, made_labels: Tensor) -> tuple[Tensor, Tensor]:
        """One Adam step of the discriminator on pictures (N, 3, R, R), labels (N,), z (N, D), made_labels (N,).

        Returns:
            Logits (N, 1) of the real and of the made pictures.
        """
        self.discriminator.requires_grad_(True)
        self.discriminator_adam.zero_grad()
        found = [self._learn(*part) for part in self.pieces(real, labels, z, made_labels)]
        self.gather(self.discriminator)
        self.descend(self.discriminator_adam, self.settings.discriminator_rate)
        return torch.cat([on_real for on_real, _ in found]), torch.cat([on_made for _, on_made in found])

    def _learn(self, real: Tensor, labels: Tensor, z: Tensor, made_labels: Tensor) -> tuple[Tensor, Tensor]:
        """Add the discriminator's gradients on a part of a batch; returns its logits."""
        # The order matters to the numbers: each pass of the discriminator moves its vectors u on, and each of the
        # generator its running statistics.
        with self.autocast():
            on_real = self._judge(real, labels)
            with torch.no_grad():
                made = self.generator.generate(z, made_labels)
            on_made = self._judge(made, made_labels)
        objective = self.loss.discriminator(on_real, on_made)
        if self.settings.r1 and self.done % self.settings.r1_every == 0:
            objective = objective + self.settings.r1 / 2 * self.settings.r1_every * self._penalty(real, labels)
        (objective * self.weight).backward()
        return on_real.detach(), on_made.detach()

    def _penalty(self, real: Tensor, labels: Tensor) -> Tensor:
        """R1 at the pictures before their augmentation, in full precision: a scalar."""
        real = real.detach().requires_grad_()
        with sdpa_kernel(SDPBackend.MATH):  # the only form of attention that can be differentiated twice
            return r1_penalty(self._judge(real, labels), real)

    def _judge(self, images: Tensor, labels: Tensor) -> Tensor:
        images = augment(images.to(self.dtype), self.strengths, self.draws)
        return self.discriminator(images.contiguous(memory_format=torch.channels_last), labels)

    @torch.no_grad()
    def samples(self, columns: int = 8) -> Tensor:
        """Pictures of the averaged generator, always of the same latents, a row for each class that is shown.

        (rows, columns, 3, R, R).
        """
        z = torch.randn(columns, self.settings.dim_z, generator=torch.Generator().manual_seed(1))
        classes = shown_classes(len(self.data.class_names)).to(self.device)
        z = z.to(self.device, self.dtype)
        return torch.stack([self.average.generate(z, label.expand(columns)) for label in classes])
