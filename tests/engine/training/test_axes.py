"""Slopes of eq. 4 and their principal axes."""

import torch
import toy
from neural_collage.engine.reconstruction import Reconstruction
from neural_collage.engine.training.axes import principal_axes, slopes
from neural_collage.engine.training.data import ImageSet
from neural_collage.engine.training.draws import Draws


def draws():
    return Draws(torch.Generator().manual_seed(0))


def data(gan):
    random = torch.Generator().manual_seed(1)
    images = torch.randint(256, (5, 3, gan.resolution, gan.resolution), generator=random, dtype=torch.uint8)
    return ImageSet(images, torch.arange(5) % gan.n_classes, gan.class_names)


def test_slopes_are_those_of_eq_4_by_finite_differences():
    gan = toy.gan()
    gan.generator.double()
    gan.discriminator.double()
    found = slopes(gan, data(gan), 3, draws())
    again = draws()
    images, labels = data(gan).draw(3, again, flips=False, size=gan.resolution)
    z = again.normal(3, gan.dim_z).double()
    measure = Reconstruction(gan, images.double(), pixel_weight=0.0)

    def loss(point):
        with torch.no_grad():
            return measure.loss(gan.generator.generate(point, labels))

    for number in range(gan.dim_z):
        step = 1e-5 * torch.eye(gan.dim_z, dtype=torch.float64)[number]
        by_differences = (loss(z + step) - loss(z - step)) / 2e-5
        torch.testing.assert_close(found[:, number], by_differences, atol=1e-8, rtol=1e-4)


def test_as_many_slopes_as_asked_and_the_same_each_time():
    gan = toy.gan()
    found = slopes(gan, data(gan), 37, draws())
    assert found.shape == (37, gan.dim_z)
    assert torch.equal(found, slopes(gan, data(gan), 37, draws()))


def test_slopes_do_not_depend_on_how_many_are_taken_together():
    gan = toy.gan()
    gan.generator.double()
    gan.discriminator.double()
    torch.testing.assert_close(slopes(gan, data(gan), 20, draws(), 3), slopes(gan, data(gan), 20, draws()))


def test_axes_are_those_the_slopes_were_drawn_along():
    truth, _ = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))
    spread = torch.tensor([300.0, 30.0, 10.0, 3.0, 1.0, 0.1], dtype=torch.float64)
    numbers, _ = torch.linalg.qr(torch.randn(100, 6, dtype=torch.float64))  # uncorrelated to the last digit
    axes = principal_axes((numbers * spread) @ truth.T)
    torch.testing.assert_close((axes.T @ truth).abs(), torch.eye(6, dtype=torch.float64), atol=1e-6, rtol=0)
