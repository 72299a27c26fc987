import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from neural_collage import engine as nc
from neural_collage.engine import drawing
from neural_collage.nodes.paint import EMPTY, SIDE, PaintRegions
from PIL import Image

DRAWING = json.dumps({
    "size": 64,
    "brushes": [{"class": "rose", "colour": "#ff0000", "strength": 0.5}],
    "strokes": [{"brush": 0, "width": 16, "points": [32, 32]}],
})  # fmt: skip


def _paint(drawing=DRAWING, image=None, class_map=None):
    answer = PaintRegions().paint(drawing, image, class_map)
    return (*answer["result"], answer["ui"]["base"])


def test_a_drawing_becomes_regions_and_a_mask():
    regions, mask, _ = _paint()
    assert regions.labels == ("rose",)
    assert mask.shape == (1, 64, 64)
    assert torch.equal(regions.weights[:, 0], mask * 0.5)
    assert mask.device.type == "cpu"
    assert mask.dtype == torch.float32


def test_it_is_painted_over_other_regions():
    below = nc.ClassMap().paint("tulip", torch.ones(8, 8))
    regions, mask, _ = _paint(class_map=below)
    assert regions.labels == ("tulip", "rose")
    assert torch.equal(regions.weights[:, 0], 1 - mask * 0.5)
    assert _paint(EMPTY, class_map=below)[0].labels == ("tulip",)
    assert below.weights.shape == (1, 1, 8, 8)


@pytest.fixture
def temp(tmp_path, monkeypatch):
    """The folder of a ComfyUI for pictures that are only looked at."""
    comfyui = SimpleNamespace(get_temp_directory=lambda: str(tmp_path / "temp"))
    monkeypatch.setitem(sys.modules, "folder_paths", comfyui)
    return tmp_path / "temp"


def test_the_first_picture_is_laid_out_to_be_shown_and_changes_nothing(temp):
    image = torch.zeros(2, 20, 40, 3)
    image[0, :, :, 0] = 1
    regions, mask, base = _paint(image=image)
    assert base == _paint(image=image)[2]
    ((name, subfolder, kind),) = (tuple(one.values()) for one in base)
    assert [path.name for path in temp.iterdir()] == [name]
    assert (subfolder, kind) == ("", "temp")
    with Image.open(temp / name) as shown:
        assert shown.size == (40, 20)
        assert shown.getpixel((20, 10)) == (255, 0, 0)
    assert torch.equal(regions.weights, _paint()[0].weights)
    assert torch.equal(mask, _paint()[1])
    assert _paint()[2] == []


def test_large_pictures_are_shown_small(temp):
    (base,) = _paint(image=torch.rand(1, 64, 3 * SIDE, 3))[2]
    with Image.open(temp / base["filename"]) as shown:
        assert shown.width == SIDE


def test_without_comfyui_nobody_looks():
    assert _paint(image=torch.zeros(1, 8, 8, 3))[2] == []


def test_no_drawing_is_no_edit(gan):
    collage = nc.Collage(gan.sample("rose", seed=1))
    regions, mask, _ = _paint(EMPTY)
    assert mask.max() == 0
    assert torch.equal(nc.render(gan, collage.label(regions)), nc.render(gan, collage))
    assert regions.labels == _paint("")[0].labels == ()


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        ({"drawing": "{"}, nc.InputError, "JSON text"),
        ({"drawing": '{"size": 64, "brushes": [], "strokes": [{}]}'}, nc.InputError, "Stroke 0 needs"),
        ({"image": torch.zeros(1, 8, 8)}, nc.InputError, "image must have shape"),
        ({"class_map": "rose"}, nc.InputError, "class_map must be a ClassMap"),
    ],
)
def test_bad_input_is_refused(wrong, error, told):
    with pytest.raises(error, match=told):
        _paint(**wrong)


def test_the_canvas_takes_what_the_engine_takes():
    script = (Path(nc.__file__).parent.parent / "web" / "js" / "drawing.js").read_text()
    (table,) = re.findall(r"LIMITS = \{(.*?)\}", script)
    limits = {name: int(number) for name, number in re.findall(r"(\w+): ([\d_]+)", table)}
    assert limits == {
        "SMALLEST": drawing.SIDES[0],
        "LARGEST": drawing.SIDES[1],
        "MOST_LETTERS": drawing.MOST_LETTERS,
        "MOST_BRUSHES": drawing.MOST_BRUSHES,
        "MOST_POINTS": drawing.MOST_POINTS,
    }
    assert f"COLOUR = /^{drawing.COLOUR.pattern}$/" in script
