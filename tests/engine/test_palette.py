import pytest
import torch
from neural_collage.engine import InputError, class_map_from_colours
from neural_collage.engine.palette import parse_palette

RED, GREEN, BLUE, BLACK, WHITE = (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0), (1, 1, 1)


def _picture(*columns: tuple[float, ...]) -> torch.Tensor:
    """(1, 3, 6, W) in [-1, 1]: one colour a column."""
    return torch.tensor(columns, dtype=torch.float32).T[None, :, None, :].expand(1, 3, 6, -1) * 2 - 1


def _between(first, second, part):
    return tuple((1 - part) * a + part * b for a, b in zip(first, second, strict=True))


def test_flat_regions_become_exact_weights():
    regions = class_map_from_colours(_picture(RED, RED, GREEN, GREEN), "#f00 = rose\n#00ff00 = 3")
    assert regions.labels == ("rose", "3")
    assert torch.equal(regions.weights[0, 0, 0], torch.tensor([1.0, 1, 0, 0]))
    assert torch.equal(regions.weights[0, 1, 0], torch.tensor([0.0, 0, 1, 1]))


def test_an_anti_aliased_edge_becomes_the_exact_mixture():
    picture = _picture(RED, RED, _between(RED, GREEN, 0.25), _between(RED, GREEN, 0.75), GREEN, GREEN)
    # Olive, half way, is in the palette too, but not near: it must not be taken for the edge.
    regions = class_map_from_colours(picture, "red = a\nlime = b\n#808000 = c")
    assert torch.allclose(regions.weights[0, 1, 0], torch.tensor([0, 0, 0.25, 0.75, 1, 1]), atol=1e-6)
    assert regions.weights[0, 2].max() == 0
    assert torch.allclose(regions.weights.sum(1), torch.ones(1, 6, 6), atol=1e-6)


def test_a_listed_colour_between_two_others_stays_itself():
    grey = (128 / 255,) * 3
    regions = class_map_from_colours(_picture(BLACK, BLACK, grey, WHITE, WHITE), "black = a\n#808080 = b\nwhite = c")
    assert torch.equal(regions.weights[0, :, 0, 2], torch.tensor([0.0, 1.0, 0.0]))


def test_unlisted_colours_and_own_keep_the_pictures_own_label():
    picture = _picture(RED, RED, BLUE, BLUE, GREEN, GREEN)
    regions = class_map_from_colours(picture, "#ff0000 = rose\n#0000ff = own")
    assert regions.labels == ("rose",)
    assert torch.equal(regions.coverage[0, 0, 0], torch.tensor([1.0, 1, 0, 0, 0, 0]))


def test_an_edge_to_own_is_partly_covered():
    picture = _picture(RED, RED, _between(RED, BLUE, 0.3), BLUE, BLUE)
    regions = class_map_from_colours(picture, "#ff0000 = rose\n#0000ff = OWN")
    assert torch.allclose(regions.coverage[0, 0, 0], torch.tensor([1, 1, 0.7, 0, 0]), atol=1e-6)


def test_tolerance_decides_what_is_near_enough():
    picture = _picture((0.9, 0.1, 0.1), (0.9, 0.1, 0.1))  # 0.1 from red, where 1 is from black to white
    assert class_map_from_colours(picture, "red = a", 0.11).coverage.min() == 1
    assert class_map_from_colours(picture, "red = a", 0.09).coverage.max() == 0
    assert class_map_from_colours(_picture(BLUE), "red = a", 1.0).coverage.min() == 1


def test_tolerance_zero_takes_every_8_bit_colour_for_itself():
    levels = torch.arange(256) / 255
    for level in (1, 77, 128, 254):
        picture = (levels[level] * 2 - 1).expand(1, 3, 2, 2)
        assert class_map_from_colours(picture, f"rgb({level},{level},{level}) = a", 0).coverage.min() == 1


def test_several_colours_of_one_class_are_one_entry():
    regions = class_map_from_colours(_picture(RED, BLUE, GREEN), "red=a\nblue=a\nlime=b")
    assert regions.labels == ("a", "b")
    assert torch.equal(regions.weights[0, 0, 0], torch.tensor([1.0, 1, 0]))


def test_pictures_of_a_batch_are_read_alone():
    both = class_map_from_colours(torch.cat([_picture(RED, GREEN), _picture(GREEN, GREEN)]), "red=a\nlime=b")
    assert torch.equal(both.weights[1], class_map_from_colours(_picture(GREEN, GREEN), "red=a\nlime=b").weights[0])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "at least one line"),
        ("  \n \n", "at least one line"),
        ("#ff0000", "line 1"),
        ("#ff0000 = ", "line 1"),
        ("= rose", "line 1"),
        ("red = a\nredd = b", "line 2 has 'redd'"),
        ("#ff00 00 = b", "CSS"),
        ("red = a\n\n#f00 = b", "line 3"),
    ],
)
def test_bad_palettes_are_refused_with_their_line(text, told):
    with pytest.raises(InputError, match=told):
        parse_palette(text)


@pytest.mark.parametrize("tolerance", [-0.1, 1.1, float("nan"), "0.1"])
def test_bad_tolerances_are_refused(tolerance):
    with pytest.raises(InputError, match="Tolerance"):
        class_map_from_colours(_picture(RED), "red = a", tolerance)


@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 1, 4, 4), (1, 3, 0, 4)])
def test_bad_pictures_are_refused(shape):
    with pytest.raises(InputError, match="coloured picture"):
        class_map_from_colours(torch.zeros(shape), "red = a")
