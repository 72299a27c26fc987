"""ComfyUI's drawing nodes as they run here, against a slow and obvious version."""

import pytest
import torch
from neural_collage.engine.errors import InputError
from neural_collage.workflows.canvas import EmptyImage, ImageCompositeMasked


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def laid(destination, source, x, y, mask=None, resize=False):
    before = destination.clone()
    (result,) = ImageCompositeMasked().run(destination, source, x, y, resize, mask)
    assert torch.equal(destination, before)
    return result


def test_a_flat_colour():
    (image,) = EmptyImage().run(3, 2, 2, 0xFF8000)
    assert image.shape == (2, 2, 3, 3)
    assert torch.equal(image, torch.tensor([1.0, 128 / 255, 0.0]).expand(2, 2, 3, 3))


def test_pixel_by_pixel():
    destination, source, mask = noise(1, 6, 7, 3), noise(1, 4, 3, 3, seed=1), noise(1, 4, 3, seed=2)
    result = laid(destination, source, 5, 1, mask)
    for row in range(6):
        for column in range(7):
            expected = destination[0, row, column]
            if 1 <= row < 5 and column >= 5:
                share = mask[0, row - 1, column - 5]
                expected = share * source[0, row - 1, column - 5] + (1 - share) * expected
            torch.testing.assert_close(result[0, row, column], expected)


def test_without_a_mask_the_source_covers():
    destination, source = noise(1, 6, 7, 3), noise(1, 4, 3, 3, seed=1)
    result = laid(destination, source, 2, 1)
    assert torch.equal(result[:, 1:5, 2:5], source)
    assert torch.equal(result[:, 5:], destination[:, 5:])


def test_beyond_the_border_nothing_is_laid():
    destination = noise(1, 4, 4, 3)
    assert torch.equal(laid(destination, noise(1, 2, 2, 3), 4, 4), destination)


def test_a_source_and_a_mask_of_other_sizes_are_stretched():
    destination = torch.zeros(1, 8, 8, 3)
    result = laid(destination, torch.ones(1, 2, 2, 3), 0, 0, torch.ones(4, 4), resize=True)
    assert torch.equal(result, torch.ones(1, 8, 8, 3))
    half = laid(destination, torch.ones(1, 8, 8, 3), 0, 0, torch.tensor([[1.0, 0.0]]).expand(2, 2))
    assert half[0, 0, :, 0].tolist() == [1, 1, 0.875, 0.625, 0.375, 0.125, 0, 0]


def test_batches_go_round_and_alpha_is_dropped():
    destination, source = torch.zeros(3, 2, 2, 3), torch.stack([torch.full((2, 2, 4), level) for level in (0.25, 0.5)])
    assert laid(destination, source, 0, 0)[:, 0, 0, 0].tolist() == [0.25, 0.5, 0.25]


def test_too_few_channels_are_refused():
    with pytest.raises(InputError, match="destination's 4 channels; got 3"):
        laid(torch.zeros(1, 2, 2, 4), torch.zeros(1, 2, 2, 3), 0, 0)
