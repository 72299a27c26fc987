"""What the host tells the page of our nodes."""

import neural_collage
from comfyui import NEEDED, Server

pytestmark = NEEDED


def test_the_host_knows_every_node_and_its_tooltips(server: Server):
    known = server.ask("/object_info")
    titles = neural_collage.NODE_DISPLAY_NAME_MAPPINGS
    for name, cls in neural_collage.NODE_CLASS_MAPPINGS.items():
        inputs = known[name]["input"]
        assert all(spec[1]["tooltip"] for kind in ("required", "optional") for spec in inputs.get(kind, {}).values()), (
            name
        )
        assert known[name]["output"] == list(cls.RETURN_TYPES)
        assert known[name]["output_tooltips"] == list(cls.OUTPUT_TOOLTIPS)
        assert known[name]["category"] == cls.CATEGORY
        assert known[name]["display_name"] == titles[name]
        assert known[name]["description"]


def test_seeds_can_change_after_each_run(server: Server):
    known = server.ask("/object_info")
    seeds = [
        spec[1]
        for name in neural_collage.NODE_CLASS_MAPPINGS
        for inputs in known[name]["input"].values()
        for key, spec in inputs.items()
        if key == "seed"
    ]
    assert seeds
    assert all(options["control_after_generate"] for options in seeds)


def test_the_help_pages_are_where_the_page_looks_for_them(server: Server):
    for name in neural_collage.NODE_CLASS_MAPPINGS:
        assert server.get(f"/extensions/ComfyUI-Neural-Collage/docs/{name}.md").startswith(b"# ")
