"""Manifold projection: the latent whose picture is nearest to a real image (paper section 4.2, appendix B).

A generator function that yields its state each step: the caller owns progress, preview and stopping. Each step leaves
inference mode for itself alone, so that it works inside ComfyUI, which runs every node under it.

Shapes: N images, D latent size, P length of the point that is moved (D for z, more for zeta), R picture size.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .collage import Latent
from .errors import InputError
from .gan import Gan
from .reconstruction import Reconstruction
from .style import resize

__all__ = ["RATES", "ProjectionStep", "project"]

RATES = {"z": 0.075, "zeta": 0.015}
"""Adam's rate in each space: the original's defaults."""
SEEDS = 16
"""How many random starts "seeds" tries for each image."""
STARTS = ("encoder", "seeds", "zeros")


@dataclass(frozen=True, eq=False)
class ProjectionStep:
    """Where the descent stands. `latent`, `images`, `point` and `loss` all belong to the same place."""

    index: int
    """0 for the start itself, then the number of steps made."""
    steps: int
    """How many steps there will be."""
    latent: Latent
    """Where the descent is now."""
    point: Tensor
    """(N, P): what is moved: z itself, or zeta."""
    images: Tensor
    """(N, 3, R, R) in [-1, 1]: the reconstruction of `latent`."""
    loss: Tensor
    """(N,): distance of each reconstruction from its image."""
    best: Latent
    """The best so far, image by image."""
    best_loss: Tensor
    """(N,): its distance."""


def project(
    gan: Gan,
    image: Tensor,
    label: Hashable | Sequence[Hashable],
    *,
    steps: int = 200,
    space: str = "z",
    rate: float | None = None,
    start: str | Latent = "encoder",
    pixel_weight: float = 0.2,
) -> Iterator[ProjectionStep]:
    """Descend on z, or on zeta = A(z), with Adam, towards the picture nearest to `image`.

    Args:
        gan: a model with a discriminator; with an encoder for its start; with an auxiliary pair for zeta.
        image: (N, 3, H, H) in [-1, 1]; brought to the model's size by area averaging.
        label: the class of all images or of each; "auto" takes the class whose reconstruction starts best.
        steps: how many; 0 yields the start alone.
        space: "z" or "zeta".
        rate: Adam's; None for the space's default in `RATES`.
        start: "encoder", "seeds" (the best of 16 random draws), "zeros", or a latent.
        pixel_weight: weight of the pixel term beside eq. 4.

    Yields:
        steps + 1 states; the first is the start itself.

    Raises:
        ModelError: the model lacks a part that is needed.
        InputError: any argument of the wrong kind, size or range, or a rate at which the descent left the numbers.
    """
    _check(gan, image, steps, space, start)
    if rate is not None and not rate > 0:
        raise InputError(f"The rate must be above 0, or None for the default of the space; got {rate!r}.")
    with _differentiable():
        target = resize(image.to(gan.device, torch.float32).clone(), (gan.resolution, gan.resolution))
        measure = Reconstruction(gan, target, pixel_weight)
        latent = _start(gan, measure, label, start)
    return _descend(gan, measure, latent, _Space.named(gan, space), steps, rate or RATES[space])


def _differentiable() -> torch.inference_mode:
    """Ordinary tensors and gradients in any mode of the caller. Never held across a yield: the mode is the thread's."""
    return torch.inference_mode(False)


def _check(gan: Gan, image: Tensor, steps: int, space: str, start: object) -> None:
    if not isinstance(image, Tensor) or image.dim() != 4 or image.shape[1] != 3 or 0 in image.shape:
        shape = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise InputError(f"The image to project must be (N, 3, H, W) in [-1, 1]; got {shape}.")
    if abs(image.shape[-2] - image.shape[-1]) > 1:
        height, width = image.shape[-2:]
        raise InputError(
            f"The image to project must be square; got {width} x {height}. Crop it first (Crop for Collage)."
        )
    if not torch.isfinite(image).all():
        raise InputError("The image to project must hold finite numbers in [-1, 1]; got NaN or infinity.")
    if steps < 0:
        raise InputError(f"The number of steps must be 0 or more; got {steps}.")
    if space not in RATES:
        raise InputError(f'The space must be "z" or "zeta"; got {space!r}.')
    if not isinstance(start, Latent) and start not in STARTS:
        raise InputError(f'The start must be "encoder", "seeds", "zeros" or a Latent; got {start!r}.')
    for part in ("discriminator", *["auxiliary"] * (space == "zeta"), *["encoder"] * (start == "encoder")):
        gan.part(part)


