"""Broken workflow files: every one is refused, before anything runs, in words that help."""

import json
from pathlib import Path

import pytest
import toy_nodes
from neural_collage.engine.errors import WorkflowError
from neural_collage.workflows.document import MAX_JSON_BYTES, MAX_NODES
from neural_collage.workflows.run import run
from PIL import Image, PngImagePlugin
from toy_nodes import PACK, ToySeed, edited, node, page, prompt

# Places in page()["nodes"].
SHOW, SEED, SECOND, MIX = range(4)


def on_page(place, key, value):
    return edited(page(), "nodes", place, key, value)


def on_prompt(number, name, value):
    return edited(prompt(), number, "inputs", name, value)


def with_nodes(*nodes, links=()):
    document = page()
    document["nodes"] += nodes
    document["links"] += [list(link) for link in links]
    return document


def muted_second():
    return on_page(SECOND, "mode", 2)


def bypassed_second():
    return on_page(SECOND, "mode", 4)


def circle_of_reroutes():
    document = on_page(MIX, "inputs", [{"name": "a", "type": "THING", "link": 10}])
    reroutes = [node(n, "Reroute", [], [("", "*", 21 - n)], [("THING", [n])]) for n in (10, 11)]
    document["nodes"] += reroutes
    document["links"] += [[10, 10, 0, 11, 0, "*"], [11, 11, 0, 10, 0, "*"]]
    return document


SUBGRAPHS = {"subgraphs": [{"id": "8f0c", "name": "Relight"}]}
ALL_MUTED = {**page(), "nodes": [{**saved, "mode": 2} for saved in page()["nodes"]]}
WITHOUT_B = {name: value for name, value in prompt()["3"]["inputs"].items() if name != "b"}
DEEP = "[" * 100_000

