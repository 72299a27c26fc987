"""BigGAN and BigGAN-deep: every layout against a slow reading of its file, and the invariants of collages."""

from typing import Any

import numpy as np
import oracles
import pytest
import torch
import torch.nn.functional as F
import toy_biggan
from neural_collage import engine as nc
from neural_collage.engine.networks.attention import SelfAttention
from neural_collage.engine.networks.doubling import DoublingConv2d, double
from toy_biggan import LAYOUTS

BOUND = 1e-4
each = pytest.mark.parametrize("name", LAYOUTS)
some = pytest.mark.parametrize("name", ["ajbrock", "ajbrock, unshared", "Hugging Face"])
MASK = torch.linspace(0, 1, 32).repeat(32, 1)


@pytest.fixture
def load(tmp_path):
    """Writes and loads a toy of a layout."""

    def loaded(name, prefix="") -> Any:
        layout = LAYOUTS[name]
        return nc.load(toy_biggan.write(tmp_path, layout, toy_biggan.generator(layout), prefix))

    return loaded


def latent(gan, label=0, seed=0, truncation=0.7) -> Any:
    z = torch.randn(1, gan.dim_z, generator=torch.Generator().manual_seed(seed))
    return nc.Latent(z, torch.tensor([label]), truncation)


def slow(name, start, labels, maps, edit=lambda index, h: h):
    layout = LAYOUTS[name]
    raw = toy_biggan.generator(layout)
    return toy_biggan.draw(layout, raw, start.z[0], labels, maps, edit, start.truncation)[None].float()


def everywhere(norm, size):
    return torch.ones(1, size, size)


@each
def test_a_picture_is_what_the_file_says(name, load):
    gan = load(name)
    layout = LAYOUTS[name]
    assert (gan.resolution, gan.n_classes, gan.dim_z) == (32, toy_biggan.CLASSES, layout.dim_z)
    assert gan.generator.config.eps == layout.eps
    start = latent(gan, label=2)
    found = nc.render(gan, nc.Collage(start))
    assert (found - slow(name, start, [2], everywhere)).abs().max() < BOUND
    assert found.std() > 0.05


@each
def test_class_maps_mix_what_each_label_gives(name, load):
    gan = load(name)
    start = latent(gan, label=1)
    weights = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    weights = weights / weights.sum(1, keepdim=True)
    regions = nc.ClassMap.from_weights([1, 0, 2], weights)
    found = nc.render(gan, nc.Collage(start).label(regions, layers="8-"))

    def maps(norm, size):
        if size < 8:
            return torch.stack([torch.ones(size, size), *torch.zeros(2, size, size)])
        return torch.stack([torch.from_numpy(oracles.resize(one.numpy(), (size, size))) for one in weights[0]])

    assert (found - slow(name, start, [1, 0, 2], maps)).abs().max() < BOUND


@each
def test_feature_maps_are_blended(name, load):
    gan = load(name)
    start, other = latent(gan, label=1), latent(gan, label=2, seed=5)
    numbers = (1, len(gan.generator.feature_sizes) - 1)  # the first map, and that of the last block but one
    collage = nc.Collage(start)
    for number in numbers:
        collage = collage.feature(nc.Collage(other), MASK, layers=f"#{number}")
    reference: dict[int, torch.Tensor] = {}

    def keep(index, h):
        reference[index] = h
        return h

    def blend(index, h):
        if index + 1 not in numbers:
            return h
        weight = torch.from_numpy(oracles.resize(MASK.numpy(), h.shape[-2:]))
        return (1 - weight) * h + weight * reference[index]

    slow(name, other, [2], everywhere, keep)
    assert (nc.render(gan, collage) - slow(name, start, [1], everywhere, blend)).abs().max() < BOUND


@some
def test_names_of_parallel_training(name, load):
    start = latent(load(name))
    plain = nc.render(load(name), nc.Collage(start))
    assert torch.equal(nc.render(load(name, "module."), nc.Collage(start)), plain)


@some
def test_the_same_class_under_any_mask_changes_no_bit(name, load):
    gan = load(name)
    start = latent(gan, label=1)
    painted = nc.Collage(start).label(nc.ClassMap().paint(1, MASK))
    assert torch.equal(nc.render(gan, painted), nc.render(gan, nc.Collage(start)))


