"""Small nodes whose outputs say how they were made, and saved workflows of them in ComfyUI's page format."""

import copy
from typing import Any, ClassVar

import torch
from neural_collage.engine.errors import InputError
from neural_collage.workflows.declarations import Catalogue


class ToySeed:
    """A seed (so one more entry in widgets_values), a choice, a number -> THING."""

    calls: ClassVar[list[str]] = []
    RETURN_TYPES = ("THING", "INT")
    FUNCTION = "make"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "seed": ("INT", {"default": 0, "min": 0, "max": 2**64 - 1, "control_after_generate": True}),
                "grain": (["coarse", "fine"],),
                "size": ("FLOAT", {"default": 1.0, "min": 0.0, "max": 8.0}),
            },
            "optional": {"label": ("STRING", {"default": ""}), "sharp": ("BOOLEAN", {"default": False})},
            "hidden": {"unique_id": "UNIQUE_ID"},
        }

    def make(self, seed, grain, size, label="", sharp=False, unique_id=""):
        assert torch.is_inference_mode_enabled()
        self.calls.append(unique_id)
        return (("seed", seed, grain, size, label, sharp), seed)


class ToyMix:
    """Two THINGs and an amount; a third THING if it is connected."""

    RETURN_TYPES = ("THING",)
    FUNCTION = "mix"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {"a": ("THING",), "b": ("THING",), "amount": ("INT", {"default": 1, "min": 0, "max": 9})},
            "optional": {"c": ("THING",)},
        }

    def mix(self, a, b, amount, c=None):
        return (("mix", a, b, amount, c),)


class ToyShow:
    """The output node; refuses what the user calls forbidden."""

    OUTPUT_NODE = True
    RETURN_TYPES = ()
    FUNCTION = "show"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {"thing": ("THING,INT",), "text": ("STRING", {"default": ""})},
            "hidden": {"prompt": "PROMPT", "extra": "EXTRA_PNGINFO"},
        }

    @classmethod
    def VALIDATE_INPUTS(cls, text):
        return f"{text!r} is not wanted" if text == "forbidden" else True

    def show(self, thing, text, prompt, extra):
        return {"ui": {"shown": [thing]}, "result": ()}


class ToyPicture:
    """An IMAGE (1, 8, 8, 3) of one value."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "make"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"value": ("FLOAT", {"default": 0.5, "min": 0.0, "max": 1.0})}}

    def make(self, value):
        return (torch.full((1, 8, 8, 3), value),)


class ToyPicky:
    """Raises InputError, or ZeroDivisionError, when it runs."""

    OUTPUT_NODE = True
    RETURN_TYPES = ("THING",)
    FUNCTION = "fail"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"how": (["input", "bug", "short"],)}}

    def fail(self, how):
        if how == "input":
            raise InputError("a friendly message")
        return () if how == "short" else (1 // 0,)


class ToyList(ToyPicky):
    """A node on lists."""

    OUTPUT_IS_LIST = (True,)


CLASSES = (ToySeed, ToyMix, ToyShow, ToyPicture, ToyPicky, ToyList)
PACK = Catalogue({cls.__name__: cls for cls in CLASSES}, {"ToySeed": "Toy Seed", "ToyMix": "Toy Mix"})

SEED_1 = ("seed", 7, "coarse", 1.0, "", False)
SEED_2 = ("seed", 8, "fine", 2.5, "b", True)
MIXED = ("mix", SEED_1, SEED_2, 3, None)


def node(number: Any, kind: str, values: Any = (), inputs: Any = (), outputs: Any = (), **more: Any) -> dict[str, Any]:
    """One node as the page saves it. `inputs`: (name, type, link); `outputs`: (type, links)."""
    return {
        "id": number,
        "type": kind,
        "mode": 0,
        "inputs": [{"name": name, "type": type_, "link": link} for name, type_, link in inputs],
        "outputs": [{"name": type_, "type": type_, "links": links} for type_, links in outputs],
        "widgets_values": list(values),
        **more,
    }


def page() -> dict[str, Any]:
    """Two seeds -> mix -> show, as ComfyUI's page saves it: outputs.MIXED arrives at node 4."""
    return {
        "version": 0.4,
        "nodes": [
            node(4, "ToyShow", ["shown"], [("thing", "THING,INT", 3)], title="The End"),
            node(1, "ToySeed", [7, "randomize", "coarse", 1.0, "", False], outputs=[("THING", [1]), ("INT", [])]),
            node(2, "ToySeed", [8, "fixed", "fine", 2.5, "b", True], outputs=[("THING", [2])], title="Second"),
            node(3, "ToyMix", [3], [("a", "THING", 1), ("b", "THING", 2), ("c", "THING", None)], [("THING", [3])]),
            node(9, "Note", ["words"]),
        ],
        "links": [[1, 1, 0, 3, 0, "THING"], [2, 2, 0, 3, 1, "THING"], [3, 3, 0, 4, 0, "THING"]],
    }


def prompt() -> dict[str, Any]:
    """The same workflow in the prompt format."""
    seed = {"seed": 7, "grain": "coarse", "size": 1.0, "label": "", "sharp": False}
    other = {"seed": 8, "grain": "fine", "size": 2.5, "label": "b", "sharp": True}
    return {
        "1": {"class_type": "ToySeed", "inputs": seed, "_meta": {"title": "Toy Seed"}},
        "2": {"class_type": "ToySeed", "inputs": other, "_meta": {"title": "Second"}},
        "3": {"class_type": "ToyMix", "inputs": {"a": ["1", 0], "b": ["2", 0], "amount": 3}},
        "4": {"class_type": "ToyShow", "inputs": {"thing": ["3", 0], "text": "shown"}, "_meta": {"title": "The End"}},
    }


def edited(document: dict[str, Any], *steps: Any) -> dict[str, Any]:
    """A copy with one place changed: `edited(page(), "nodes", 0, "type", "Other")`. Nodes of a page go by place."""
    result = copy.deepcopy(document)
    *way, last, value = steps
    place: Any = result
    for step in way:
        place = place[step]
    place[last] = value
    return result
