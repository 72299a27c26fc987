"""Workflows that run: the kinds of file agree, nodes run once, what is there for the eye alone is resolved."""

import json

import numpy as np
import pytest
import torch
from neural_collage.engine.errors import InputError, WorkflowError
from neural_collage.workflows.declarations import sockets_match
from neural_collage.workflows.run import run
from PIL import Image, PngImagePlugin
from toy_nodes import MIXED, PACK, SEED_1, SEED_2, ToySeed, edited, node, page, prompt


@pytest.fixture(autouse=True)
def _in_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ToySeed.calls.clear()


@pytest.fixture
def result(tmp_path):
    """Write a workflow, run it, return its Results."""

    def of(document, overrides=None, **places):
        path = tmp_path / "workflow.json"
        path.write_text(json.dumps(document))
        return run(path, overrides, pack=PACK, **places)

    return of


@pytest.fixture
def shown(result):
    """What arrived at node 4."""
    return lambda document, overrides=None: result(document, overrides).ui["4"]["shown"][0]


def linked(document, number, *, to=0):
    """The page with its link `to` leading from output 0 of node `number`."""
    return edited(document, "links", to, 1, number)


def with_node(document, *nodes, links=()):
    return {**document, "nodes": [*document["nodes"], *nodes], "links": [*document["links"], *map(list, links)]}


def test_both_formats_give_the_same(shown):
    assert shown(page()) == shown(prompt()) == MIXED


def test_newer_files_have_links_as_objects(shown):
    keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    links = [dict(zip(keys, link, strict=True)) for link in page()["links"]]
    assert shown({**page(), "version": 1, "links": links}) == MIXED


def test_widgets_that_a_node_got_later_take_their_defaults(shown):
    early = edited(page(), "nodes", 1, "widgets_values", [7, "randomize", "fine"])  # saved before size, label and sharp
    expected = ("mix", ("seed", 7, "fine", 1.0, "", False), SEED_2, 3, None)
    assert shown(early) == expected
    assert shown(early, {"1.label": "b"}) == ("mix", ("seed", 7, "fine", 1.0, "b", False), SEED_2, 3, None)


def test_ids_may_be_text(shown):
    document = json.loads(json.dumps(page()).replace('"id": 1,', '"id": "one",'))
    assert shown(linked(document, "one")) == MIXED


def test_widget_values_by_name(shown):
    values = {"seed": 7, "control_after_generate": "fixed", "grain": "coarse", "size": 1, "label": "", "sharp": False}
    assert shown(edited(page(), "nodes", 1, "widgets_values", values)) == MIXED


def test_a_file_older_than_the_seed_control(shown):
    assert shown(edited(page(), "nodes", 1, "widgets_values", [7, "coarse", 1.0, "", False])) == MIXED


def test_each_node_runs_once_and_only_if_it_is_needed(shown):
    both = linked(linked(page(), 1, to=0), 1, to=1)  # node 1 feeds both inputs, node 2 none
    assert shown(both) == ("mix", SEED_1, SEED_1, 3, None)
    assert ToySeed.calls == ["1"]


def test_ten_thousand_paths_are_one_run_per_node(result):
    chain = [node(n, "ToyMix", [1], [("a", "THING", 10 * n), ("b", "THING", 10 * n + 1)]) for n in range(101, 141)]
    links = [[10 * n + slot, n - 1, 0, n, slot, "THING"] for n in range(101, 141) for slot in (0, 1)]
    document = with_node(edited(page(), "nodes", 1, "id", 100), *chain, links=links)
    results = result(
        linked(linked(linked(document, 100), 100, to=1), 140, to=2)
    )  # 2**40 ways from node 140 to node 100
    assert ToySeed.calls == ["100"]
    assert len([key for key in results.outputs if int(key) > 100]) == 40


def test_outputs_of_every_node_that_ran(result):
    outputs = result(page()).outputs
    assert outputs == {"1": (SEED_1, 7), "2": (SEED_2, 8), "3": (MIXED,), "4": ()}


def test_reroutes_hand_on(shown):
    reroutes = [node(n, "Reroute", [], [("", "*", n)], [("THING", [])]) for n in (10, 11)]
    links = [[10, 11, 0, 10, 0, "*"], [11, 1, 0, 11, 0, "*"]]
    assert shown(linked(with_node(page(), *reroutes, links=links), 10)) == MIXED


def test_primitive_sets_a_widget(shown):
    document = with_node(page(), node(10, "PrimitiveNode", [5, "increment"]), links=[[10, 10, 0, 3, 3, "INT"]])
    socket = {"name": "amount", "type": "INT", "link": 10, "widget": {"name": "amount"}}
    document["nodes"][3]["inputs"].append(socket)
    assert shown(document) == ("mix", SEED_1, SEED_2, 5, None)


def test_converted_widget_takes_its_link(shown):
    document = with_node(page(), links=[[10, 1, 1, 3, 3, "INT"]])
    document["nodes"][3]["inputs"].append({"name": "amount", "type": "INT", "link": 10, "widget": {"name": "amount"}})
    assert shown(document) == ("mix", SEED_1, SEED_2, 7, None)


def test_widget_keeps_its_value_where_the_link_comes_from_a_muted_node(shown):
    muted = node(10, "ToySeed", outputs=[("THING", []), ("INT", [10])], mode=2)
    document = with_node(page(), muted, links=[[10, 10, 1, 3, 3, "INT"]])
    document["nodes"][3]["inputs"].append({"name": "amount", "type": "INT", "link": 10, "widget": {"name": "amount"}})
    assert shown(document) == MIXED