@some
def test_another_class_everywhere_is_that_class_from_the_first_norm_on(name, load):
    """Where the class is in the first map too, that keeps the picture's own."""
    gan = load(name)
    start, other = latent(gan, label=1), latent(gan, label=2)
    painted = nc.render(gan, nc.Collage(start).label(nc.ClassMap().paint(2, torch.ones(8, 8))))
    generator = gan.generator
    state = generator.run(generator.begin(start), generator.styles(other))
    assert torch.equal(painted, generator.end(state, start))
    assert torch.equal(painted, nc.render(gan, nc.Collage(other))) == (not LAYOUTS[name].deep)


@some
def test_a_picture_does_not_depend_on_its_mates(name, load):
    gan = load(name)
    starts = [latent(gan, label, seed) for seed, label in enumerate((0, 2, 1))]
    whole = nc.Latent(torch.cat([s.z for s in starts]), torch.tensor([0, 2, 1]), 0.7)
    together = nc.render(gan, nc.Collage(whole))
    alone = torch.cat([nc.render(gan, nc.Collage(start)) for start in starts])
    assert (together - alone).abs().max() < 1e-5


@some
def test_the_last_map_of_a_reference_is_the_reference(name, load):
    gan = load(name)
    other = nc.Collage(latent(gan, label=2, seed=4))
    last = f"#{len(gan.generator.feature_sizes)}"
    copied = nc.Collage(latent(gan)).feature(other, torch.ones(8, 8), layers=last)
    assert (nc.render(gan, copied) - nc.render(gan, other)).abs().max() < 1e-5


def test_the_last_map_of_a_reference_of_another_truncation_meets_the_pictures_own_statistics(load):
    """They stand in the norm behind it, in the file of several truncations; elsewhere there is one row for all."""
    for name, same in (("Hugging Face", False), ("ajbrock, deep", True)):
        gan = load(name)
        other = nc.Collage(latent(gan, label=2, seed=4, truncation=0.3))
        copied = nc.Collage(latent(gan)).feature(other, torch.ones(8, 8), layers=f"#{len(gan.generator.feature_sizes)}")
        off = (nc.render(gan, copied) - nc.render(gan, other)).abs().max()
        assert off < BOUND if same else off > 10 * BOUND


@some
def test_our_own_file_draws_the_same(name, load, tmp_path):
    gan = load(name)
    nc.save(gan, tmp_path / "own.safetensors")
    again = nc.load(tmp_path / "own.safetensors")
    assert again.facts == gan.facts
    start = nc.Collage(latent(gan))
    assert torch.equal(nc.render(again, start), nc.render(gan, start))


@some
def test_z_can_be_followed_to_the_picture_even_from_inference_mode(name, load):
    with torch.inference_mode():
        gan = load(name)
    start = latent(gan)
    z = start.z.clone().requires_grad_()
    gan.generator(start.at(z)).square().sum().backward()
    assert (z.grad != 0).all()
    with torch.inference_mode():
        assert torch.equal(nc.render(gan, nc.Collage(start)), gan.generator(start))


# Parts.


@pytest.mark.parametrize("side", [5, 32])
def test_a_merged_kernel_is_the_plain_convolution(side):
    conv = DoublingConv2d(3, 4)
    x = torch.randn(2, 3, side, side)
    plain = F.conv2d(double(x), conv.weight, conv.bias, padding=1)
    assert (conv(x) - plain).abs().max() < 1e-5


def test_attention_asks_every_pooled_pixel():
    attention = SelfAttention(16)
    for weight in attention.parameters():
        torch.nn.init.normal_(weight, std=0.4)
    x = torch.randn(1, 16, 4, 6)
    theta, phi, g = (conv(x)[0] for conv in (attention.theta, attention.phi, attention.g))
    phi, g = (F.max_pool2d(maps, 2).flatten(1) for maps in (phi, g))
    out = x[0].clone()
    for y, column in np.ndindex(4, 6):
        scores = torch.softmax(theta[:, y, column] @ phi, dim=0)
        out[:, y, column] += attention.gamma * (attention.o.weight[:, :, 0, 0] @ (g @ scores))
    assert (attention(x)[0] - out).abs().max() < 1e-5
