"""What the nodes do to pictures, asked of every family: cut batches and half precision."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
import toy
import toy_biggan
import toy_stylegan
import toy_stylegan2
import toy_stylegan3
from neural_collage import engine as nc
from neural_collage.nodes import pictures

N = 3
MASKS = torch.rand(N, 1, 9, 9, generator=torch.Generator().manual_seed(0))


def _sngan(folder: Path) -> nc.Gan:
    return toy.gan()


def _stylegan(folder: Path) -> nc.Gan:
    return nc.load(toy_stylegan.save(toy_stylegan.genforce(toy_stylegan.raw()), folder / "one.pth"))


def _stylegan2(folder: Path) -> nc.Gan:
    return nc.load(toy_stylegan2.write(folder / "two.pkl", toy_stylegan2.snapshot()))


def _stylegan3(folder: Path) -> nc.Gan:
    return nc.load(toy_stylegan3.write(folder / "three.pkl", toy_stylegan3.snapshot()))


def _biggan(folder: Path) -> nc.Gan:
    layout = toy_biggan.LAYOUTS["ajbrock"]
    return nc.load(toy_biggan.write(folder, layout, toy_biggan.generator(layout)))


FAMILIES = (_sngan, _stylegan, _stylegan2, _stylegan3, _biggan)


@pytest.fixture(params=FAMILIES, ids=lambda family: family.__name__[1:])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> nc.Gan:
    family: Callable[[Path], nc.Gan] = request.param
    return family(tmp_path)


@pytest.fixture
def collage(model: nc.Gan) -> nc.Collage:
    """Latents with all that a family keeps in them, a painted style and a reference, different for each picture."""
    reference = nc.Collage(model.sample(model.n_classes - 1, seed=30, count=N))
    regions = nc.ClassMap().paint(reference, MASKS)
    return nc.Collage(model.sample(0, seed=3, truncation=0.7, count=N)).label(regions).feature(reference, MASKS, "#1")


@pytest.mark.parametrize("at_most", [1, 2])
def test_pictures_do_not_depend_on_where_a_batch_is_cut(model, collage, at_most, monkeypatch):
    whole, changed = pictures.draw_with_changes(model, collage)
    monkeypatch.setattr(pictures, "TOGETHER", at_most)
    found, places = pictures.draw_with_changes(model, collage)
    torch.testing.assert_close(found, whole, atol=1e-5 * max(1.0, whole.abs().max().item()), rtol=0)
    torch.testing.assert_close(places, changed, atol=1e-5 * max(1.0, whole.abs().max().item()), rtol=0)
    assert (whole[0] - whole[2]).abs().max() > 0.01 * whole.abs().max()


def test_float16_where_it_is_right_and_full_precision_elsewhere(model, collage, comfy):
    whole = pictures.draw(model, collage)
    comfy.flags.fp16_unet = True
    half = pictures.draw(model, collage)
    assert torch.equal(half, whole) != model.generator.half_is_right
    assert (half - whole).abs().mean() < whole.abs().max() / 255


def test_everything_that_draws_moves_with_the_model(model, monkeypatch):
    """On "meta", which has shapes and no numbers, an operation with a tensor left on the CPU is refused as on a GPU."""
    latent = model.sample(0, seed=3, truncation=0.7, count=2)
    model.to("meta")
    monkeypatch.setattr("neural_collage.engine.latent._check_numbers", lambda *given: None)  # there are none to check
    monkeypatch.setattr(torch, "autocast", lambda *how, **also: nullcontext())  # which "meta" has not
    moved = latent.to(torch.device("meta"), torch.float32)
    assert model.generator(moved).device.type == "meta"
