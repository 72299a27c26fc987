import itertools

import numpy as np
import oracles
import pytest
import torch
from neural_collage.engine.errors import InputError
from neural_collage.engine.style import Style, over, resize, spread

SIZES = [1, 2, 3, 4, 5, 7, 8, 16, 23, 32, 64, 100, 257]


def weights_summing_to_one(n: int, k: int, h: int, w: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, k, h, w, generator=generator).softmax(1)


def test_spread_is_the_sum_pixel_by_pixel():
    values, weights = torch.randn(2, 3, 4), weights_summing_to_one(2, 3, 5, 6)
    expected = oracles.spread(values.double().numpy(), weights.double().numpy())
    np.testing.assert_allclose(spread(values, weights).numpy(), expected, atol=1e-6)


def test_one_value_comes_back_as_it_is():
    values = torch.randn(2, 1, 4)
    assert torch.equal(
        spread(values, torch.ones(2, 1, 5, 6)), values[:, 0, :, None, None]
    )  # (N, C, 1, 1), whatever size


def test_the_layout_in_memory_is_as_asked_and_changes_no_number():
    values, weights = torch.randn(2, 3, 4), torch.rand(2, 3, 5, 6)
    innermost = spread(values, weights, torch.channels_last)
    assert innermost.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(innermost, spread(values, weights))


def test_spread_stays_in_float32_under_autocast():
    values, weights = torch.randn(1, 3, 4), weights_summing_to_one(1, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = spread(values, weights)
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, spread(values, weights))


def test_spread_keeps_double_precision():
    values, weights = torch.randn(1, 3, 4, dtype=torch.float64), weights_summing_to_one(1, 3, 4, 4).double()
    expected = oracles.spread(values.numpy(), weights.numpy())
    np.testing.assert_allclose(spread(values, weights).numpy(), expected, atol=1e-14)


def test_over_is_a_paint_program():
    coats = [(label, torch.rand(4, 5, dtype=torch.float64)) for label in range(3)]
    weights = torch.ones(1, 1, 4, 5, dtype=torch.float64)
    for _, coat in coats:
        weights = over(weights, coat[None, None])
    shares = oracles.paint([(label, coat.numpy()) for label, coat in coats], (4, 5))
    expected = np.stack([shares[label] for label in (-1, 0, 1, 2)])
    np.testing.assert_allclose(weights[0].numpy(), expected, atol=1e-12)


def test_over_full_coverage_leaves_nothing_and_none_leaves_all():
    below = weights_summing_to_one(1, 2, 3, 3)
    assert torch.equal(over(below, torch.ones(1, 1, 3, 3))[:, :2], torch.zeros(1, 2, 3, 3))
    assert torch.equal(over(below, torch.zeros(1, 1, 3, 3))[:, :2], below)


@pytest.mark.parametrize("new", SIZES)
@pytest.mark.parametrize("old", SIZES)
def test_weights_sum_to_one_at_every_size_and_ratio(old: int, new: int):
    resized = resize(weights_summing_to_one(1, 3, old, 9, seed=old), (new, 5))
    assert resized.shape == (1, 3, new, 5)
    assert (resized.sum(1) - 1).abs().max() < 1e-5
    assert resized.min() >= 0


@pytest.mark.parametrize(("old", "new"), [*itertools.product([(6, 9), (16, 16), (5, 7)], [(3, 4), (4, 4), (1, 1)])])
def test_shrinking_is_the_exact_box_average(old: tuple[int, int], new: tuple[int, int]):
    image = torch.rand(1, 1, *old, dtype=torch.float64)
    expected = oracles.resize(image[0, 0].numpy(), new)
    np.testing.assert_allclose(resize(image, new)[0, 0].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize(("old", "new"), [((3, 4), (6, 9)), ((4, 4), (64, 5)), ((1, 2), (7, 7)), ((8, 3), (3, 8))])
def test_growing_is_bilinear_from_pixel_centres(old: tuple[int, int], new: tuple[int, int]):
    image = torch.rand(1, 1, *old, dtype=torch.float64)
    expected = oracles.resize(image[0, 0].numpy(), new)
    np.testing.assert_allclose(resize(image, new)[0, 0].numpy(), expected, atol=1e-12)


def test_growing_agrees_with_torch():
    image = torch.rand(2, 3, 5, 7)
    expected = torch.nn.functional.interpolate(image, (13, 20), mode="bilinear", align_corners=False)
    torch.testing.assert_close(resize(image, (13, 20)), expected, atol=1e-6, rtol=0)


def test_a_size_that_fits_changes_nothing():
    image = torch.rand(1, 1, 4, 4)
    assert resize(image, (4, 4)) is image


def test_a_size_of_nothing_is_refused():
    with pytest.raises(InputError, match=r"at least one pixel.*\(0, 4\)"):
        resize(torch.rand(1, 1, 4, 4), (0, 4))


def test_uniform_style_holds_everywhere():
    style = Style.uniform(torch.tensor([2, 0]))
    assert style.vectors.tolist() == [[2], [0]]
    assert style.weights.shape == (2, 1, 1, 1)


def test_spread_lies_in_memory_as_asked():
    for count in (1, 2):
        values, weights = torch.randn(count, 3, 5), torch.rand(count, 3, 4, 6)
        found = spread(values, weights, torch.channels_last)
        assert found.is_contiguous(memory_format=torch.channels_last)
        assert torch.allclose(found, spread(values, weights), atol=1e-6)
