"""A run as its user sees it: progress, previews, stopping, what is run again, and what is said of mistakes."""

import os
import time
from typing import Any

import pytest
import toy
from comfyui import NEEDED, Server
from neural_collage import engine as nc

pytestmark = NEEDED

STEPS = 12


def _node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind if kind[0] != "." else f"NeuralCollage{kind[1:]}", "inputs": inputs}


def _edit(**changed: dict[str, Any]) -> dict[str, Any]:
    """A label collage of the tiny model, saved. `changed` replaces inputs of a node by its name."""
    prompt = {
        "gan": _node(".LoadGAN", file="toy.safetensors"),
        "rose": _node(".RandomCollage", gan=["gan", 0], label="rose", seed=5, truncation=1.0, batch=1),
        "mask": _node("SolidMask", value=1.0, width=16, height=16),
        "map": _node(".PaintClass", mask=["mask", 0], label="tulip", strength=1.0, grow=0, feather=0.0),
        "edit": _node(".LabelCollage", collage=["rose", 0], class_map=["map", 0], layers="8-"),
        "render": _node(".RenderCollage", gan=["gan", 0], collage=["edit", 0]),
        "saved": _node("SaveImage", images=["render", 0], filename_prefix="edit"),
    }
    for name, inputs in changed.items():
        prompt[name]["inputs"] |= inputs
    return prompt


def _projection(**changed: Any) -> dict[str, Any]:
    """Besides, the picture is projected and put back."""
    how = {"label": "auto", "steps": STEPS, "rate": 0.0, "space": "zeta", "start": "encoder", "pixel_weight": 0.2}
    how |= {"distance": "auto"}
    stitch = {"crop": ["cropped", 2], "mode": "normal", "feather": 0.0}
    return _edit() | {
        "projected": _node(".ProjectImage", gan=["gan", 0], image=["render", 0], **how | changed),
        "cropped": _node(".CropForCollage", image=["render", 0], padding=0.25, size=16),
        "stitched": _node(".Stitch", photo=["render", 0], edited=["cropped", 0], mask=["cropped", 1], **stitch),
        "curve": _node("SaveImage", images=["projected", 2], filename_prefix="curve"),
        "photo": _node("SaveImage", images=["stitched", 0], filename_prefix="photo"),
    }


def test_a_projection_shows_every_step_and_the_picture_so_far(server: Server):
    run = server.run(_projection())
    assert (run.status, run.node_errors) == ("success", {}), run.failure
    assert [len(run.outputs[key]["images"]) for key in ("saved", "curve", "photo")] == [1, 1, 1]
    steps = [(event["data"]["value"], event["data"]["max"]) for event in run.of("progress", "projected")]
    assert list(dict.fromkeys(steps))[: STEPS + 2] == [(step, STEPS + 1) for step in range(STEPS + 2)]
    previews = run.of("preview")
    assert len(previews) == STEPS + 1
    assert all(event["data"]["picture"][:3] == b"\xff\xd8\xff" for event in previews)


def test_an_interrupt_stops_within_a_step_and_is_reported_as_one(server: Server):
    prompt, seen = _projection(steps=5000, rate=0.001), []

    def stop_at_third(event: dict[str, Any]) -> None:
        if event["type"] == "progress" and event["data"]["node"] == "projected":
            seen.append(event["data"]["value"])
            if len(seen) == 3:
                server.ask("/interrupt", {})

    run = server.run(prompt, stop_at_third)
    assert run.status == "interrupted"
    assert run.of("execution_interrupted")[0]["data"]["node_type"] == "NeuralCollageProjectImage"
    assert max(seen) < 200  # told at the third, with what runs while the word goes round; thousands would have followed
    assert server.run(_edit(rose={"seed": 77})).status == "success"  # and the host goes on


def test_a_second_run_is_cached_from_end_to_end(server: Server):
    prompt = _edit(rose={"seed": 100})
    assert server.run(prompt).executed
    again = server.run(prompt)
    assert again.executed == set()
    assert set(again.of("execution_cached")[0]["data"]["nodes"]) == set(prompt)


