"""How fast projection descends on z and on zeta, from the encoder and from random starts.

What is descended on, and what is reported, is eq. 4 alone: the cosine distance of discriminator features. Each space
has the best rate of a grid, tried on photographs that are not among those measured. Both starts run in one batch,
the first half from the encoder and the second from a random latent for each photograph.
"""

from __future__ import annotations

import torch
from neural_collage import engine as nc
from neural_collage.engine.training.data import to_network
from study import Study
from torch import Tensor
from tqdm import tqdm

RATES = {
    "z": (0.01, 0.03, 0.075, 0.15, 0.3, 0.6),
    "zeta": (0.005, 0.015, 0.04, 0.1, 0.25, 0.6),
}
"""The grid of each space; the original's defaults, 0.075 and 0.015, are in it."""
STEPS = (0, 50, 200)


def descent(study: Study, photos: int = 12, tuning: int = 4, steps: tuple[int, ...] = STEPS) -> None:
    """Eq. 4 after each of `steps`, by space and start, at each space's best rate."""
    order = torch.randperm(len(study.held_out), generator=torch.Generator().manual_seed(study.seed))
    grid, figures = [], []
    for space, rates in RATES.items():
        tried = {rate: _run(study, order[:tuning], space, rate, steps).mean(1)[-1].item() for rate in rates}
        best = min(tried, key=tried.__getitem__)
        grid.append((space, *(f"{rate:g}: {loss:.3f}" for rate, loss in tried.items())))
        found = _run(study, order[tuning : tuning + photos], space, best, steps)  # (steps, 2 N)
        for start, losses in zip(("encoder", "random"), found.chunk(2, 1), strict=True):
            figures.append((space, start, f"{best:g}", *losses.mean(1).tolist()))
    tries = [f"try {number}" for number in range(1, len(grid[0]))]
    study.table("descent_rates", (f"eq. 4 after {steps[-1]} steps on {tuning} other photos", *tries), grid)
    study.table("descent", ("space", "start", "rate", *(f"{n} steps" for n in steps)), figures)


def _run(study: Study, chosen: Tensor, space: str, rate: float, steps: tuple[int, ...]) -> Tensor:
    """The best eq. 4 so far of N photographs after each of `steps`: (steps, 2 N), encoder starts before random ones."""
    gan = study.gan
    images = to_network(study.held_out.images[chosen])
    labels = study.held_out.labels[chosen]
    with torch.no_grad():
        encoded = gan.part("encoder")(images, labels)
    drawn = gan.sample(labels.tolist(), seed=study.seed)
    twice = labels.repeat(2)
    start = nc.Latent(torch.cat([encoded, drawn.point]), twice)
    course = nc.project(
        gan, images.repeat(2, 1, 1, 1), twice, steps=max(steps), space=space, rate=rate, start=start, pixel_weight=0.0
    )
    told = tqdm(course, total=max(steps) + 1, desc=f"{len(chosen)} photos, {space}, rate {rate:g}")
    return torch.stack([state.best_loss for state in told if state.index in steps])
