"""Labels as they are told to the norms: merged, dropped, painted in order, at the layers chosen."""

import numpy as np
import oracles
import pytest
import torch
import toy
from neural_collage.engine.class_map import ClassMap
from neural_collage.engine.collage import Collage
from neural_collage.engine.gan import Gan
from neural_collage.engine.label_styles import LabelStyles
from neural_collage.engine.latent import Latent
from neural_collage.engine.render import render

LEFT = torch.zeros(16, 16)
LEFT[:, :8] = 1
SOFT = torch.linspace(0, 1, 64).expand(64, 64)
HIDDEN = torch.zeros(16, 16)
ALL = torch.ones(16, 16)


@pytest.fixture(scope="module")
def gan() -> Gan:
    return toy.gan(4)


def one(gan: Gan, label: int = 0, seed: int = 0) -> Collage:
    return Collage(gan.sample(label, seed=seed))


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return (a - b).abs().max().item()


def test_complementary_masks_leak_no_base_label(gan: Gan):
    """Whatever the base label is, two masks that share every edge leave nothing of it, at any size of the masks."""
    for size in (16, 61, 512):
        left = (torch.arange(size) < size * 0.37).float().expand(size, size)
        regions = ClassMap().paint(1, left).paint(2, 1 - left)
        z = gan.sample(0, seed=3).z
        pictures = [render(gan, Collage(Latent(z, torch.tensor([own]))).label(regions)) for own in (0, 3)]
        assert difference(*pictures) < 1e-6
        weights = ClassMap.from_weights([1, 2], torch.stack([left, 1 - left]))
        assert difference(render(gan, Collage(Latent(z, torch.tensor([0]))).label(weights)), pictures[0]) < 1e-5


def test_number_name_and_text_are_one_label(gan: Gan):
    once = one(gan).label(ClassMap().paint(1, SOFT).paint(2, LEFT).paint(1, SOFT.T))
    thrice = one(gan).label(ClassMap().paint("ROSE", SOFT).paint("tulip", LEFT).paint("1", SOFT.T))
    assert difference(render(gan, once), render(gan, thrice)) < 1e-6


def test_labels_that_cover_nothing_are_dropped_and_equal_ones_merged(gan: Gan):
    """K, and with it the cost, counts the labels that show: hidden, covered and repeated ones are gone."""

    def told(regions: ClassMap) -> list[list[int]]:
        styles = LabelStyles(gan, one(gan, 0).label(regions, "8-"), 1)
        return [styles.at(norm).vectors[0].tolist() for norm in range(len(gan.generator.norm_sizes))]

    assert told(ClassMap().paint(1, HIDDEN)) == [[0]] * 4
    assert told(ClassMap().paint(1, SOFT).paint("rose", LEFT).paint("daisy", LEFT)) == [[0], [0, 1], [0, 1], [0, 1]]
    assert told(ClassMap().paint(1, SOFT).paint(2, ALL)) == [[0], [2], [2], [2]]
    assert told(ClassMap.from_weights([1, 3], torch.stack([SOFT, 1 - SOFT]))) == [[0], [1, 3], [1, 3], [1, 3]]


def test_later_label_edits_paint_over_earlier_ones(gan: Gan):
    base, both = one(gan), ClassMap().paint(1, SOFT).paint(2, LEFT)
    first, second = ClassMap().paint(1, SOFT), ClassMap().paint(2, LEFT)
    chained = render(gan, base.label(first).label(second))
    assert difference(chained, render(gan, base.label(both))) < 1e-6
    assert difference(chained, render(gan, base.label(second).label(first))) > 1e-3


def test_exact_weights_cover_what_was_painted_before(gan: Gan):
    exact = ClassMap.from_weights([1, 2], torch.stack([SOFT, 1 - SOFT]))
    below = one(gan).label(ClassMap().paint(3, LEFT))
    assert difference(render(gan, below.label(exact)), render(gan, one(gan).label(exact))) < 1e-6


def test_layers_choose_where_labels_hold(gan: Gan):
    """Coarse and fine layers in two edits are all layers in one; either alone is something else."""
    base, regions = one(gan), ClassMap().paint(1, LEFT)
    together = render(gan, base.label(regions))
    assert difference(render(gan, base.label(regions, "4").label(regions, "8-")), together) < 1e-6
    assert difference(render(gan, base.label(regions, "4")), together) > 1e-3
    assert difference(render(gan, base.label(regions, "8-")), together) > 1e-3


def test_a_thousand_classes_and_many_labels():
    gan = toy.gan(1000, bare=True, named=False)
    weights = torch.rand(300, 16, 16).softmax(0)
    image = render(gan, one(gan).label(ClassMap.from_weights(range(300), weights)))
    maps = [
        (list(range(300)), np.stack([oracles.resize(w, (size, size)) for w in weights.double().numpy()]))
        for size in gan.generator.norm_sizes
    ]
    _, expected = oracles.generate(gan.generator, gan.sample(0, seed=0).z[0], maps)
    np.testing.assert_allclose(image[0].numpy(), expected, atol=1e-5)
