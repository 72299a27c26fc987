"""Training of the two parts that help projection: the encoder (paper eq. 4) and the auxiliary pair (eq. 6).

Generator and discriminator are frozen and in evaluation mode throughout.

Shapes: N images, D latent size, Z zeta size, R picture size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..gan import Gan
from ..networks.auxiliary import Auxiliary
from ..networks.sngan_encoder import SNGANEncoder
from ..reconstruction import Reconstruction
from .axes import principal_axes, slopes
from .data import ImageSet
from .draws import Draws
from .processes import ALONE, Processes
from .release import fingerprint
from .settings import AuxiliarySettings, EncoderSettings
from .task import Settings, Task

__all__ = [
    "AuxiliaryTask",
    "EncoderTask",
    "Objective",
    "auxiliary_objective",
    "decay_and_clip",
    "fast_update",
    "inner_loss",
]


@dataclass(frozen=True)
class Objective:
    """What counts how much in eq. 6; the defaults are the original code's."""

    losses: tuple[float, ...] = (20.0, 2.0, 1.0)
    """Weights of the inner loss before, between and after the fast steps, which are one fewer."""
    code: float = 100.0
    """Weight of the reconstruction of z by B(A(z))."""
    pixel: float = 0.05
    """Weight of the pixel term in the inner loss."""
    whole: int = 0
    """Pictures in the whole batch, where these are only some of them; 0 where they are all."""


class _PartTask(Task[Settings]):
    """Training of a part that belongs to one generator."""

    def __init__(
        self, settings: Settings, gan: Gan, data: ImageSet, device: str = "cpu", processes: Processes = ALONE
    ) -> None:
        super().__init__(settings, data, device, processes, gan.resolution)
        self.gan = gan.to(device)
        for part in (gan.generator, gan.discriminator, gan.encoder):
            if part is not None:
                part.to(self.dtype)

    def shown(self, columns: int = 16) -> tuple[Tensor, Tensor]:
        """Pictures spread evenly over the set, (columns, 3, R, R) in [-1, 1], and their labels (columns,)."""
        chosen = torch.linspace(0, len(self.data) - 1, columns).long()
        images = self.data.middle(self.resolution).still(chosen)
        return images.to(self.device, self.dtype), self.data.labels[chosen].to(self.device)

    def begin_again(self) -> None:
        """Go on from step 0: the part was trained for another generator."""
        self.done = 0

    def state(self) -> dict[str, Any]:
        """As every task's, and which generator it belongs to."""
        return {**super().state(), "model": fingerprint(self.gan.generator)}


