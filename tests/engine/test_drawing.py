"""Drawings: the format to the letter, strokes against a slow oracle, and what painting one over the other means."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from neural_collage.engine.class_map import ClassMap
from neural_collage.engine.drawing import MOST_LETTERS, MOST_POINTS, Brush, Stroke, paint_drawing, parse_drawing
from neural_collage.engine.errors import InputError, MaskError

LEMON, MANGO = {"class": "lemon", "colour": "#ffd500", "strength": 1}, {"class": "mango", "strength": 0.5}
SQUARE = [0, 32, 64, 32]


def drawing(*strokes, brushes=(LEMON, MANGO), size: float = 64) -> str:
    made = [{"brush": brush, "width": width, "points": points} for brush, width, points in strokes]
    return json.dumps({"size": size, "brushes": list(brushes), "strokes": made})


def weights(text: str, label: str) -> torch.Tensor:
    class_map, _ = paint_drawing(text)
    return class_map.weights[0, class_map.labels.index(label)]


def slow(points, width, size) -> np.ndarray:
    """Every pixel's distance from every place of the line, in small steps."""
    corners = np.array(points, dtype=float).reshape(-1, 2)
    line = [corners[:1]]
    line += [a + (b - a) * np.linspace(0, 1, 2000)[:, None] for a, b in pairwise(corners)]
    centres = np.stack(np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5), axis=-1)
    nearest = [np.sqrt(((np.concatenate(line) - centre) ** 2).sum(-1)).min() for centre in centres.reshape(-1, 2)]
    return np.clip(width / 2 + 0.5 - np.array(nearest), 0, 1).reshape(size, size)


@pytest.mark.parametrize(
    ("points", "width"),
    [([30, 20], 16), ([10, 10, 50, 40], 9), ([8, 50, 30, 5, 60, 44], 6.5), ([-20, 30, 100, 34], 20), ([5, 5, 5, 5], 3)],
)
def test_a_stroke_covers_what_is_within_half_its_width(points, width):
    _, mask = paint_drawing(drawing((0, width, points)))
    np.testing.assert_allclose(mask[0, 0].numpy(), slow(points, width, 64), atol=1e-3)


def test_a_drawing_at_twice_the_size_is_the_same_picture():
    small = paint_drawing(drawing((0, 10, [12, 20, 50, 40])))[1]
    large = paint_drawing(drawing((0, 20, [24, 40, 100, 80]), size=128))[1]
    assert (torch.nn.functional.avg_pool2d(large, 2) - small).abs().max() < 0.2
    assert abs(large.mean() - small.mean()) < 1e-3


def test_it_is_what_was_written():
    read = parse_drawing(drawing((0, 8, [1, 2, 3.5, 4]), (None, 2, [5, 6])))
    assert read.size == 64
    assert read.brushes == (Brush("lemon", 1.0), Brush("mango", 0.5))
    assert read.strokes == (Stroke(0, 8.0, ((1.0, 2.0), (3.5, 4.0))), Stroke(None, 2.0, ((5.0, 6.0),)))
    assert parse_drawing('{"size": 64, "brushes": [{"class": " 3 "}], "strokes": []}').brushes == (Brush("3", 1.0),)


def test_painting_is_compositing_in_the_order_of_the_strokes():
    text = drawing((0, 40, SQUARE), (1, 20, SQUARE))
    lemon, mango = (paint_drawing(drawing((brush, width, SQUARE)))[1] for brush, width in ((0, 40), (1, 20)))
    expected = ClassMap().paint("lemon", lemon).paint("mango", mango, 0.5)
    class_map, mask = paint_drawing(text)
    assert class_map.labels == expected.labels
    assert torch.equal(class_map.weights, expected.weights)
    assert torch.equal(mask, lemon)  # mango lies inside it
    covered = paint_drawing(drawing((1, 20, SQUARE), (0, 40, SQUARE)))[0]
    assert covered.weights[0, covered.labels.index("mango")].max() == 0


def test_strokes_of_one_brush_in_a_row_are_one_region():
    once, twice = drawing((1, 20, SQUARE)), drawing((1, 20, SQUARE), (1, 20, SQUARE))
    assert torch.equal(weights(once, "mango"), weights(twice, "mango"))
    assert weights(drawing((1, 20, SQUARE), (0, 2, [0, 0]), (1, 20, SQUARE)), "mango").max() == 0.75


def test_the_mask_tells_where_was_painted_however_strongly():
    class_map, mask = paint_drawing(drawing((1, 20, SQUARE)))
    assert class_map.coverage.max() == 0.5
    assert torch.equal(mask * 0.5, class_map.coverage)
    assert paint_drawing(drawing((0, 8, SQUARE), brushes=[{"class": "lemon", "strength": 0}]))[1].max() == 1


def test_the_eraser_takes_away_what_was_drawn_and_nothing_below():
    below = ClassMap().paint("cherry", torch.ones(64, 64))
    class_map, mask = paint_drawing(drawing((0, 20, SQUARE), (None, 30, SQUARE)), below)
    assert mask.max() == 0
    assert torch.equal(class_map.weights[:, :1], below.weights)
    assert class_map.weights[:, 1].max() == 0
    after = paint_drawing(drawing((0, 20, SQUARE), (None, 30, SQUARE), (0, 4, SQUARE)))[1]
    assert torch.equal(after, paint_drawing(drawing((0, 4, SQUARE)))[1])


