"""The help pages: each shows a picture, and names the worked workflow that shows its node."""

import json
import re
from pathlib import Path

import neural_collage
import pytest
from neural_collage.nodes import NODE_CLASS_MAPPINGS
from PIL import Image

ROOT = Path(neural_collage.__file__).parent
PAGES = ROOT / "web" / "docs"
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]*)\)")
NAMED = re.compile(r"worked\s+workflow\s+\*([^*]+)\*")

each = pytest.mark.parametrize("node", NODE_CLASS_MAPPINGS)


def page(node):
    return (PAGES / f"{node}.md").read_text(encoding="utf-8")


@each
def test_a_page_has_one_picture_beside_it_and_says_what_it_shows(node):
    ((told, file),) = PICTURE.findall(page(node))
    assert len(told) > 20
    assert file == f"{node}.jpg"  # ComfyUI's page looks for it where the help page lies
    with Image.open(PAGES / file) as picture:
        assert picture.format == "JPEG"
        assert 360 <= picture.width <= 800
        assert len(picture.convert("RGB").getcolors(2**24) or ()) > 100  # not one flat colour
    assert (PAGES / file).stat().st_size <= 60_000


def test_there_is_no_picture_without_a_page():
    assert {path.stem for path in PAGES.glob("*.jpg")} == {path.stem for path in PAGES.glob("*.md")}
    assert {path.suffix for path in PAGES.iterdir() if path.is_file()} == {".md", ".jpg"}


@each
def test_a_page_names_a_workflow_that_has_its_node(node):
    (name,) = NAMED.findall(page(node))
    workflow = json.loads((ROOT / "workflows" / f"{'_'.join(name.split())}.json").read_text(encoding="utf-8"))
    assert node in {one["type"] for one in workflow["nodes"]}
