"""Snapshots of StyleGAN2 that are not what they should be: which error, and what it says."""

import numpy as np
import pytest
import torch
import toy_stylegan2 as toy
from neural_collage import engine as nc
from neural_collage.engine.checkpoints import nvlabs
from neural_collage.engine.checkpoints.contents import open_contents


def refused(folder, raw, match):
    with pytest.raises(nc.CheckpointError, match=match):
        nc.load(toy.write(folder / "toy.pkl", raw))


def test_what_peek_tells(tmp_path):
    outline = nc.peek(toy.write(tmp_path / "toy.pkl", toy.snapshot("resnet"), toy.discriminator()))
    assert (outline.family, outline.parts) == ("stylegan2", ("generator", "discriminator"))
    config = outline.configs["generator"]
    assert (config.channels, config.architecture, config.clamp) == (toy.CHANNELS, "resnet", toy.CLAMP)
    assert (config.taps, config.truncated_layers, outline.n_classes, outline.resolution) == (4, 6, toy.CLASSES, 16)


def test_a_missing_tensor_is_named(tmp_path):
    raw = toy.snapshot()
    del raw["synthesis"]["b8"]["conv1"].parameters["bias"]
    refused(tmp_path, raw, r"lacks layers\.1\.conv1\.bias")


def test_an_unknown_tensor_is_named(tmp_path):
    raw = toy.snapshot()
    raw["synthesis"]["b8"]["conv1"].parameters["extra"] = np.zeros(3)
    refused(tmp_path, raw, r"layers\.1\.conv1\.extra")
    raw = toy.snapshot()
    raw["mapping"]["fc0"].parameters["extra"] = np.zeros(3)
    refused(tmp_path, raw, r"fc0\.extra")


def test_an_unknown_module_is_named(tmp_path):
    raw = toy.snapshot()
    raw["synthesis"].parts["b64"] = raw["synthesis"]["b8"]
    refused(tmp_path, raw, "b64")


def test_shapes_that_contradict_one_another(tmp_path):
    raw = toy.snapshot()
    raw["synthesis"]["b8"]["conv0"].parameters["weight"] = np.zeros((4, 7, 3, 3))
    refused(tmp_path, raw, r"layers\.1\.conv0\.weight should have shape")


def test_settings_that_no_code_has(tmp_path):
    for change, match in (({"architecture": "tower"}, "tower"), ({"architecture": 3}, "architecture")):
        raw = toy.snapshot()
        raw["synthesis"]["b4"].settings.update(change)
        refused(tmp_path, raw, match)
    raw = toy.snapshot()
    raw["mapping"]["fc0"].settings["activation"] = "swish"
    refused(tmp_path, raw, "swish")
    raw = toy.snapshot()
    raw["synthesis"]["b8"]["conv1"].settings["activation"] = "relu"
    refused(tmp_path, raw, "relu")


def test_something_else_in_place_of_a_network(tmp_path):
    path = toy.write(tmp_path / "toy.pkl", toy.snapshot())
    contents = open_contents(path)
    contents.tree["D"] = [1, 2]
    with pytest.raises(nc.CheckpointError, match="persistent objects"):
        nvlabs.snapshot(contents, "D")


def test_dead_tensors_do_not_matter(tmp_path):
    """Layers that keep their size hold a filter too."""
    raw, latent = toy.snapshot(), nc.Latent(torch.ones(1, toy.DIM_Z), torch.tensor([1]))
    before = nc.render(nc.load(toy.write(tmp_path / "a.pkl", raw)), nc.Collage(latent))
    raw["synthesis"]["b8"]["conv1"].buffers["resample_filter"] = np.zeros((4, 4))
    raw["synthesis"]["b4"].buffers["resample_filter"] = np.ones((4, 4))
    assert torch.equal(nc.render(nc.load(toy.write(tmp_path / "b.pkl", raw)), nc.Collage(latent)), before)
