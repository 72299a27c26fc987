"""StyleGAN2's discriminator, read from snapshots, against a slow one made of the file's raw numbers."""

from typing import Any

import numpy as np
import oracle_stylegan2 as oracle
import pytest
import torch
import toy_stylegan2 as toy
from neural_collage import engine as nc

BOUND = 1e-5


def pictures(count=2):
    return torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(count))


def load(folder, judge, classes=toy.CLASSES) -> Any:
    return nc.load(toy.write(folder / "toy.pkl", toy.snapshot(classes=classes), judge))


@pytest.mark.parametrize("classes", [toy.CLASSES, 0])
@pytest.mark.parametrize("architecture", ["resnet", "skip", "orig"])
def test_features_and_logits(tmp_path, architecture, classes):
    raw = toy.discriminator(architecture, classes=classes)
    judge = load(tmp_path, raw, classes).discriminator
    label = 2 if classes else 0
    features, logit = oracle.judged(raw, pictures(1)[0].double().numpy(), label)
    assert np.abs(judge.features(pictures(1))[0].numpy() - features.reshape(-1)).max() <= BOUND * np.abs(features).max()
    assert abs(judge(pictures(1), torch.tensor([label])).item() - logit) <= BOUND * max(abs(logit), 1)


def test_a_logit_does_not_depend_on_the_other_pictures(tmp_path):
    judge, labels = load(tmp_path, toy.discriminator()).discriminator, torch.tensor([0, 1, 2])
    together, alone = judge(pictures(3), labels), judge(pictures(3)[1:2], labels[1:2])
    assert torch.allclose(together[1:2], alone, atol=1e-5)


def test_labels_are_needed_where_there_are_classes(tmp_path):
    with pytest.raises(nc.InputError, match="give it labels"):
        load(tmp_path, toy.discriminator()).discriminator(pictures())


@pytest.mark.parametrize("space", ["z", "w"])
def test_projection_measures_with_it(tmp_path, space):
    gan = load(tmp_path, toy.discriminator())
    target = nc.render(gan, nc.Collage(nc.Latent(torch.full((1, toy.DIM_Z), 0.3), torch.tensor([1])))).clamp(-1, 1)
    first, *_, last = nc.project(gan, target, 1, steps=15, start="seeds", space=space)
    assert last.best_loss.item() < first.loss.item()
    again = nc.reconstruction_loss(gan, nc.render(gan, nc.Collage(last.best)), target)
    assert torch.allclose(again, last.best_loss, atol=1e-4)


def test_saved_and_loaded_again(tmp_path):
    gan = load(tmp_path, toy.discriminator())
    nc.save(gan, tmp_path / "model.safetensors")
    again: Any = nc.load(tmp_path / "model.safetensors")
    assert torch.equal(again.discriminator.features(pictures()), gan.discriminator.features(pictures()))


def test_one_of_other_classes_is_refused(tmp_path):
    with pytest.raises(nc.CheckpointError, match="number of classes"):
        load(tmp_path, toy.discriminator(classes=2))


def test_unknown_tensors_and_missing_blocks_are_named(tmp_path):
    raw = toy.discriminator()
    raw["b16"]["conv0"].parameters["extra"] = np.zeros(3)
    with pytest.raises(nc.CheckpointError, match=r"b16\.conv0\.extra"):
        load(tmp_path, raw)
    raw = toy.discriminator()
    del raw.parts["b8"]
    with pytest.raises(nc.CheckpointError, match="b16"):
        load(tmp_path, raw)
