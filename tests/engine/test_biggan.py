"""BigGAN and BigGAN-deep: every layout against a slow reading of its file, the invariants of collages, bad files."""

from typing import Any

import numpy as np
import oracles
import pytest
import torch
import torch.nn.functional as F
import toy_biggan
from neural_collage import engine as nc
from neural_collage.engine.networks.attention import SelfAttention
from neural_collage.engine.networks.biggan_discriminator import (
    BigGANDeepDiscriminator,
    BigGANDeepDiscriminatorConfig,
    BigGANDiscriminator,
    BigGANDiscriminatorConfig,
)
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


def test_statistics_of_a_truncation(load):
    """Between two rows they lie on a straight line; the package swaps the two shares."""
    generator = load("Hugging Face").generator
    start = latent(load("Hugging Face"))

    def shares(truncation):
        return generator.shares(nc.Latent(start.z, start.labels, truncation)).tolist()

    assert shares(0.6) == pytest.approx([0, 0, 0, 1, 0, 0], abs=1e-6)
    assert shares(0.65) == pytest.approx([0, 0, 0, 0.75, 0.25, 0])
    generator.package_statistics = True
    assert shares(0.65) == pytest.approx([0, 0, 0, 0.25, 0.75, 0])
    assert shares(1.0) == [0, 0, 0, 0, 0, 1]
    with pytest.raises(nc.InputError, match=r"up to 1; the latent's is 1\.5"):
        shares(1.5)


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


# Settled statistics.


@pytest.mark.parametrize("name", ["ajbrock", "ajbrock, deep", "StudioGAN"])
def test_settled_statistics_are_those_of_the_pictures_drawn(name, load):
    gan = load(name)
    before = {key: value.clone() for key, value in gan.generator.state_dict().items()}
    settled = nc.settle(gan, truncation=0.5, pictures=64, batch=64)
    assert all(torch.equal(value, before[key]) for key, value in gan.generator.state_dict().items())
    assert settled.facts["statistics"] == "of 64 pictures at truncation 0.5"
    # The first norm works on the first map, which no statistic has touched.
    labels = torch.randint(gan.n_classes, (64,), generator=torch.Generator().manual_seed(0))
    (first,) = gan.generator.begin(gan.sample(labels, truncation=0.5))
    norm: Any = settled.generator.layers[0].norm1  # type: ignore[union-attr]
    assert torch.allclose(norm.means[0], first.mean((0, 2, 3)), atol=1e-6)
    assert torch.allclose(norm.vars[0], first.var((0, 2, 3)), atol=1e-5)
    drawn = nc.render(settled, nc.Collage(settled.sample(1, seed=9, truncation=0.5)))
    assert torch.isfinite(drawn).all()
    assert not settled.generator.training


def test_rounds_of_settling_count_alike(load):
    gan = load("ajbrock")
    both: Any = nc.settle(gan, pictures=64, batch=32)
    # The latents are those of the seeds in turn, and the first map of a BigGAN knows no class.
    (first,) = gan.generator.begin(gan.sample(0, seed=0, count=64))
    rounds = [half.mean((0, 2, 3)) for half in first.split(32)]
    assert not torch.allclose(*rounds, atol=1e-3)
    assert torch.allclose(both.generator.layers[0].norm1.means[0], (rounds[0] + rounds[1]) / 2, atol=1e-6)


def test_statistics_that_need_no_settling(load):
    with pytest.raises(nc.ModelError, match="for every truncation"):
        nc.settle(load("Hugging Face"), truncation=0.5)


# Files.


def test_a_folder_stands_for_the_files_in_it(load, tmp_path):
    gan = load("ajbrock")
    discriminator = BigGANDiscriminator(
        BigGANDiscriminatorConfig((8, 8, 8, 8), (8, 8, 8, 8), 2, (), toy_biggan.CLASSES, 32)
    )
    torch.save(ajbrock_discriminator(discriminator), tmp_path / "D.pth")
    whole: Any = nc.load(tmp_path)
    assert nc.peek(tmp_path).parts == ("generator",)
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(whole.discriminator(x), discriminator(x))
    start = nc.Collage(latent(gan))
    assert torch.equal(nc.render(whole, start), nc.render(gan, start))


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(nc.CheckpointError, match=r"one of G_ema\.pth"):
        nc.load(tmp_path)


def ajbrock_discriminator(network):
    """Its state under ajbrock's names, without spectral norm."""
    deep = hasattr(network.config, "stem")
    raw = {}
    for name, tensor in network.state_dict().items():
        part, _, rest = name.partition(".")
        if part != "blocks":
            raw[name] = tensor
            continue
        number, _, leaf = rest.partition(".")
        index = int(number)
        if deep and index == 0:
            raw[f"input_conv.{leaf}"] = tensor
            continue
        stage, block = divmod(index - 1, network.config.depth) if deep else (index, 0)
        if leaf.startswith("attention"):
            raw[f"blocks.{stage}.{block + 1}.{leaf.removeprefix('attention.')}"] = tensor
        else:
            raw[f"blocks.{stage}.{block}.{leaf.replace('side', 'conv_sc')}"] = tensor
    return raw


