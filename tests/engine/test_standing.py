"""The statistics that a generator draws with: measured anew, and between two truncations."""

from typing import Any

import pytest
import torch
import toy
import toy_biggan
from neural_collage import engine as nc
from neural_collage.__main__ import main
from toy_biggan import LAYOUTS


@pytest.fixture
def load(tmp_path):
    """Writes and loads a toy of a layout."""

    def loaded(name) -> Any:
        return nc.load(toy_biggan.write(tmp_path, LAYOUTS[name], toy_biggan.generator(LAYOUTS[name])))

    return loaded


def shares(gan, truncation):
    return gan.generator.shares(gan.sample(0, truncation=truncation)).tolist()


def test_statistics_of_a_truncation(load):
    """Between two rows they lie on a straight line; the package swaps the two shares."""
    gan = load("Hugging Face")
    assert shares(gan, 0.6) == pytest.approx([0, 0, 0, 1, 0, 0], abs=1e-6)
    assert shares(gan, 0.65) == pytest.approx([0, 0, 0, 0.75, 0.25, 0])
    package = nc.choose_statistics(gan, "package")
    assert shares(package, 0.65) == pytest.approx([0, 0, 0, 0.25, 0.75, 0])
    assert shares(package, 1.0) == [0, 0, 0, 0, 0, 1]
    assert shares(gan, 0.65) == shares(nc.choose_statistics(package, "linear"), 0.65)
    latent = nc.Latent(gan.sample(0).z, gan.labels(0), 1.5)
    with pytest.raises(nc.InputError, match=r"up to 1; the latent's is 1\.5"):
        nc.render(gan, nc.Collage(latent))


def test_the_choice_of_statistics_shares_the_weights_and_is_kept_in_our_files(load, tmp_path):
    gan = load("Hugging Face")
    package: Any = nc.choose_statistics(gan, "package")
    theirs, ours = package.generator.state_dict(), gan.generator.state_dict()
    assert all(theirs[name].data_ptr() == ours[name].data_ptr() for name in ours)
    nc.save(package, tmp_path / "package.safetensors")
    again = nc.load(tmp_path / "package.safetensors")
    assert again.facts["statistics"] == "between two truncations: package"
    drawn = [nc.render(each, nc.Collage(each.sample(1, truncation=0.65))) for each in (gan, package, again)]
    assert torch.equal(drawn[1], drawn[2])
    assert (drawn[0] - drawn[1]).abs().max() > 1e-3


def test_the_choice_of_statistics_on_the_command_line(load, tmp_path):
    load("Hugging Face")
    source, output = tmp_path / LAYOUTS["Hugging Face"].file, tmp_path / "package.safetensors"
    assert main(["convert", str(source), "--statistics", "package", "--output", str(output)]) == 0
    assert shares(nc.load(output), 0.65) == pytest.approx([0, 0, 0, 0.25, 0.75, 0])


def test_a_choice_that_is_none_is_refused(load):
    with pytest.raises(nc.InputError, match="one of linear, package; got 'cubic'"):
        nc.choose_statistics(load("Hugging Face"), "cubic")
    for gan in (load("ajbrock, deep"), toy.gan()):
        with pytest.raises(nc.ModelError, match="this one has not"):
            nc.choose_statistics(gan, "package")


@pytest.mark.parametrize("name", ["ajbrock", "ajbrock, deep", "StudioGAN"])
def test_settled_statistics_are_those_of_the_pictures_drawn(name, load):
    gan = load(name)
    before = {key: value.clone() for key, value in gan.generator.state_dict().items()}
    settled = nc.settle(gan, truncation=0.5, pictures=64, batch=64)
    assert all(torch.equal(value, before[key]) for key, value in gan.generator.state_dict().items())
    assert settled.facts["statistics"] == "of 64 pictures at truncation 0.5"
    # The first norm works on the first map, which no statistic has touched.
    labels = torch.randint(gan.n_classes, (64,), generator=torch.Generator().manual_seed(0))
    (first,) = gan.generator.begin(gan.sample(labels, truncation=0.5))
    norm: Any = settled.generator.layers[0].norm1  # type: ignore[union-attr]
    assert torch.allclose(norm.means[0], first.mean((0, 2, 3)), atol=1e-6)
    assert torch.allclose(norm.vars[0], first.var((0, 2, 3)), atol=1e-5)
    drawn = nc.render(settled, nc.Collage(settled.sample(1, seed=9, truncation=0.5)))
    assert torch.isfinite(drawn).all()
    assert not settled.generator.training


def test_rounds_of_settling_count_alike(load):
    gan = load("ajbrock")
    both: Any = nc.settle(gan, pictures=64, batch=32)
    # The latents are those of the seeds in turn, and the first map of a BigGAN knows no class.
    (first,) = gan.generator.begin(gan.sample(0, seed=0, count=64))
    rounds = [half.mean((0, 2, 3)) for half in first.split(32)]
    assert not torch.allclose(*rounds, atol=1e-3)
    assert torch.allclose(both.generator.layers[0].norm1.means[0], (rounds[0] + rounds[1]) / 2, atol=1e-6)


def test_statistics_that_need_no_settling(load):
    with pytest.raises(nc.ModelError, match="for every truncation"):
        nc.settle(load("Hugging Face"), truncation=0.5)
