"""The saved workflows: each is whole, agrees with the nodes, and runs on a tiny model with the starter's classes."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import neural_collage
import numpy as np
import pytest
import toy
from neural_collage import engine as nc
from neural_collage.workflows.builtins import builtins_catalogue
from neural_collage.workflows.document import read_document
from neural_collage.workflows.folders import Folders
from neural_collage.workflows.graph import read_graph
from neural_collage.workflows.run import pack_catalogue, run
from PIL import Image

ROOT = Path(neural_collage.__file__).parent
FILES = sorted((ROOT / "workflows").glob("*.json"))
CLASSES = (
    "apple-golden", "apple-granny-smith", "apple-pink-lady", "apple-red-delicious", "cherry-rainier",
    "cherry-wax-black", "grape-pink", "lemon", "mango", "orange", "papaya", "tomato-beefsteak", "tomato-two-tone",
)  # fmt: skip
NOTES = ("Note", "MarkdownNote")
CORE = (
    "LoadImage", "SaveImage", "PreviewImage", "SolidMask", "MaskComposite", "MaskToImage", "GrowMask", "InvertMask",
    "ThresholdMask", "ImageToMask", "ImageColorToMask", "ImageBatch", "ImageScale", "EmptyImage",
    "ImageCompositeMasked",
)  # fmt: skip

each = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny model's file."""
    path = tmp_path_factory.mktemp("model") / "toy.safetensors"
    nc.save(replace(toy.gan(len(CLASSES)), class_names=CLASSES), path)
    return path


@pytest.fixture
def ran(model, tmp_path, monkeypatch):
    """Run a workflow on the tiny model, two steps of projection at most."""
    monkeypatch.chdir(tmp_path)

    def of(path, overrides=None):
        given = {"Load GAN.file": str(model), **(overrides or {})}
        if "NeuralCollageProjectImage" in path.read_text():
            given["Project Image.steps"] = "2"
        return run(path, given)

    return of


def document(path):
    return json.loads(path.read_text(encoding="utf-8"))


def catalogue():
    return builtins_catalogue(Folders((), Path())).over(pack_catalogue())


def pixels(path):
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def test_there_are_enough_and_the_main_job():
    assert len(FILES) >= 6
    assert {"label_collage", "edit_photo"} <= {path.stem for path in FILES}


@each
def test_it_runs_and_saves_its_pictures(path, ran):
    files = ran(path).files
    nodes = [node for node in document(path)["nodes"] if node["type"] == "SaveImage"]
    assert sorted(file.name for file in files) == sorted(f"{node['widgets_values'][0]}_00001_.png" for node in nodes)
    assert any(file.name.endswith("_sheet_00001_.png") for file in files)
    assert all(pixels(file).std() > 5 for file in files)  # not one flat colour


@each
def test_the_prompt_format_gives_the_same_pictures(path, ran, tmp_path):
    first = ran(path).files
    with Image.open(first[-1]) as image:
        prompt = image.info["prompt"]
    (tmp_path / "prompt.json").write_text(prompt)
    again = run(tmp_path / "prompt.json", input_dir=ROOT / "workflows").files
    for before, after in zip(first, again, strict=True):
        np.testing.assert_array_equal(pixels(before), pixels(after))


@each
def test_it_uses_the_nodes_of_this_pack_and_of_comfyui_alone(path):
    kinds = {node["type"] for node in document(path)["nodes"]} - set(NOTES)
    ours = {kind for kind in kinds if kind.startswith("NeuralCollage")}
    assert kinds - ours <= set(CORE)
    assert len(ours) >= 5


@each
def test_every_node_has_exactly_the_values_of_its_widgets(path):
    known = catalogue()
    for node in document(path)["nodes"]:
        if node["type"] in NOTES:
            continue
        declaration = known.declaration(node["type"], node["type"])
        controls = sum(widget.has_control for widget in declaration.widgets)
        uploads = any(widget.options.get("image_upload") for widget in declaration.widgets)
        assert len(node["widgets_values"]) == len(declaration.widgets) + controls + uploads, node["type"]
        sockets = [entry.name for entry in declaration.inputs.values() if not entry.is_widget]
        assert [socket["name"] for socket in node["inputs"]] == sockets, node["type"]
        assert [output["type"] for output in node["outputs"]] == list(declaration.outputs), node["type"]


