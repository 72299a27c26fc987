"""The noise of StyleGANs: stored, of a seed, given, or none."""

from typing import Any

import pytest
import torch
import toy_stylegan as toy
from neural_collage import engine as nc
from neural_collage.engine.networks.noise import noise_maps

NUMBERS = toy.raw()
Z = torch.randn(3, toy.DIM_Z, generator=torch.Generator().manual_seed(1))
STORED = [torch.full((1, 1, size, size), float(size)) for size in (4, 4, 8, 8)]


@pytest.fixture
def gan(tmp_path):
    return nc.load(toy.save(toy.genforce(NUMBERS), tmp_path / "model.pth"))


def latent(noise, count=1):
    return nc.Latent(Z[:count], torch.zeros(count, dtype=torch.long), noise=noise)


def draw(gan, noise, count=1):
    return nc.render(gan, nc.Collage(latent(noise, count)))


def test_without_a_wish_the_stored_maps_are_used(gan):
    stored = tuple(layer["noise"] for layer in NUMBERS.layers)
    assert torch.equal(draw(gan, None), draw(gan, stored))
    assert not torch.equal(draw(gan, None), draw(gan, ()))


def test_an_empty_tuple_is_no_noise(gan):
    zeros = tuple(torch.zeros_like(layer["noise"]) for layer in NUMBERS.layers)
    assert torch.equal(draw(gan, ()), draw(gan, zeros))


def test_each_picture_has_the_noise_of_its_seed(gan):
    batch = draw(gan, torch.tensor([7, 8, 7]), 3)
    for row, seed in enumerate((7, 8, 7)):
        single = nc.Latent(Z[row : row + 1], torch.zeros(1, dtype=torch.long), noise=torch.tensor([seed]))
        assert (nc.render(gan, nc.Collage(single)) - batch[row]).abs().max() < 1e-5 * batch.abs().max()
    maps = gan.generator.noise(latent(torch.tensor([7, 8, 7]), 3))
    assert torch.equal(maps[-1][0], maps[-1][2])
    assert not torch.equal(maps[-1][0], maps[-1][1])
    assert not torch.equal(maps[-1], maps[-2])


def test_seeds_draw_standard_normal_numbers_unlike_those_of_z():
    maps: Any = noise_maps(torch.tensor([2**63 - 1]), [torch.empty(1, 1, 4, 4), torch.empty(1, 1, 256, 256)])
    assert abs(maps[1].mean()) < 0.02
    assert abs(maps[1].std() - 1) < 0.02
    z = torch.randn(16, generator=torch.Generator().manual_seed(2**63 - 1))
    assert not torch.isclose(maps[0].flatten(), z).any()


def test_maps_come_for_each_layer_or_for_each_size():
    each = tuple(torch.randn(2, 1, maps.shape[-1], maps.shape[-1]) for maps in STORED)
    in_order: Any = noise_maps(each, STORED)
    for found, given in zip(in_order, each, strict=True):
        assert torch.equal(found, given)
    by_size: Any = noise_maps((each[3], each[0]), STORED)
    for found, given in zip(by_size, (each[0], each[0], each[3], each[3]), strict=True):
        assert torch.equal(found, given)


def test_layers_without_noise_get_none():
    stored = [STORED[0], None, STORED[2]]
    for given in (None, (), torch.tensor([1]), (STORED[0], STORED[2])):
        found = noise_maps(given, stored)
        assert found[1] is None
        assert [maps.shape[-1] for maps in found if maps is not None] == [4, 8]


def test_shared_noise_is_one_for_each_size():
    found: Any = noise_maps(torch.tensor([1]), STORED, shared=True)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[2], found[3])
    other: Any = noise_maps(torch.tensor([2]), STORED, shared=True)
    assert not torch.equal(found[0], other[0])


@pytest.mark.parametrize("sizes", [(4,), (4, 8, 8), (4, 4, 8, 16), (8, 8), (4, 4, 4, 4)])
def test_other_maps_are_refused(sizes):
    given = tuple(torch.zeros(1, 1, size, size) for size in sizes)
    with pytest.raises(nc.InputError, match="one for each layer that has noise"):
        noise_maps(given, STORED)


def test_a_reference_keeps_its_own_noise(gan):
    one, other = (nc.Collage(latent(noise)) for noise in (torch.tensor([1]), ()))
    whole = one.feature(other, torch.ones(1, 1, 4, 4), layers="16")
    other_picture = draw(gan, ())
    assert (nc.render(gan, whole) - other_picture).abs().max() < 1e-5 * other_picture.abs().max()
