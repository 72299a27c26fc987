import numpy as np
import pytest
import torch
from neural_collage.engine import Gan, InputError, MaskError, NeuralCollageError
from neural_collage.nodes.sockets import (
    expect,
    image_from_engine,
    image_from_picture,
    image_to_engine,
    image_to_picture,
    mask_from_engine,
    mask_to_engine,
    thumbnail,
)

NAN = float("nan")


def test_an_image_becomes_channels_first_in_minus_one_to_one():
    image = torch.rand(2, 4, 6, 3)
    converted = image_to_engine(image)
    assert converted.shape == (2, 3, 4, 6)
    assert torch.equal(converted[1, 2, 3, 5], image[1, 3, 5, 2] * 2 - 1)


def test_a_picture_goes_there_and_back_without_losing_a_bit():
    image = torch.rand(2, 4, 6, 3) * 1.2 - 0.1  # overshoot of a resampling is kept
    assert torch.equal(image_from_picture(image_to_picture(image)), image)


def test_values_beyond_0_to_1_are_cut_for_a_model():
    image = torch.tensor([-0.1, 0.5, 1.1]).expand(1, 2, 2, 3)
    assert image_to_engine(image)[0, :, 0, 0].tolist() == [-1.0, 0.0, 1.0]
    assert image_from_engine(torch.tensor([-1.5, 0.0, 1.5]).view(1, 3, 1, 1)).flatten().tolist() == [0.0, 0.5, 1.0]


def test_grey_becomes_three_channels_alpha_is_dropped_and_a_single_image_is_a_batch():
    grey, clear = torch.rand(1, 4, 4, 1), torch.rand(1, 4, 4, 4)
    assert torch.equal(image_to_picture(grey), grey.movedim(-1, 1).expand(-1, 3, -1, -1))
    assert torch.equal(image_to_picture(clear), clear[..., :3].movedim(-1, 1))
    assert image_to_picture(torch.rand(4, 6, 3)).shape == (1, 3, 4, 6)


def test_half_precision_comes_in_and_everything_leaves_as_contiguous_float32_on_the_cpu():
    leaving = [
        image_from_engine(image_to_engine(torch.rand(1, 4, 6, 3, dtype=torch.float16))),
        image_from_picture(torch.rand(1, 3, 4, 6, dtype=torch.float64)),
        mask_from_engine(mask_to_engine(torch.rand(4, 6, dtype=torch.float16))),
    ]
    for tensor in leaving:
        assert tensor.dtype == torch.float32
        assert tensor.is_contiguous()
        assert tensor.device.type == "cpu"
    assert [tuple(tensor.shape) for tensor in leaving] == [(1, 4, 6, 3), (1, 4, 6, 3), (1, 4, 6)]


@pytest.mark.parametrize("shape", [(4, 6), (1, 4, 6), (3, 4, 6), (3, 1, 4, 6)])
def test_a_mask_comes_in_every_shape_that_packs_hand_out(shape):
    mask = torch.rand(shape)
    assert torch.equal(mask_to_engine(mask), mask.reshape(-1, 1, 4, 6))


def test_rounding_beyond_0_to_1_is_cut_from_a_mask():
    assert mask_to_engine(torch.tensor([[-1e-6, 1 + 1e-6]])).flatten().tolist() == [0.0, 1.0]


def test_load_images_empty_mask_fits_every_picture():
    assert torch.equal(mask_to_engine(torch.zeros(1, 64, 64), size=(30, 50)), torch.zeros(1, 1, 30, 50))
    assert mask_to_engine(torch.zeros(1, 64, 64)).shape == (1, 1, 64, 64)
    painted = torch.zeros(1, 64, 64)
    painted[0, 3, 3] = 1
    assert mask_to_engine(painted, size=(30, 50)).shape == (1, 1, 64, 64)  # somebody's mask: left for its user to judge


def test_what_came_in_is_not_written_to():
    image, mask = torch.full((1, 2, 2, 3), 1.2), torch.full((2, 2), 1.0005)
    image_to_engine(image)
    mask_to_engine(mask)
    assert image.min() > 1.19
    assert mask.min() > 1.0


def test_a_thumbnail_shows_the_first_picture():
    images = torch.stack([torch.full((3, 2, 4), 0.0), torch.ones(3, 2, 4)])
    shown = thumbnail(images)
    assert shown.size == (4, 2)
    assert np.array(shown)[0, 0].tolist() == [128, 128, 128]


BAD_IMAGES = {
    "nothing": (None, "got NoneType"),
    "list": ([[0.0]], "got list"),
    "array": (np.zeros((1, 4, 4, 3), np.float32), "got ndarray"),
    "bytes": (torch.zeros(1, 4, 4, 3, dtype=torch.uint8), "uint8"),
    "channels first": (torch.zeros(1, 3, 8, 8), r"\(1, 3, 8, 8\)"),
    "two channels": (torch.zeros(1, 4, 4, 2), "channels"),
    "five dimensions": (torch.zeros(1, 1, 4, 4, 3), "shape"),
    "a mask": (torch.zeros(4, 4), "shape"),
    "no pixels": (torch.zeros(1, 0, 4, 3), "none of them 0"),
    "no pictures": (torch.zeros(0, 4, 4, 3), "none of them 0"),
    "nan": (torch.full((1, 4, 4, 3), NAN), "NaN"),
    "one infinity": (torch.tensor([0.0, 0.0, torch.inf]).expand(1, 4, 4, 3), "infinity"),
    "8-bit range": (torch.full((1, 4, 4, 3), 255.0), "Divide 8-bit values by 255"),
    "engine range": (torch.full((1, 4, 4, 3), -1.0), "between 0 and 1"),
}
BAD_MASKS = {
    "nothing": (None, "got NoneType"),
    "number": (1.0, "got float"),
    "whole numbers": (torch.zeros(4, 4, dtype=torch.int64), "int64"),
    "booleans": (torch.zeros(4, 4, dtype=torch.bool), "bool"),
    "an image": (torch.zeros(1, 4, 4, 3), "shape"),
    "one row": (torch.zeros(4), "shape"),
    "no pixels": (torch.zeros(1, 4, 0), "none of them 0"),
    "nan": (torch.full((4, 4), NAN), "from 0 to 1"),
    "infinity": (torch.full((4, 4), torch.inf), "from 0 to 1"),
    "8-bit range": (torch.full((4, 4), 255.0), "from 255 to 255"),
    "negative": (torch.full((4, 4), -0.5), "-0.5"),
}


@pytest.mark.parametrize("convert", [image_to_engine, image_to_picture])
@pytest.mark.parametrize(("image", "told"), BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_bad_images_are_refused_by_name(convert, image, told):
    with pytest.raises(InputError, match=told) as caught:
        convert(image, "photo")
    assert str(caught.value).startswith("The photo must")


@pytest.mark.parametrize(("mask", "told"), BAD_MASKS.values(), ids=BAD_MASKS)
def test_bad_masks_are_refused_by_name(mask, told):
    with pytest.raises(MaskError, match=told) as caught:
        mask_to_engine(mask, "blend mask")
    assert str(caught.value).startswith("The blend mask must")


@pytest.mark.parametrize("value", [None, "gan", torch.zeros(1), {"samples": 1}])
def test_another_packs_value_at_our_socket_is_refused(value):
    with pytest.raises(NeuralCollageError, match="must be a Gan of Neural Collage"):
        expect(value, Gan, "gan")