DISCRIMINATORS = {
    "narrow": (BigGANDiscriminator, BigGANDiscriminatorConfig((8, 8, 8, 8), (8, 8, 8, 8), 2, (1,), 3, 32)),
    "64 px": (BigGANDiscriminator, BigGANDiscriminatorConfig((8, 8, 16, 16, 16), (8, 8, 8, 16, 16), 4, (), 3, 64)),
    "deep": (
        BigGANDeepDiscriminator,
        BigGANDeepDiscriminatorConfig((8, 16, 16), (2, 4, 4), 2, (1,), 3, 32, stem=8, depth=2),
    ),
}


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_a_discriminator_alone(name, tmp_path):
    kind, config = DISCRIMINATORS[name]
    network = kind(config).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    torch.save(ajbrock_discriminator(network), tmp_path / "D.pth")
    gan: Any = nc.load(discriminator=tmp_path / "D.pth")
    assert gan.discriminator.config == config
    x, y = torch.rand(2, 3, config.resolution, config.resolution), torch.tensor([0, 2])
    assert torch.equal(gan.discriminator(x, y), network(x, y))
    with pytest.raises(nc.ModelError, match="Load a generator"):
        gan.sample(0)


def damaged(tmp_path, name, change):
    layout = LAYOUTS[name]
    raw = toy_biggan.generator(layout)
    change(raw)
    return toy_biggan.write(tmp_path, layout, raw)


BAD = {
    "a missing weight": (lambda raw: raw.pop("blocks.1.0.conv2.bias"), r"blocks\.1\.0\.conv2\.bias is missing"),
    "missing statistics": (lambda raw: raw.pop("blocks.2.0.bn1.stored_var"), r"bn1\.stored_var is missing"),
    "no statistics": (
        lambda raw: [raw.pop(f"blocks.0.0.bn2.stored_{end}") for end in ("mean", "var")],
        "statistics of blocks.0.0.bn2 are missing",
    ),
    "an unknown weight": (lambda raw: raw.update({"blocks.0.0.conv9.weight": torch.ones(1)}), "the unknown .*conv9"),
    "another slot": (lambda raw: raw.update({"linear.weight": torch.ones(256, 9)}), "should have shape"),
    "no square map": (
        lambda raw: raw.update({"linear.weight": torch.ones(250, 4), "linear.bias": torch.ones(250)}),
        "square map",
    ),
    "a width": (lambda raw: raw.update({"blocks.1.0.conv1.weight": torch.ones(8, 9, 3, 3)}), "should have shape"),
    "a number of axes": (lambda raw: raw.update({"shared.weight": torch.ones(3)}), "should have 2 axes"),
    "not a number": (lambda raw: raw["shared.weight"].fill_(torch.nan), "finite"),
}


@pytest.mark.parametrize("case", BAD)
def test_damaged_files_are_refused_by_name(case, tmp_path):
    change, message = BAD[case]
    with pytest.raises(nc.CheckpointError, match=message):
        nc.load(damaged(tmp_path, "ajbrock", change))


def misshapen(tensor, number):
    """Tensors of other shapes: an axis less, one more, longer, shorter, transposed."""
    flat = tensor.flatten()
    return (flat[:1].reshape(()), tensor[None], torch.cat([tensor, tensor]) if tensor.dim() else flat, flat[:1])[number]


@each
def test_misshapen_tensors_are_refused(name, tmp_path):
    """Or harmless: an axis of one too many, more rows in the table of classes. Never another error."""
    layout = LAYOUTS[name]
    raw = toy_biggan.generator(layout)
    chosen = torch.randperm(len(raw), generator=torch.Generator().manual_seed(1))[:12].tolist()
    refused = 0
    for turn, index in enumerate(chosen):
        key = list(raw)[index]
        path = toy_biggan.write(tmp_path, layout, raw | {key: misshapen(raw[key], turn % 4)})
        try:
            nc.load(path)
        except nc.CheckpointError:
            refused += 1
    assert refused >= len(chosen) // 3


def test_files_that_training_leaves_beside_the_weights_are_told(tmp_path):
    torch.save({"state": {}, "param_groups": []}, tmp_path / "G_optim.pth")
    with pytest.raises(nc.CheckpointError, match="state of an optimizer"):
        nc.load(tmp_path / "G_optim.pth")
    torch.save({"itr": 3, "epoch": 0, "config": {}, "best_IS": 0.0}, tmp_path / "state_dict.pth")
    with pytest.raises(nc.CheckpointError, match=r"bookkeeping .* best G_ema\.pth"):
        nc.load(tmp_path / "state_dict.pth")


CONFIGS = {
    "none": (None, r"config\.json.* Put it beside pytorch_model\.bin"),
    "no JSON": ("{", "Put it beside"),
    "a list": ("[]", "must hold layers, eps"),
    "without layers": ('{"eps": 0.0001, "attention_layer_position": 2}', "must hold layers"),
    "another model's": (
        '{"layers": [[false, 2, 2]], "eps": 0.0001, "attention_layer_position": 2, "channel_width": 8}',
        "blocks",
    ),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_configuration_must_be_the_models_own(case, tmp_path):
    path = damaged(tmp_path, "Hugging Face", lambda raw: None)
    text, message = CONFIGS[case]
    (tmp_path / "config.json").unlink()
    if text is not None:
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(nc.CheckpointError, match=message):
        nc.load(path)


def test_the_configuration_is_called_as_its_weights_are(tmp_path):
    path = damaged(tmp_path, "Hugging Face", lambda raw: None)
    path = path.rename(tmp_path / "biggan-deep-32-pytorch_model.bin")
    (tmp_path / "config.json").rename(tmp_path / "biggan-deep-32-config.json")
    assert nc.load(path).resolution == 32
