import math

import numpy as np
import pytest
import torch
import toy
from neural_collage.engine.errors import ModelError
from neural_collage.engine.gan import Gan
from neural_collage.engine.reconstruction import Reconstruction, reconstruction_loss


@pytest.fixture(scope="module")
def gan() -> Gan:
    return toy.gan()


def pictures(gan: Gan, seed: int, count: int = 3) -> torch.Tensor:
    latent = gan.sample(0, seed=seed, count=count)
    return gan.generator.generate(latent.point, latent.labels)


@pytest.mark.parametrize("weight", [0.0, 0.2, 5])
def test_the_loss_is_eq_4_and_pixels_written_out(gan: Gan, weight: float):
    images, targets = pictures(gan, 1), pictures(gan, 10)
    assert gan.discriminator is not None
    expected = []
    for image, target in zip(images, targets, strict=True):
        a, b = (gan.discriminator.features(x[None])[0].double().tolist() for x in (image, target))
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        cosine = dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
        square = np.mean(
            [(x - y) ** 2 for x, y in zip(image.flatten().tolist(), target.flatten().tolist(), strict=True)]
        )
        expected.append(1 - cosine + weight * square)
    loss = reconstruction_loss(gan, images, targets, weight)
    np.testing.assert_allclose(loss.numpy(), expected, atol=1e-6)
    assert loss.min() > 1e-3  # the pictures do differ


def test_a_picture_is_at_no_distance_from_itself(gan: Gan):
    images = pictures(gan, 1)
    assert reconstruction_loss(gan, images, images.clone()).abs().max() < 1e-6


def test_each_picture_has_its_own_loss(gan: Gan):
    images, targets = pictures(gan, 1), pictures(gan, 10)
    together = reconstruction_loss(gan, images, targets)
    for i in range(3):
        alone = reconstruction_loss(gan, images[i : i + 1], targets[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-6, rtol=0)


def test_it_can_be_differentiated_in_the_images_and_leaves_the_weights_alone(gan: Gan):
    images, targets = pictures(gan, 1).double(), pictures(gan, 10)
    double = toy.gan()
    for part in (double.generator, double.discriminator):
        assert part is not None
        part.double()
    images.requires_grad_()
    measure = Reconstruction(double, targets, 0.2)
    (gradient,) = torch.autograd.grad(measure.loss(images).sum(), images)
    direction = torch.randn(images.shape, generator=torch.Generator().manual_seed(0)).double()
    step = 1e-6
    with torch.no_grad():
        rise = (measure.loss(images + step * direction) - measure.loss(images - step * direction)).sum() / (2 * step)
    torch.testing.assert_close((gradient * direction).sum(), rise, rtol=1e-4, atol=1e-7)


def test_without_a_discriminator_there_is_no_distance():
    bare = toy.gan(bare=True)
    with pytest.raises(ModelError, match="needs the model's discriminator"):
        Reconstruction(bare, torch.zeros(1, 3, 16, 16))
