import pytest
import torch
from neural_collage import engine as nc
from neural_collage.nodes.sheets import PLACES, ContactSheet


def _grey(level, count=1, size=32):
    return torch.full((count, size, size, 3), level)


def _sheet(titles="", row_titles="", size=32, **images):
    return ContactSheet().draw(titles, row_titles, size, **images)[0]


def test_columns_stand_in_the_order_of_the_sockets():
    sheet = _sheet(image_3=_grey(0.8), image_1=_grey(0.2), image_2=_grey(0.6))
    assert sheet.shape == (1, 40, 4 + 3 * 36, 3)
    assert [round(sheet[0, 20, 20 + 36 * column, 0].item(), 1) for column in range(3)] == [0.2, 0.6, 0.8]


def test_a_batch_makes_rows_and_titles_are_lines_of_text():
    plain = _sheet(image_1=_grey(0.5, count=2), image_2=_grey(1.0))
    titled = _sheet("one\n two \n", "first\nsecond", image_1=_grey(0.5, count=2), image_2=_grey(1.0))
    assert plain.shape == (1, 76, 76, 3)
    assert titled.shape[1] > 76
    assert titled.shape[2] > 76


def test_titles_that_do_not_match_are_refused():
    with pytest.raises(nc.InputError, match=r"one title for each of its 1 columns.*\['a', 'b'\]"):
        _sheet("a\nb", image_1=_grey(0.5))


def test_what_is_no_image_is_named_by_its_socket():
    with pytest.raises(nc.InputError, match="image_2 must be an IMAGE"):
        _sheet(image_1=_grey(0.5), image_2=torch.zeros(1, 8, 8).int())


def test_there_are_as_many_sockets_as_promised():
    declared = ContactSheet.INPUT_TYPES()
    sockets = [key for group in declared.values() for key in group if key.startswith("image_")]
    assert sockets == [f"image_{place}" for place in range(1, PLACES + 1)]