# name -> (what is in the file: JSON value or raw text, words of the message)
BAD_WORKFLOWS = {
    "empty file": ("", ["not valid JSON"]),
    "not JSON": ("{'nodes': }", ["not valid JSON", "saved by ComfyUI"]),
    "nested too deep": (DEEP, ["not valid JSON"]),
    "truncated": (json.dumps(page())[:-20], ["not valid JSON"]),
    "a list": ([1, 2], ["list", "not an object"]),
    "a string": ('"hello"', ["str", "not an object"]),
    "an empty object": ({}, ["empty"]),
    "another kind of object": ({"images": [], "name": "x"}, ["neither 'nodes' nor", "images, name"]),
    "nodes missing": ({"links": []}, ["'nodes' and 'links' must be lists", "NoneType"]),
    "nodes is an object": ({"nodes": {}, "links": []}, ["must be lists", "dict"]),
    "links is an object": ({**page(), "links": {}}, ["must be lists", "dict"]),
    "no nodes": ({"nodes": [], "links": []}, ["at least one output node", "0 nodes"]),
    "a node is a number": (with_nodes(3), ["'id' and a 'type'", "entry 5"]),
    "node without type": (on_page(SEED, "type", None), ["'id' and a 'type'"]),
    "node without id": (on_page(SEED, "id", None), ["'id' and a 'type'"]),
    "one id twice": (on_page(SEED, "id", 2), ["ids must differ", "2 occurs twice"]),
    "too many nodes": (with_nodes(*[node(n, "Note") for n in range(100, MAX_NODES + 100)]), ["at most 10000 nodes"]),
    "unknown mode": (on_page(SEED, "mode", 7), ["mode 7", "4 (bypassed)"]),
    "mode is text": (on_page(SEED, "mode", "muted"), ["mode 'muted'"]),
    "sockets are text": (on_page(MIX, "inputs", "a, b"), ["'inputs' must be a list of sockets"]),
    "outputs are numbers": (on_page(MIX, "outputs", [1]), ["'outputs' must be a list of sockets"]),
    "an output's links are text": (on_page(MIX, "outputs", [{"links": "3"}]), ["'links' must be a list"]),
    "subgraph": ({**page(), "definitions": SUBGRAPHS}, ["subgraph 'Relight'", "Unpack"]),
    "unknown node": (on_page(MIX, "type", "ToyMxi"), ["'ToyMxi'", "Did you mean 'ToyMix'?", "node 3"]),
    "group node": (on_page(MIX, "type", "workflow>Group"), ["workflow>Group", "not known here"]),
    "link of two numbers": ({**page(), "links": [[1, 2]]}, ["a link is [id,", "[1, 2]"]),
    "link is text": ({**page(), "links": ["1-2"]}, ["a link is [id,", "1-2"]),
    "link object without origin": ({**page(), "links": [{"id": 1, "origin_slot": 0}]}, ["a link is"]),
    "link from output -1": (edited(page(), "links", 0, 2, -1), ["number from 0"]),
    "link that is not listed": (edited(page(), "links", 0, 0, 77), ["link 1 is not in 'links'", "input 'a'"]),
    "link from an absent node": (edited(page(), "links", 0, 1, 55), ["node 55", "not in the file", "input 'a'"]),
    "link from an output that is not there": (edited(page(), "links", 1, 2, 5), ["output 5", "has 2 outputs", "'b'"]),
    "wrong socket type": (edited(page(), "links", 0, 2, 1), ["takes THING", "gives INT", "input 'a'"]),
    "required input not connected": (
        on_page(MIX, "inputs", [{"name": "a", "type": "THING", "link": 1}]),
        ["'Toy Mix' (node 3", "requires the input 'b'", "Connect a THING output"],
    ),
    "upstream is muted": (muted_second(), ["requires the input 'b'", "'Second' (node 2, ToySeed) is muted"]),
    "upstream is bypassed": (bypassed_second(), ["requires the input 'b'", "bypassed", "nothing of type THING"]),
    "everything is muted": (ALL_MUTED, ["at least one output node", "muted"]),
    "reroute that leads nowhere": (
        {**edited(page(), "links", 0, 1, 10), "nodes": [*page()["nodes"], node(10, "Reroute", [], [("", "*", None)])]},
        ["requires the input 'a'", "reroute", "nothing of type THING"],
    ),
    "circle of reroutes": (circle_of_reroutes(), ["circle", "input 'a'"]),
    "primitive without a value": (
        {**edited(page(), "links", 0, 1, 10), "nodes": [*page()["nodes"], node(10, "PrimitiveNode")]},
        ["requires the input 'a'", "holds no value"],
    ),
    "primitive into a socket": (
        {**edited(page(), "links", 0, 1, 10), "nodes": [*page()["nodes"], node(10, "PrimitiveNode", [5, "fixed"])]},
        ["input 'a' must be connected to a THING output", "got the value 5"],
    ),
    "node that feeds itself": (edited(page(), "links", 0, 1, 3), ["depend on themselves", "'Toy Mix' (node 3"]),
    "too few widgets": (
        on_page(SEED, "widgets_values", [7, "randomize"]),
        ["5 values (seed, grain, size, label, sharp)", "the file has 2", "another version"],
    ),
    "too many widgets": (on_page(MIX, "widgets_values", [3, "fixed", 1]), ["1 values (amount)", "the file has 3"]),
    "no widgets": (on_page(MIX, "widgets_values", None), ["1 values (amount)", "the file has 0"]),
    "widgets are text": (on_page(MIX, "widgets_values", "3"), ["'widgets_values' must be a list", "'3'"]),
    "widget by name missing": (on_page(MIX, "widgets_values", {"x": 1}), ["no input 'x'", "amount"]),
    "below the range": (on_page(MIX, "widgets_values", [-1]), ["input 'amount' must lie in 0..9, got -1"]),
    "above the range": (
        on_page(SEED, "widgets_values", [7, "fixed", "fine", 8.5, "", False]),
        ["input 'size' must lie in 0.0..8.0, got 8.5"],
    ),
    "seed beyond 64 bits": (on_prompt("1", "seed", 2**64), ["input 'seed' must lie in 0..18446744073709551615"]),
    "not a choice": (
        on_page(SEED, "widgets_values", [7, "fixed", "corse", 1.0, "", False]),
        ["one of 'coarse', 'fine'", "'corse'", "Did you mean 'coarse'?"],
    ),
    "number for a choice": (
        on_page(SEED, "widgets_values", [7, "fixed", 3, 1.0, "", False]),
        ["takes the text of one of its choices, got 3"],
    ),
    "nested without end": ({**page(), "extra": json.loads("[" * 300 + "]" * 300)}, ["nested more than 100"]),
    "text for a number": (on_page(MIX, "widgets_values", ["3"]), ["'amount' takes a whole number, got '3'"]),
    "fraction for a whole number": (on_page(MIX, "widgets_values", [3.5]), ["a whole number, got 3.5"]),
    "true for a number": (on_page(MIX, "widgets_values", [True]), ["a whole number, got True"]),
    "nothing for a number": (on_page(MIX, "widgets_values", [None]), ["a whole number, got None"]),
    "number for text": (on_prompt("4", "text", 5), ["input 'text' takes text, got 5"]),
    "number for true or false": (on_prompt("1", "sharp", 1), ["input 'sharp' takes true or false, got 1"]),
    "NaN": (json.dumps(on_prompt("1", "size", float("nan"))), ["NaN is no number in JSON"]),
    "infinite by overflow": (json.dumps(prompt()).replace("2.5", "1e999"), ["'size' takes a finite number, got inf"]),
    "number of five thousand digits": (json.dumps(prompt()).replace("2.5", "9" * 5000), ["not valid JSON"]),
    "refused by the node itself": (on_prompt("4", "text", "forbidden"), ["'The End'", "'forbidden' is not wanted"]),
    "prompt: node is a list": (edited(prompt(), "3", [1]), ["node 3 needs a 'class_type'"]),
    "prompt: no inputs": (edited(prompt(), "3", "inputs", None), ["node 3 (ToyMix) needs an object of 'inputs'"]),
    "prompt: link of one": (on_prompt("3", "a", ["1"]), ["a link is written [node id, output number]", "['1']"]),
    "prompt: link to a negative output": (on_prompt("3", "a", ["1", -1]), ["a link is written"]),
    "prompt: link to an absent node": (on_prompt("3", "a", ["12", 0]), ["linked to node 12", "not in the file"]),
    "prompt: value for a socket": (on_prompt("3", "a", 3), ["input 'a' must be connected to a THING output", "3"]),
    "prompt: required input missing": (edited(prompt(), "3", "inputs", WITHOUT_B), ["requires the input 'b'"]),
    "prompt: widget missing": (edited(prompt(), "4", "inputs", {"thing": ["3", 0]}), ["'text'", "Set a value"]),
    "prompt: unknown input": (on_prompt("3", "amuont", 3), ["no input 'amuont'", "Did you mean 'amount'?"]),
    "prompt: cycle": (on_prompt("3", "a", ["3", 0]), ["depend on themselves"]),
    "node on lists": (
        {"1": {"class_type": "ToyList", "inputs": {"how": "bug"}}},
        ["OUTPUT_IS_LIST", "only ComfyUI itself"],
    ),
}


