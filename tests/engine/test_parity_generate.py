"""The original's pictures: plain generation, class mixing, class maps, other sizes (golden cases a, b, j)."""

from typing import Any

import parity
import pytest
import torch
from neural_collage import engine as nc
from parity import case, images, labels, worst

IMAGE, MAP, MIX = 1e-4, 1e-4, 2e-4
"""Bounds of the golden data's own page: pictures, intermediate maps, pictures of `class_mix`."""


def class_map_collage(data, z):
    """A collage whose every norm has its own exact map."""
    collage = nc.Collage(nc.Latent(z, labels(data["classes"][:1]).expand(len(z))))
    for number, name in enumerate(sorted(key for key in data if key[0] == "w" and key[1:].isdigit()), start=1):
        collage = collage.label(exact(data["classes"], data[name]), layers=f"#{number}")
    return collage


def exact(classes, weights):
    """Recorded weights (N, h, w, K) as a class map."""
    return nc.ClassMap.from_weights(classes.tolist(), weights.permute(0, 3, 1, 2))


def test_the_golden_model_has_the_sizes_of_its_config():
    config, gan = parity.config(), parity.gan()
    assert (gan.resolution, gan.n_classes, gan.dim_z) == (config["resolution"], config["n_classes"], config["dim_z"])
    assert gan.generator.norm_sizes == tuple(config["class_map_sizes"])
    assert gan.generator.feature_sizes == tuple(config["blend_map_sizes"])
    assert gan.generator.feature_sizes[0] == config["bottom_width"]
    pair = gan.auxiliary.config
    assert (pair.dim_a, pair.dim_zeta, pair.dim_b) == tuple(
        config["aux"][name] for name in ("dim_a", "dim_zeta", "dim_b")
    )
    assert gan.encoder.resolution == config["encoder"]["input"]


def test_plain():
    data = case("a_generate/plain")
    found = nc.render(parity.gan(), nc.Collage(nc.Latent(data["z"], labels(data["y"]))))
    assert worst(found, data["x"]) < IMAGE


def test_plain_stages():
    data, generator = case("a_generate/plain"), parity.gan().generator
    z, y = data["z"][:1], labels(data["y"][:1])
    found = []

    def keep(index, state):
        found.append(state[0])
        return state

    handle = generator.last_conv.register_forward_hook(lambda module, inputs, output: found.append(output))
    generator(nc.Latent(z, y), edit=keep)
    handle.remove()
    # Blocks are numbered from 2; what is kept last is the picture before tanh.
    recorded = {0: "stage_l1", -1: "stage_pre_tanh"} | {i: f"stage_block{i + 1}" for i in range(1, len(found) - 1)}
    compared = [name for index, name in recorded.items() if name in data and worst(found[index], data[name]) < MAP]
    assert compared == [name for name in recorded.values() if name in data]
    assert len(compared) >= 3


def mixed(data, row):
    """One picture of `class_mix`: two classes, each with one weight everywhere."""
    latent = nc.Latent(data["z"][row : row + 1], labels(data["y"][row, :1]))
    return nc.Collage(latent).label(exact(data["y"][row], data["weights"][row].reshape(1, 1, 1, 2)))


def test_class_mix():
    data = case("a_generate/class_mix")
    sums = data["weights"].sum(1)
    rows = [row for row in range(len(sums)) if abs(sums[row] - 1) < 1e-6]
    assert rows
    for row in rows:
        assert worst(nc.render(parity.gan(), mixed(data, row)), data["x"][row : row + 1]) < MIX
    for row in set(range(len(sums))) - set(rows):
        with pytest.raises(nc.MaskError, match="sum to one"):
            mixed(data, row)


MAPPED = ("two_class", "first_layer_only", "all_but_first", "three_class_picture", "per_layer")


@pytest.mark.parametrize("name", MAPPED)
def test_class_maps(name):
    data = case(f"b_class_maps/{name}")
    assert worst(nc.render(parity.gan(), class_map_collage(data, data["z"])), data["x"]) < IMAGE


def test_free_class_maps_are_refused():
    data = case("b_class_maps/per_layer_free")
    with pytest.raises(nc.MaskError, match="sum to one"):
        class_map_collage(data, data["z"])


def test_a_mask_painted_at_all_layers_but_the_first():
    """The same edit said as users say it: one painted region, layers chosen by size."""
    data = case("b_class_maps/all_but_first")
    base, painted = data["classes"].tolist()
    finest = data[max(key for key in data if key[0] == "w" and key[1:].isdigit())]  # the full-size map, (1, R, R, 2)
    regions = nc.ClassMap().paint(painted, finest[..., 1])
    collage = nc.Collage(nc.Latent(data["z"], torch.tensor([base]))).label(regions, layers="8-")
    # The original resizes the 8-bit mask for each layer with a bicubic filter and we average areas, so not to 1e-4.
    found = nc.render(parity.gan(), collage)
    assert (found - data["x"]).abs().mean() < 0.01


OTHERS = parity.FOLDER / "j_other_sizes"
SIZES = sorted(path.stem.removeprefix("case_") for path in OTHERS.glob("case_*.npz"))
JUDGED = [tag for tag in SIZES if (OTHERS / f"SNResNetProjectionDiscriminator_{tag}.npz").is_file()]


@pytest.mark.parametrize("tag", SIZES)
def test_other_sizes(tag):
    data = case(f"j_other_sizes/case_{tag}")
    gan: Any = nc.load(OTHERS / f"ResNetGenerator_{tag}.npz")
    assert gan.n_classes == max(int(data["n_classes"]), 1)
    assert gan.generator.config.channels[-1] == int(data["ch"])
    y = labels(data["y"]) if "y" in data else torch.zeros(len(data["z"]), dtype=torch.long)
    found = nc.render(gan, nc.Collage(nc.Latent(data["z"], y)))
    assert worst(found, data["x"]) < IMAGE


@pytest.mark.parametrize("tag", JUDGED)
def test_discriminators_of_other_sizes(tag):
    data = case(f"j_other_sizes/case_{tag}")
    gan: Any = nc.load(
        generator=OTHERS / f"ResNetGenerator_{tag}.npz",
        discriminator=OTHERS / f"SNResNetProjectionDiscriminator_{tag}.npz",
    )
    found = gan.discriminator(images(data["image_u8"]), labels(data["image_y"]))
    assert worst(found, data["logits"]) < 1e-5