@each
def test_links_agree_at_both_ends(path):
    page = document(path)
    nodes = {node["id"]: node for node in page["nodes"]}
    assert sorted(nodes) == list(range(1, page["last_node_id"] + 1))
    assert [link[0] for link in page["links"]] == list(range(1, page["last_link_id"] + 1))
    for number, origin, slot, target, place, kind in page["links"]:
        assert number in nodes[origin]["outputs"][slot]["links"]
        assert nodes[target]["inputs"][place]["link"] == number
        assert nodes[origin]["outputs"][slot]["type"] == nodes[target]["inputs"][place]["type"] == kind


@each
def test_every_node_leads_to_a_picture(path):
    page = document(path)
    needed = {node["id"] for node in page["nodes"] if node["type"] in ("SaveImage", "PreviewImage")}
    for link in sorted(page["links"], key=lambda link: -link[3]):
        needed |= {link[1]} if link[3] in needed else set()
    idle = [node["type"] for node in page["nodes"] if node["id"] not in needed and node["type"] not in NOTES]
    assert not idle


@each
def test_groups_have_titles_and_hold_a_note_and_all_nodes(path):
    page = document(path)
    inside = {node["id"]: 0 for node in page["nodes"]}
    for group in page["groups"]:
        assert group["title"]
        held = [node for node in page["nodes"] if _within(node, group["bounding"])]
        assert [node["type"] in NOTES for node in held].count(True) == 1, group["title"]
        assert len(held) > 1, group["title"]
        for node in held:
            inside[node["id"]] += 1
    assert set(inside.values()) == {1}


def _within(node, bounding):
    (left, top), (width, height) = node["pos"], node["size"]
    x, y, across, down = bounding
    return x <= left and y <= top and left + width <= x + across and top + height <= y + down


@each
def test_the_page_fits_a_screen_and_has_what_comfyui_requires(path):
    page = document(path)
    required = {"id", "type", "pos", "size", "flags", "order", "mode", "properties"}  # the page warns otherwise
    assert all(required <= node.keys() for node in page["nodes"])
    assert max(group["bounding"][0] + group["bounding"][2] for group in page["groups"]) <= 3000


@each
def test_nodes_do_not_lie_on_each_other(path):
    title = 30  # pixels above a node's own place
    boxes = [(*node["pos"], *node["size"]) for node in document(path)["nodes"]]
    for place, (left, top, width, height) in enumerate(boxes):
        for x, y, across, down in boxes[:place]:
            apart = x >= left + width or left >= x + across or y - title >= top + height or top - title >= y + down
            assert apart, (left, top, x, y)


@each
def test_notes_are_short_sentences(path):
    notes = [node["widgets_values"][0] for node in document(path)["nodes"] if node["type"] in NOTES]
    assert notes[0].startswith("# ")
    for note in notes:
        assert 30 < len(note) < 420, note
        assert note.rstrip("*)").endswith((".", '.jpg"')), note


@each
def test_nothing_in_it_belongs_to_one_computer(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r'"(/|~|[A-Za-z]:\\\\)', text)
    assert "\\\\" not in text


@each
def test_classes_are_the_starters(path):
    values = [node.inputs for node in read_graph(read_document(path), catalogue()).values()]
    painted = {line.split("=")[1].strip() for one in values for line in one.get("palette", "").splitlines()}
    named = {one["label"] for one in values if "label" in one}
    assert named | painted <= {*CLASSES, "auto", "own"}
    assert named


@each
def test_it_has_a_thumbnail(path):
    with Image.open(path.with_suffix(".jpg")) as image:
        assert image.format == "JPEG"
        assert image.width == 400
        assert 100 <= image.height <= 600
    assert path.with_suffix(".jpg").stat().st_size < 60_000