def test_optional_input_from_a_muted_node_is_absent(shown):
    muted = node(10, "NotEvenInstalled", outputs=[("THING", [10])], mode=2)
    document = with_node(page(), muted, links=[[10, 10, 0, 3, 2, "THING"]])
    document["nodes"][3]["inputs"][2]["link"] = 10
    assert shown(document) == MIXED


def test_muted_output_node_is_left_out(result):
    document = with_node(page(), node(10, "ToyPicky", ["bug"], mode=2))
    assert "10" not in result(document).outputs


def test_bypassed_node_hands_on_the_input_of_its_output_place(shown):
    assert shown(edited(page(), "nodes", 3, "mode", 4)) == SEED_1


def test_bypassed_node_hands_on_the_first_input_of_the_type(shown):
    inputs = [{"name": "x", "type": "OTHER", "link": None}, {"name": "b", "type": "THING", "link": 2}]
    document = edited(page(), "nodes", 3, "inputs", inputs)
    document["nodes"][0]["inputs"][0]["type"] = "THING"
    assert shown(edited(document, "nodes", 3, "mode", 4)) == SEED_2


def test_two_bypassed_nodes_in_a_row(shown):
    second = node(10, "ToyMix", [1], [("a", "THING", 10), ("b", "THING", None)], [("THING", [3])], mode=4)
    document = with_node(edited(page(), "nodes", 3, "mode", 4), second, links=[[10, 3, 0, 10, 0, "THING"]])
    assert shown(linked(document, 10, to=2)) == SEED_1


def test_one_type_of_several_may_enter(shown):
    assert shown(edited(page(), "links", 2, [3, 1, 1, 4, 0, "INT"])) == 7


class Anything(str):
    __slots__ = ()

    def __ne__(self, other):
        return False

    __hash__ = str.__hash__


@pytest.mark.parametrize(
    ("given", "wanted", "fits"),
    [
        ("IMAGE", "IMAGE", True),
        ("IMAGE", "MASK", False),
        ("IMAGE", "MASK, IMAGE", True),
        ("MASK,IMAGE", "IMAGE,LATENT", True),
        ("*", "MASK", True),
        ("IMAGE", "*", True),
        ("IMAGE", Anything("ANY"), True),
        (Anything("ANY"), "IMAGE", True),
    ],
)
def test_sockets_match(given, wanted, fits):
    assert sockets_match(given, wanted) is fits


def test_error_of_ours_gets_the_nodes_name(result):
    document = {"7": {"class_type": "ToyPicky", "inputs": {"how": "input"}, "_meta": {"title": "Mine"}}}
    with pytest.raises(InputError, match=r"'Mine' \(node 7, ToyPicky\): a friendly message"):
        result(document)


def test_other_errors_pass_unchanged(result):
    with pytest.raises(ZeroDivisionError):
        result({"7": {"class_type": "ToyPicky", "inputs": {"how": "bug"}}})


def test_node_that_returns_too_little(result):
    with pytest.raises(WorkflowError, match=r"node 7, .* must return 1 values, it gave \(\)"):
        result({"7": {"class_type": "ToyPicky", "inputs": {"how": "short"}}})


def test_progress_names_the_nodes(result, capfd):
    result(page())
    assert "The End: 100%" in capfd.readouterr().err


# Pictures, and the workflow inside them.

PICTURE = {
    "nodes": [
        node(1, "ToyPicture", [0.6], outputs=[("IMAGE", [1])]),
        node(2, "SaveImage", ["a/pic"], [("images", "IMAGE", 1)]),
        node(3, "PreviewImage", [], [("images", "IMAGE", 2)]),
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"], [2, 1, 0, 3, 0, "IMAGE"]],
}


def pixels(file):
    with Image.open(file) as image:
        return np.array(image)


def chunks(file):
    with Image.open(file) as image:
        return {name: json.loads(text) for name, text in image.info.items()}


def test_saved_picture_runs_again(result, tmp_path):
    (first,) = result(PICTURE, {"ToyPicture.value": "0.25"}).files
    assert first == tmp_path / "output" / "a" / "pic_00001_.png"
    (second,) = run(first, pack=PACK).files
    assert second == first.with_name("pic_00002_.png")
    np.testing.assert_array_equal(pixels(first), pixels(second))
    assert (pixels(first) == 63).all()  # 0.25 * 255 = 63.75, cut


def test_embedded_workflow_is_the_one_that_ran(result):
    (file,) = result(PICTURE, {"ToyPicture.value": 0.25}).files
    saved = chunks(file)
    assert saved["prompt"]["1"]["inputs"] == {"value": 0.25}
    assert saved["prompt"]["2"]["inputs"]["images"] == ["1", 0]
    assert saved["workflow"] == edited(PICTURE, "nodes", 0, "widgets_values", [0.25])
    (again,) = result(saved["workflow"]).files
    np.testing.assert_array_equal(pixels(again), pixels(file))


def test_png_with_a_page_only(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("workflow", json.dumps(PICTURE))
    Image.new("RGB", (4, 4)).save(tmp_path / "page.png", pnginfo=info)
    assert len(run(tmp_path / "page.png", pack=PACK).files) == 1


def test_previews_are_written_where_asked(result, tmp_path):
    assert len(result(PICTURE).files) == 1
    files = result(PICTURE, previews_dir="seen").files
    assert tmp_path / "seen" / "preview_00001_.png" in files
    assert all(file.is_file() for file in files)


def test_nothing_unfinished_is_left(result, tmp_path):
    result(PICTURE)
    assert [path.name for path in (tmp_path / "output").rglob("*") if path.is_file()] == ["pic_00001_.png"]


def test_runs_under_inference_mode(result):
    assert result(PICTURE).outputs["1"][0].is_inference()
    assert not torch.is_inference_mode_enabled()
