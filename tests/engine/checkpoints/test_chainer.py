"""The authors' files: every layout, read off names and shapes."""

from typing import Any

import numpy as np
import pytest
import torch
import toy
from neural_collage import engine as nc

load: Any = nc.load  # its parts are optional to the type checker, and known to be there in these tests
PARTS = ("generator", "discriminator", "encoder", "auxiliary")


def same(one, other):
    """Whether two networks are of one shape and hold the same weights, bit for bit."""
    first, second = one.state_dict(), other.state_dict()
    return one.config == other.config and all(torch.equal(first[name], second[name]) for name in first | second)


@pytest.mark.parametrize("options", [{}, {"n_classes": 1, "named": False}, {"resolution": 32}, {"dim_z": 5}], ids=str)
def test_all_parts(tmp_path, options):
    model = toy.gan(**options)
    loaded = nc.load(**toy.chainer_files(tmp_path, model))
    assert all(same(getattr(loaded, part), getattr(model, part)) for part in PARTS)
    assert (loaded.resolution, loaded.n_classes, loaded.dim_z) == (model.resolution, model.n_classes, model.dim_z)
    assert loaded.class_names == ()
    assert loaded.facts["family"] == "sngan"
    assert "auxiliary.npz" in loaded.facts["provenance"]


def test_an_auxiliary_file_alone_is_a_generator_and_its_pair(tmp_path):
    model = toy.gan()
    file = toy.chainer_files(tmp_path, model)["auxiliary"]
    for loaded in (nc.load(file), nc.load(auxiliary=file)):
        assert same(loaded.generator, model.generator)
        assert same(loaded.auxiliary, model.auxiliary)
        assert loaded.discriminator is None
    assert nc.load(generator=file).auxiliary is None


def test_parts_beside_a_path(tmp_path):
    files = toy.chainer_files(tmp_path)
    loaded = nc.load(files["generator"], encoder=files["encoder"])
    assert loaded.encoder is not None
    assert loaded.discriminator is None


def test_the_auxiliary_generator_must_be_the_generator(tmp_path):
    model = toy.gan()
    file = toy.chainer_files(tmp_path, model)["auxiliary"]
    arrays = toy.chainer_arrays(model)["generator"]
    arrays["block3/c1/b"] = arrays["block3/c1/b"] + 1e-3
    other = toy.write_npz(tmp_path / "other.npz", arrays)
    with pytest.raises(nc.CheckpointError, match=r"differs from other\.npz in 1 weights, layers\.1\.conv1\.bias"):
        nc.load(other, auxiliary=file)


def test_format_is_told_by_content(tmp_path):
    file = toy.chainer_files(tmp_path)["generator"]
    renamed = file.rename(tmp_path / "model.safetensors")
    assert nc.load(renamed).n_classes == 3


def test_dead_keys_may_be_absent(tmp_path):
    files = toy.chainer_arrays(toy.gan())
    alive = {
        name: value for name, value in files["encoder"].items() if not name.startswith("b4/") and name[-2:] != "/N"
    }
    paths = {
        "encoder": toy.write_npz(tmp_path / "e.npz", alive),
        "generator": toy.write_npz(tmp_path / "g.npz", files["generator"]),
    }
    assert same(nc.load(**paths).encoder, toy.gan().encoder)


def test_encoder_for_256_px_has_other_names(tmp_path):
    model, names = toy.gan(), {"l1": "block1", "l4": "l4_enc"}
    arrays = {
        "/".join([names.get(name.split("/")[0], name.split("/")[0]), *name.split("/")[1:]]): value
        for name, value in toy.chainer_arrays(model)["encoder"].items()
        if not name.startswith("b4/")
    }
    assert {"block1/W", "l4_enc/b"} < arrays.keys()
    files = toy.chainer_files(tmp_path, model) | {"encoder": toy.write_npz(tmp_path / "encoder256.npz", arrays)}
    assert same(nc.load(**files).encoder, model.encoder)


def test_step_sizes_that_were_not_learned(tmp_path):
    arrays = toy.chainer_arrays(toy.gan())["auxiliary"]
    del arrays["_fast_alpha/W"]
    rates = load(toy.write_npz(tmp_path / "a.npz", arrays)).auxiliary.rates
    assert rates.shape == (12,)
    assert (rates == torch.tensor(0.01)).all()


def test_discriminator_layouts(tmp_path):
    """First convolutions of the output's width, and blocks that all shrink, both read off the shapes."""
    from neural_collage.engine.networks.sngan_discriminator import DiscriminatorConfig, SNGANDiscriminator

    generator = toy.chainer_files(tmp_path)["generator"]
    wide = DiscriminatorConfig((4, 10, 10), hidden=(4, 10, 10), shrinking=2, n_classes=3, resolution=16)
    shrinking = DiscriminatorConfig((4, 6, 10), hidden=(4, 4, 6), shrinking=3, n_classes=0, resolution=16)
    for config in (wide, shrinking):
        arrays = toy.chainer_arrays(nc.Gan(toy.gan().generator, SNGANDiscriminator(config)))["discriminator"]
        loaded = load(generator, discriminator=toy.write_npz(tmp_path / "d.npz", arrays))
        assert loaded.discriminator.config == config


@pytest.mark.parametrize("kind", [np.float16, np.float64, ">f4"])
def test_other_floats_become_float32(tmp_path, kind):
    arrays = {name: value.astype(kind) for name, value in toy.chainer_arrays(toy.gan())["generator"].items()}
    loaded = nc.load(toy.write_npz(tmp_path / "g.npz", arrays))
    assert {parameter.dtype for parameter in loaded.generator.parameters()} == {torch.float32}


def test_peek_reads_no_weights(tmp_path):
    files = toy.chainer_files(tmp_path)
    outline = nc.peek(files["auxiliary"])
    assert (outline.family, outline.parts) == ("sngan", ("generator", "auxiliary"))
    assert (outline.n_classes, outline.resolution, outline.class_names) == (3, 16, ())
    assert nc.peek(files["encoder"]).n_classes is None
