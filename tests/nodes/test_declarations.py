"""What every node says of itself: ComfyUI and the runner read it, and so do people."""

import inspect
from pathlib import Path

import neural_collage
import pytest
from neural_collage.nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

ROOT = Path(neural_collage.__file__).parent
NODES = list(NODE_CLASS_MAPPINGS.items())
TYPES = {
    "COLLAGE_GAN",
    "COLLAGE",
    "COLLAGE_CLASS_MAP",
    "COLLAGE_CROP",
    "IMAGE",
    "MASK",
    "INT",
    "FLOAT",
    "STRING",
    "BOOLEAN",
}


def _inputs(cls):
    declared = cls.INPUT_TYPES()
    assert set(declared) <= {"required", "optional", "hidden"}
    return declared.get("required", {}) | declared.get("optional", {})


def test_the_nodes_are_those_of_the_design():
    assert sorted(NODE_DISPLAY_NAME_MAPPINGS.values()) == sorted([
        "Load GAN", "Random Collage", "Project Image", "Mix Collages", "Paint Class", "Paint Regions",
        "Class Map from Colours", "Preview Class Map", "Label Collage (sCBN)", "Feature Collage", "Render Collage",
        "Crop for Collage", "Stitch (Poisson Blend)", "Contact Sheet", "Study: Strengths", "Study: Layers",
        "Study: Every Class", "Study: Mix vs Feature Collage", "Study: Collage vs Pixels",
    ])  # fmt: skip
    assert NODE_CLASS_MAPPINGS.keys() == NODE_DISPLAY_NAME_MAPPINGS.keys()
    assert all(name.startswith("NeuralCollage") for name in NODE_CLASS_MAPPINGS)


@pytest.mark.parametrize(("name", "cls"), NODES)
def test_every_input_has_a_known_type_a_tooltip_and_a_default(name, cls):
    for key, (kind, options) in _inputs(cls).items():
        assert isinstance(kind, list) or kind in TYPES, key
        assert len(options["tooltip"]) > 4, key
        assert options["tooltip"].endswith("."), key
        is_socket = isinstance(kind, str) and (kind in ("IMAGE", "MASK") or kind.startswith("COLLAGE"))
        assert is_socket or "default" in options or key == "file", key
        assert isinstance(kind, str) or "default" not in options or options["default"] in kind, key


@pytest.mark.parametrize(("name", "cls"), NODES)
def test_the_method_takes_exactly_the_declared_inputs(name, cls):
    declared = cls.INPUT_TYPES()
    parameters = inspect.signature(getattr(cls, cls.FUNCTION)).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    named = {key for key, p in parameters.items() if p.kind is not p.VAR_KEYWORD} - {"self"}
    assert named <= set(_inputs(cls))
    assert open_ended or named == set(_inputs(cls))
    for key in declared.get("optional", {}):
        assert open_ended or parameters[key].default is not inspect.Parameter.empty, key


@pytest.mark.parametrize(("name", "cls"), NODES)
def test_every_output_has_a_type_a_name_and_a_tooltip(name, cls):
    assert len(cls.RETURN_TYPES) == len(cls.RETURN_NAMES) == len(cls.OUTPUT_TOOLTIPS) > 0
    assert set(cls.RETURN_TYPES) <= TYPES
    assert all(told.endswith(".") for told in cls.OUTPUT_TOOLTIPS)


@pytest.mark.parametrize(("name", "cls"), NODES)
def test_every_node_has_a_category_a_description_and_aliases(name, cls):
    assert cls.CATEGORY.split("/")[0] == "neural collage"
    assert len(cls.DESCRIPTION) > 40
    assert cls.SEARCH_ALIASES


@pytest.mark.parametrize(("name", "cls"), NODES)
def test_every_node_has_a_help_page_that_names_all_its_inputs_and_outputs(name, cls):
    page = (ROOT / neural_collage.WEB_DIRECTORY / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {NODE_DISPLAY_NAME_MAPPINGS[name]}\n")
    missing = [key for key in (*_inputs(cls), *cls.RETURN_NAMES) if f"`{key}`" not in page]
    assert not missing


def test_there_is_no_help_page_without_a_node():
    pages = {path.stem for path in (ROOT / "web" / "docs").glob("*.md")}
    assert pages == set(NODE_CLASS_MAPPINGS)


def test_node_methods_are_short():
    for name, cls in NODES:
        lines = inspect.getsource(getattr(cls, cls.FUNCTION)).count("\n")
        assert lines <= 24, f"{name}: {lines} lines; what it decides belongs in the engine"
