"""The noise that StyleGANs add before their norms: stored in the file, drawn from a seed, given as maps, or none.

Shapes: N images, r size of a layer in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InputError

__all__ = ["noise_maps", "seeded_noise"]

STREAM = 0x6E6F697365
"""Added to a picture's seed, or its noise would begin with the numbers of its z."""


def noise_maps(
    given: Tensor | tuple[Tensor, ...] | None, stored: Sequence[Tensor | None], *, shared: bool = False
) -> list[Tensor | None]:
    """The noise of each layer.

    Args:
        given: `Latent.noise`: None for the stored maps; seeds (N,); maps (1 or N, 1, r, r), one for each layer that has
            noise or one for each size; an empty tuple for none.
        stored: for each layer its map in the model, (1, 1, r, r); None where the layer has no noise.
        shared: whether the layers of one size have one noise, and not each its own.

    Returns:
        For each layer (1 or N, 1, r, r), zeros where none is wanted; None where the layer has no noise.

    Raises:
        InputError: maps of other sizes or number.
    """
    kept = [maps for maps in stored if maps is not None]
    if given is None:
        found = kept
    elif isinstance(given, Tensor):
        found = seeded_noise(given, kept, shared)
    elif given == ():
        found = [maps.new_zeros(1).expand_as(maps) for maps in kept]
    else:
        found = _matched(given, kept)
    told = iter(found)
    return [None if maps is None else next(told) for maps in stored]


def seeded_noise(seeds: Tensor, like: Sequence[Tensor], shared: bool) -> list[Tensor]:
    """Maps (N, 1, r, r) in the sizes of `like`, each picture's from its own seed: it draws the same alone."""
    generators = [torch.Generator().manual_seed(int(seed) + STREAM) for seed in seeds]
    found: list[Tensor] = []
    for maps in like:
        if shared and found and found[-1].shape[-1] == maps.shape[-1]:
            found.append(found[-1])
            continue
        drawn = [torch.randn(1, *maps.shape[-2:], generator=generator) for generator in generators]
        found.append(torch.stack(drawn).to(maps))
    return found


def _matched(given: tuple[Tensor, ...], like: Sequence[Tensor]) -> list[Tensor]:
    """The maps given for each layer: in their order where they fit it, else by size."""
    wanted = [maps.shape[-2:] for maps in like]
    if [maps.shape[-2:] for maps in given] != wanted:
        by_size = {maps.shape[-2:]: maps for maps in given}
        if len(by_size) < len(given) or not by_size.keys() >= set(wanted):
            raise InputError(
                f"Noise maps must come one for each layer that has noise ({_sizes(like)}) or one for each size; got "
                f"{_sizes(given)}."
            )
        given = tuple(by_size[size] for size in wanted)
    return [maps.to(other) for maps, other in zip(given, like, strict=True)]


def _sizes(maps: Sequence[Tensor]) -> str:
    return ", ".join("x".join(map(str, one.shape[-2:])) for one in maps)