@pytest.mark.parametrize("name", BAD_WORKFLOWS)
def test_is_refused_before_anything_runs(name, tmp_path):
    content, words = BAD_WORKFLOWS[name]
    path = tmp_path / "bad.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    ToySeed.calls.clear()
    with pytest.raises(WorkflowError) as caught:
        run(path, pack=PACK, output_dir=tmp_path / "output")
    assert [word for word in words if word not in str(caught.value)] == []
    assert ToySeed.calls == []
    assert not (tmp_path / "output").exists()


def test_the_table_is_long_enough():
    assert len(BAD_WORKFLOWS) >= 60


def test_the_workflows_that_were_broken_are_whole(tmp_path):
    for number, content in enumerate((page(), prompt())):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(content))
        assert run(path, pack=PACK).ui["4"]["shown"] == [toy_nodes.MIXED]


def refused(path: Path, *words: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        run(path, pack=PACK)
    assert [word for word in words if word not in str(caught.value)] == []


def test_file_that_is_not_there(tmp_path):
    refused(tmp_path / "none.json", "there is no file", "none.json")


def test_file_too_large(tmp_path):
    path = tmp_path / "large.json"
    path.write_text(" " * (MAX_JSON_BYTES + 1))
    refused(path, str(MAX_JSON_BYTES), "may have")


def test_file_that_is_no_text(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"\xff\xfe\x00\x01binary")
    refused(path, "not text")


def test_png_without_a_workflow(tmp_path):
    path = tmp_path / "plain.png"
    Image.new("RGB", (4, 4)).save(path)
    refused(path, "no readable 'prompt' or 'workflow'", "saved first")


def test_png_with_a_broken_workflow(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", '{"1": ')
    path = tmp_path / "broken.png"
    Image.new("RGB", (4, 4)).save(path, pnginfo=info)
    refused(path, "not valid JSON")


def test_png_cut_short(tmp_path):
    path = tmp_path / "cut.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    refused(path, "cannot be read")
