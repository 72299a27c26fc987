"""What the auxiliary pair costs: the time of A and B beside that of a whole step of projection (paper: under 1 %)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from courses import Photos
from neural_collage import engine as nc
from neural_collage.engine.networks.auxiliary import Auxiliary
from study import Table

REPEATS = 21
STEPS = 200  # of one projection: A runs once, B and its gradient in each


def cost(gan: nc.Gan, photos: Photos) -> Table:
    """Time of a step on z, of B with its gradient, and of A, interleaved; medians of `REPEATS`."""
    pair = gan.part("auxiliary")
    assert isinstance(pair, Auxiliary)
    z = photos.starts["encoder"]
    course = nc.project(
        gan, photos.images, photos.labels, steps=REPEATS + 2, space="z", start=nc.Latent(z, photos.labels)
    )
    zeta = pair.to_zeta(z).detach().requires_grad_()

    def back() -> None:
        given = pair.to_z(zeta)
        torch.autograd.grad(given, zeta, torch.ones_like(given))

    works: tuple[Callable[[], object], ...] = (lambda: next(course), back, lambda: pair.to_zeta(z))
    for work in (*works, *works):  # the first round looks for the start, and memory is warm only after the second
        work()
    rounds = [[_seconds(work) for work in works] for _ in range(REPEATS)]
    step, b, a = (statistics.median(times) for times in zip(*rounds, strict=True))
    percent = 100 * statistics.median((b + a / STEPS) / step for step, b, a in rounds)
    row = (str(len(z)), *(f"{1e3 * seconds:.2f}" for seconds in (step, b, a)), f"{percent:.2f}")
    header = ("pictures at once", "step on z, ms", "B and its gradient, ms", "A, ms", f"overhead in {STEPS} steps, %")
    return Table("descent_overhead", header, [row])


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
