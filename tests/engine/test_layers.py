import pytest
from neural_collage.engine.errors import LayerError
from neural_collage.engine.layers import parse_layers

NORMS = (4, 8, 8, 16, 16, 32)  # conditional norms of a 32 px model: norm 1 of a block before, norm 2 after doubling
MAPS = (4, 8, 16, 32)

GRAMMAR = [
    ("all", NORMS, {0, 1, 2, 3, 4, 5}),
    (" ALL ", NORMS, {0, 1, 2, 3, 4, 5}),
    ("4", NORMS, {0}),
    ("8", NORMS, {1, 2}),
    ("8-", NORMS, {1, 2, 3, 4, 5}),
    ("-8", NORMS, {0, 1, 2}),
    ("-9", NORMS, {0, 1, 2}),
    ("5-31", NORMS, {1, 2, 3, 4}),
    ("8-16", NORMS, {1, 2, 3, 4}),
    ("4,16-", NORMS, {0, 3, 4, 5}),
    ("4, 4, 8 - 8", NORMS, {0, 1, 2}),
    ("#1", NORMS, {0}),
    ("#2", NORMS, {1}),
    ("#2-5", NORMS, {1, 2, 3, 4}),
    ("#5-", NORMS, {4, 5}),
    ("#-2", NORMS, {0, 1}),
    ("#3, 32", NORMS, {2, 5}),
    ("#2-3", MAPS, {1, 2}),
    ("-16", MAPS, {0, 1, 2}),
    ("32-", MAPS, {3}),
]


@pytest.mark.parametrize(("text", "sizes", "chosen"), GRAMMAR)
def test_grammar(text: str, sizes: tuple[int, ...], chosen: set[int]):
    assert parse_layers(text, sizes) == chosen


BAD = ["", " ", ",", "4,", "-", "#", "#-", "5", "64-", "-3", "16-8", "#0", "#9", "#7-", "four", "4.5", "4--8", "4-8-16"]


@pytest.mark.parametrize("text", [*BAD, "8#", "4;8", "all,4", "²", "9" * 5000, None, 4, ["4"]])
def test_bad_text_lists_the_layers_of_the_model(text: object):
    with pytest.raises(LayerError, match=r'Layers are "all".*This model has #1 \(4 px\), #2 \(8 px\).*#4 \(32 px\)\.'):
        parse_layers(text, MAPS)  # type: ignore[arg-type]


def test_the_part_at_fault_is_named():
    with pytest.raises(LayerError, match=r"Got '64' in '4,64'"):
        parse_layers("4,64", MAPS)
