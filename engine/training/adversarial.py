"""Adversarial training of generator and discriminator, as the paper's models were made (Miyato & Koyama 2018).

Hinge loss; spectral norm lives in the discriminator's layers. One generator step, then some discriminator steps.

Shapes: N images, D latent size, R picture size.
"""

from __future__ import annotations

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks.sngan import SNGANGenerator
from ..networks.sngan_discriminator import SNGANDiscriminator
from .augment import augment, parse_augmentations
from .average import update_average
from .data import ImageSet
from .settings import GanSettings
from .task import Task

__all__ = ["AdversarialTask", "discriminator_loss", "generator_loss"]


def generator_loss(logits: Tensor) -> Tensor:
    """Hinge loss of the generator from the discriminator's logits (N, 1) of made pictures: a scalar."""
    return -logits.float().mean()


def discriminator_loss(real: Tensor, made: Tensor) -> Tensor:
    """Hinge loss of the discriminator from its logits (N, 1) of real and of made pictures: a scalar."""
    return F.relu(1 - real.float()).mean() + F.relu(1 + made.float()).mean()


class AdversarialTask(Task[GanSettings]):
    """Generator and discriminator against one another, and the moving average of the generator."""

    kind = "gan"
    parts = ("generator", "discriminator", "average", "generator_adam", "discriminator_adam")

    def __init__(self, settings: GanSettings, data: ImageSet, device: str = "cpu") -> None:
        super().__init__(settings, data, device)
        n_classes = len(data.class_names)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.generator = self.place(SNGANGenerator(settings.generator_config(n_classes)))
            self.discriminator = self.place(SNGANDiscriminator(settings.discriminator_config(n_classes)))
        self.average = deepcopy(self.generator).requires_grad_(False).eval()
        self.generator_adam = self.adam(self.generator.parameters(), settings.generator_rate)
        self.discriminator_adam = self.adam(self.discriminator.parameters(), settings.discriminator_rate)
        self.strengths = parse_augmentations(settings.augment)

    def step(self) -> dict[str, float]:
        """One generator step, then `discriminator_steps` discriminator steps; returns their last losses."""
        losses = {"generator": self.generator_step(*self.draw_latents(self.settings.fakes)).mean().neg().item()}
        for _ in range(self.settings.discriminator_steps):
            real, labels = self.draw()
            on_real, on_made = self.discriminator_step(real, labels, *self.draw_latents(len(real)))
            loss = discriminator_loss(on_real, on_made).item()
            losses |= {"discriminator": loss, "real": on_real.mean().item(), "made": on_made.mean().item()}
        update_average(self.average, self.generator, self.done, self.settings.average)
        self.done += 1
        return losses

    def draw_latents(self, count: int) -> tuple[Tensor, Tensor]:
        """Normal z (count, D) and uniform labels (count,), whatever classes the real pictures have."""
        z = torch.randn(count, self.settings.dim_z, generator=self.random)
        labels = torch.randint(len(self.data.class_names), (count,), generator=self.random)
        return z.to(self.device), labels.to(self.device)

    def generator_step(self, z: Tensor, labels: Tensor) -> Tensor:
        """One Adam step of the generator on z (N, D), labels (N,); returns the logits (N, 1) of its pictures."""
        self.discriminator.requires_grad_(False)
        with self.autocast():
            logits = self._judge(self.generator.generate(z, labels), labels)
        self.generator_adam.zero_grad()
        generator_loss(logits).backward()
        self.descend(self.generator_adam, self.settings.generator_rate)
        return logits.detach()

    def discriminator_step(self, real: Tensor, labels: Tensor, z: Tensor, made_labels: Tensor) -> tuple[Tensor, Tensor]:
        """One Adam step of the discriminator on pictures (N, 3, R, R), labels (N,), z (N, D), made_labels (N,).

        Returns:
            Logits (N, 1) of the real and of the made pictures.
        """
        self.discriminator.requires_grad_(True)
        # The order matters to the numbers: each pass of the discriminator moves its vectors u on, and each of the
        # generator its running statistics.
        with self.autocast():
            on_real = self._judge(real, labels)
            with torch.no_grad():
                made = self.generator.generate(z, made_labels)
            on_made = self._judge(made, made_labels)
        self.discriminator_adam.zero_grad()
        discriminator_loss(on_real, on_made).backward()
        self.descend(self.discriminator_adam, self.settings.discriminator_rate)
        return on_real.detach(), on_made.detach()

    def _judge(self, images: Tensor, labels: Tensor) -> Tensor:
        images = augment(images.float(), self.strengths, self.random)
        return self.discriminator(images.contiguous(memory_format=torch.channels_last), labels)

    @torch.no_grad()
    def samples(self, columns: int = 8) -> Tensor:
        """Pictures of the averaged generator, always of the same latents, a row a class: (rows, columns, 3, R, R)."""
        z = torch.randn(columns, self.settings.dim_z, generator=torch.Generator().manual_seed(1)).to(self.device)
        classes = torch.arange(len(self.data.class_names), device=self.device)
        return torch.stack([self.average.generate(z, label.expand(columns)) for label in classes])
