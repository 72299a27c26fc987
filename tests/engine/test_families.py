"""What works with which family: every cell of README's table, tried on a small model of that family."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import parity
import pytest
import torch
import toy
import toy_resnet
import toy_stylegan3
from neural_collage import engine as nc
from neural_collage.engine.networks.biggan_deep import BigGANDeepConfig, BigGANDeepGenerator
from neural_collage.engine.networks.biggan_discriminator import (
    BigGANDeepDiscriminator,
    BigGANDeepDiscriminatorConfig,
    BigGANDiscriminator,
    BigGANDiscriminatorConfig,
)
from neural_collage.engine.networks.resnet_discriminator import ResNetDiscriminator, ResNetDiscriminatorConfig
from neural_collage.engine.training.command import main as train
from PIL import Image

README = Path(__file__).parents[2] / "README.md"
CELLS = ("load", "label collage", "feature collage", "project", "truncation", "train")
YES, NO = "yes", "no"


def golden(peer: str, pattern: str) -> nc.Gan:
    """A model as another code base wrote it, from the golden data."""
    return nc.load(next(file for case in parity.peer(peer) for file in sorted(case.glob(pattern))))


def lively(network: Any) -> Any:
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network.eval().requires_grad_(False)


def judged(gan: nc.Gan, network: Any, config: Any, *more: Any) -> nc.Gan:
    """The model with a small discriminator of its family."""
    shape = config((8, 8, 8), *more, n_classes=gan.n_classes, resolution=gan.resolution)
    return replace(gan, discriminator=lively(network(shape)))


def mimicry(folder: Path) -> nc.Gan:
    gan = nc.load(toy_resnet.save(toy_resnet.mimicry(), folder / "netG.pth"))
    return judged(gan, ResNetDiscriminator, ResNetDiscriminatorConfig, 2)


def biggan(folder: Path) -> nc.Gan:
    gan = golden("biggan_ajbrock", "G_ema.pth")
    return judged(gan, BigGANDiscriminator, BigGANDiscriminatorConfig, (8, 8, 8), 2, (0,))  # attention as in gan


def biggan_deep(folder: Path) -> nc.Gan:
    widths, doubling = (16, 16, 16, 16, 16, 8, 8), (False, True, False, True, False, True)
    generator = BigGANDeepGenerator(BigGANDeepConfig(widths, doubling, 3, 8, 6, (3,), False, 51, 1e-4, 1e-4))
    config = partial(BigGANDeepDiscriminatorConfig, stem=8, depth=2)
    return judged(nc.Gan(lively(generator)), BigGANDeepDiscriminator, config, (8, 8, 8), 2, ())


MODELS: dict[str, Callable[[Path], nc.Gan]] = {
    # row of the table -> a small model
    "SNGAN-projection": lambda folder: toy.gan(),
    "ResNet GANs (mimicry, StudioGAN)": mimicry,
    "BigGAN": biggan,
    "BigGAN-deep": biggan_deep,
    "StyleGAN": lambda folder: golden("stylegan1_genforce", "stylegan.pth"),
    "StyleGAN2": lambda folder: golden("stylegan2ada_nvlabs", "*.pkl"),
    "StyleGAN3 (t, r)": lambda folder: golden("stylegan3_nvlabs", "*.pkl"),
    "StyleGAN-XL": lambda folder: nc.load(toy_stylegan3.write(folder / "xl.pkl", toy_stylegan3.snapshot("XL"))),
}


def table() -> dict[str, dict[str, str]]:
    """README's table of families: row -> column -> what the cell says first."""
    lines = README.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| family |"))
    columns = [cell.strip() for cell in lines[start].strip("|").split("|")][1:]
    rows: dict[str, dict[str, str]] = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows[name] = dict(zip(columns, cells, strict=True))
    return rows


@pytest.fixture(scope="module", params=MODELS, ids=lambda name: re.sub(r"\W+", "-", name))
def family(request, tmp_path_factory):
    """A row's name and its model."""
    return request.param, MODELS[request.param](tmp_path_factory.mktemp("models"))


