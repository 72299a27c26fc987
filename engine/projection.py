"""Manifold projection: the latent whose picture is nearest to a real image (paper section 4.2, appendix B).

A generator function that yields its state each step: the caller owns progress, preview and stopping. Each step leaves
inference mode for itself alone, so that it works inside ComfyUI, which runs every node under it.

Shapes: N images, D latent size, P length of the point that is moved (D for z, more for zeta), R picture size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from .errors import InputError, ModelError
from .gan import Gan
from .latent import Latent
from .networks.auxiliary import Auxiliary
from .ranges import expect, positive, whole
from .reconstruction import Reconstruction
from .spaces import RATES, Space, style_statistics
from .style import resize

__all__ = ["STARTS", "ProjectionStep", "project"]

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""The rest of Adam's settings, the original's too."""
MAX_RATE = 100.0
"""A step of this size leaves every sensible latent behind at once."""
SEEDS = 16
"""How many random starts "seeds" tries for each image."""
TOGETHER = 16
"""How many pictures the search for a start draws in one forward."""
STARTS = ("auto", "encoder", "seeds", "zeros", "mean")
OVERSHOOT = 1.5
"""Sharp resampling leaves [-1, 1] a little; an 8-bit picture that nobody scaled leaves it by far."""

T = TypeVar("T")
Watch = Callable[[float], object]


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
    """(N, ...): what is moved: z itself, zeta, or w in units of its spread."""
    images: Tensor
    """(N, 3, R, R) in [-1, 1]: the reconstruction of `latent`."""
    loss: Tensor
    """(N,): distance of each reconstruction from its image."""
    best: Latent
    """The best so far, image by image."""
    best_loss: Tensor
    """(N,): its distance."""
    distance: str = "discriminator"
    """What measured: "discriminator" (eq. 4), "vgg16" or "pixels", each with the pixel term beside it."""


def project(
    gan: Gan,
    image: Tensor,
    label: Hashable | Sequence[Hashable],
    *,
    steps: int = 200,
    space: str = "z",
    rate: float | None = None,
    start: str | Latent = "auto",
    pixel_weight: float = 0.2,
    distance: str = "auto",
    watch: Watch | None = None,
) -> Iterator[ProjectionStep]:
    """Descend with Adam towards the picture nearest to `image`, on z, on zeta = A(z), or on the styles w.

    Args:
        gan: the model: with an encoder for its start, with an auxiliary pair for zeta, a StyleGAN for w.
        image: (N, 3, H, H) in [-1, 1]; brought to the model's size by area averaging.
        label: the class of all images or of each; "auto" tries all and takes the one whose reconstruction starts best,
            image by image. That costs as many pictures as there are classes, before the first step.
        steps: how many; 0 yields the start alone.
        space: "z", "zeta", "w", "w+" (`spaces.py`), or "auto": w for a StyleGAN, zeta where there is a pair that may
            be on axes, as long as z (a long zeta of random weights can be slower than z), else z.
        rate: Adam's; None for the space's default in `spaces.RATES`.
        start: "encoder", "seeds" (the best of 16 random draws), "zeros", "mean" (a StyleGAN's mean w, of the class
            where there are classes), a latent, or "auto": the encoder where there is one, else the mean w, else seeds.
            "seeds" with "auto" classes draws under the class that starts best from the first draw (which finds it far
            more often than zeros do).
        pixel_weight: weight of the pixel term beside the distance.
        distance: "discriminator" (eq. 4), "vgg16", "pixels" (`distances.py`), or "auto": the first of them that the
            model has. Each step says which it was.
        watch: told, before each piece of the search for a start, how far its present part is, 0 to 1. What it raises
            stops the work. (From the first state on the caller has a turn at every step.)

    Yields:
        steps + 1 states; the first is the start itself (on zeta: as the pair gives it back, B(A(z)); should that be
        worse than the start, `best` is the start).

    Raises:
        ModelError: the model lacks a part that is needed, or is in training mode.
        InputError: any argument of the wrong kind, size or range, or a rate at which the descent left the numbers.
    """
    _check(gan, image, start)
    steps = whole(steps, "The number of steps", 0)
    if space == "auto":
        space = _fastest(gan)
    with _differentiable():
        way = Space.named(gan, space)
        start = _chosen(gan, space, way, start)
        target = resize(image.to(gan.device, gan.dtype).clone(), (gan.resolution, gan.resolution))
        measure = Reconstruction(gan, target, pixel_weight, distance)
    rate = RATES[space] if rate is None else positive(rate, "The rate", MAX_RATE)
    classes = _classes(gan, label, len(target))
    # Everything is checked by now; the search waits for the first `next`, like all other work.
    find = partial(_start, gan, measure, classes, start, watch or (lambda done: None))
    return _descend(gan, measure, find, way, steps, rate)


