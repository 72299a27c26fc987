import math

import pytest
import torch
from neural_collage.engine.class_map import ClassMap
from neural_collage.engine.collage import Collage, FeatureEdit, LabelEdit, mix
from neural_collage.engine.errors import InputError
from neural_collage.engine.latent import Latent


def collage(n: int = 1, seed: int = 0, length: int = 6) -> Collage:
    z = torch.randn(n, length, generator=torch.Generator().manual_seed(seed))
    return Collage(Latent(z, torch.arange(n)))


def test_an_edit_returns_a_new_collage_and_keeps_the_order():
    base = collage()
    first = base.label(ClassMap().paint(1, torch.ones(2, 2)), "8-")
    second = first.feature(collage(seed=1), torch.ones(2, 2), "4", 0.5, (0.25, -0.5), [3, 1, 3])
    assert base.edits == ()
    assert len(first.edits) == 1
    assert second.edits[0] is first.edits[0]
    label, feature = second.edits
    assert isinstance(label, LabelEdit)
    assert isinstance(feature, FeatureEdit)
    assert (feature.layers, feature.strength, feature.shift, feature.units) == ("4", 0.5, (0.25, -0.5), (1, 3))
    assert second.latent is base.latent


def test_collages_are_values_that_cannot_be_written_to():
    with pytest.raises(AttributeError):
        collage().latent = collage().latent  # type: ignore[misc]


def test_mix_is_exact_at_its_ends():
    a, b = collage(seed=1), collage(seed=2)
    assert torch.equal(mix(a, b, 0).latent.point, a.latent.point)
    assert torch.equal(mix(a, b, 1.0).latent.point, b.latent.point)


def test_mix_walks_the_great_circle():
    a = Collage(Latent(torch.tensor([[2.0, 0.0]]), torch.tensor([3])))
    b = Collage(Latent(torch.tensor([[0.0, 4.0]]), torch.tensor([5])))
    angle = math.pi / 2 * 0.25  # a quarter of the way; lengths go from 2 to 4
    expected = torch.tensor([[math.cos(angle), math.sin(angle)]]) * 2.5
    torch.testing.assert_close(mix(a, b, 0.25).latent.point, expected)
    assert mix(a, b, 0.25).latent.labels.tolist() == [3]


def test_mix_keeps_the_length_of_a_normal_latent():
    a, b = collage(seed=1, length=512), collage(seed=2, length=512)
    middle = mix(a, b, 0.5).latent.point.norm()
    torch.testing.assert_close(middle, (a.latent.point.norm() + b.latent.point.norm()) / 2)


@pytest.mark.parametrize("other", [1.0, -1.0, 2.0, 0.0])
def test_mix_of_parallel_opposite_or_zero_latents_stays_finite(other: float):
    a = collage(seed=1)
    b = Collage(Latent(a.latent.point * other, a.latent.labels))
    z = mix(a, b, 0.25).latent.point
    assert torch.isfinite(z).all()
    if other > 0:  # on one ray there is nothing but lengths to mix
        torch.testing.assert_close(z, a.latent.point * (0.75 + 0.25 * other))


def test_mix_repeats_a_single_one_and_keeps_the_edits_of_the_first():
    first, second = collage().label(ClassMap()), collage(3, seed=1)
    mixed = mix(first, second, 0.5)
    assert len(mixed) == 3
    assert mixed.edits == first.edits
    assert mixed.latent.labels.tolist() == [0, 0, 0]
    for i in range(3):
        one = Collage(Latent(second.latent.point[i : i + 1], second.latent.labels[i : i + 1]))
        torch.testing.assert_close(mixed.latent.point[i : i + 1], mix(first, one, 0.5).latent.point)


def test_mix_refuses_latents_of_two_models_and_batches_that_do_not_fit():
    with pytest.raises(InputError, match="6 and 5 numbers"):
        mix(collage(), collage(length=5), 0.5)
    with pytest.raises(InputError, match="got 2 and 3"):
        mix(collage(2), collage(3), 0.5)
