"""Projection on a StyleGAN's styles w and w+."""

from dataclasses import replace

import pytest
import torch
import toy
import toy_stylegan2
from neural_collage import engine as nc
from neural_collage.engine.spaces import Space, style_statistics


@pytest.fixture(scope="module")
def gan(tmp_path_factory) -> nc.Gan:
    path = tmp_path_factory.mktemp("models") / "toy.pkl"
    return nc.load(toy_stylegan2.write(path, toy_stylegan2.snapshot()))


def picture(gan: nc.Gan, seed: int = 70, count: int = 1) -> torch.Tensor:
    return nc.render(gan, nc.Collage(gan.sample(1, seed=seed, count=count))).clamp(-1, 1)


@pytest.mark.parametrize("name", ["w", "w+"])
def test_the_way_into_the_styles_and_back_keeps_the_picture(gan, name):
    space, latent = Space.named(gan, name), gan.sample([0, 1], seed=3)
    styled = space.adopt(latent)
    assert styled.z is None
    layers, length = gan.generator.w_shape
    assert styled.point.shape == ((2, layers, length) if name == "w+" else (2, length))
    back = space.leave(space.enter(styled), styled)
    wanted = nc.render(gan, nc.Collage(latent))
    for found in (styled, back):
        torch.testing.assert_close(nc.render(gan, nc.Collage(found)), wanted, atol=1e-4, rtol=1e-4)


def test_points_are_measured_from_the_mean_in_units_of_the_spread(gan):
    space = Space.named(gan, "w")
    points = torch.cat([space.enter(space.adopt(gan.sample(i % gan.n_classes, seed=i))) for i in range(300)])
    assert points.mean(0).abs().max() < 0.5
    assert 0.5 < points.std(0).mean() < 2


def test_truncation_is_taken_over_into_w(gan):
    latent = gan.sample(1, seed=4, truncation=0.5)
    for name in ("w", "w+"):
        styled = Space.named(gan, name).adopt(latent)
        assert styled.truncation == 1
        wanted = nc.render(gan, nc.Collage(latent))
        torch.testing.assert_close(nc.render(gan, nc.Collage(styled)), wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("space", "start"), [("z", "seeds"), ("w", "seeds"), ("w", "mean"), ("w+", "seeds"), ("w+", "mean")]
)
def test_the_descent_comes_nearer_and_says_where_it_is(gan, space, start):
    target = picture(gan, count=2)
    steps = list(nc.project(gan, target, 1, steps=25, space=space, start=start, distance="pixels"))
    assert (steps[-1].best_loss < 0.97 * steps[0].loss).all()
    for step in (steps[0], steps[-1]):
        drawn = nc.render(gan, nc.Collage(step.latent))
        torch.testing.assert_close(step.images, drawn, atol=1e-4, rtol=1e-4)
        assert (step.latent.z is None) == (space != "z")
        assert not step.latent.point.requires_grad


def test_auto_is_w_from_the_mean_of_the_class(gan):
    first = next(nc.project(gan, picture(gan), 1, space="auto", start="auto"))
    mean, _ = style_statistics(gan, 1)
    torch.testing.assert_close(first.latent.w, mean, atol=1e-5, rtol=1e-4)


def test_auto_finds_the_class_from_a_latent(gan):
    latent = gan.sample(2, seed=8)
    target = nc.render(gan, nc.Collage(latent)).clamp(-1, 1)
    first = next(nc.project(gan, target, "auto", space="z", start=latent, distance="pixels"))
    assert first.latent.labels.tolist() == [2]


def test_noise_of_a_start_stays(gan):
    start = gan.sample(1, seed=5)
    first = next(nc.project(gan, picture(gan), 1, space="w", start=start))
    torch.testing.assert_close(first.images, nc.render(gan, nc.Collage(start)), atol=1e-4, rtol=1e-4)
    assert isinstance(first.latent.noise, torch.Tensor)
    assert isinstance(start.noise, torch.Tensor)
    assert torch.equal(first.latent.noise, start.noise)


def test_items_do_not_touch_one_another(gan):
    target = picture(gan, count=2)
    both = list(nc.project(gan, target, 1, steps=5, space="w+", start="mean"))[-1]
    for i in range(2):
        alone = list(nc.project(gan, target[i : i + 1], 1, steps=5, space="w+", start="mean"))[-1]
        torch.testing.assert_close(both.latent.point[i : i + 1], alone.latent.point, atol=1e-4, rtol=1e-3)


def test_under_inference_mode(gan):
    with torch.inference_mode():
        steps = list(nc.project(gan, picture(gan), 1, steps=2, space="w", start="auto"))
    assert steps[-1].best_loss.isfinite().all()


def test_what_cannot_be(gan):
    styled = replace(gan.mapped(gan.sample(1)), truncation=1.0)
    with pytest.raises(nc.InputError, match="a start that has z is needed"):
        nc.project(gan, picture(gan), 1, space="z", start=styled)
    with pytest.raises(nc.InputError, match="The mean is one of styles w"):
        nc.project(gan, picture(gan), 1, space="z", start="mean")
    with pytest.raises(nc.ModelError, match="has no styles"):
        nc.project(toy.gan(), torch.zeros(1, 3, 16, 16), 0, space="w")
    with pytest.raises(nc.InputError, match="styles w are"):
        nc.project(gan, picture(gan), 1, space="w", start=nc.Latent(None, torch.tensor([0]), w=torch.zeros(1, 3)))
