"""Training on models of PyTorch's collections: they get an encoder and an auxiliary pair; GAN runs start elsewhere."""

import numpy as np
import pytest
import torch
import toy_resnet
from neural_collage import engine as nc
from neural_collage.engine.training.command import main
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    """A cGAN of three classes at 32 px with its discriminator as model.safetensors, and pictures of its classes."""
    generator = toy_resnet.save(toy_resnet.mimicry(), tmp_path / "netG.pth")
    raw = toy_resnet.mimicry_discriminator(4, 5, 2, classes=3)
    gan = nc.load(generator, discriminator=toy_resnet.save(raw, tmp_path / "netD.pth"))
    nc.save(gan, tmp_path / "model.safetensors")
    random = np.random.default_rng(0)
    for name in "abc":
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(random.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(
                tmp_path / "data" / name / f"{i}.png"
            )
    return tmp_path


def train(kind, folder, out, model, *flags):
    main(
        [kind, str(folder / "data"), "--out", str(folder / out), "--model", str(folder / model), *flags, "--steps", "2"]
    )
    return f"{out}/model.safetensors"


def test_an_encoder_and_an_auxiliary_pair_are_trained(folder):
    model = train("encoder", folder, "encoder", "model.safetensors", "--channels", "4,8,8,8", "--batch", "2")
    model = train("auxiliary", folder, "pair", model, "--axes", "0", "--dim-zeta", "6", "--batch", "2")
    gan = nc.load(folder / model)
    assert gan.facts["family"] == "resnet"
    picture = nc.render(gan, nc.Collage(gan.sample(1, seed=1)))
    *_, last = nc.project(gan, picture, 1, steps=2, space="zeta")
    assert torch.isfinite(last.loss).all()


def test_a_gan_run_does_not_start_from_one(folder):
    with pytest.raises(nc.InputError, match=r"goes on from a model of one of the families .* this one is not"):
        main(["gan", str(folder / "data"), "--out", str(folder / "gan"), "--from", str(folder / "model.safetensors")])
