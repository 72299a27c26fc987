import inspect
import os

import pytest
import torch
import toy
from neural_collage import engine as nc
from neural_collage.nodes import host
from neural_collage.nodes.models import LoadGAN


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The pack's model folder, with one model that holds all and the same one as the authors' four files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(host, "PACK_MODELS", tmp_path / "pack")
    (tmp_path / "pack").mkdir()
    nc.save(toy.gan(), tmp_path / "pack" / "toy.safetensors")
    toy.chainer_files(tmp_path / "pack", toy.gan())
    return tmp_path / "pack"


def test_every_list_of_files_offers_what_is_there(folder):
    declared = LoadGAN.INPUT_TYPES()
    files = ["auxiliary.npz", "discriminator.npz", "encoder.npz", "generator.npz", "toy.safetensors"]
    assert declared["required"]["file"][0] == files
    assert declared["optional"]["encoder"][0] == ["none", *files]


def test_one_file_gives_the_model_that_was_saved_and_its_classes(folder):
    gan, classes = LoadGAN().load("toy.safetensors")
    assert classes == "0 daisy\n1 rose\n2 tulip"
    latent = toy.gan().sample(1, seed=3)
    assert torch.equal(nc.render(gan, nc.Collage(latent)), nc.render(toy.gan(), nc.Collage(latent)))
    assert gan.encoder is not None


def test_the_authors_files_are_put_together_and_numbered(folder):
    gan, classes = LoadGAN().load(
        "generator.npz", discriminator="discriminator.npz", encoder="none", auxiliary="auxiliary.npz"
    )
    assert classes == "0\n1\n2"
    assert (gan.discriminator is None, gan.encoder is None, gan.auxiliary is None) == (False, True, False)


def test_a_model_loaded_and_moved_under_inference_mode_can_be_projected_through(folder):
    gan, _ = LoadGAN().load("toy.safetensors")
    assert not any(tensor.is_inference() for tensor in gan.generator.state_dict().values())
    moved = gan.to("meta")  # a real move, as to a GPU
    assert not any(tensor.is_inference() for tensor in moved.generator.state_dict().values())


def test_a_file_is_loaded_anew_when_any_of_them_changed(folder):
    chosen = {"file": "generator.npz", "discriminator": "discriminator.npz"}
    first = LoadGAN.IS_CHANGED(**chosen)
    assert first == LoadGAN.IS_CHANGED(**chosen)
    os.utime(folder / "discriminator.npz", ns=(1, 1))
    assert LoadGAN.IS_CHANGED(**chosen) != first
    assert LoadGAN.IS_CHANGED("generator.npz") != first


@pytest.mark.parametrize("name", ["config.json", "biggan-deep-256-config.json"])
def test_a_settings_file_beside_the_weights_counts_too(folder, name):
    first = LoadGAN.IS_CHANGED("toy.safetensors")
    (folder / name).write_text("{}")
    assert LoadGAN.IS_CHANGED("toy.safetensors") != first


def test_files_are_checked_before_the_run(folder):
    assert LoadGAN.VALIDATE_INPUTS("toy.safetensors") is True
    assert LoadGAN.VALIDATE_INPUTS(str(folder / "toy.safetensors")) is True
    assert "no 'toy.pt'" in str(LoadGAN.VALIDATE_INPUTS("toy.pt"))


def test_only_one_input_is_named_for_the_check():
    """The host repeats what is wrong once for every input that is named."""
    assert list(inspect.signature(LoadGAN.VALIDATE_INPUTS).parameters) == ["file"]


def test_linked_files_are_not_asked_for_before_the_run(folder):
    """The host then checks with None for what is not known yet."""
    assert LoadGAN.VALIDATE_INPUTS(None) is True  # type: ignore[arg-type]
    assert LoadGAN.IS_CHANGED(None) == ""  # type: ignore[arg-type]


def test_names_that_are_no_files(folder):
    with pytest.raises(nc.InputError, match="needs a file"):
        LoadGAN().load("none")
    for name in ("x" * 5000, "a\0b", "~nobody/model.npz"):
        assert "there is no" in str(LoadGAN.VALIDATE_INPUTS(name))


def test_a_file_without_the_part_is_refused(folder):
    with pytest.raises(nc.CheckpointError, match="encoder"):
        LoadGAN().load("toy.safetensors", encoder="generator.npz")
