"""StyleGAN3 and StyleGAN-XL snapshots that are not as they should be; and what else lies in them."""

import sys
import types
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import toy_stylegan3 as toy
from neural_collage import engine as nc


def load(path) -> Any:
    return nc.load(path)


def layer(raw, number=0):
    synthesis = raw["synthesis"]
    return synthesis.parts[synthesis["layer_names"][number]]


def start(raw):
    return raw["synthesis"].parts["input"]


def drop(held, name):
    del held[name]


SPOILED = {
    # what is wrong: (how a snapshot of configuration T is spoiled, words of the error)
    "a layer lacks its weight": (lambda raw: drop(layer(raw).parameters, "weight"), "weight should be a tensor of 4"),
    "a layer lacks its magnitude": (lambda raw: drop(layer(raw).buffers, "magnitude_ema"), "magnitude_ema should be"),
    "a layer has one tensor more": (lambda raw: layer(raw).buffers.update(more=np.ones(2)), "not known: more"),
    "the waves lack their mix": (lambda raw: drop(start(raw).parameters, "weight"), "weight should be a tensor of 2"),
    "a style is too long": (
        lambda raw: layer(raw)["affine"].parameters.update(weight=np.ones((4, toy.DIM_W + 1))),
        "affine.weight should have shape",
    ),
    "widths do not follow": (
        lambda raw: layer(raw, 1).parameters.update(weight=np.ones((5, 4, 3, 3)), bias=np.ones(5)),
        "should have shape",
    ),
    "a layer is not named": (lambda raw: raw["synthesis"]["layer_names"].pop(), "layer_names should be its modules"),
    "a layer is named twice": (
        lambda raw: raw["synthesis"]["layer_names"].append(raw["synthesis"]["layer_names"][0]),
        "layer_names should be its modules",
    ),
    "a layer is named that is not there": (
        lambda raw: raw["synthesis"]["layer_names"].append("L9"),
        "layer_names should be its modules",
    ),
    "a canvas is oblong": (
        lambda raw: layer(raw).settings.update(out_size=np.array([24, 25])),
        "out_size should be the side of a square",
    ),
    "a canvas is no number": (lambda raw: layer(raw).settings.update(out_size="large"), "out_size should be the side"),
    "canvases do not follow": (lambda raw: layer(raw, 1).settings.update(in_size=26), "in_size should be 24"),
    "a margin is uneven": (lambda raw: layer(raw).settings.update(out_size=25), "must lead from one canvas"),
    "a margin is huge": (lambda raw: layer(raw).settings.update(out_size=16 + 600), "must lead from one canvas"),
    "rates do not follow": (
        lambda raw: layer(raw, 1).settings.update(out_sampling_rate=17),
        "must lead from one canvas to the next",
    ),
    "a rate is no whole number": (lambda raw: start(raw).settings.update(sampling_rate=15.5), "a whole number"),
    "it is padded otherwise": (lambda raw: layer(raw).settings.update(padding=[8, 9, 8, 9]), "padding should be"),
    "a factor is missing": (lambda raw: drop(layer(raw).settings, "up_factor"), "up_factor should be a number"),
    "a factor is zero": (lambda raw: layer(raw).settings.update(up_factor=0), "positive sizes"),
    "a filter is missing": (lambda raw: drop(layer(raw).buffers, "up_filter"), "must lead from one canvas"),
    "a filter is a cube": (lambda raw: layer(raw).buffers.update(up_filter=np.ones((12, 12, 12))), "1 axes"),
    "the picture is made halfway": (lambda raw: layer(raw).settings.update(is_torgb=True), "is_torgb should be False"),
    "waves are too fast": (lambda raw: start(raw).settings.update(bandwidth=9.0), "waves of its bandwidth"),
    "the mapping lacks a layer": (lambda raw: drop(raw["mapping"].parts, "fc0"), "fc0"),
    "numbers are not finite": (lambda raw: layer(raw).parameters["bias"].fill(np.nan), "NaN or infinity"),
}


