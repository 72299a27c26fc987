"""Contact sheets: every pixel of every cell where the layout says it is, and files that are whole or absent."""

import numpy as np
import pytest
import torch
from neural_collage.engine.errors import InputError
from neural_collage.engine.sheet import contact_sheet, save_png
from PIL import Image

PICTURES = torch.arange(2 * 3 * 3 * 4 * 5, dtype=torch.uint8).reshape(2, 3, 3, 4, 5) % 200


def cell(sheet, box):
    top, left, bottom, right = box
    return sheet[:, top:bottom, left:right]


def test_untitled_sheet_is_cells_and_gaps_and_nothing_else():
    sheet, layout = contact_sheet(PICTURES, gap=2)
    assert sheet.dtype == torch.uint8
    assert sheet.shape == (3, 2 + 2 * (4 + 2), 2 + 3 * (5 + 2))
    expected = torch.full_like(sheet, 255)
    for row in range(2):
        for column in range(3):
            top, left = 2 + row * 6, 2 + column * 7
            expected[:, top : top + 4, left : left + 5] = PICTURES[row, column]
            assert layout.box(row, column) == (top, left, top + 4, left + 5)
    assert torch.equal(sheet, expected)


def test_no_gap_is_plain_tiling():
    sheet, _ = contact_sheet(PICTURES, gap=0)
    assert torch.equal(sheet, PICTURES.permute(2, 0, 3, 1, 4).reshape(3, 8, 15))


def test_titles_are_written_beside_the_cells_and_never_on_them():
    pictures = torch.full((2, 3, 3, 30, 40), 77, dtype=torch.uint8)
    sheet, layout = contact_sheet(pictures, ["first row", "second"], ["one", "two", "three"])
    for row in range(2):
        for column in range(3):
            assert (cell(sheet, layout.box(row, column)) == 77).all()
        top, left, bottom, _ = layout.box(row, 0)
        assert (sheet[:, top:bottom, :left] < 128).any()
    for column in range(3):
        _, left, _, right = layout.box(0, column)
        assert (sheet[:, : layout.top, left:right] < 128).any()
    assert (sheet[:, : layout.top, : layout.left] == 255).all()


def test_long_column_title_is_cut_at_its_cell():
    plain, _ = contact_sheet(PICTURES, [], ["", "", ""])
    titled, layout = contact_sheet(PICTURES, [], ["", "MMMMMMMMMM", ""])
    changed = (plain != titled).any(0).any(0).nonzero().flatten()
    _, left, _, right = layout.box(0, 1)
    assert left <= changed.min()
    assert changed.max() < right


def test_scale_repeats_pixels():
    sheet, layout = contact_sheet(PICTURES, gap=1, scale=3)
    wanted = PICTURES[1, 2].repeat_interleave(3, 1).repeat_interleave(3, 2)
    assert torch.equal(cell(sheet, layout.box(1, 2)), wanted)


def test_floats_are_read_as_minus_one_to_one_and_cut_off():
    picture = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]).expand(3, 1, 5)
    sheet, _ = contact_sheet([[picture]], gap=0)
    assert sheet[0, 0].tolist() == [0, 0, 128, 255, 255]


def test_short_rows_leave_white():
    sheet, layout = contact_sheet([PICTURES[0], PICTURES[1, :1]])
    assert (cell(sheet, layout.box(1, 1)) == 255).all()
    assert torch.equal(cell(sheet, layout.box(1, 0)), PICTURES[1, 0])


def test_pictures_are_not_written_to():
    before = PICTURES.clone()
    contact_sheet(PICTURES, ["a", "b"])
    assert torch.equal(before, PICTURES)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (([],), "no pictures"),
        (([[]],), "no pictures"),
        (([[torch.zeros(3, 4, 4), torch.zeros(3, 4, 5)]],), "4 x 4, 4 x 5"),
        (([[torch.zeros(1, 4, 4)]],), r"\(1, 4, 4\)"),
        ((["text"],), "str"),
        ((PICTURES, ["only one"]), "2 rows"),
        ((PICTURES, "ab"), "2 rows"),
        ((PICTURES, [], ["one", "two"]), "3 columns"),
    ],
)
def test_what_cannot_be_laid_out_is_refused(arguments, told):
    with pytest.raises(InputError, match=told):
        contact_sheet(*arguments)


def test_scale_below_one_is_refused():
    with pytest.raises(InputError, match="scale"):
        contact_sheet(PICTURES, scale=0)


def test_saved_png_holds_the_pixels_and_the_text(tmp_path):
    path = save_png(tmp_path / "new" / "sheet.png", PICTURES[0, 0], {"workflow": "{}"})
    with Image.open(path) as opened:
        assert opened.format == "PNG"
        assert opened.info["workflow"] == "{}"
        assert np.array_equal(np.array(opened), PICTURES[0, 0].permute(1, 2, 0).numpy())
    assert [file.name for file in path.parent.iterdir()] == ["sheet.png"]


def test_failed_save_leaves_the_old_file_and_nothing_half_written(tmp_path, monkeypatch):
    path = save_png(tmp_path / "sheet.png", PICTURES[0, 0])
    before = path.read_bytes()

    def fail(_picture, to, **_keywords):
        to.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_png(path, PICTURES[1, 1])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["sheet.png"]
