import pytest
import torch
from neural_collage import engine as nc
from neural_collage.engine.errors import InputError
from neural_collage.engine.stages import draw_stages


def _cell(sheet, row, column, side=16, top=4, left=4, gap=4):
    top, left = top + row * (side + gap), left + column * (side + gap)
    return sheet[0, :, top : top + side, left : left + side]


def _noise(count, height, width, seed=0):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_stages_are_columns_and_items_are_rows():
    left, right = _noise(2, 16, 16, seed=1), _noise(2, 16, 16, seed=2)
    sheet = draw_stages([left, right], side=16)
    assert sheet.shape == (1, 3, 4 + 2 * 20, 4 + 2 * 20)
    for row in range(2):
        torch.testing.assert_close(_cell(sheet, row, 0), left[row], atol=1 / 127, rtol=0)
        torch.testing.assert_close(_cell(sheet, row, 1), right[row], atol=1 / 127, rtol=0)


def test_a_single_picture_stands_in_every_row():
    sheet = draw_stages([_noise(3, 16, 16), torch.zeros(1, 3, 16, 16)], side=16)
    assert all(_cell(sheet, row, 1).abs().max() < 0.01 for row in range(3))


def test_titles_stand_above_the_columns_and_left_of_the_rows():
    plain = draw_stages([torch.zeros(1, 3, 16, 16)], side=16)
    titled = draw_stages([torch.zeros(1, 3, 16, 16)], ["edit"], ["one"], side=16)
    added = [titled.shape[-2] - plain.shape[-2], titled.shape[-1] - plain.shape[-1]]
    assert min(added) > 0
    assert titled[..., : added[0], :].min() < 0  # ink
    assert titled[..., added[0] :, : added[1]].min() < 0


def test_pictures_keep_their_ratio_and_white_fills_the_rest():
    cell = _cell(draw_stages([torch.full((1, 3, 20, 40), -1.0)], side=16), 0, 0)
    assert (cell[:, 4:12] == -1).all()
    assert (cell[:, :4] == 1).all()
    assert (cell[:, 12:] == 1).all()


def test_large_pictures_shrink_by_averages_and_small_ones_grow():
    big = _noise(1, 32, 32)
    means = torch.nn.functional.avg_pool2d(big, 2)[0]
    torch.testing.assert_close(_cell(draw_stages([big], side=16), 0, 0), means, atol=1 / 127, rtol=0)
    ramp = torch.linspace(-1, 1, 4).expand(1, 3, 4, 4)
    grown = _cell(draw_stages([ramp], side=16), 0, 0)[0, 8]
    assert (grown.diff() >= -0.01).all()
    assert grown[0] < -0.9 < 0.9 < grown[-1]


def test_a_sheet_does_not_change_what_it_shows():
    picture = _noise(1, 16, 16)
    before = picture.clone()
    draw_stages([picture], side=16)
    assert torch.equal(picture, before)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (([],), "at least one stage"),
        (([torch.zeros(1, 1, 8, 8)],), "3 channels; got 1"),
        (([torch.zeros(3, 8, 8)],), r"stage 1 must have shape \(N, C, H, W\)"),
        (([torch.full((1, 3, 8, 8), float("nan"))],), "finite"),
        (([torch.zeros(2, 3, 8, 8), torch.zeros(3, 3, 8, 8)],), "stage 1 2, stage 2 3"),
        (([torch.zeros(1, 3, 8, 8)], ["a", "b"]), "one title for each of its 1 columns"),
        (([torch.zeros(1, 3, 8, 8)], [], ["a", "b"]), "one title for each of its 1 rows"),
        (([torch.zeros(1, 3, 8, 8)], [], [], 4), "from 8 to 4096; got 4"),
    ],
)
def test_what_makes_no_sheet_is_refused(arguments, told):
    with pytest.raises(InputError, match=told):
        draw_stages(*arguments)


def test_it_is_public():
    assert nc.draw_stages is draw_stages