@pytest.mark.parametrize("what", SPOILED)
def test_spoiled_snapshots_are_refused(tmp_path, what):
    raw = toy.snapshot("T")
    spoil, words = SPOILED[what]
    spoil(raw)
    with pytest.raises(nc.CheckpointError, match=words):
        nc.load(toy.write(tmp_path / "bad.pkl", raw))


def test_greyscale_networks_are_refused(tmp_path):
    raw = toy.snapshot("T")
    layer(raw, -1).parameters.update(weight=np.ones((1, 4, 1, 1)), bias=np.ones(1))
    with pytest.raises(nc.CheckpointError, match="3 colours"):
        nc.load(toy.write(tmp_path / "grey.pkl", raw))


def test_peek_tells_sizes_without_reading_weights(tmp_path):
    outline = nc.peek(toy.write(tmp_path / "any.name", toy.snapshot("XL")))
    assert (outline.family, outline.resolution, outline.n_classes) == ("stylegan3", 32, toy.CLASSES)
    assert outline.facts["provenance"] == "StyleGAN-XL snapshot any.name"


def test_files_that_dill_wrote(tmp_path):
    """dill asks for a built-in type by its name, where pickle refers to it."""
    plain = toy.written(toy.snapshot("XL"), protocol=3)
    assert b"cbuiltins\nset\n" in plain
    by_name = b"cdill._dill\n_load_type\nX\x03\x00\x00\x00set\x85R"
    (tmp_path / "dill.pkl").write_bytes(plain.replace(b"cbuiltins\nset\n", by_name))
    assert load(tmp_path / "dill.pkl").n_classes == toy.CLASSES


FOREIGN = {
    # what stands in the place of the discriminator: the operations that make it
    "an object of another library": b"cpg_modules.discriminator\nProjectedDiscriminator\n)\x81}b",
    "a function that dill took apart": b"cdill._dill\n_load_type\nX\x0c\0\0\0FunctionType\x85R)R",
    "what dill sets on a function": b"cbuiltins\ngetattr\ncdill\n_dill\nX\x08\0\0\0_setattr\x86R)R0ctimm\nVit\n)R",
}


def with_discriminator(operations, entry="D"):
    """A snapshot of StyleGAN-XL's with other operations in the place of an entry."""
    raw = toy.snapshot("XL")
    raw["mapping"].settings["more"] = "SETTING"
    marks = {"D": b"X\x05\0\0\0ENTRY", "G_ema": b"X\x07\0\0\0SETTING"}
    whole = toy.written(raw, protocol=3, D="ENTRY")
    assert whole.count(marks[entry]) == 1
    return whole.replace(marks[entry], operations)


@pytest.mark.parametrize("what", FOREIGN)
def test_the_discriminator_of_stylegan_xl_is_left_out(tmp_path, what):
    """It looks through image classifiers: classes and functions of other libraries. None of them is looked up."""
    (tmp_path / "whole.pkl").write_bytes(with_discriminator(FOREIGN[what]))
    gan, alone = load(tmp_path / "whole.pkl"), load(toy.write(tmp_path / "alone.pkl", toy.snapshot("XL")))
    assert gan.discriminator is None
    assert all(map(torch.equal, gan.generator.state_dict().values(), alone.generator.state_dict().values()))


@pytest.mark.parametrize("what", FOREIGN)
def test_foreign_parts_of_a_generator_are_refused(tmp_path, what):
    (tmp_path / "odd.pkl").write_bytes(with_discriminator(FOREIGN[what], "G_ema"))
    with pytest.raises(nc.CheckpointError, match="may ask only for the names that known models need"):
        nc.load(tmp_path / "odd.pkl")