def _fastest(gan: Gan) -> str:
    """The space in which this model's descent is known to be fast."""
    if gan.generator.w_shape is not None:
        return "w"
    pair = gan.auxiliary
    return "zeta" if isinstance(pair, Auxiliary) and pair.config.fits_axes else "z"


def _chosen(gan: Gan, space: str, way: Space, start: str | Latent) -> str | Latent:
    """Where to start: what "auto" means for this model and space; refused where the model or the space has no such."""
    if isinstance(start, Latent):
        way.adopt(start.to(gan.device, gan.dtype))
        return start
    if start == "auto":
        start = "encoder" if gan.encoder is not None else "mean" if space in ("w", "w+") else "seeds"
    if start == "encoder":
        gan.part("encoder")
    if start == "mean" and gan.generator.w_shape is None:
        raise ModelError('This model has no styles w and no mean of them; start from "zeros", "seeds" or a latent.')
    if start == "mean" and space in ("z", "zeta"):
        raise InputError('The mean is one of styles w; to move in z, start from "zeros", "seeds" or a latent with z.')
    return start


def _differentiable() -> torch.inference_mode:
    """Ordinary tensors and gradients in any mode of the caller. Never held across a yield: the mode is the thread's."""
    return torch.inference_mode(False)


def _check(gan: Gan, image: Tensor, start: object) -> None:
    expect(gan, Gan, "The model to project with")
    if not isinstance(image, Tensor) or image.dim() != 4 or image.shape[1] != 3 or 0 in image.shape:
        shape = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise InputError(f"The image to project must be (N, 3, H, W) in [-1, 1]; got {shape}.")
    height, width = image.shape[-2:]
    if abs(height - width) > 1:
        raise InputError(
            f"The image to project must be square; got {width} x {height}. Crop it first (Crop for Collage)."
        )
    low, high = image.min().item(), image.max().item()
    if not -OVERSHOOT <= low <= high <= OVERSHOOT:  # NaN fails too
        raise InputError(
            f"The image to project must hold finite numbers in [-1, 1]; got {low:g} to {high:g}. "
            f"8-bit pictures are divided by 127.5, less 1."
        )
    if not isinstance(start, Latent) and start not in STARTS:
        raise InputError(f"The start must be one of {', '.join(STARTS)} or a Latent; got {start!r}.")
    gan.drawing()
    if isinstance(start, Latent):
        gan.check(start, " to start from")
        if len(start) not in (1, len(image)):
            raise InputError(f"The starting latents must be 1 or {len(image)}, one for each image; got {len(start)}.")


@dataclass(frozen=True)
class _Best:
    """The best latent found so far, image by image."""

    latent: Latent
    loss: Tensor
    """(N,)"""

    def or_(self, other: _Best) -> _Best:
        """The better of both for each image; of equal ones this."""
        better = other.loss < self.loss
        each = better.view(-1, *[1] * (self.latent.point.dim() - 1))
        latent = self.latent.at(torch.where(each, other.latent.point, self.latent.point))
        labels = torch.where(better, other.latent.labels, self.latent.labels)
        return _Best(replace(latent, labels=labels), torch.where(better, other.loss, self.loss))


def _classes(gan: Gan, label: Hashable | Sequence[Hashable], count: int) -> Tensor:
    """(K, N): the classes to try for each of N images; "auto" is all of them, else there is one."""
    if isinstance(label, str) and label.strip().casefold() == "auto":
        return gan.labels(range(gan.n_classes))[:, None].expand(-1, count)
    return gan.labels(label, count)[None]


@torch.no_grad()
def _start(gan: Gan, measure: Reconstruction, classes: Tensor, start: str | Latent, watch: Watch) -> _Best:
    """The nearest start of each image among `classes` (K, N), many to a forward."""
    count = len(measure.targets)
    if start == "seeds":
        if len(classes) > 1:
            classes = _start(gan, measure, classes, gan.sample(0, seed=0), watch).latent.labels[None]
        classes = classes.expand(SEEDS, -1)
    like, points = _starting_points(gan, measure.targets, classes, start, watch)
    pieces = list(zip(_chunks(points), _chunks(classes), strict=True))
    losses = torch.cat(
        [
            measure.loss(gan.generator(_several(like, point.flatten(0, 1), labels.flatten())))
            for point, labels in _announced(pieces, watch)
        ]
    ).unflatten(0, (-1, count))
    nearest = losses.nan_to_num(nan=math.inf, posinf=math.inf).argmin(0)
    each = torch.arange(count, device=nearest.device)
    return _Best(_several(like, points[nearest, each], classes[nearest, each]), losses[nearest, each])


