"""Class names on their way to the page: they stand in Load GAN's declaration, and inputs ask for them."""

from dataclasses import replace

import pytest
import toy
from neural_collage import engine as nc
from neural_collage.nodes import NODE_CLASS_MAPPINGS, host
from neural_collage.nodes.class_names import class_names

NAMES = ["daisy", "rose", "tulip"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(host, "PACK_MODELS", tmp_path)
    nc.save(toy.gan(), tmp_path / "named.safetensors")
    nc.save(toy.gan(named=False), tmp_path / "nameless.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"not a model")
    toy.chainer_files(tmp_path, toy.gan())
    return tmp_path


def test_load_gan_declares_the_names_of_every_file_that_has_some(folder):
    (files, options) = NODE_CLASS_MAPPINGS["NeuralCollageLoadGAN"].INPUT_TYPES()["required"]["file"]
    assert len(files) > 3
    assert options["class_names"] == {"named.safetensors": NAMES}


def test_a_file_that_was_replaced_is_read_again_and_one_that_is_gone_left_out(folder):
    assert class_names(["named.safetensors"])["named.safetensors"] == NAMES
    (folder / "named.safetensors").unlink()
    assert class_names(["named.safetensors"]) == {}
    nc.save(replace(toy.gan(), class_names=("a", "b", "c")), folder / "named.safetensors")
    assert class_names(["named.safetensors"]) == {"named.safetensors": ["a", "b", "c"]}


def test_names_that_are_known_of_other_codes_models_are_declared_too(folder):
    toy.chainer_files(folder, toy.gan(143))
    found = class_names(["generator.npz", "broken.safetensors"])
    assert list(found) == ["generator.npz"]
    assert "Siamese cat, Siamese" in found["generator.npz"]


def test_headers_are_read_once(folder, monkeypatch):
    class_names(["named.safetensors"])
    monkeypatch.setattr(nc, "peek", lambda path: pytest.fail("read again"))
    assert class_names(["named.safetensors"])


@pytest.mark.parametrize("error", [nc.InputError, nc.CheckpointError, OSError, MemoryError, RecursionError])
def test_no_file_keeps_the_node_from_appearing(folder, monkeypatch, error):
    peek = nc.peek

    def failing(path):
        if path.name == "bad.pkl":
            raise error("whatever is wrong with it")
        return peek(path)

    (folder / "bad.pkl").write_bytes(b"bad")
    monkeypatch.setattr(nc, "peek", failing)
    assert class_names(["bad.pkl", "named.safetensors"]) == {"named.safetensors": NAMES}


def test_every_input_that_holds_a_class_offers_them():
    asking = {
        (name, key)
        for name, cls in NODE_CLASS_MAPPINGS.items()
        for part in cls.INPUT_TYPES().values()
        for key, spec in part.items()
        if isinstance(spec, tuple) and len(spec) > 1 and "class_picker" in spec[1]
    }
    assert asking >= {
        ("NeuralCollageRandomCollage", "label"),
        ("NeuralCollageProjectImage", "label"),
        ("NeuralCollagePaintClass", "label"),
    }
