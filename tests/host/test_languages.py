"""The nodes in other languages than English, and the pictures of their help pages, as the page shows them."""

import json

import browser
import pytest
from browser import opened
from comfyui import NEEDED, ROOT, Server
from neural_collage.nodes import NODE_CLASS_MAPPINGS

pytestmark = NEEDED

LANGUAGES = sorted(path.name for path in (ROOT / "locales").iterdir())
NODE = "NeuralCollageLabelCollage"
EMPTY = 500, 850
"""Pixels: a place of the window where nothing lies."""
SAID = """(kind) => {
  const {title, inputs, outputs, widgets} = app.graph.nodes.find(({type}) => type === kind);
  return {title, inputs: inputs.map((one) => one.localized_name), outputs: outputs.map((one) => one.localized_name),
    widgets: widgets.map(({label}) => label)};
}"""
LOADED = "() => [...document.querySelectorAll('.node-help-content img')].some(({naturalWidth}) => naturalWidth > 300)"


def texts(language: str) -> dict[str, dict]:
    return json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text("utf-8"))


def test_the_host_reads_every_language(server: Server):
    known = server.ask("/i18n")
    for language in LANGUAGES:
        assert known[language]["nodeDefs"].items() >= texts(language).items()
        assert "neural collage" in known[language]["nodeCategories"]


def test_the_pictures_are_where_the_help_pages_say(server: Server):
    for name in NODE_CLASS_MAPPINGS:
        assert server.get(f"/extensions/ComfyUI-Neural-Collage/docs/{name}.jpg").startswith(b"\xff\xd8")


@browser.NEEDED
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_node_is_found_and_explained_in_the_language(server: Server, language: str):
    told = texts(language)[NODE]
    with opened(server, Comfy_Locale=language) as window:
        window.page.mouse.dblclick(*EMPTY)
        window.page.locator(".comfy-vue-node-search-container input:focus").wait_for()
        window.page.keyboard.type(told["display_name"], delay=30)
        window.page.locator("li", has_text=told["display_name"]).first.click()
        window.page.wait_for_function("(kind) => app.graph.nodes.some(({type}) => type === kind)", arg=NODE)
        said = window.page.evaluate(SAID, NODE)
        assert said["title"] == told["display_name"]
        assert set(said["inputs"]) == {one["name"] for one in told["inputs"].values()}
        assert said["outputs"] == [one["name"] for one in told["outputs"].values()]
        assert said["widgets"] == [told["inputs"]["layers"]["name"]]
        window.show(NODE)
        window.click(NODE, 60, -15)
        window.page.get_by_test_id("info-button").click()
        window.page.wait_for_function(LOADED)
