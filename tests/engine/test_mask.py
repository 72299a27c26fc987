import time

import cv2
import numpy as np
import pytest
import torch
from neural_collage.engine import InputError, MaskError, shape_mask


def _dot(size: int = 41) -> torch.Tensor:
    mask = torch.zeros(size, size)
    mask[size // 2, size // 2] = 1
    return mask


def _distance(size: int = 41) -> torch.Tensor:
    steps = torch.arange(size) - size // 2
    return (steps[:, None] ** 2 + steps**2).sqrt()


def test_without_growth_or_feather_the_values_are_untouched():
    mask = torch.rand(2, 5, 7)
    assert torch.equal(shape_mask(mask), mask[:, None])


@pytest.mark.parametrize("radius", [1, 2, 5, 8])
def test_a_pixel_grows_to_all_pixels_within_the_distance(radius):
    assert torch.equal(shape_mask(_dot(), radius)[0, 0], (_distance() <= radius).float())


def test_a_large_growth_made_of_small_discs_is_a_disc_to_a_pixel():
    grown = shape_mask(_dot(), 19)[0, 0].bool()
    assert grown[_distance() <= 18].all()
    assert not grown[_distance() > 19].any()


def test_shrinking_undoes_growing_and_the_border_is_no_edge():
    mask = torch.zeros(32, 32)
    mask[8:20, 0:12] = 1  # touches the left border
    assert torch.equal(shape_mask(shape_mask(mask, 4), -4)[0, 0], mask)
    assert shape_mask(mask, -4)[0, 0, 12, 0] == 1
    assert shape_mask(mask, -4)[0, 0, 12, 11] == 0


def test_soft_masks_grow_as_they_are():
    grown = shape_mask(_dot() * 0.25, 3)
    assert set(grown.unique().tolist()) == {0.0, 0.25}


def test_feather_is_a_gaussian_of_that_deviation():
    row = shape_mask(_dot(), feather=2.0)[0, 0]
    expected = torch.exp(-(_distance() ** 2) / (2 * 2.0**2))
    assert torch.allclose(row, expected / expected.sum(), atol=1e-5)


@pytest.mark.parametrize("feather", [20.0, 33.3, 64.0, 150.0])
@pytest.mark.parametrize("size", [(7, 5), (64, 301), (333, 190)])
def test_wide_feathers_are_the_same_gaussian(size, feather):
    """Against the plain blur; one pixel at the border counts as all that lies beyond it."""
    mask = np.zeros(size, np.float32)
    mask[: size[0] // 2, : size[1] // 3] = 1
    mask[-1, -1] = 1
    expected = cv2.GaussianBlur(mask, (0, 0), feather, borderType=cv2.BORDER_REPLICATE)
    found = shape_mask(torch.from_numpy(mask), feather=feather)[0, 0].numpy()
    assert np.abs(found - expected).max() < 1e-3


def test_nothing_is_feathered_where_the_mask_is_far():
    mask = torch.zeros(40, 600)
    mask[:, :10] = 1
    assert torch.equal(shape_mask(mask, feather=40.0)[0, 0, :, 250:], torch.zeros(40, 350))


def test_the_widest_feather_of_a_large_mask_takes_no_minutes():
    mask = torch.zeros(2048, 2048)
    mask[512:1024, 512:1024] = 1
    start = time.process_time()
    shape_mask(mask, feather=1024.0)
    assert time.process_time() - start < 10


def test_feather_leaves_empty_and_full_masks_as_they_are():
    assert torch.equal(shape_mask(torch.zeros(9, 9), 3, 4.0), torch.zeros(1, 1, 9, 9))
    assert torch.allclose(shape_mask(torch.ones(9, 9), -3, 4.0), torch.ones(1, 1, 9, 9), atol=1e-6)


def test_each_mask_of_a_batch_is_shaped_alone_and_the_input_is_not_written_to():
    masks = torch.stack([torch.zeros(16, 16), torch.ones(16, 16)])
    before = masks.clone()
    shaped = shape_mask(masks, 5, 2.0)
    assert shaped[0].max() == 0
    assert torch.equal(masks, before)


@pytest.mark.parametrize(
    ("grow", "feather", "error", "told"),
    [
        (1.5, 0.0, InputError, "Grow"),
        (True, 0.0, InputError, "Grow"),
        (10**6, 0.0, InputError, "Grow"),
        (0, -1.0, InputError, "Feather"),
        (0, float("nan"), InputError, "Feather"),
    ],
)
def test_bad_numbers_are_refused(grow, feather, error, told):
    with pytest.raises(error, match=told):
        shape_mask(torch.zeros(4, 4), grow, feather)


def test_a_mask_of_another_range_is_refused():
    with pytest.raises(MaskError, match="from 0"):
        shape_mask(torch.full((4, 4), 255.0), 1)
