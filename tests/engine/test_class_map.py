import numpy as np
import oracles
import pytest
import torch
from neural_collage.engine.class_map import ClassMap, as_mask
from neural_collage.engine.errors import LabelError, MaskError


def ramp(size: int = 8) -> torch.Tensor:
    return torch.linspace(0, 1, size * size).reshape(size, size)


def painted(regions: ClassMap, label: object) -> torch.Tensor:
    return regions.weights[:, regions.labels.index(label)]  # type: ignore[arg-type]


def test_painting_is_compositing():
    coats = [(2, ramp()), (0, 1 - ramp()), (7, ramp().T * 0.5)]
    regions = ClassMap()
    for label, coat in coats:
        regions = regions.paint(label, coat)
    shares = oracles.paint([(label, coat.double().numpy()) for label, coat in coats], (8, 8))
    for label, _ in coats:
        np.testing.assert_allclose(painted(regions, label)[0].numpy(), shares[label], atol=1e-6)
    np.testing.assert_allclose(1 - regions.coverage[0, 0].numpy(), shares[-1], atol=1e-6)


def test_a_label_painted_again_is_one_entry_whose_maps_add():
    coats = [(2, ramp()), (0, ramp().T), (2, 1 - ramp())]
    regions = ClassMap()
    for label, coat in coats:
        regions = regions.paint(label, coat)
    assert regions.labels == (2, 0)
    shares = oracles.paint([(label, coat.double().numpy()) for label, coat in coats], (8, 8))
    np.testing.assert_allclose(painted(regions, 2)[0].numpy(), shares[2], atol=1e-6)
    np.testing.assert_allclose(painted(regions, 0)[0].numpy(), shares[0], atol=1e-6)


def test_strength_scales_the_mask():
    assert torch.equal(ClassMap().paint(1, ramp(), 0.25).weights, ClassMap().paint(1, ramp() * 0.25).weights)
    assert ClassMap().paint(1, ramp(), 0).weights.max() == 0
    assert torch.equal(ClassMap().paint(1, ramp(), 1).weights[0, 0], ramp())


def test_later_paint_covers_earlier_paint():
    regions = ClassMap().paint(1, torch.ones(4, 4)).paint(2, torch.ones(4, 4))
    assert painted(regions, 1).max() == 0
    assert painted(regions, 2).min() == 1


def test_a_map_over_a_map_is_its_regions_painted_one_by_one():
    below = ClassMap().paint(1, ramp()).paint(2, ramp().T, 0.5)
    above = ClassMap().paint(2, ramp(), 0.5).paint(3, 1 - ramp())
    together, single = below.under(above), below.paint(2, ramp(), 0.5).paint(3, 1 - ramp())
    assert together.labels == single.labels == (1, 2, 3)
    torch.testing.assert_close(together.weights, single.weights)


def test_an_empty_map_changes_nothing_above_or_below():
    regions = ClassMap().paint(1, torch.rand(4, 6)).paint(2, torch.rand(4, 6), 0.5)
    for same in (ClassMap().under(regions), regions.under(ClassMap())):
        assert same.labels == regions.labels
        assert torch.equal(same.weights, regions.weights)
    assert ClassMap().under(ClassMap()).labels == ()


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8), (1, 1, 8, 8)])
def test_masks_may_have_two_to_four_dimensions(shape: tuple[int, ...]):
    assert torch.equal(ClassMap().paint(1, ramp().reshape(shape)).weights, ramp()[None, None])


def test_a_batch_of_masks_and_a_single_one_make_a_batch():
    several = torch.stack([ramp(), 1 - ramp(), ramp().T])
    regions = ClassMap().paint(1, several).paint(2, ramp())
    assert regions.weights.shape == (3, 2, 8, 8)
    for i in range(3):
        single = ClassMap().paint(1, several[i]).paint(2, ramp())
        torch.testing.assert_close(regions.weights[i : i + 1], single.weights, atol=1e-7, rtol=0)


def test_masks_of_two_sizes_meet_at_the_larger():
    coarse = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    regions = ClassMap().paint(1, coarse).paint(2, ramp())
    assert regions.weights.shape == (1, 2, 8, 8)
    expected = oracles.resize(coarse.double().numpy(), (8, 8)) * (1 - ramp().double().numpy())
    np.testing.assert_allclose(painted(regions, 1)[0].numpy(), expected, atol=1e-6)


def test_a_mask_of_one_pixel_covers_the_picture():
    regions = ClassMap().paint(1, torch.full((1, 1), 0.5)).paint(2, ramp())
    torch.testing.assert_close(painted(regions, 1)[0], 0.5 * (1 - ramp()))


def test_a_pixel_of_rounding_in_the_aspect_is_allowed():
    regions = ClassMap().paint(1, torch.ones(64, 64)).paint(2, torch.zeros(511, 512))
    assert regions.weights.shape == (1, 2, 511, 512)


def test_what_arrives_is_never_written_to():
    mask, before = ramp(), ramp()
    first = ClassMap().paint(1, mask)
    kept = first.weights.clone()
    first.paint(1, mask).paint(2, mask, 0.5)
    assert torch.equal(mask, before)
    assert torch.equal(first.weights, kept)


def test_exact_weights_are_taken_as_they_are():
    weights = torch.rand(2, 3, 4, 4).softmax(1)
    regions = ClassMap.from_weights(["a", 4, "b"], weights)
    assert regions.labels == ("a", 4, "b")
    torch.testing.assert_close(regions.weights, weights, atol=1e-6, rtol=0)
    assert (regions.coverage - 1).abs().max() < 1e-6


def test_exact_weights_of_equal_labels_add():
    weights = torch.rand(3, 4, 4).softmax(0)
    regions = ClassMap.from_weights([1, 2, 1], weights)
    assert regions.labels == (1, 2)
    torch.testing.assert_close(regions.weights[0, 0], weights[0] + weights[2], atol=1e-6, rtol=0)


def test_eight_bit_rounding_passes_and_more_does_not():
    half = torch.full((1, 2, 4, 4), 0.5)
    assert ClassMap.from_weights([0, 1], half + 4e-5).weights.sum(1).sub(1).abs().max() < 1e-6
    with pytest.raises(MaskError, match=r"sum to one.*miss one by up to 0\.00(2|19)"):
        ClassMap.from_weights([0, 1], half + 1e-3)


def test_float64_and_byte_masks_become_float32():
    assert as_mask(ramp().double()).dtype == torch.float32
    assert torch.equal(as_mask(ramp() > 0.5), (ramp() > 0.5).float()[None, None])


@pytest.mark.parametrize(("labels", "weights"), [(["rose"], ramp()[None, None]), (("rose",), ramp()), ((), [[1.0]])])
def test_a_map_made_by_hand_has_one_weight_map_a_label(labels: object, weights: object):
    with pytest.raises(MaskError, match="holds a tuple of K labels and weights"):
        ClassMap(labels, weights)  # type: ignore[arg-type]


@pytest.mark.parametrize("label", [None, True, 1.0, ["rose"], torch.tensor(1)])
def test_what_can_never_be_a_label_is_refused_at_once(label: object):
    with pytest.raises(LabelError, match="must be a class number, a class name or a Collage"):
        ClassMap().paint(label, ramp())  # type: ignore[arg-type]