@dataclass(frozen=True)
class _Space:
    """Where the descent moves, and the way from and to z."""

    enter: Callable[[Tensor], Tensor]
    leave: Callable[[Tensor], Tensor]

    @classmethod
    def named(cls, gan: Gan, space: str) -> _Space:
        if space == "z" or gan.auxiliary is None:
            return cls(lambda z: z, lambda z: z)
        return cls(gan.auxiliary.to_zeta, gan.auxiliary.to_z)


def _start(gan: Gan, measure: Reconstruction, label: Hashable | Sequence[Hashable], start: str | Latent) -> Latent:
    """The latent to start from, under the class given or, for "auto", under the one that starts best."""
    count = len(measure.targets)
    if not (isinstance(label, str) and label.strip().casefold() == "auto"):
        return _best_start(gan, measure, [gan.labels(label, count)], start)
    every = [torch.full((count,), number, device=gan.device) for number in range(gan.n_classes)]
    return _best_start(gan, measure, every, start)


@torch.no_grad()
def _best_start(gan: Gan, measure: Reconstruction, classes: list[Tensor], start: str | Latent) -> Latent:
    """The best, image by image, of all starting points under all candidate classes."""
    best_z, best_labels, best_loss = None, classes[0], None
    for labels in classes:
        for z in _starting_points(gan, measure.targets, labels, start):
            loss = measure.loss(gan.generator.generate(z, labels))
            if best_z is None or best_loss is None:
                best_z, best_loss = z, loss
                continue
            better = loss < best_loss
            best_z = torch.where(better[:, None], z, best_z)
            best_labels = torch.where(better, labels, best_labels)
            best_loss = torch.minimum(loss, best_loss)
    assert best_z is not None
    return Latent(best_z, best_labels)


def _starting_points(gan: Gan, targets: Tensor, labels: Tensor, start: str | Latent) -> Iterator[Tensor]:
    """z (N, D) to try."""
    count = len(targets)
    if isinstance(start, Latent):
        if start.z.shape[1] != gan.dim_z or len(start) not in (1, count):
            raise InputError(
                f"The starting latent must hold 1 or {count} z of {gan.dim_z} numbers; got {tuple(start.z.shape)}."
            )
        yield start.z.to(gan.device).expand(count, -1).clone()
    elif start == "encoder":
        yield gan.part("encoder")(targets, labels)
    elif start == "zeros":
        yield torch.zeros(count, gan.dim_z, device=gan.device)
    else:
        for seed in range(SEEDS):
            yield gan.sample(0, seed=seed).z.expand(count, -1).clone()


def _descend(
    gan: Gan, measure: Reconstruction, latent: Latent, space: _Space, steps: int, rate: float
) -> Iterator[ProjectionStep]:
    """Adam (Kingma & Ba) on the point; images do not touch one another, since each has its own loss and moments."""
    with _differentiable(), torch.no_grad():
        point = space.enter(latent.z).clone().requires_grad_()
        optimiser = torch.optim.Adam([point], lr=rate)
        best_z, best_loss = latent.z, torch.full((len(latent),), torch.inf, device=latent.z.device)
    for index in range(steps + 1):
        with _differentiable(), torch.enable_grad():
            z = space.leave(point)
            images = gan.generator.generate(z, latent.labels)
            loss = measure.loss(images)
            if not torch.isfinite(loss).all():
                raise InputError(f"The descent left the finite numbers at step {index}; choose a rate below {rate:g}.")
            better = loss.detach() < best_loss
            best_z = torch.where(better[:, None], z.detach(), best_z)
            best_loss = torch.minimum(loss.detach(), best_loss)
            here = Latent(z.detach().clone(), latent.labels)
            state = ProjectionStep(
                index, steps, here, point.detach().clone(), images.detach(), loss.detach(),
                Latent(best_z, latent.labels), best_loss,
            )  # fmt: skip
            if index < steps:
                optimiser.zero_grad()
                loss.sum().backward()
                optimiser.step()
        yield state
