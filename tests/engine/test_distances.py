"""Distances for models without a discriminator: VGG16's features, and pixels at several scales."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import toy
from neural_collage import engine as nc
from neural_collage.engine.distances import PyramidDistance, choose_distance
from neural_collage.engine.networks.vgg16 import STAGES, VGG16, VGG16Config
from torch import nn

WIDTHS = (4, 5, 6, 7, 8)


def pictures(count: int, size: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture(scope="module")
def vgg() -> VGG16:
    torch.manual_seed(0)
    return VGG16(VGG16Config(WIDTHS)).eval()


def torchvision_like() -> nn.Sequential:
    """The layers in torchvision's order, whose names are its numbers; with a classifier beside them."""
    layers, before = [], 3
    for width, count in zip(WIDTHS, STAGES, strict=True):
        for _ in range(count):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
            before = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def saved(folder: Path) -> Path:
    nc.save(toy.gan(bare=True), folder / "model.safetensors")
    return folder / "model.safetensors"


def test_vgg16_is_read_under_torchvisions_names(tmp_path):
    torch.manual_seed(1)
    layers = torchvision_like()
    state = {f"features.{name}": tensor for name, tensor in layers.state_dict().items()}
    torch.save(state | {"classifier.0.weight": torch.zeros(2, 2)}, tmp_path / "vgg16.pth")
    gan = nc.load(generator=saved(tmp_path), perception=tmp_path / "vgg16.pth")
    assert gan.perception is not None
    images = pictures(2)
    h, taps = (images + 1) / 2, []
    h = (h - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    for layer in layers:
        if isinstance(layer, nn.MaxPool2d):
            taps.append(h)
        h = layer(h)
    expected = torch.zeros(())
    for tap in taps:  # LPIPS without its weights: squared difference of unit vectors, averaged over places
        one, two = F.normalize(tap, dim=1)
        expected = expected + (one - two).square().sum(0).mean() / len(taps) / 2
    _, distance = choose_distance(gan, images[:1], "vgg16")
    torch.testing.assert_close(distance(images[1:])[0], expected, atol=0, rtol=5e-3)  # more exact where all fires


def test_another_network_is_no_vgg16(tmp_path):
    state = {f"features.{name}": tensor for name, tensor in torchvision_like().state_dict().items()}
    torch.save(state | {"features.1.running_mean": torch.zeros(4)}, tmp_path / "vgg16_bn.pth")
    with pytest.raises(nc.CheckpointError, match=r"without batch norm is needed .* also has features\.1\.running_mean"):
        nc.load(generator=saved(tmp_path), perception=tmp_path / "vgg16_bn.pth")


def test_pixels_written_out():
    images, targets = pictures(1, seed=1), pictures(1, seed=2)
    expected, scales, a, b = 0.0, 0, images[0], targets[0]
    while a.shape[-1] >= 8:
        expected += (a - b).abs().mean().item()
        for axis in (1, 2):
            length = a.shape[axis]
            pair = [x.narrow(axis, 1, length - 1) - x.narrow(axis, 0, length - 1) for x in (a, b)]
            expected += (pair[0] - pair[1]).abs().mean().item()
        half = a.shape[-1] // 2
        a, b = (x.reshape(3, half, 2, half, 2).mean((2, 4)) for x in (a, b))
        scales += 1
    found = PyramidDistance(targets)(images).item()
    assert scales == 3
    assert found == pytest.approx(expected / scales, abs=1e-5)


@pytest.mark.parametrize("name", ["discriminator", "vgg16", "pixels"])
def test_what_every_distance_is(name: str, vgg: VGG16):
    gan = nc.Gan(**{**vars(toy.gan(resolution=32)), "perception": vgg})
    targets, images = pictures(2, seed=3), pictures(4, seed=4).requires_grad_()
    said, distance = choose_distance(gan, targets, name)
    assert said == name
    assert distance(targets).abs().max() < 1e-5  # a picture from itself
    found = distance(images)  # two rounds of two
    assert found.shape == (4,)
    assert found.min() > 1e-4
    alone = torch.cat([choose_distance(gan, targets[i % 2][None], name)[1](images[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(found, alone, atol=1e-5, rtol=1e-4)
    (gradient,) = torch.autograd.grad(found.sum(), images)
    nearer = choose_distance(gan, targets, name)[1]((images - 1e-2 * gradient / gradient.abs().max()).detach())
    assert (nearer < found).all()


def test_auto_takes_the_best_that_is_there(vgg: VGG16):
    whole = nc.Gan(**{**vars(toy.gan(resolution=32)), "perception": vgg})
    targets = pictures(1)
    assert choose_distance(whole, targets)[0] == "discriminator"
    without = nc.Gan(**{**vars(whole), "discriminator": None})
    assert choose_distance(without, targets)[0] == "vgg16"
    assert choose_distance(nc.Gan(**{**vars(without), "perception": None}), targets)[0] == "pixels"


def test_a_model_without_discriminator_and_encoder_is_projected_by_pixels():
    bare = toy.gan(bare=True)
    goal = bare.sample(1, seed=99)
    target = bare.generator(goal)
    steps = list(nc.project(bare, target, 1, steps=60, start="auto"))
    assert {step.distance for step in steps} == {"pixels"}
    assert steps[-1].best_loss.item() < 0.5 * steps[0].loss.item()