def halves(gan: nc.Gan, seed: int) -> tuple[nc.Collage, torch.Tensor]:
    mask = torch.zeros(gan.resolution, gan.resolution)
    mask[:, : gan.resolution // 2] = 1
    return nc.Collage(gan.sample(0, seed=seed)), mask


def test_the_table_has_these_rows_and_columns():
    assert [*table()] == [*MODELS]
    assert all(tuple(row) == CELLS for row in table().values())


def test_load(family, tmp_path):
    name, gan = family
    assert table()[name]["load"] == YES
    nc.save(gan, tmp_path / "model.safetensors")
    again = nc.load(tmp_path / "model.safetensors")
    latent = gan.sample(0, seed=1, count=2)
    images = nc.render(gan, nc.Collage(latent))
    assert images.shape == (2, 3, gan.resolution, gan.resolution)
    assert images.std() > 0.01
    assert torch.equal(nc.render(again, nc.Collage(latent)), images)


def test_label_collage(family):
    name, gan = family
    assert table()[name]["label collage"] == YES
    collage, mask = halves(gan, 2)
    painted = 1 if gan.n_classes > 1 else nc.Collage(gan.sample(0, seed=3))
    plain = nc.render(gan, collage)
    assert torch.equal(nc.render(gan, collage.label(nc.ClassMap().paint(painted, mask * 0))), plain)
    edited = nc.render(gan, collage.label(nc.ClassMap().paint(painted, mask), layers=f"{gan.resolution}"))
    change = (edited - plain).abs().mean((0, 1))  # at the finest layers what changes is what was painted
    left, right = change.chunk(2, dim=1)
    assert left.mean() > 2 * right.mean()


def test_feature_collage(family):
    name, gan = family
    assert table()[name]["feature collage"] == YES
    collage, mask = halves(gan, 2)
    reference = nc.Collage(gan.sample(0, seed=3))
    plain, other = nc.render(gan, collage), nc.render(gan, reference)
    assert torch.equal(nc.render(gan, collage.feature(reference, mask * 0)), plain)
    whole = nc.render(gan, collage.feature(reference, torch.ones_like(mask)))
    assert (whole - other).abs().max() < 1e-4 * other.abs().max()
    edited = nc.render(gan, collage.feature(reference, mask))
    quarter = gan.resolution // 4
    assert (edited - other)[..., :quarter].abs().mean() < 0.5 * (plain - other)[..., :quarter].abs().mean()


def test_project(family):
    name, gan = family
    assert table()[name]["project"].startswith(YES)
    target = nc.render(gan, nc.Collage(gan.sample(0, seed=40))).clamp(-1, 1)
    steps = list(nc.project(gan, target, 0, steps=12, space="auto", start="seeds"))
    assert steps[-1].best_loss < steps[0].loss
    assert steps[-1].distance == ("discriminator" if gan.discriminator else "pixels")


def test_truncation(family):
    name, gan = family
    assert table()[name]["truncation"] == ("of w" if gan.generator.w_shape else "of z")
    full, half, least = (
        nc.render(gan, nc.Collage(gan.sample(0, seed=5, truncation=psi, count=8))) for psi in (1.0, 0.5, 0.05)
    )
    assert least.std(0).mean() < half.std(0).mean() < full.std(0).mean()  # pictures become more alike


def trains_whole(gan: nc.Gan, how: list[str], folder: Path) -> bool:
    """Whether a run of generator and discriminator can go on from this model, kept and told of in `folder`."""
    start = ["--from", str(folder / "model.safetensors"), "--out", str(folder / "gan"), "--fakes", "2"]
    try:
        train(["gan", str(folder / "data"), *start, *how])
    except nc.InputError as error:
        if "one of the families" not in str(error):
            raise
        return False
    return bool(nc.load(folder / "gan" / "model.safetensors").generator.config == gan.generator.config)


def test_train(family, tmp_path):
    """Encoder and auxiliary pair are trained wherever there is a discriminator to measure with."""
    name, gan = family
    if gan.discriminator is None:
        assert table()[name]["train"] == NO
        return
    nc.save(gan, tmp_path / "model.safetensors")
    for label in range(gan.n_classes):
        folder = tmp_path / "data" / (gan.class_names[label] if gan.class_names else f"{label:02}")
        folder.mkdir(parents=True)
        for number in range(2):
            pixels = np.full((gan.resolution, gan.resolution, 3), 40 * number + label, np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    halvings = gan.resolution.bit_length() - 3
    how = ["--steps", "1", "--batch", "2", "--hold-out", "0"]
    whole = trains_whole(gan, how, tmp_path)
    assert table()[name]["train"] == ("all parts" if whole else "encoder, auxiliary pair")
    encoder = ["--channels", ",".join(["8"] * halvings)]
    for part, base, more in (("encoder", "", encoder), ("auxiliary", "encoder", [])):
        given = ["--model", str(tmp_path / base / "model.safetensors"), "--out", str(tmp_path / part)]
        train([part, str(tmp_path / "data"), *given, *how, *more])
    trained = nc.load(tmp_path / "auxiliary" / "model.safetensors")
    target = torch.zeros(1, 3, gan.resolution, gan.resolution)
    assert len(list(nc.project(trained, target, 0, steps=1, space="zeta"))) == 2
