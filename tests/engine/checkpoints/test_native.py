"""Our own files: what is saved is what is loaded, whatever mode the caller is in."""

import json
from typing import Any

import pytest
import torch
import toy
from neural_collage import engine as nc
from safetensors import safe_open

load: Any = nc.load  # its parts are optional to the type checker, and known to be there in these tests
PARTS = ("generator", "discriminator", "encoder", "auxiliary")


@pytest.fixture
def file(tmp_path):
    nc.save(toy.gan(), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def weights(model):
    return {f"{part}.{name}": value for part in PARTS for name, value in getattr(model, part).state_dict().items()}


def test_round_trip(file):
    model, loaded = toy.gan(), load(file)
    first, second = weights(model), weights(loaded)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(getattr(model, part).config == getattr(loaded, part).config for part in PARTS)
    assert loaded.class_names == model.class_names
    assert loaded.facts == model.facts


def test_round_trip_through_the_authors_format(tmp_path, file):
    loaded = weights(load(**toy.chainer_files(tmp_path, load(file))))
    assert all(torch.equal(value, loaded[name]) for name, value in weights(toy.gan()).items())


@pytest.mark.parametrize("options", [{"bare": True}, {"n_classes": 1, "named": False}, {"resolution": 32}], ids=str)
def test_other_models(tmp_path, options):
    model = toy.gan(**options)
    nc.save(model, tmp_path / "m.safetensors")
    loaded = load(tmp_path / "m.safetensors")
    assert [getattr(loaded, part) is None for part in PARTS] == [getattr(model, part) is None for part in PARTS]
    latent = model.sample(0, seed=3)
    assert torch.equal(nc.render(loaded, nc.Collage(latent)), nc.render(model, nc.Collage(latent)))


def test_the_names_on_disk_are_canonical(file):
    with safe_open(file, framework="pt") as opened:
        names, header = set(opened.keys()), opened.metadata()
    assert {
        "generator.layers.0.conv1.weight",
        "discriminator.embed.u",
        "encoder.prelu.weight",
        "auxiliary.rates",
    } < names
    assert not any("num_batches_tracked" in name for name in names)
    assert (header["format"], header["version"], header["family"]) == ("neural-collage", "1", "sngan")
    assert json.loads(header["parts"])["generator"] == {"channels": [8, 8, 4], "n_classes": 3, "dim_z": 8, "bottom": 4}
    assert json.loads(header["class_names"]) == ["daisy", "rose", "tulip"]
    assert header["licence"] == "none"


def test_raw_weights_and_vectors_are_kept(file):
    """Training goes on from W and u; W / sigma would not do."""
    with safe_open(file, framework="pt") as opened:
        discriminator = toy.gan().discriminator
        assert torch.equal(opened.get_tensor("discriminator.linear.weight"), discriminator.linear.weight)
        assert torch.equal(opened.get_tensor("discriminator.linear.u"), discriminator.linear.u)


def test_half(tmp_path, file):
    half = tmp_path / "half.safetensors"
    nc.save(toy.gan(), half, half=True)
    assert half.stat().st_size < 0.8 * file.stat().st_size  # tiny models are mostly header
    loaded, model = weights(load(half)), weights(toy.gan())
    assert {value.dtype for value in loaded.values()} == {torch.float32, torch.int64}
    assert all(torch.allclose(value, loaded[name], rtol=1e-3, atol=1e-6) for name, value in model.items())
    assert torch.equal(loaded["auxiliary.rates"], model["auxiliary.rates"])  # vectors stay whole
    assert not torch.equal(loaded["generator.first.weight"], model["generator.first.weight"])


def test_numbers_beyond_half_precision_stay_whole(tmp_path):
    model = toy.gan()
    model.generator.first.weight[0, 0] = 1e6
    nc.save(model, tmp_path / "m.safetensors", half=True)
    assert load(tmp_path / "m.safetensors").generator.first.weight[0, 0] == 1e6


def test_loaded_models_are_frozen_and_in_evaluation_mode(file):
    loaded = load(file)
    for part in PARTS:
        assert not getattr(loaded, part).training
        assert not any(parameter.requires_grad for parameter in getattr(loaded, part).parameters())


@pytest.mark.parametrize("native", [True, False])
def test_a_model_loaded_under_inference_mode_can_be_differentiated(tmp_path, file, native):
    files = {"path": file} if native else toy.chainer_files(tmp_path)
    with torch.inference_mode():
        loaded = load(**files)
    assert not any(value.is_inference() for value in weights(loaded).values())
    z = torch.zeros(2, 8, requires_grad=True)
    y = torch.tensor([0, 2])
    images = loaded.generator.generate(loaded.auxiliary.to_z(loaded.auxiliary.to_zeta(z)), y)
    (loaded.discriminator(images, y).sum() + loaded.encoder(images, y).sum()).backward()
    assert z.grad is not None
    assert z.grad.abs().min() > 0


def test_loading_leaves_the_random_state_of_networks_alone(file):
    """Building draws no weights: only the discriminator's u, in the constructor, may."""
    nc.save(toy.gan(bare=True), file)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    load(file)
    assert torch.equal(torch.get_rng_state(), before)


def test_saving_replaces_the_file_at_once(file, monkeypatch):
    """A save that fails on the way leaves the old file and nothing else."""
    import neural_collage.engine.checkpoints.native as native

    def broken(tensors, path, metadata):
        path.write_bytes(b"half of it")
        raise OSError("disk full")

    old = file.read_bytes()
    monkeypatch.setattr(native, "save_file", broken)
    with pytest.raises(nc.CheckpointError, match="disk full"):
        nc.save(toy.gan(), file)
    assert file.read_bytes() == old
    assert list(file.parent.iterdir()) == [file]


def test_peek(file):
    outline = nc.peek(file)
    assert outline.parts == PARTS
    assert outline.class_names == ("daisy", "rose", "tulip")
    assert (outline.n_classes, outline.resolution) == (3, 16)
    assert outline.facts["provenance"] == "random weights"


def test_single_parts_win_over_the_whole_file(tmp_path, file):
    other = toy.chainer_files(tmp_path, toy.gan(seed=1))["discriminator"]
    loaded = load(file, discriminator=other)
    assert torch.equal(loaded.discriminator.linear.weight, toy.gan(seed=1).discriminator.linear.weight)
    assert torch.equal(loaded.generator.first.weight, toy.gan().generator.first.weight)
    assert loaded.class_names == ("daisy", "rose", "tulip")