class EncoderTask(_PartTask[EncoderSettings]):
    """E(x, y) -> z such that G(z, y) has the discriminator features of x."""

    kind = "encoder"
    parts = ("encoder", "encoder_adam")

    def __init__(
        self, settings: EncoderSettings, gan: Gan, data: ImageSet, device: str = "cpu", processes: Processes = ALONE
    ) -> None:
        super().__init__(settings, gan, data, device, processes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.encoder = self.place(SNGANEncoder(settings.config(gan.resolution, gan.n_classes, gan.dim_z)))
        self.encoder_adam = self.adam(self.encoder.parameters(), settings.rate)

    def begin_again(self) -> None:
        """As every part's; the weights are kept, what Adam remembers of the other generator is not."""
        super().begin_again()
        self.encoder_adam = self.adam(self.encoder.parameters(), self.settings.rate)

    def step(self) -> dict[str, float]:
        """One Adam step on a batch; returns the means of eq. 4 and of the pixel term."""
        cosine, pixel = self.learn(*self.draw())
        self.done += 1
        return self.processes.mean({"cosine": cosine.mean().item(), "pixel": pixel.mean().item()})

    def learn(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """One Adam step on images (N, 3, R, R) and labels (N,); returns both distances, (N,) each."""
        self.encoder_adam.zero_grad()
        found = [self._distances(*part) for part in self.pieces(images, labels)]
        self.gather(self.encoder)
        self.descend(self.encoder_adam, self.settings.rate)
        return torch.cat([cosine for cosine, _ in found]), torch.cat([pixel for _, pixel in found])

    def _distances(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Add the gradients on a part of a batch; returns both distances, (N,) each."""
        with self.autocast():
            measure = Reconstruction(self.gan, images, self.settings.pixel_weight)
            made = self.gan.generator.generate(self.encoder(images, labels), labels)
            cosine, pixel = measure.perceptual_distance(made), measure.pixel_distance(made)
        (cosine + self.settings.pixel_weight * pixel).sum().backward()
        return cosine.detach(), pixel.detach()

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Pictures of the set and below them their reconstructions: (2, columns, 3, R, R)."""
        images, labels = self.shown()
        self.encoder.eval()
        made = self.gan.generator.generate(self.encoder(images, labels), labels)
        self.encoder.train()
        return torch.stack([images, made])


class AuxiliaryTask(_PartTask[AuxiliarySettings]):
    """A and B such that a few fast steps on zeta = A(z) lead far, and B(A(z)) stays near z."""

    kind = "auxiliary"
    parts = ("auxiliary", "auxiliary_adam")

    def __init__(
        self, settings: AuxiliarySettings, gan: Gan, data: ImageSet, device: str = "cpu", processes: Processes = ALONE
    ) -> None:
        super().__init__(settings, gan, data, device, processes)
        self.encoder = gan.part("encoder")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.auxiliary = Auxiliary(settings.config(gan.dim_z)).to(self.device, self.dtype)
        self.auxiliary.rates.data.fill_(settings.inner_rate)
        self.unaligned = settings.axes > 0
        """Whether the pair is still to be put on its axes, which the first step does: a run that goes on has them."""
        self.objective = Objective(
            settings.loss_weights, settings.code_weight, settings.inner_pixel_weight, settings.batch
        )
        # The inner step sizes are a hundred times smaller than the weights, and so must be the steps that train them.
        self.auxiliary_adam = self._fresh_adam()

    def _fresh_adam(self) -> torch.optim.Adam:
        own, rates = self.settings, self.auxiliary.rates
        weights = [parameter for parameter in self.auxiliary.parameters() if parameter is not rates]
        share = own.step_rate / own.rate if own.rate else 0.0
        return self.adam([{"params": weights}, {"params": [rates], "share": share}], own.rate)

    def step(self) -> dict[str, float]:
        """One Adam step on a batch; returns the inner losses per picture and the code's mean squared error."""
        self.prepare()
        self.auxiliary_adam.zero_grad()
        found = [self._learn(*part) for part in self.pieces(*self.draw())]
        self.gather(self.auxiliary)
        norm = decay_and_clip(self.auxiliary.parameters(), self.settings.weight_decay, self.settings.clip)
        self.descend(self.auxiliary_adam, self.settings.rate)
        self.done += 1
        means = {name: sum(part[name] for part in found) / len(found) for name in found[0]}
        return {**self.processes.mean(means), "norm": norm.item()}

    def prepare(self) -> None:
        """Put the pair on its axes, unless it is there or the settings do without.

        Raises:
            InputError: its widths are not those of axes.
        """
        if self.unaligned:
            self.align()

    def align(self) -> None:
        """Put the pair on the principal axes of eq. 4's slopes, those that the first process finds.

        Found by each for itself they could differ: a GPU does not add in the same order twice.

        This start is what makes the descent fast: on the starter zeta needs a quarter of z's steps (its card has the
        figures), where a pair from random weights, the paper's start, was behind z after 100 steps, trained for 2300
        (the paper: 450 000). The steps of eq. 6 after it change little.
        """
        size = self.gan.dim_z
        axes = torch.zeros(size, size, device=self.device, dtype=self.dtype)
        self.settings.check_start(size)
        if self.processes.first:
            print(f"The pair's axes are found from {self.settings.axes} slopes of eq. 4; a stop waits for them.")
            draws = Draws(torch.Generator().manual_seed(self.settings.seed))
            together = max(1, self.batch // self.settings.accumulate)
            with self.autocast():
                found = slopes(self.gan, self.data.middle(self.resolution), self.settings.axes, draws, together)
            axes.copy_(principal_axes(found.cpu()))
        self.auxiliary.align(self.processes.sum(axes))
        self.unaligned = False

    def restore(self, state: dict[str, Any]) -> None:
        """As every task's; a pair with a step behind it is on its axes, or its run never asked for them."""
        super().restore(state)
        self.unaligned = self.unaligned and self.done == 0

    def begin_again(self) -> None:
        """As every part's; axes belong to their generator, so the pair is put on this one's."""
        super().begin_again()
        self.unaligned = self.settings.axes > 0
        if self.unaligned:
            self.auxiliary.rates.data.fill_(self.settings.inner_rate)
        self.auxiliary_adam = self._fresh_adam()

    def _learn(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Add the gradients on a part of a batch; returns its losses per picture."""
        with torch.no_grad(), self.autocast():
            z = self.encoder(images, labels).to(self.dtype)
        if self.done < self.settings.code_steps:
            code, losses = code_error(self.auxiliary, z), []
            whole = self.objective.code * len(z) * code
        else:
            # Only the plain form of attention can be differentiated twice, which eq. 6 asks for.
            with self.autocast(), sdpa_kernel(SDPBackend.MATH):
                measure = Reconstruction(self.gan, images, self.objective.pixel)
                whole, losses, code = auxiliary_objective(self.gan, self.auxiliary, measure, z, labels, self.objective)
        whole.backward()
        inner = [loss.item() / len(z) for loss in losses] or [0.0] * len(self.objective.losses)
        return {**{f"inner{k}": value for k, value in enumerate(inner)}, "code": code.item()}

    def samples(self) -> Tensor:
        """Rows of pictures, of G(z), of G(B(A(z))), and of the same after the fast steps: (4, columns, 3, R, R)."""
        images, labels = self.shown()
        generate = self.gan.generator.generate
        measure = Reconstruction(self.gan, images, self.objective.pixel)
        z = self.encoder(images, labels)
        zetas, _ = fast_update(
            lambda zeta: inner_loss(measure, generate(self.auxiliary.to_z(zeta), labels)),
            self.auxiliary.to_zeta(z),
            self.auxiliary.rates,
            len(self.objective.losses) - 1,
        )
        with torch.no_grad():
            ends = (z, *(self.auxiliary.to_z(zeta) for zeta in (zetas[0], zetas[-1])))
            made = [generate(code, labels) for code in ends]
        return torch.stack([images, *made])


def code_error(auxiliary: Auxiliary, z: Tensor) -> Tensor:
    """Mean squared error of B(A(z)) against z (N, D): a scalar."""
    return F.mse_loss(auxiliary(z).to(z.dtype), z)


def inner_loss(measure: Reconstruction, images: Tensor, whole: int = 0) -> Tensor:
    """The loss that the fast steps descend on: eq. 4 summed over the pictures, plus the weighted mean pixel difference.

    The mean is over `whole` pictures, those of the whole batch, where `images` (N, 3, R, R) are some of them.
    """
    pixel = measure.pixel_distance(images).sum() / (whole or len(images))
    return measure.perceptual_distance(images).sum() + measure.pixel_weight * pixel


def fast_update(
    loss_at: Callable[[Tensor], Tensor], zeta: Tensor, rates: Tensor, steps: int = 2
) -> tuple[list[Tensor], list[Tensor]]:
    """Steps of AdaGrad on zeta, each differentiable in what came before (paper appendix B.1).

    `g = dL/dzeta;  r <- r + g^2;  zeta <- zeta - rates * g / sqrt(r)`, r starting at 1e-8.

    Args:
        loss_at: zeta (N, Z) -> a scalar.
        zeta: (N, Z), part of a graph.
        rates: step sizes, (Z,) or a scalar.
        steps: how many.

    Returns:
        zeta before, between and after the steps, and the loss at each of these steps + 1 places.
    """
    zetas, losses = [zeta], [loss_at(zeta)]
    squares = torch.full_like(zeta, 1e-8)
    for _ in range(steps):
        (gradient,) = torch.autograd.grad(losses[-1], zetas[-1], create_graph=True)
        squares = squares + gradient.square()
        zetas.append(zetas[-1] - rates * gradient * squares.rsqrt())
        losses.append(loss_at(zetas[-1]))
    return zetas, losses


def auxiliary_objective(
    gan: Gan,
    auxiliary: Auxiliary,
    measure: Reconstruction,
    z: Tensor,
    labels: Tensor,
    weights: Objective = Objective(),
) -> tuple[Tensor, list[Tensor], Tensor]:
    """Eq. 6: `20 L0 + 2 L1 + L2 + 100 N MSE(z, B(A(z)))`, L_k being the inner loss after k fast steps.

    Args:
        gan: for its generator.
        auxiliary: the pair in training.
        measure: the distance to the target pictures.
        z: (N, D), a constant: the encoder's answer.
        labels: (N,).
        weights: the numbers above.

    Returns:
        The objective, the inner losses L0, L1, L2, and the mean squared error of the code: scalars.
    """
    _, losses = fast_update(
        lambda zeta: inner_loss(measure, gan.generator.generate(auxiliary.to_z(zeta), labels), weights.whole),
        auxiliary.to_zeta(z),
        auxiliary.rates,
        len(weights.losses) - 1,
    )
    code = code_error(auxiliary, z)
    weighted = [weight * loss for weight, loss in zip(weights.losses, losses, strict=True)]
    return torch.stack(weighted).sum() + weights.code * len(z) * code, losses, code


@torch.no_grad()
def decay_and_clip(parameters: Iterable[nn.Parameter], weight_decay: float, clip: float) -> Tensor:
    """Add `weight_decay` x weight to each gradient, then shrink all to a joint norm of at most `clip`.

    Returns:
        The joint norm before shrinking. Parameters without a gradient are left out.
    """
    learning = [parameter for parameter in parameters if parameter.grad is not None]
    for parameter in learning:
        parameter.grad.add_(parameter, alpha=weight_decay)  # type: ignore[union-attr]
    return nn.utils.clip_grad_norm_(learning, clip)
