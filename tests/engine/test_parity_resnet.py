"""Pictures of mimicry and of StudioGAN's resnet backbone, from their own files (golden cases)."""

from typing import Any

import parity
import pytest
import recorded
import torch
from neural_collage import engine as nc
from recorded import blended, compare, facts, plain, read, spatial

BOUND = 1e-4
"""Of the largest value."""
CASES = parity.peer("sngan_mimicry") + parity.peer("biggan_studiogan")


def is_generator(case):
    """Whether a case draws, by a resnet: StudioGAN's other backbones are of another family."""
    config = facts(case).get("config", {})
    return ("backbone" not in config and config != {}) or config.get("backbone") == "resnet"


GENERATORS = [case for case in CASES if is_generator(case)]
DISCRIMINATORS = [case for case in CASES if "logit" in read(case, "base")]
drawing = pytest.mark.parametrize("case", GENERATORS, ids=lambda case: case.name)


def load(case) -> Any:
    return nc.load(case / facts(case)["checkpoint"]["file"])


def numbers(names, chosen):
    """Places of names in a list of names, from 1."""
    return [names.index(name) + 1 for name in chosen]


@drawing
def test_sizes(case):
    gan, config = load(case), facts(case)["config"]
    assert gan.n_classes == config["num_classes"]
    assert gan.dim_z == config.get("nz", config.get("z_dim"))
    assert gan.generator.norm_sizes == tuple(facts(case)["norm_resolution"].values())


@drawing
def test_pictures_and_maps(case):
    gan, data = load(case), read(case, "base")
    compare(nc.render(gan, plain(data)), data, "image", BOUND)
    latent = nc.Latent(data["z"][:1], data["class_idx"][:1])
    found = recorded.maps(lambda edit: gan.generator(latent, edit=edit))
    for name, features in zip(facts(case)["blocks"], found, strict=True):
        compare(features, data, f"feat.{name}", BOUND)


@drawing
def test_gains_and_offsets(case):
    """Recorded as they multiply the normalised value."""
    gan, data = load(case), read(case, "base")
    norms = [norm for layer in gan.generator.layers for norm in (layer.norm1, layer.norm2)]
    for name, norm in zip(facts(case)["norm_resolution"], norms, strict=True):
        recorded.close(norm.gammas[data["class_idx"]], data[f"gamma.{name}"], BOUND)
        recorded.close(norm.betas[data["class_idx"]], data[f"beta.{name}"], BOUND)


@drawing
def test_class_maps(case):
    gan, data, described = load(case), read(case, "spatial"), facts(case)["spatial"]
    norms = list(facts(case)["norm_resolution"])
    for kind in ("all", "subset"):
        collage = spatial(data, numbers(norms, described[f"{kind}_layers"]))
        compare(nc.render(gan, collage), data, f"{kind}.image", BOUND)
    compare(nc.render(gan, plain(data)), data, "plain.image", BOUND)


@drawing
def test_blended_features(case):
    gan, data, described = load(case), read(case, "blend"), facts(case)
    for kind in ("single", "multi"):
        collage = blended(data, numbers(described["blocks"], described["blend"][kind]))
        compare(nc.render(gan, collage), data, f"{kind}.image", BOUND)
    for source in "01":
        compare(nc.render(gan, plain(data, source)), data, f"source{source}.image", BOUND)


@pytest.mark.parametrize("case", DISCRIMINATORS, ids=lambda case: case.name)
def test_discriminators(case):
    gan: Any = nc.load(discriminator=case / facts(case)["checkpoint"]["file"])
    data = read(case, "base")
    assert gan.discriminator.resolution == data["x"].shape[-1]
    recorded.close(gan.discriminator(data["x"], data["class_idx"]), data["logit"], BOUND)
    h = data["x"][:1]
    for number, block in enumerate(gan.discriminator.blocks, start=1):
        h = block(h)
        compare(h, data, f"feat.block{number}", BOUND)
    features = gan.discriminator.features(data["x"][:1])
    assert torch.equal(features, h.relu().flatten(1))
