"""The worked workflows are what the script writes, and it refuses what could not run."""

from dataclasses import replace
from pathlib import Path

import neural_collage
import page
import pytest
import thumbnails
import toy
from neural_collage import engine as nc
from neural_collage.workflows.run import pack_catalogue
from pieces import STARTER
from PIL import Image
from worked import WORKFLOWS

FOLDER = Path(neural_collage.__file__).parent / "workflows"
CLASSES = ("apple-red-delicious", "mango", "tomato-beefsteak")


@pytest.mark.parametrize("draw", WORKFLOWS, ids=lambda draw: draw.__name__)
def test_a_file_is_what_the_script_writes(draw):
    assert (FOLDER / f"{draw.__name__}.json").read_text(encoding="utf-8") == page.text(draw)


def test_every_file_has_its_function():
    assert {path.stem for path in FOLDER.glob("*.json")} == {draw.__name__ for draw in WORKFLOWS}


@pytest.fixture
def empty():
    one = page.Page(pack_catalogue())
    one.group("Group", "Note.")
    return one


@pytest.mark.parametrize(
    ("kind", "inputs", "told"),
    [
        ("NeuralCollageRender", {}, "Did you mean 'NeuralCollageRenderCollage'"),
        ("NeuralCollageLoadGAN", {"file": STARTER, "flie": 1}, "no input flie; it has"),
        ("NeuralCollageRandomCollage", {}, "needs its input gan connected"),
        ("NeuralCollagePaintClass", {"strength": 2.0}, "must lie in 0.0..1.0, got 2.0"),
    ],
)
def test_what_could_not_run_is_refused(empty, kind, inputs, told):
    with pytest.raises(nc.WorkflowError, match=told):
        empty.add(kind, **inputs)


def test_links_and_seeds_are_written_as_the_page_writes_them(empty):
    gan = empty.add("NeuralCollageLoadGAN", file=STARTER)
    empty.add("NeuralCollageRandomCollage", "Mine", gan=gan, seed=4)
    _, load, drawn = empty.document()["nodes"]
    assert empty.links == [[1, load["id"], 0, drawn["id"], 0, "COLLAGE_GAN"]]
    assert drawn["widgets_values"] == ["0", 4, "fixed", 1.0, 1]
    assert drawn["title"] == "Mine"
    assert drawn["pos"][0] >= load["pos"][0] + load["size"][0]


def test_thumbnails_and_pictures_are_drawn_by_the_model(tmp_path):
    model = tmp_path / "toy.safetensors"
    nc.save(replace(toy.gan(3), class_names=CLASSES), model)
    (tmp_path / "mix.json").write_bytes((FOLDER / "mix.json").read_bytes())
    thumbnails.draw_thumbnail(tmp_path / "mix.json", model)
    thumbnails.draw_pictures(tmp_path, model)
    with Image.open(tmp_path / "mix.jpg") as thumbnail, Image.open(tmp_path / "example_photo.png") as photo:
        assert thumbnail.size == (400, 240)  # three pictures at five stages
        assert photo.size == thumbnails.PHOTO_SIZE
    assert not list(tmp_path.glob(".*"))
