"""The pack's own nodes under the runner, on a tiny model: from a saved page to a picture."""

import json

import numpy as np
import pytest
import torch
import toy
from neural_collage import engine as nc
from neural_collage.workflows.run import pack_catalogue, run
from PIL import Image
from toy_nodes import edited, node


def page():
    """Load GAN, Random Collage, Solid Mask -> Paint Class -> Label Collage -> Render -> Save."""
    collage = [("gan", "COLLAGE_GAN", 1)]
    label = [("collage", "COLLAGE", 2), ("class_map", "COLLAGE_CLASS_MAP", 3)]
    render = [("gan", "COLLAGE_GAN", 4), ("collage", "COLLAGE", 5)]
    links = [(1, 1, 2), (2, 2, 5), (3, 4, 5), (4, 1, 6), (5, 5, 6), (6, 6, 7), (7, 3, 4)]
    return {
        "nodes": [
            node(1, "NeuralCollageLoadGAN", ["toy.safetensors", "none", "none", "none"]),
            node(2, "NeuralCollageRandomCollage", widgets("RandomCollage", seed=5), collage),
            node(3, "SolidMask", [1.0, 16, 16]),
            node(4, "NeuralCollagePaintClass", widgets("PaintClass"), [("mask", "MASK", 7)]),
            node(5, "NeuralCollageLabelCollage", ["all"], label),
            node(6, "NeuralCollageRenderCollage", [], render),
            node(7, "SaveImage", ["collage"], [("images", "IMAGE", 6)]),
        ],
        "links": [[number, origin, 0, target, 0, "*"] for number, origin, target in links],
    }


def widgets(name, **values):
    """What the page saves for a node: each widget's default, and "fixed" after a seed."""
    declaration = pack_catalogue().declaration(f"NeuralCollage{name}", name)
    named = {"label": "tulip" if name == "PaintClass" else "daisy", **values}
    saved = []
    for widget in declaration.widgets:
        saved += [named.get(widget.name, widget.options.get("default"))] + ["fixed"] * widget.has_control
    return saved


@pytest.fixture
def gan(tmp_path, monkeypatch):
    (tmp_path / "models" / "gan").mkdir(parents=True)
    model = toy.gan()
    nc.save(model, tmp_path / "models" / "gan" / "toy.safetensors")
    monkeypatch.chdir(tmp_path)
    return nc.load(tmp_path / "models" / "gan" / "toy.safetensors")


def pixels(document, overrides=None):
    with open("page.json", "w") as file:
        json.dump(document, file)
    (path,) = run("page.json", overrides).files
    with Image.open(path) as image:
        return np.array(image)


def test_every_node_of_the_pack_can_be_declared():
    catalogue = pack_catalogue()
    declared = [catalogue.declaration(kind, kind) for kind in catalogue.classes]
    assert len(declared) >= 10
    assert all(entry.inputs for entry in declared)


def test_a_whole_mask_gives_the_other_class(gan):
    latent = gan.sample("tulip", seed=5)
    expected = (nc.render(gan, nc.Collage(latent))[0].movedim(0, -1) + 1) / 2
    np.testing.assert_allclose(pixels(page()), torch.floor(expected * 255).numpy(), atol=1)


def test_strength_zero_gives_the_plain_picture(gan):
    plain = edited(page(), "links", 4, 1, 2)  # Render straight from Random Collage
    np.testing.assert_array_equal(pixels(page(), {"Paint Class.strength": "0"}), pixels(plain))
    assert (pixels(page()) != pixels(plain)).any()


def test_misspelt_class_names_the_node(gan):
    with pytest.raises(nc.LabelError, match=r"'Random Collage' \(node 2, .*tulip"):
        pixels(page(), {"Random Collage.label": "tulp"})
