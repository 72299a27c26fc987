"""The batch statistics that a generator draws with (Brock et al. 2019, sections 3.1 and 4.1).

`settle`             measured anew, on its own pictures
`choose_statistics`  of files that have them for several truncations: how those in between are taken

The stored statistics are those of the latents that the generator was trained with. Truncated latents have others, and
BigGAN's authors measure them for the truncation in use ("standing statistics").
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from .errors import ModelError
from .gan import SEEDS, Gan
from .networks.batch_statistics import BatchStatistics
from .ranges import positive, whole

__all__ = ["choose_statistics", "settle"]


def settle(gan: Gan, *, truncation: float = 1.0, pictures: int = 1024, batch: int = 32, seed: int = 0) -> Gan:
    """The same model with a new generator, whose batch statistics are those of latents of one truncation.

    Args:
        gan: a model whose norms are batch norms; neither it nor its generator is changed.
        truncation: what the latents are drawn with, as in `Gan.sample`.
        pictures: how many are drawn, of random classes; all count alike.
        batch: how many at a time: their mean and variance are measured together, so not too few.
        seed: of the latents.

    Raises:
        InputError: numbers out of range.
        ModelError: no generator, one without batch norms, or one that has statistics for each truncation already.
    """
    truncation, batch = positive(truncation, "Truncation", 1), whole(batch, "The batch", 2)
    rounds = max(whole(pictures, "The number of pictures", 2) // batch, 1)
    seed = whole(seed, "A seed", 0, SEEDS - 1)
    with torch.inference_mode(False), torch.no_grad():
        generator = copy.deepcopy(gan.drawing())
        norms = _norms(generator)
        settled = replace(gan, generator=generator.train())
        random = torch.Generator().manual_seed(seed % 2**63)
        for number in range(rounds):
            for norm in norms:
                norm.momentum = 1 / (number + 1)  # the mean of all rounds so far
            labels = torch.randint(gan.n_classes, (batch,), generator=random)
            generator(settled.sample(labels, seed=(seed + number * batch) % SEEDS, truncation=truncation))
        generator.eval()
    known = f"of {rounds * batch} pictures at truncation {truncation:g}"
    return replace(settled, facts={**gan.facts, "statistics": known})


def _norms(generator: nn.Module) -> Sequence[BatchStatistics]:
    norms = _measuring(generator)
    if not norms:
        raise ModelError("Statistics are those of batch norms; this model's generator has none, and needs none.")
    if any(norm.truncations > 1 for norm in norms):
        raise ModelError(
            "This model has statistics for every truncation; the one that a latent was sampled with chooses among them."
        )
    return norms


def _measuring(generator: nn.Module) -> Sequence[BatchStatistics]:
    return [module for module in generator.modules() if isinstance(module, BatchStatistics)]


def choose_statistics(gan: Gan, interpolation: str) -> Gan:
    """The same model with a new generator of the same weights, which takes the statistics of a truncation in this way.

    Hugging Face's BigGAN-deep has them, for the truncations 0, 0.02, ... 1. `save` keeps the choice.

    Args:
        gan: a model with statistics for several truncations; neither it nor its generator is changed.
        interpolation: "linear", as every model is loaded; or "package", the way of pytorch-pretrained-biggan, whose
            pictures it then draws: that package swaps the shares of the two truncations nearest to the wanted one.

    Raises:
        InputError: another interpolation.
        ModelError: no generator, or one with statistics for any truncation.
    """
    drawing: Any = gan.drawing()
    if all(norm.truncations == 1 for norm in _measuring(drawing)):
        raise ModelError(
            "Statistics can be taken in several ways only where a model has them for several truncations, as Hugging "
            "Face's BigGAN-deep has; this one has not."
        )
    generator = copy.copy(drawing)  # the weights themselves are shared
    generator.config = replace(drawing.config, interpolation=interpolation)
    known = f"between two truncations: {interpolation}"
    return replace(gan, generator=generator, facts={**gan.facts, "statistics": known})
