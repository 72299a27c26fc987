"""Residual generators of PyTorch's collections on toy files: a slow oracle, the invariants of collages, bad files."""

from typing import Any

import numpy as np
import oracles
import pytest
import torch
import toy_resnet
from neural_collage import engine as nc
from neural_collage.engine.networks.resnet_discriminator import ResNetDiscriminatorConfig
from neural_collage.engine.networks.sngan import ResNetConfig
from toy_resnet import CLASSES, DIM_Z

TOYS = {
    "sngan": toy_resnet.mimicry(conditional=False),
    "cganpd": toy_resnet.mimicry(),
    "sagan": toy_resnet.mimicry(attention=True),
    "studiogan": toy_resnet.studiogan(),
    "studiogan-plain": toy_resnet.studiogan(conditional=False, attention=False),
}
CONDITIONAL = [name for name in TOYS if name not in ("sngan", "studiogan-plain")]
every = pytest.mark.parametrize("name", TOYS)
conditional = pytest.mark.parametrize("name", CONDITIONAL)
Z = torch.randn(4, DIM_Z, generator=torch.Generator().manual_seed(1))
MASK = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def load(tmp_path):
    def load(name, **options) -> Any:
        return nc.load(toy_resnet.save(TOYS[name], tmp_path / "file.pth", **options))

    return load


def collage(row=0, label=0):
    return nc.Collage(nc.Latent(Z[row : row + 1], torch.tensor([label])))


def near(found, wanted, bound: Any = 1e-5):
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() < bound


def everywhere(size):
    return np.ones((1, size, size))


def shares(size):
    """The weights of two classes at a layer: the painted one's are the mask's area means."""
    painted = oracles.resize(MASK[0, 0].double().numpy(), (size, size))
    return np.stack([1 - painted, painted])


@every
def test_plain_pictures_and_maps(load, name):
    gan = load(name)
    found = []
    picture = gan.generator(
        nc.Latent(Z[:1], torch.tensor([0])), edit=lambda index, state: found.append(state[0]) or state
    )
    wanted, wanted_picture = toy_resnet.draw(TOYS[name], Z[0], [0], everywhere)
    assert gan.n_classes == (CLASSES if name in CONDITIONAL else 1)
    for one, other in zip(found, wanted, strict=True):
        near(one, other, 1e-5 * other.abs().max())
    near(picture, wanted_picture)


@conditional
def test_label_collage(load, name):
    painted = collage().label(nc.ClassMap().paint(2, MASK))
    wanted = toy_resnet.draw(TOYS[name], Z[0], [0, 2], shares)[1]
    near(nc.render(load(name), painted), wanted)


@every
def test_feature_collage(load, name):
    gan, other = load(name), toy_resnet.draw(TOYS[name], Z[1], [0], everywhere)[0]

    def blend(index, features):
        if index not in (1, 2):
            return features
        weight = oracles.resize(MASK[0, 0].double().numpy(), features.shape[2:])
        mixed = oracles.blend(features[0].numpy(), other[index][0].numpy(), weight)
        return torch.from_numpy(mixed)[None]

    wanted = toy_resnet.draw(TOYS[name], Z[0], [0], everywhere, blend)[1]
    found = nc.render(gan, collage().feature(collage(1), MASK, layers="8-16"))
    near(found, wanted)


@conditional
def test_a_class_painted_over_itself_changes_nothing(load, name):
    gan = load(name)
    assert torch.equal(nc.render(gan, collage().label(nc.ClassMap().paint(0, MASK))), nc.render(gan, collage()))


@conditional
def test_a_class_painted_everywhere_is_the_other_picture(load, name):
    gan = load(name)
    painted = collage().label(nc.ClassMap().paint(1, torch.ones(32, 32)))
    near(nc.render(gan, painted), nc.render(gan, collage(label=1)))


@every
def test_the_last_map_copied_whole_is_the_reference(load, name):
    gan = load(name)
    copied = collage().feature(collage(1), torch.ones(32, 32), layers="32")
    near(nc.render(gan, copied), nc.render(gan, collage(1)))


@every
def test_a_picture_does_not_depend_on_its_batch_mates(load, name):
    gan = load(name)
    together = nc.render(gan, nc.Collage(nc.Latent(Z, torch.zeros(4, dtype=torch.long))))
    near(together[2:3], nc.render(gan, collage(2)))


@every
def test_round_trip_and_data_parallel(load, name, tmp_path):
    gan = load(name, parallel=True)
    nc.save(gan, tmp_path / "model.safetensors")
    again: Any = nc.load(tmp_path / "model.safetensors")
    assert again.generator.config == gan.generator.config
    assert torch.equal(nc.render(again, collage()), nc.render(gan, collage()))


@every
def test_under_inference_mode(load, name):
    with torch.inference_mode():
        gan = load(name)
    z = Z[:1].clone().requires_grad_()
    gan.generator(nc.Latent(z, torch.tensor([0]))).square().mean().backward()
    assert z.grad is not None
    assert z.grad.abs().max() > 0


def broken(name, change):
    raw = dict(TOYS[name])
    change(raw)
    return raw


