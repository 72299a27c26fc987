"""Half precision: families that say so stay within two 8-bit steps, edited or not; the largest error counts."""

from typing import Any

import parity
import pytest
import torch
from neural_collage import engine as nc
from neural_collage.engine.networks.generator import Generator
from neural_collage.engine.networks.stylegan2 import StyleGAN2Generator
from neural_collage.engine.networks.stylegan3 import StyleGAN3Generator

STEPS = 127.5
"""8-bit steps in one unit of a picture in [-1, 1]."""
CASES = [case for name in ("stylegan2ada_nvlabs", "stylegan3_nvlabs") for case in parity.peer(name)]
MASK = torch.linspace(0, 1, 16).repeat(16, 1)


def shown(gan, collage):
    return nc.render(gan, collage).float().clamp(-1, 1)


@pytest.mark.parametrize("truncation", [1.0, 0.5])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_two_steps_at_most(case, truncation):
    gan: Any = nc.load(case)
    assert gan.generator.half_is_right
    for seed in range(3):
        plain, other = (
            nc.Collage(gan.sample(number % gan.n_classes, seed=number, truncation=truncation))
            for number in (seed, seed + 9)
        )
        painted = plain.label(nc.ClassMap().paint(other, MASK))
        for collage in (plain, painted, plain.feature(other, MASK, layers="#2")):
            with torch.autocast("cpu", torch.float16):
                drawn = shown(gan, collage)
            assert 0 < (drawn - shown(gan, collage)).abs().max() * STEPS < 2


def test_only_what_was_measured_is_called_right():
    assert {kind for kind in _all(Generator) if kind.half_is_right} == {StyleGAN2Generator, StyleGAN3Generator}


def _all(kind) -> set[Any]:
    return {kind}.union(*(_all(below) for below in kind.__subclasses__()))