def _chunks(candidates: Tensor) -> tuple[Tensor, ...]:
    """(K, N, ...) in pieces along K, each for one forward."""
    return candidates.split(max(1, TOGETHER // candidates.shape[1]))


def _several(like: Latent, points: Tensor, labels: Tensor) -> Latent:
    """Latents of the kind of `like` (one or N of them) at K N points under K N labels."""
    noise = like.noise
    if isinstance(noise, Tensor) and len(noise) != len(points):
        noise = noise.repeat(len(points) // len(noise))
    elif isinstance(noise, tuple):
        noise = tuple(maps if len(maps) == 1 else maps.repeat(len(points) // len(maps), 1, 1, 1) for maps in noise)
    z, w = (points, None) if like.z is not None else (None, points)
    return replace(like, z=z, w=w, labels=labels, noise=noise)


def _starting_points(
    gan: Gan, targets: Tensor, classes: Tensor, start: str | Latent, watch: Watch
) -> tuple[Latent, Tensor]:
    """(K, N, ...): z or w to try for each of `classes` (K, N), and a latent that says which of them and what else.

    Only the encoder looks at pictures; the encoder and the mean w look at classes.
    """
    if isinstance(start, Latent):
        start = start.to(gan.device, gan.dtype)
        return start, start.point.expand(*classes.shape, *start.point.shape[1:])
    plain = Latent(targets.new_zeros(1, gan.dim_z), classes.new_zeros(1))
    if start == "mean":
        numbers = _announced(classes.unique().tolist(), watch)
        means = {number: style_statistics(gan, number)[0] for number in numbers}
        points = torch.cat([means[label] for label in classes.flatten().tolist()]).unflatten(0, classes.shape)
        return replace(plain, z=None, w=points[:1, 0]), points
    if start == "seeds":
        drawn = gan.sample(0, seed=0, count=SEEDS).z
        assert drawn is not None
        return plain, drawn.to(targets)[:, None].expand(*classes.shape, -1)
    if start == "zeros":
        return plain, targets.new_zeros(*classes.shape, gan.dim_z)
    encoder = gan.part("encoder")
    pieces = _announced(_chunks(classes), watch)
    z = [encoder(targets.repeat(len(labels), 1, 1, 1), labels.flatten()) for labels in pieces]
    return plain, torch.cat(z).unflatten(0, classes.shape)


def _announced(pieces: Sequence[T], watch: Watch) -> Iterator[T]:
    """The pieces of some work, each after `watch` was told how much is done."""
    for done, piece in enumerate(pieces):
        watch(done / len(pieces))
        yield piece


def _descend(
    gan: Gan, measure: Reconstruction, find: Callable[[], _Best], space: Space, steps: int, rate: float
) -> Iterator[ProjectionStep]:
    """Adam (Kingma & Ba) on the point; images do not touch one another, since each has its own loss and moments."""
    with _differentiable(), torch.no_grad():
        best = find()
        best = _Best(space.adopt(best.latent), best.loss)
        like = best.latent
        point = space.enter(like).clone().requires_grad_()
        optimiser = torch.optim.Adam([point], lr=rate, betas=BETAS)
    for index in range(steps + 1):
        with _differentiable(), torch.enable_grad():
            latent = space.leave(point, like)
            images = gan.generator(latent)
            loss = measure.loss(images)
            if not torch.isfinite(loss).all():
                raise InputError(
                    f"The descent left the finite numbers at step {index}; choose a rate below {rate:g} or another "
                    "start."
                )
            here = _Best(latent.at(latent.point.detach().clone()), loss.detach())
            best = best.or_(here)
            state = ProjectionStep(
                index,
                steps,
                here.latent,
                point.detach().clone(),
                images.detach(),
                here.loss,
                best.latent,
                best.loss,
                measure.name,
            )
            if index < steps:
                (point.grad,) = torch.autograd.grad(loss.sum(), point)  # of the point alone, never of the weights
                # The original puts epsilon beside the root of the uncorrected moment (Kingma & Ba, end of section 2),
                # torch beside the corrected one. It tells where gradients are as small as here, 1e-6 to 1e-3.
                optimiser.param_groups[0]["eps"] = EPSILON / (1 - BETAS[1] ** (index + 1)) ** 0.5
                optimiser.step()
        yield state
