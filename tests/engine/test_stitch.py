import pytest
import torch
from neural_collage.engine.crop import Crop
from neural_collage.engine.errors import InputError, MaskError
from neural_collage.engine.poisson import poisson_blend
from neural_collage.engine.stitch import STITCH_MODES, Blend, stitch

CROP = Crop(40, 53, 6, 9, 24)
BEYOND = Crop(40, 53, -6, 0, 53)  # the photo is too low for it


def picture(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def disc(size: int, radius: float = 0.35) -> torch.Tensor:
    x = (torch.arange(size) + 0.5) / size - 0.5
    return (x[:, None] ** 2 + x**2 < radius**2).float()


def threshold(mode: str) -> float:
    return 0.0 if mode in ("paste", "transfer") else 0.5


@pytest.mark.parametrize("mode", STITCH_MODES)
@pytest.mark.parametrize("crop", [None, CROP, BEYOND, Crop(40, 53, 16, 29, 24), Crop(40, 53, 0, 0, 24)])
@pytest.mark.parametrize("size", [12, 24, 60])
def test_outside_the_mask_the_photo_is_identical_to_the_last_bit(mode: str, crop: Crop | None, size: int) -> None:
    photo = picture(2, 3, 40, 53) * 3 - 1  # beyond the limits, too
    shape = (size, size) if crop else (40, 53)
    edited, unedited = picture(2, 3, *shape, seed=1), picture(2, 3, *shape, seed=2)
    for mask in (
        torch.ones(shape),
        torch.zeros(shape),
        picture(*shape, seed=3),
        (picture(*shape, seed=3) > 0.8).float(),
    ):
        before = photo.clone()
        stitched = stitch(photo, edited, mask, Blend(mode, feather=1.5), crop, unedited)
        on_photo = crop.place_mask(mask) if crop else mask[None, None]
        outside = (on_photo <= threshold(mode)).expand_as(photo)
        assert torch.equal(stitched[outside], photo[outside])
        assert torch.equal(photo, before)
        if mask.any():
            assert not torch.equal(stitched, photo)


@pytest.mark.parametrize("mode", STITCH_MODES)
def test_changed_pixels_stay_within_the_limits(mode: str) -> None:
    photo, edited = picture(1, 3, 40, 53), picture(1, 3, 24, 24, seed=1) * 4 - 1.5
    stitched = stitch(photo, edited, disc(24), Blend(mode), CROP, edited.flip(3))
    assert stitched.min() >= 0
    assert stitched.max() <= 1
    free = stitch(photo, edited, disc(24), Blend(mode, limits=None), CROP, edited.flip(3))
    assert free.max() > 1
    assert torch.equal(free.clamp(0, 1), stitched)


def test_paste_is_a_weighted_mean() -> None:
    photo, edited, mask = picture(1, 3, 40, 53), picture(1, 3, 24, 24, seed=1), picture(24, 24, seed=2)
    stitched = stitch(photo, edited, mask, Blend("paste"), CROP)
    square = CROP.cut(photo, 24)
    expected = CROP.place(square * (1 - mask) + edited * mask, photo)
    torch.testing.assert_close(stitched, expected, atol=1e-6, rtol=0)
    assert torch.equal(stitch(photo, edited, torch.ones(24, 24), Blend("paste"), CROP), CROP.place(edited, photo))


def test_feather_fades_in_from_the_edge_of_the_mask_but_not_of_the_photo() -> None:
    photo, edited = torch.zeros(1, 1, 8, 10), torch.ones(1, 1, 8, 10)
    mask = torch.zeros(8, 10)
    mask[:, :6] = 1  # touches three borders of the photo
    row = stitch(photo, edited, mask, Blend("paste", feather=3))[0, 0]
    expected = torch.tensor([1, 1, 1, 0.75, 0.5, 0.25, 0, 0, 0, 0])
    torch.testing.assert_close(row, expected.expand(8, 10))
    assert torch.equal(stitch(photo, edited, torch.ones(8, 10), Blend("paste", feather=3)), edited)


@pytest.mark.parametrize("crop", [CROP, BEYOND, None])
def test_transfer_of_no_edit_is_the_photo(crop: Crop | None) -> None:
    photo, drawn = picture(2, 3, 40, 53) * 2 - 0.5, picture(1, 3, *((16, 16) if crop else (40, 53)), seed=1)
    mask = torch.ones(drawn.shape[-2:])
    assert torch.equal(stitch(photo, drawn, mask, Blend("transfer"), crop, drawn), photo)


def test_transfer_adds_what_the_edit_changed() -> None:
    photo, drawn = picture(1, 3, 40, 53) * 0.5, picture(1, 3, 12, 12, seed=1)
    edited = drawn.clone()
    edited[:, 0] += 0.25
    stitched = stitch(photo, edited, torch.full((12, 12), 0.5), Blend("transfer"), CROP, drawn)
    expected = photo.clone()
    expected[:, 0, 6:30, 9:33] += 0.125
    torch.testing.assert_close(stitched, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("mode", ["normal", "mixed", "monochrome"])
def test_poisson_modes_blend_in_the_photo(mode: str) -> None:
    photo, edited = picture(1, 3, 40, 53), picture(1, 3, 40, 53, seed=1)
    mask = torch.zeros(40, 53)
    mask[10:30, 12:40] = 1
    assert torch.equal(stitch(photo, edited, mask, Blend(mode, limits=None)), poisson_blend(photo, edited, mask, mode))


def test_a_mask_that_fills_the_crop_leaves_no_seam_at_its_edge() -> None:
    ramp = torch.linspace(0.2, 0.8, 53).expand(1, 1, 40, 53)
    stitched = stitch(ramp, torch.full((1, 1, 24, 24), 0.9), torch.ones(24, 24), Blend(), CROP)
    smooth = stitch(ramp, torch.full((1, 1, 40, 53), 0.9), CROP.place_mask(torch.ones(24, 24)), Blend())
    torch.testing.assert_close(stitched, smooth, atol=1e-4, rtol=0)  # a flat source has no gradient anywhere
    torch.testing.assert_close(stitched, ramp, atol=1e-3, rtol=0)  # and a ramp is what harmonically fills a ramp


def test_smaller_pictures_of_the_same_aspect_are_resized_without_a_crop() -> None:
    photo = picture(1, 3, 64, 96)
    small = picture(1, 3, 32, 48, seed=1)
    stitched = stitch(photo, small, torch.ones(16, 24), Blend("paste", limits=None))
    torch.testing.assert_close(stitched.mean((2, 3)), small.mean((2, 3)), atol=5e-3, rtol=0)


@pytest.mark.parametrize("mode", STITCH_MODES)
def test_items_of_a_batch_are_stitched_alone(mode: str) -> None:
    photo, edited, unedited = picture(1, 3, 40, 53), picture(3, 3, 16, 16, seed=1), picture(1, 3, 16, 16, seed=2)
    masks = torch.stack([disc(20, 0.2), disc(20, 0.3), disc(20, 0.4)])
    with torch.inference_mode():
        stitched = stitch(photo, edited, masks, Blend(mode), CROP, unedited)
    for i in range(3):
        alone = stitch(photo, edited[i, None], masks[i], Blend(mode), CROP, unedited)
        torch.testing.assert_close(stitched[i, None], alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("mode", STITCH_MODES)
def test_the_type_of_the_photo_is_kept(mode: str) -> None:
    photo, edited = picture(1, 3, 40, 53).half(), picture(1, 3, 16, 16, seed=1).double()
    stitched = stitch(photo, edited, disc(16), Blend(mode), CROP, edited * 0.5)
    assert stitched.dtype == torch.float16


GOOD = {"photo": torch.zeros(1, 3, 40, 53), "edited": torch.zeros(1, 3, 8, 8), "mask": torch.ones(8, 8), "crop": CROP}


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"blend": Blend("transfer")}, InputError, "needs the unedited picture as well"),
        (
            {"blend": Blend("transfer"), "unedited": torch.zeros(1, 3, 9, 9)},
            InputError,
            r"got \(3, 9, 9\)",
        ),
        ({"photo": torch.zeros(1, 3, 41, 53)}, InputError, "the photo is 41 x 53"),
        ({"photo": torch.zeros(1, 4, 40, 53)}, InputError, "photo's channels, 4; got 3"),
        ({"edited": torch.zeros(1, 3, 8, 9)}, InputError, r"\(N, 3, S, S\)"),
        ({"edited": torch.full((1, 3, 8, 8), torch.nan)}, InputError, "edited picture must be finite"),
        ({"mask": torch.ones(40, 53)}, MaskError, "must be square; got 40 x 53"),
        ({"mask": torch.ones(8, 8) * 255}, MaskError, "Divide an 8-bit mask by 255"),
        ({"crop": None}, InputError, r"photo's aspect, 40 x 53 \(height x width\); got 8 x 8"),
        ({"crop": None, "edited": torch.zeros(1, 3, 40, 53)}, MaskError, "The mask must have the photo's aspect"),
        ({"photo": torch.zeros(2, 3, 40, 53), "edited": torch.zeros(3, 3, 8, 8)}, InputError, "photo 2, edited 3"),
    ],
)
def test_bad_input_is_refused(change: dict, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        stitch(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "poisson"}, "one of normal, mixed, monochrome, paste, transfer; got 'poisson'"),
        ({"feather": -1.0}, "Feather"),
        ({"feather": float("nan")}, "Feather"),
        ({"limits": (1.0, 0.0)}, "low below high"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Blend(**options)