DISCRIMINATORS = [
    # blocks, number of the last layer, how many blocks shrink, picture size
    (4, 5, 2, 32),
    (5, 5, 4, 48),
    (5, 6, 5, 64),
    (6, 7, 5, 128),
]


@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize(("blocks", "last", "shrinking", "size"), DISCRIMINATORS)
def test_discriminators(blocks, last, shrinking, size, classes, attention, tmp_path):
    raw = toy_resnet.mimicry_discriminator(blocks, last, shrinking, classes=classes, attention=attention)
    gan: Any = nc.load(discriminator=toy_resnet.save(raw, tmp_path / "netD.pth"))
    image = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(3))
    features, logit = toy_resnet.judge(raw, image[0], 2, shrinking)
    assert (gan.discriminator.resolution, gan.discriminator.config.n_classes) == (size, classes)
    near(gan.discriminator.features(image)[0], features.flatten(), 1e-5 * features.abs().max())
    near(gan.discriminator(image, torch.tensor([2]))[0], logit, 1e-4 * logit.abs().max())


def test_the_head_that_tells_rotations_is_left_out(tmp_path):
    raw = toy_resnet.mimicry_discriminator(4, 5, 2, classes=4) | {"l_y.bias": torch.ones(4)}
    gan: Any = nc.load(discriminator=toy_resnet.save(raw, tmp_path / "netD.pth"))
    assert gan.discriminator.embed is None


def test_a_generator_and_its_discriminator_are_one_model(load, tmp_path):
    raw = toy_resnet.mimicry_discriminator(4, 5, 2, classes=3)
    gan: Any = nc.load(
        toy_resnet.save(TOYS["sagan"], tmp_path / "netG.pth"), discriminator=toy_resnet.save(raw, tmp_path / "netD.pth")
    )
    nc.save(gan, tmp_path / "model.safetensors")
    again: Any = nc.load(tmp_path / "model.safetensors")
    picture = nc.render(again, collage())
    assert torch.equal(again.discriminator(picture), gan.discriminator(picture))
    steps = list(nc.project(again, picture, 0, steps=3, start="seeds"))
    assert torch.isfinite(steps[-1].loss).all()


BROKEN = [
    ("cganpd", lambda raw: raw.pop("block3.c2.bias"), r"block3\.c2\.bias is missing"),
    ("cganpd", lambda raw: raw.update(extra=torch.ones(2)), "unknown extra"),
    ("cganpd", lambda raw: raw.update({"l1.weight": torch.ones(60, DIM_Z)}), "must make a square map"),
    ("cganpd", lambda raw: raw.update({"l1.weight": torch.ones(60)}), "should have 2 axes"),
    ("cganpd", lambda raw: raw.update({"block3.c1.weight": torch.ones(16, 8, 3, 3)}), "should have shape"),
    ("sagan", lambda raw: raw.pop("block2.c1.weight_u"), "weight_u is missing"),
    ("sagan", lambda raw: [raw.pop(key) for key in list(raw) if key.startswith("block4")], "3 or 5 blocks"),
    ("sagan", lambda raw: raw.update({"block2.c1.weight_u": torch.ones(3)}), "vectors of block2.c1's spectral norm"),
    ("sagan", lambda raw: raw.update({"block3.c1.weight_orig": torch.ones(0, 2)}), "vectors of block3.c1's spectral"),
    ("sagan", lambda raw: raw.update({"attn_block.gamma": torch.ones(3)}), r"gamma should have shape \(\)"),
    ("cganpd", lambda raw: raw.update({"block2.b1.embed.weight": torch.ones(32)}), "should have 2 axes"),
    ("cganpd", lambda raw: raw.update({"block2.b2.embed.weight": torch.ones(32)}), "should have 2 axes"),
    ("studiogan", lambda raw: raw.update({"blocks.0.0.bn2.bias.weight_orig": torch.ones(3)}), "should have 2 axes"),
    ("studiogan", lambda raw: raw.pop("blocks.0.0.conv2d1.weight_orig"), "must make a square map of 0 channels"),
    ("studiogan", lambda raw: raw.pop("blocks.3.0.bn1.gain.weight_v"), "weight_v is missing"),
    ("studiogan", lambda raw: raw.update({"info_mix_linear.bias": torch.ones(3)}), r"unknown info_mix_linear\.bias"),
]


@pytest.mark.parametrize(("name", "change", "message"), BROKEN)
def test_bad_files(name, change, message, tmp_path):
    path = toy_resnet.save(broken(name, change), tmp_path / "file.pth")
    with pytest.raises(nc.CheckpointError, match=message):
        nc.load(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ResNetConfig((8, 8), 1, eps=0.0), "0 < eps"),
        (lambda: ResNetConfig((8, 8), 1, upsampling="cubic"), "nearest or bilinear"),
        (lambda: ResNetConfig((8, 8), 1, attention=(2,)), "after a block, 1 to 1"),
        (lambda: ResNetDiscriminatorConfig((8, 8), 3, 0, 32), "1 to all"),
        (lambda: ResNetDiscriminatorConfig((8, 8), 1, -1, 32), "positive"),
    ],
)
def test_impossible_configurations(make, message):
    with pytest.raises(nc.InputError, match=message):
        make()
