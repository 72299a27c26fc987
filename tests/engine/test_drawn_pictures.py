"""The pictures that the engine draws of its own numbers: difference, loss curve, class map."""

import pytest
import torch
import toy
from neural_collage.engine import (
    ClassMap,
    Collage,
    InputError,
    LabelError,
    difference,
    draw_class_map,
    draw_curve,
    parse_units,
)


def test_difference_is_half_the_largest_channel():
    images = torch.zeros(1, 3, 2, 2)
    other = images.clone()
    other[0, 1, 0, 0], other[0, 2, 0, 0], other[0, 0, 1, 1] = 0.5, -1.0, 0.25
    assert torch.equal(difference(images, other)[0, 0], torch.tensor([[0.5, 0.0], [0.0, 0.125]]))
    assert difference(-torch.ones(1, 3, 2, 2), torch.ones(1, 3, 2, 2)).min() == 1


def test_difference_brings_the_other_to_its_size_and_repeats_it():
    assert difference(torch.full((3, 3, 4, 4), 0.5), torch.full((1, 3, 8, 8), 0.5)).shape == (3, 1, 4, 4)
    assert difference(torch.full((3, 3, 4, 4), 0.5), torch.full((1, 3, 8, 8), 0.5)).max() < 1e-6


@pytest.mark.parametrize("shape", [(1, 1, 4, 4), (1, 3, 4, 8), (2, 3, 4, 4), (3, 4, 4)])
def test_difference_refuses_what_cannot_be_compared(shape):
    with pytest.raises(InputError, match="Pictures to compare"):
        difference(torch.zeros(3, 3, 4, 4), torch.zeros(shape))


def _ink(picture: torch.Tensor, colour: tuple[int, int, int]) -> torch.Tensor:
    """(rows, columns) of the pixels of one colour."""
    wanted = torch.tensor(colour).view(3, 1, 1) / 127.5 - 1
    return torch.nonzero(((picture[0] - wanted).abs() < 1e-3).all(0))


def test_a_curve_falls_from_the_top_left_to_the_bottom_right():
    line = _ink(draw_curve(torch.tensor([[1.0], [0.5], [0.0]])), (31, 119, 180))
    left, right = line[line[:, 1].argmin()], line[line[:, 1].argmax()]
    assert abs(left[0] - 44) <= 2
    assert abs(right[0] - (320 - 44)) <= 2
    middle = line[(line[:, 1] - 256).abs() <= 1][:, 0].float().mean()
    assert abs(middle - 160) <= 2


def test_every_image_has_a_line_and_one_step_or_no_loss_is_drawn_too():
    picture = draw_curve(torch.tensor([[1.0, 0.2], [0.8, 0.1]]))
    assert len(_ink(picture, (31, 119, 180))) > 100
    assert len(_ink(picture, (214, 39, 40))) > 100
    assert draw_curve(torch.zeros(1, 1)).shape == (1, 3, 320, 512)
    assert torch.equal(draw_curve(torch.full((1, 1), -1e-7)), draw_curve(torch.zeros(1, 1)))  # cosines round
    assert not torch.equal(draw_curve(torch.ones(3, 1), "one"), draw_curve(torch.ones(3, 1), "two"))


@pytest.mark.parametrize(
    "losses", [torch.zeros(3), torch.zeros(0, 1), torch.tensor([[torch.inf]]), torch.full((2, 1), torch.nan)]
)
def test_losses_that_cannot_be_drawn_are_refused(losses):
    with pytest.raises(InputError, match="Losses"):
        draw_curve(losses)


def test_a_class_map_shows_each_label_in_its_colour_and_the_own_label_in_grey():
    mask = torch.zeros(8, 8)
    mask[:, :4] = 1
    drawn = draw_class_map(toy.gan(), ClassMap().paint("rose", mask))
    assert drawn.shape == (1, 3, 384 + 2 * 20, 384)
    rose = torch.tensor([0.95, 0.95 * 0.25, 0.95 * 0.25]) * 2 - 1  # the first hue is red
    assert torch.allclose(drawn[0, :, 100, 10], rose, atol=1e-6)
    assert torch.allclose(drawn[0, :, 100, 374], torch.zeros(3), atol=1e-6)
    assert torch.allclose(drawn[0, :, 384 + 10, 10], rose, atol=1 / 127)  # its swatch


def test_a_legend_tells_names_shares_styles_and_nameless_models():
    half = torch.tensor([[1.0, 0.0]])
    named = draw_class_map(toy.gan(), ClassMap().paint("rose", half))
    assert not torch.equal(named, draw_class_map(toy.gan(), ClassMap().paint("tulip", half)))
    assert not torch.equal(
        named[..., -40:, :], draw_class_map(toy.gan(), ClassMap().paint("rose", half * 0.5))[..., -40:, :]
    )
    style = Collage(toy.gan().sample(1))
    assert draw_class_map(toy.gan(named=False), ClassMap().paint(style, half).paint(1, half)).isfinite().all()


def test_a_class_map_of_unknown_classes_is_refused():
    with pytest.raises(LabelError, match="Did you mean"):
        draw_class_map(toy.gan(), ClassMap().paint("tulipp", torch.ones(2, 2)))


@pytest.mark.parametrize(
    ("text", "units"),
    [("", None), (" all ", None), ("3", (3,)), ("0-3", (0, 1, 2, 3)), ("7, 1-2,2 - 3", (1, 2, 3, 7))],
)
def test_units_are_numbers_and_ranges(text, units):
    assert parse_units(text) == units


@pytest.mark.parametrize("text", ["a", "3-", "-3", "5-2", "1,,2", "1.5", "0-99999999", "²"])
def test_other_text_for_units_is_refused(text):
    with pytest.raises(InputError, match="Units"):
        parse_units(text)
