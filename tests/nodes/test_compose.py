import inspect

import pytest
import torch
from neural_collage import engine as nc
from neural_collage.nodes.compose import CropForCollage, Stitch


@pytest.fixture
def photo():
    return torch.rand(1, 40, 60, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def mask():
    mask = torch.zeros(1, 40, 60)
    mask[:, 10:26, 30:46] = 1
    return mask


def _stitch(photo, edited, mask, mode="normal", feather=0.0, **rest):
    return Stitch().stitch(photo, edited, mask, mode, feather, **rest)[0]


def test_the_crop_is_the_square_around_the_mask(photo, mask):
    image, part, crop = CropForCollage().cut(photo, 0.25, 24, mask)
    assert crop == nc.Crop(40, 60, 6, 26, 24)
    assert torch.equal(image, photo[:, 6:30, 26:50])
    assert torch.equal(part, mask[:, 6:30, 26:50])


@pytest.mark.parametrize("empty", [None, torch.zeros(1, 64, 64), torch.zeros(1, 40, 60)])
def test_without_a_mask_the_crop_is_the_middle(photo, empty):
    image, part, crop = CropForCollage().cut(photo, 0.25, 40, empty)
    assert crop == nc.Crop(40, 60, 0, 10, 40)
    assert torch.equal(image, photo[:, :, 10:50])
    assert torch.equal(part, torch.zeros(1, 40, 40))


@pytest.mark.parametrize("mode", ["normal", "mixed", "monochrome", "paste", "transfer"])
def test_outside_the_mask_the_photo_stays_to_the_last_bit(photo, mask, mode):
    image, part, crop = CropForCollage().cut(photo, 0.25, 32, mask)
    stitched = _stitch(photo, 1 - image, part, mode, 4.0, crop=crop, unedited=image)
    touched = crop.place_mask(part)[:, 0] > 0
    assert torch.equal(stitched[~touched], photo[~touched])
    assert (stitched[touched] - photo[touched]).abs().max() > 0.05
    assert stitched.min() >= 0
    assert stitched.max() <= 1


def test_pasting_the_crop_back_gives_the_photo_and_an_edit_lands_where_it_was(photo, mask):
    image, part, crop = CropForCollage().cut(photo, 0.25, 24, mask)
    assert torch.equal(_stitch(photo, image, part, "paste", crop=crop), photo)
    edited = torch.zeros_like(image)
    assert torch.equal(_stitch(photo, edited, part, "paste", crop=crop), photo * (1 - mask[..., None]))


def test_poisson_takes_the_edits_gradients_and_the_photos_level(photo, mask):
    assert torch.allclose(_stitch(photo * 0.5, photo * 0.5 + 0.2, mask), photo * 0.5, atol=1 / 255)


def test_transfer_adds_what_the_edit_changed(photo, mask):
    plain = torch.full((1, 20, 30, 3), 0.4)
    stitched = _stitch(photo * 0.5, plain + 0.1, mask, "transfer", unedited=plain)
    assert torch.allclose(stitched, photo * 0.5 + 0.1 * mask[..., None], atol=1e-6)
    assert torch.equal(_stitch(photo, plain, mask, "transfer", unedited=plain), photo)


def test_an_empty_mask_of_any_kind_gives_the_photo(photo):
    edited = torch.rand(1, 40, 60, 3)
    for empty in (torch.zeros(1, 64, 64), torch.zeros(40, 60)):
        for mode in nc.STITCH_MODES:
            assert torch.equal(_stitch(photo, edited, empty, mode, unedited=1 - edited), photo)


def test_batches_of_one_are_repeated(photo, mask):
    edits = torch.stack([torch.zeros(40, 60, 3), torch.ones(40, 60, 3)])
    stitched = _stitch(photo, edits, mask, "paste")
    assert [stitched[i, 15, 35, 0].item() for i in range(2)] == [0.0, 1.0]
    images, parts, _ = CropForCollage().cut(photo.expand(3, -1, -1, -1), 0.25, 16, mask)
    assert (len(images), len(parts)) == (3, 1)


def test_grey_and_transparent_pictures_are_taken(photo, mask):
    grey, clear = photo[..., :1], torch.cat([photo, torch.zeros(1, 40, 60, 1)], dim=-1)
    assert torch.equal(_stitch(clear, grey, mask * 0, "paste"), photo)


def test_a_photo_whose_values_leave_0_to_1_is_kept_outside_the_mask(photo, mask):
    sharp = photo * 1.2 - 0.1
    stitched = _stitch(sharp, torch.zeros_like(photo), mask, "paste")
    assert torch.equal(stitched[mask == 0], sharp[mask == 0])


BAD_STITCHES = {
    "transfer alone": ({"mode": "transfer"}, nc.InputError, "unedited"),
    "mode": ({"mode": "magic"}, nc.InputError, "magic"),
    "feather": ({"feather": -1.0}, nc.InputError, "Feather"),
    "aspect": ({"edited": torch.rand(1, 30, 30, 3)}, nc.InputError, "aspect"),
    "mask aspect": ({"mask": torch.ones(1, 30, 30)}, nc.MaskError, "aspect"),
    "mask range": ({"mask": torch.full((1, 40, 60), 255.0)}, nc.MaskError, "blend mask must hold"),
    "batches": ({"edited": torch.rand(2, 40, 60, 3), "mask": torch.ones(3, 40, 60)}, nc.InputError, "3"),
    "nan": ({"edited": torch.full((1, 40, 60, 3), float("nan"))}, nc.InputError, "edited picture must be finite"),
    "photo": ({"photo": None}, nc.InputError, "photo must be an IMAGE"),
    "crop": ({"crop": (0, 0, 8)}, nc.InputError, "crop must be a Crop"),
    "another photo's crop": (
        {"crop": nc.Crop(50, 50, 0, 0, 8), "edited": torch.rand(1, 8, 8, 3), "mask": torch.ones(8, 8)},
        nc.InputError, "50 x 50",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("wrong", "error", "told"), BAD_STITCHES.values(), ids=BAD_STITCHES)
def test_bad_stitches_are_refused(photo, mask, wrong, error, told):
    with pytest.raises(error, match=told):
        Stitch().stitch(**{"photo": photo, "edited": photo, "mask": mask, "mode": "normal", "feather": 0.0, **wrong})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"mask": torch.ones(1, 30, 30)}, "30 x 30"), ({"size": 0}, "size"), ({"padding": -1.0}, "Padding")],
)
def test_bad_crops_are_refused(photo, mask, wrong, told):
    with pytest.raises(nc.InputError, match=told):
        CropForCollage().cut(**{"image": photo, "padding": 0.25, "size": 16, "mask": mask, **wrong})


def test_a_long_blend_shows_progress_and_can_be_stopped(photo, mask, comfy, monkeypatch):
    told = []

    def poisson_blend(target, source, mask, mode, watch):
        for done in (0.0, 0.5):
            watch(done)
            told.append(done)
        return source

    monkeypatch.setattr(inspect.getmodule(nc.stitch), "poisson_blend", poisson_blend)
    _stitch(photo, photo.flip(1), mask)
    assert [(done, total) for done, total, _ in comfy.reports] == [(0, 100), (50, 100), (100, 100)]
    comfy.interrupt_after = 4
    with pytest.raises(Exception) as caught:  # noqa: PT011 - it is the host's, a plain Exception
        _stitch(photo, photo.flip(1), mask)
    assert type(caught.value).__name__ == "Interrupted"
    assert told == [0.0, 0.5, 0.0]