def test_a_drawing_is_painted_over_the_map_below():
    below = ClassMap().paint("cherry", torch.ones(32, 32)).paint("mango", torch.eye(32))
    text = drawing((0, 20, SQUARE), (1, 10, SQUARE))
    drawn = paint_drawing(text)[0]
    class_map, _ = paint_drawing(text, below)
    assert class_map.labels == ("cherry", "mango", "lemon")
    assert torch.equal(class_map.weights, below.under(drawn).weights)
    assert torch.allclose(class_map.coverage, torch.ones(()))


def test_brushes_of_one_class_are_one_entry():
    class_map, _ = paint_drawing(drawing((0, 8, [8, 8]), (1, 8, [48, 48]), brushes=[LEMON, LEMON]))
    assert class_map.labels == ("lemon",)
    assert class_map.weights[0, 0, 8, 8] == class_map.weights[0, 0, 48, 48] == 1


@pytest.mark.parametrize("text", ["", " \n", drawing(), drawing(brushes=())])
def test_no_stroke_is_no_edit(text):
    below = ClassMap().paint("cherry", torch.rand(16, 16))
    class_map, mask = paint_drawing(text, below)
    assert class_map.labels == below.labels
    assert torch.equal(class_map.weights, below.weights)
    assert mask.shape[-1] in (64, 512)
    assert mask.max() == 0
    assert paint_drawing(text)[0].labels == ()


def test_it_gives_the_same_bits_again():
    text = drawing((0, 7.3, [3, 9, 40, 22, 11, 60]), (1, 12, [0, 0, 64, 64]), (None, 5, [30, 30]))
    first, second = paint_drawing(text), paint_drawing(text)
    assert torch.equal(first[0].weights, second[0].weights)
    assert torch.equal(first[1], second[1])


def test_a_map_that_is_no_square_is_refused():
    with pytest.raises(MaskError, match="aspect"):
        paint_drawing(drawing((0, 4, SQUARE)), ClassMap().paint("cherry", torch.ones(64, 32)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "must be a text; got NoneType"),
        ("lemon", "is JSON text, as the canvas"),
        ("[" * 100_000, "is JSON text"),
        ("[]", "must be a JSON object with 'brushes', 'size', 'strokes'"),
        ('{"size": 64, "brushes": []}', "needs 'strokes'"),
        ('{"size": 64, "brushes": [], "strokes": [], "layers": 1}', "no field 'layers'; it takes"),
        (drawing(size=32), "size .* from 64 to 1024; got 32"),
        (drawing(size=4096), "size .* from 64 to 1024"),
        (drawing(size=64.0), "size .* whole number"),
        (f'{{"size": 1{"0" * 400}, "brushes": [], "strokes": []}}', "size .* whole number"),
        (drawing().replace("64", "NaN"), "size .* whole number"),
        (drawing(brushes=[LEMON] * 65), "at most 64; got 65 of them"),
        (drawing(brushes=["lemon"]), "Brush 0 must be a JSON object"),
        (drawing(brushes=[LEMON, {"class": ""}]), "Brush 1 needs a class"),
        (drawing(brushes=[{"class": 3}]), "as text: a name or a number; got 3"),
        (drawing(brushes=[{**LEMON, "colour": "red"}]), "a colour such as '#ff8000'; got 'red'"),
        (drawing(brushes=[{**LEMON, "color": "#ff0000"}]), "no field 'color'; it takes 'class', 'colour', 'strength'"),
        (drawing(brushes=[{**LEMON, "strength": 1.5}]), "strength of brush 0 must be a number from 0 to 1; got 1.5"),
        (drawing(brushes=[{**LEMON, "strength": True}]), "strength of brush 0"),
        (drawing((0, 4, SQUARE), brushes=()), "Stroke 0 names brush 0, and the drawing has no brushes"),
        (drawing((2, 4, SQUARE)), "brush of stroke 0, or null for the eraser, .* from 0 to 1; got 2"),
        (drawing((-1, 4, SQUARE)), "from 0 to 1; got -1"),
        (drawing((True, 4, SQUARE)), "whole number"),
        (drawing((0, 0, SQUARE)), "width of stroke 0 .* above 0 and at most 128; got 0"),
        (drawing((0, 129, SQUARE)), "width of stroke 0"),
        (drawing((0, 4, [])), "x, y, x, y ...; got 0 numbers"),
        (drawing((0, 4, [1, 2, 3])), "got 3 numbers"),
        (drawing((0, 4, [1, "2"])), "Each point of stroke 0 .* from -64 to 128; got '2'"),
        (drawing((0, 4, [1, 1e300])), "Each point of stroke 0"),
        (drawing((0, 4, [[1, 2]])), "got 1 numbers"),
        (drawing((0, 4, "12")), "points of stroke 0 must be a list"),
        (drawing(*[(0, 4, SQUARE)] * (MOST_POINTS // 2 + 1)), f"at most {MOST_POINTS} points"),
        (" " + "x" * MOST_LETTERS, f"at most {MOST_LETTERS} letters"),
    ],
)
def test_what_is_no_drawing_is_refused(text, told):
    with pytest.raises(InputError, match=told):
        parse_drawing(text)