@pytest.mark.parametrize("name", ["posix system", "builtins eval", "os system", "subprocess Popen"])
def test_other_names_are_refused_in_a_discriminator_too(tmp_path, name):
    operations = b"c" + name.replace(" ", "\n").encode() + b"\nX\x02\0\0\0ls\x85R"
    (tmp_path / "hostile.pkl").write_bytes(with_discriminator(operations))
    with pytest.raises(nc.CheckpointError, match="asks for " + name.replace(" ", r"\.")):
        nc.load(tmp_path / "hostile.pkl")


def test_types_that_dill_names_are_not_called(tmp_path):
    operations = b"cdill._dill\n_load_type\nX\x04\0\0\0eval\x85RX\x02\0\0\0ls\x85R"
    (tmp_path / "hostile.pkl").write_bytes(with_discriminator(operations, "G_ema"))
    with pytest.raises(nc.CheckpointError, match=r"asks for dill\._dill\._load_type\.eval"):
        nc.load(tmp_path / "hostile.pkl")


def test_long_names_are_refused(tmp_path):
    name = b"timm." + b"x" * 1000
    (tmp_path / "hostile.pkl").write_bytes(with_discriminator(b"c" + name + b"\nVit\n)R"))
    with pytest.raises(nc.CheckpointError, match="asks for the name"):
        nc.load(tmp_path / "hostile.pkl")


def _create_array(*_: Any) -> Any:
    raise AssertionError("only its name is wanted")


class DillArray:
    """An array whose own way to be made is handed to a function of dill's."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __reduce__(self) -> Any:
        return _create_array, (*self.array.__reduce__(), None)


def test_arrays_that_dill_wrote(tmp_path, monkeypatch):
    dill = types.ModuleType("dill._dill")
    dill._create_array = _create_array  # type: ignore[attr-defined]
    monkeypatch.setattr(_create_array, "__module__", "dill._dill")
    monkeypatch.setitem(sys.modules, "dill", types.ModuleType("dill"))
    monkeypatch.setitem(sys.modules, "dill._dill", dill)
    raw = toy.snapshot("T")
    layer(raw).settings["out_size"] = DillArray(np.array([24, 24]))
    assert load(toy.write(tmp_path / "dill.pkl", raw)).generator.config.sizes[1] == 24
    layer(raw).settings["out_size"] = DillArray(np.array([24, 25]))
    with pytest.raises(nc.CheckpointError, match="the side of a square"):
        nc.load(toy.write(tmp_path / "dill.pkl", raw))


def test_a_table_of_more_classes_than_the_model_has(tmp_path):
    gan = load(toy.write(tmp_path / "xl.pkl", toy.snapshot("XL")))
    assert gan.n_classes == toy.CLASSES
    assert gan.generator.mapping.classes.weight.shape == (toy.CLASSES, toy.DIM_Z)
    assert gan.generator.mapping.w_avg.shape == (toy.CLASSES, toy.DIM_W)


def test_a_network_without_a_clamp(tmp_path):
    raw = toy.snapshot("T")
    for number in range(5):
        layer(raw, number).settings["conv_clamp"] = None
    gan = load(toy.write(tmp_path / "free.pkl", raw))
    assert gan.generator.config.clamps == (0.0,) * 5


IMPOSSIBLE = {
    "bandwidth": float("nan"),
    "output_scale": float("inf"),
    "kernels": (2, 3, 3, 3, 1),
    "sizes": (24, 24),
    "rates": (16, 16, 16, 32, 32, 64),
    "ups": (2, 2, 2, 4),
    "radial": (),
    "channels": (4, 4, 4, 4, 4, 4),
    "clamps": (-1.0,) * 5,
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_configurations_are_refused(tmp_path, name):
    config = load(toy.write(tmp_path / "toy.pkl", toy.snapshot("T"))).generator.config
    with pytest.raises(nc.InputError, match="got StyleGAN3Config"):
        replace(config, **{name: IMPOSSIBLE[name]})