def test_pictures_that_are_loaded_lie_beside_the_workflows():
    named = {
        node["widgets_values"][0] for path in FILES for node in document(path)["nodes"] if node["type"] == "LoadImage"
    }
    assert named == {path.name for path in (ROOT / "workflows").glob("*.png")}


@pytest.mark.parametrize("size", [(90, 60), (61, 200), (300, 300)])
def test_a_photo_of_any_size_is_edited_in_its_middle(size, ran, tmp_path):
    photo = Image.effect_noise(size, 40).convert("RGB")
    photo.save(tmp_path / "photo.jpg", quality=95)
    (picture, _) = ran(ROOT / "workflows" / "edit_photo.json", {"Load Image.image": "photo.jpg"}).files
    changed = (pixels(picture) != pixels(tmp_path / "photo.jpg")).any(-1)
    middle, side = (size[1] // 2, size[0] // 2), min(size)
    assert changed[middle]
    assert 0.2 * side**2 < changed.sum() < 0.75 * side**2  # an octagon four fifths of the square wide, at most
    assert not changed[0].any()
    assert not changed[:, 0].any()


def test_what_was_painted_is_what_is_edited(ran, tmp_path):
    painted = Image.new("L", (120, 90), 255)
    painted.paste(0, (10, 50, 40, 80))  # transparent is painted
    photo = Image.effect_noise((120, 90), 40).convert("RGB")
    photo.putalpha(painted)
    photo.save(tmp_path / "photo.png")
    (picture, _) = ran(ROOT / "workflows" / "edit_photo.json", {"Load Image.image": "photo.png"}).files
    changed = (pixels(picture) != pixels(tmp_path / "photo.png")).any(-1)
    assert changed[60:70, 20:30].mean() > 0.9
    changed[49:81, 9:41] = False  # a pixel of the mask's edge by resizing
    assert not changed.any()


@pytest.fixture
def starter(tmp_path, monkeypatch):
    """The model that the saved files name, or a skip with the reason."""
    (name,) = {n["widgets_values"][0] for f in FILES for n in document(f)["nodes"] if n["type"].endswith("LoadGAN")}
    if not (ROOT / "models" / name).is_file():
        pytest.skip(f"no starter model: {name} is not in models/")
    monkeypatch.chdir(tmp_path)
    return nc.load(ROOT / "models" / name)


def test_the_starter_has_the_classes_that_are_named(starter):
    assert starter.class_names == CLASSES


def test_the_main_job_on_the_starter(starter):
    picture, sheet = run(ROOT / "workflows" / "label_collage.json").files
    assert pixels(picture).shape == (starter.resolution, starter.resolution, 3)
    unedited, _, edited, changed = np.split(pixels(sheet)[-388:-4, 4:].astype(int), 4, axis=1)
    assert np.abs(edited - unedited)[:, :384].mean() > 4
    assert changed[:, :192].mean() > 2 * changed[:, 250:384].mean()  # what is painted lies left and in the middle


@pytest.mark.parametrize("place", range(6))
def test_real_photographs_on_the_starter(place, starter):
    folder = os.environ.get("NEURAL_COLLAGE_DATA")
    if not folder:
        pytest.skip("NEURAL_COLLAGE_DATA names no folder with real photographs")
    photo = sorted(Path(folder, "photos").glob("grocery_*.jpg"))[place]
    given = {"Load Image.image": str(photo), "Project Image.steps": "10"}
    before, after = pixels(photo).astype(int), pixels(run(ROOT / "workflows" / "edit_photo.json", given).files[0])
    changed = (before != after).any(-1)
    rows, columns, side = *changed.shape, min(changed.shape)
    middle = changed[rows // 2 - side // 4 : rows // 2 + side // 4, columns // 2 - side // 4 : columns // 2 + side // 4]
    assert middle.mean() > 0.5  # a fruit was drawn there
    assert not changed[: (rows - side) // 2 + side // 12].any()  # above the octagon
    assert not changed[:, : (columns - side) // 2 + side // 12].any()  # left of it
