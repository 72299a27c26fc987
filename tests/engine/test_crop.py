import numpy as np
import pytest
import torch
from neural_collage.engine.crop import Crop, resize_picture
from neural_collage.engine.errors import InputError, MaskError


def picture(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def box(height: int, width: int, rows: tuple[int, int], columns: tuple[int, int]) -> torch.Tensor:
    mask = torch.zeros(height, width)
    mask[slice(*rows), slice(*columns)] = 1
    return mask


@pytest.mark.parametrize(
    ("mask", "padding", "expected"),
    [
        (box(50, 80, (20, 30), (40, 50)), 0.0, Crop(50, 80, 20, 40, 10)),
        (box(50, 80, (20, 30), (40, 50)), 0.5, Crop(50, 80, 15, 35, 20)),
        (box(50, 80, (20, 24), (40, 50)), 0.0, Crop(50, 80, 17, 40, 10)),  # grown to a square about its centre
        (box(50, 80, (0, 10), (70, 80)), 0.5, Crop(50, 80, 0, 60, 20)),  # moved into the photo
        (box(50, 80, (45, 50), (0, 5)), 0.0, Crop(50, 80, 45, 0, 5)),
        (box(50, 80, (10, 50), (20, 60)), 1.0, Crop(50, 80, 0, 15, 50)),  # room gives way to the photo's edge
        (box(50, 80, (10, 40), (0, 80)), 0.25, Crop(50, 80, -15, 0, 80)),  # longer than the photo's shorter side
        (box(50, 80, (0, 50), (0, 80)), 0.25, Crop(50, 80, -15, 0, 80)),
        (box(50, 80, (0, 0), (0, 0)), 0.25, Crop(50, 80, 0, 15, 50)),  # nothing masked
        (box(80, 50, (0, 0), (0, 0)), 0.25, Crop(80, 50, 15, 0, 50)),
        (box(50, 80, (7, 8), (9, 10)), 0.0, Crop(50, 80, 7, 9, 1)),
        (box(50, 80, (20, 30), (40, 50)) * 0.01, 0.0, Crop(50, 80, 20, 40, 10)),  # faint is masked as well
    ],
)
def test_around(mask: torch.Tensor, padding: float, expected: Crop) -> None:
    assert Crop.around(mask, padding) == expected


def test_around_holds_the_mask_whatever_it_is() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        height, width = (int(n) for n in random.integers(1, 40, 2))
        top, left = int(random.integers(height)), int(random.integers(width))
        bottom, right = int(random.integers(top, height)) + 1, int(random.integers(left, width)) + 1
        crop = Crop.around(box(height, width, (top, bottom), (left, right)), float(random.random()))
        assert crop.top <= top
        assert crop.left <= left
        assert crop.top + crop.side >= bottom
        assert crop.left + crop.side >= right
        if max(bottom - top, right - left) <= min(height, width):  # then it also lies inside the photo
            assert min(crop.top, crop.left) >= 0
            assert crop.top + crop.side <= height
            assert crop.left + crop.side <= width


def test_a_batch_of_masks_shares_one_crop() -> None:
    masks = torch.stack([box(50, 80, (5, 10), (5, 10)), box(50, 80, (25, 30), (35, 40))])[:, None]
    assert Crop.around(masks, 0.0) == Crop.around(masks.amax(0), 0.0) == Crop(50, 80, 0, 5, 35)


CROPS = [
    Crop(30, 44, 3, 5, 16),
    Crop(30, 44, 0, 0, 16),
    Crop(30, 44, 14, 28, 16),  # the far corner
    Crop(30, 44, 0, 7, 30),
    Crop(30, 44, -7, 0, 44),  # beyond the photo above and below
    Crop(30, 44, -3, -4, 60),  # all of the photo
    Crop(30, 44, 29, 43, 1),
]


@pytest.mark.parametrize("crop", CROPS)
def test_a_square_at_its_own_size_goes_back_unchanged(crop: Crop) -> None:
    photo = picture(2, 3, 30, 44)
    square = crop.cut(photo, crop.side)
    assert square.shape == (2, 3, crop.side, crop.side)
    assert torch.equal(crop.place(square, photo), photo)
    assert torch.equal(crop.cut(crop.place(square * 0.5, photo), crop.side), square * 0.5)


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("size", [1, 8, 64])
def test_around_the_square_the_photo_stays(crop: Crop, size: int) -> None:
    photo = picture(1, 3, 30, 44)
    inside = torch.zeros(30, 44, dtype=torch.bool)
    inside[max(0, crop.top) : crop.top + crop.side, max(0, crop.left) : crop.left + crop.side] = True
    placed = crop.place(torch.full((1, 3, size, size), 2.0), photo)
    assert torch.equal(placed[..., ~inside], photo[..., ~inside])
    torch.testing.assert_close(placed[..., inside], torch.full_like(placed[..., inside], 2.0))
    torch.testing.assert_close(crop.place_mask(torch.ones(size, size))[0, 0], inside.float())
    assert torch.equal(crop.place_mask(torch.ones(size, size))[0, 0] > 0, inside)


@pytest.mark.parametrize("crop", CROPS)
def test_surround_continues_the_border_of_the_square(crop: Crop) -> None:
    square = picture(1, 3, crop.side, crop.side)
    surrounded = crop.surround(square, picture(1, 3, 30, 44))
    for y, x in [(0, 0), (29, 43), (15, 20), (0, 43), (29, 0), (12, 3)]:
        nearest = square[..., np.clip(y - crop.top, 0, crop.side - 1), np.clip(x - crop.left, 0, crop.side - 1)]
        assert torch.equal(surrounded[..., y, x], nearest)


def test_a_square_beyond_the_photo_continues_its_border() -> None:
    photo = picture(1, 3, 30, 44)
    square = Crop(30, 44, -7, 0, 44).cut(photo, 44)
    expected = np.pad(photo.numpy(), ((0, 0), (0, 0), (7, 7), (0, 0)), mode="edge")
    assert np.array_equal(square.numpy(), expected)


def test_cutting_smaller_takes_area_averages() -> None:
    photo = picture(1, 2, 30, 44).double()
    square = Crop(30, 44, 3, 5, 24).cut(photo, 8)
    exact = photo[..., 3:27, 5:29].unflatten(2, (8, 3)).unflatten(4, (8, 3)).mean((3, 5))
    torch.testing.assert_close(square, exact, atol=1e-12, rtol=0)
    odd = Crop(30, 44, 3, 5, 24).cut(photo, 7)  # no whole ratio: the mean is still kept
    torch.testing.assert_close(odd.mean((2, 3)), photo[..., 3:27, 5:29].mean((2, 3)), atol=1e-12, rtol=0)


def test_growing_keeps_smooth_pictures_and_the_grid() -> None:
    x = (torch.arange(16) + 0.5) / 16
    wave = torch.sin(3 * x[:, None] + 2 * x).expand(1, 1, 16, 16)
    fine = (torch.arange(64) + 0.5) / 64
    grown = resize_picture(wave, (64, 64))
    expected = torch.sin(3 * fine[:, None] + 2 * fine)
    torch.testing.assert_close(grown[0, 0, 8:-8, 8:-8], expected[8:-8, 8:-8], atol=1e-3, rtol=0)
    torch.testing.assert_close(
        resize_picture(grown, (16, 16))[..., 2:-2, 2:-2], wave[..., 2:-2, 2:-2], atol=2e-3, rtol=0
    )


def test_one_axis_may_grow_while_the_other_shrinks() -> None:
    ramp = torch.linspace(0, 1, 12).expand(1, 1, 9, 12)
    resized = resize_picture(ramp, (18, 6))
    expected = ramp[..., :1, :].unflatten(3, (6, 2)).mean(4).expand(1, 1, 18, 6)
    torch.testing.assert_close(resized, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [3, 16, 50])
def test_masks_stay_masks_at_every_size(size: int) -> None:
    crop = Crop(30, 44, 3, 5, 16)
    mask = (picture(2, 30, 44) > 0.5).float()
    cut = crop.cut_mask(mask, size)
    assert cut.shape == (2, 1, size, size)
    assert cut.min() >= 0
    assert cut.max() <= 1
    placed = crop.place_mask(cut)
    assert placed.shape == (2, 1, 30, 44)
    assert placed.min() >= 0
    assert placed.max() <= 1
    if size == 16:
        inside = (..., slice(3, 19), slice(5, 21))
        assert torch.equal(placed[inside], mask[:, None][inside])


def test_batches_of_one_are_repeated() -> None:
    crop, photos, squares = CROPS[0], picture(3, 3, 30, 44), picture(1, 3, 8, 8)
    placed = crop.place(squares, photos)
    assert torch.equal(placed[2:], crop.place(squares, photos[2:]))
    assert len(crop.place(picture(3, 3, 8, 8), photos[:1])) == 3


def test_types_survive_and_inputs_are_never_written_to() -> None:
    crop = CROPS[0]
    with torch.inference_mode():
        photo = picture(1, 3, 30, 44).half()
        before = photo.clone()
        placed = crop.place(crop.cut(photo, 8) * 0, photo)
    assert placed.dtype == torch.float16
    assert torch.equal(photo, before)
    assert not torch.equal(placed, photo)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: Crop(30, 44, 0, 0, 0), InputError, "side must be a whole number of at least 1; got 0"),
        (lambda: Crop(30, 44, 30, 0, 8), InputError, "top must be a whole number from -7 to 29; got 30"),
        (lambda: Crop(30, 44, 0, -8, 8), InputError, "left must be"),
        (lambda: Crop(30, 44, 0, 1.5, 8), InputError, "left must be a whole number"),  # type: ignore[arg-type]
        (lambda: Crop.around(torch.zeros(30, 44), -0.1), InputError, "Padding must be a number of at least 0"),
        (lambda: Crop.around(torch.zeros(30, 44), float("nan")), InputError, "Padding must be"),
        (lambda: Crop.around(torch.zeros(1, 3, 30, 44)), MaskError, "mask must have shape"),
        (lambda: Crop.around(torch.full((30, 44), 2.0)), MaskError, "from 0 .* to 1"),
        (
            lambda: Crop.around(torch.zeros(64, 48), 0.25, (30, 44)),
            MaskError,
            r"as large as the photo, 30 x 44 .* got 64 x 48",
        ),
        (
            lambda: CROPS[0].cut(picture(1, 3, 44, 30), 8),
            InputError,
            r"of 30 x 44 .* photo is 44 x 30",
        ),
        (lambda: CROPS[0].cut(picture(3, 30, 44), 8), InputError, "photo must have shape"),
        (lambda: CROPS[0].cut(picture(1, 3, 30, 44), 0), InputError, "size of a cut must be"),
        (lambda: CROPS[0].cut_mask(picture(30, 45), 8), InputError, "the mask is 30 x 45"),
        (lambda: CROPS[0].place(picture(1, 3, 8, 9), picture(1, 3, 30, 44)), InputError, r"\(N, 3, S, S\)"),
        (lambda: CROPS[0].place(picture(1, 1, 8, 8), picture(1, 3, 30, 44)), InputError, "photo's channels"),
        (lambda: CROPS[0].place(picture(1, 3, 8, 8), picture(1, 3, 31, 44)), InputError, "the photo is 31 x 44"),
        (lambda: CROPS[0].place(picture(2, 3, 8, 8), picture(3, 3, 30, 44)), InputError, "square 2, photo 3"),
        (lambda: CROPS[0].place_mask(picture(30, 44)), MaskError, "must be square; got 30 x 44"),
    ],
)
def test_bad_input_is_refused(call, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()
