"""The pictures of the help pages come from the workflows that the pages name."""

from dataclasses import replace
from pathlib import Path

import help_pictures
import neural_collage
import pytest
import toy
from neural_collage import engine as nc
from neural_collage.nodes import NODE_CLASS_MAPPINGS
from PIL import Image

PAGES = Path(neural_collage.__file__).parent / "web" / "docs"
CLASSES = ("apple-golden", "mango", "tomato-beefsteak")
each = pytest.mark.parametrize(("node", "picture"), help_pictures.PICTURES.items())


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "toy.safetensors"
    nc.save(replace(toy.gan(len(CLASSES)), class_names=CLASSES), path)
    return path


def test_every_page_is_drawn_but_the_canvas_which_is_a_screenshot():
    assert NODE_CLASS_MAPPINGS.keys() - help_pictures.PICTURES.keys() == {"NeuralCollagePaintRegions"}


@each
def test_a_picture_is_made_of_nodes_of_the_workflow_that_the_page_names(node, picture):
    assert f"*{picture.workflow.replace('_', ' ')}*" in (PAGES / f"{node}.md").read_text(encoding="utf-8")
    for output in picture.stages.values():
        help_pictures.number(help_pictures.WORKFLOWS / f"{picture.workflow}.json", output.node)


def test_two_nodes_of_one_name_are_refused():
    with pytest.raises(ValueError, match="too many values"):
        help_pictures.number(help_pictures.WORKFLOWS / "edit_photo.json", "White")


def test_pictures_are_drawn_by_the_model(model, tmp_path):
    nodes = ("NeuralCollageRenderCollage", "NeuralCollagePaintClass", "NeuralCollagePreviewClassMap")
    help_pictures.draw("label_collage", {node: help_pictures.PICTURES[node] for node in nodes}, model, tmp_path)
    sizes = {}
    for node in nodes:
        with Image.open(tmp_path / f"{node}.jpg") as picture:
            sizes[node] = picture.size
    assert sizes[nodes[0]] == sizes[nodes[1]]  # three stages each
    assert sizes[nodes[0]][0] == 3 * help_pictures.SIDE + 4 * 4
    assert sizes[nodes[2]][1] > sizes[nodes[2]][0]  # the legend below the map
    assert not list(tmp_path.glob(".*"))