@pytest.mark.parametrize(
    ("changed", "executed"),
    [
        ({"map": {"strength": 0.5}}, {"map", "edit", "render", "saved"}),
        ({"edit": {"layers": "4"}}, {"edit", "render", "saved"}),
        ({"rose": {"seed": 6}}, {"rose", "edit", "render", "saved"}),
        ({"saved": {"filename_prefix": "other"}}, {"saved"}),
    ],
    ids=["strength", "layers", "seed", "name"],
)
def test_a_changed_widget_runs_again_what_follows_it_and_nothing_else(server: Server, changed, executed):
    server.run(_edit())
    assert server.run(_edit(**changed)).executed == executed


def test_a_model_file_that_was_replaced_is_loaded_anew(server: Server):
    file = server.base / "models" / "gan" / "replaced.safetensors"
    nc.save(toy.gan(), file)
    prompt = _edit(gan={"file": file.name})
    server.run(prompt)
    assert server.run(prompt).executed == set()
    nc.save(toy.gan(seed=1), file)
    assert server.run(prompt).executed == set(prompt) - {"mask", "map"}
    os.utime(file, ns=(1, 1))
    assert "gan" in server.run(prompt).executed


def test_the_host_accounts_for_the_model_and_may_unload_it(server: Server):
    asked = "Requested to load NeuralCollageGAN"
    server.run(_edit(rose={"seed": 200}))
    loads = server.log.count(asked)
    assert loads > 0
    server.run(_edit(rose={"seed": 201}))
    assert server.log.count(asked) == loads  # it stays where it is
    server.ask("/free", {"unload_models": True})
    time.sleep(1)  # the host does it between two prompts, and does not say when it has
    run = server.run(_projection(steps=3))
    assert run.status == "success", run.failure
    assert "gan" not in run.executed  # moved, not read again
    assert server.log.count(asked) == loads + 1


MISTAKES = {
    "unknown class": ({"map": {"label": "thistle"}}, "RenderCollage", "'thistle'"),
    "layers": ({"edit": {"layers": "512"}}, "RenderCollage", "512"),
    "mask": ({"mask": {"width": 16, "height": 48}}, "RenderCollage", "square"),
    "class of another model": ({"rose": {"label": "99"}}, "RandomCollage", "0 to 2"),
}


@pytest.mark.parametrize(("changed", "node", "told"), MISTAKES.values(), ids=MISTAKES)
def test_what_can_only_be_found_out_while_running_is_told_in_our_words(server: Server, changed, node, told):
    run = server.run(_edit(**changed))
    assert run.status == "error"
    assert run.error["node_type"] == f"NeuralCollage{node}"
    assert told in run.error["exception_message"]


REFUSED = {
    "missing file": ({"gan": {"file": "gone.safetensors"}}, "gan", "there is no 'gone.safetensors'"),
    "missing encoder": ({"gan": {"encoder": "gone.npz"}}, "gan", "'gone.npz'"),
    "strength": ({"map": {"strength": 1.5}}, "map", "bigger than max"),
    "wrong socket": ({"edit": {"collage": ["map", 0]}}, "edit", "COLLAGE_CLASS_MAP"),
}


@pytest.mark.parametrize(("changed", "node", "told"), REFUSED.values(), ids=REFUSED)
def test_what_can_be_seen_before_the_run_is_told_once(server: Server, changed, node, told):
    run = server.run(_edit(**changed))
    assert run.status == "refused"
    errors = run.node_errors[node]["errors"]
    assert len(errors) == 1
    assert told in f"{errors[0]['message']} {errors[0]['details']}"


def test_a_path_outside_the_model_folders_is_refused(server: Server, tmp_path):
    nc.save(toy.gan(bare=True), tmp_path / "elsewhere.safetensors")
    run = server.run(_edit(gan={"file": str(tmp_path / "elsewhere.safetensors")}))
    assert run.status == "refused"
    assert "models/gan" in run.node_errors["gan"]["errors"][0]["details"]
