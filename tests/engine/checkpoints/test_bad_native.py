"""Our own files with headers or tensors changed, by accident or to do harm; and models that must not be saved."""

import json
from dataclasses import dataclass, replace

import pytest
import torch
import toy
from neural_collage import engine as nc
from safetensors import safe_open
from safetensors.torch import save_file


def native(folder):
    nc.save(toy.gan(), folder / "model.safetensors")
    return folder / "model.safetensors"


def rewritten(path, header=lambda header: None, tensors=lambda tensors: None):
    """The file with its header or tensors changed in place by the functions."""
    with safe_open(path, framework="pt") as file:
        metadata, values = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    header(metadata)
    tensors(values)
    save_file(values, path, metadata=metadata)
    return path


def field(name, value):
    return lambda header: header.update({name: value})


def size(part, name, value):
    def change(header):
        parts = json.loads(header["parts"])
        parts[part][name] = value
        header["parts"] = json.dumps(parts)

    return change


def without(part):
    def change(header):
        header["parts"] = json.dumps(
            {name: value for name, value in json.loads(header["parts"]).items() if name != part}
        )

    return change


HEADERS = {
    "another program's": (lambda header: header.clear(), "is another program's, of tensors such as auxiliary"),
    "another format": (field("format", "pt"), "its format is 'pt'"),
    "a later version": (field("version", "2"), "Update Neural Collage"),
    "another family": (field("family", "stylegan9"), "'stylegan9'; known are sngan"),
    "no parts": (lambda header: header.pop("parts"), "lacks the field 'parts'"),
    "parts that are no JSON": (field("parts", "{'generator': 1}"), "'parts' is not JSON"),
    "parts nested without end": (field("parts", "[" * 100_000), "'parts' is not JSON"),
    "a number without end": (field("parts", "9" * 5000), "'parts' is not JSON"),
    "pictures beyond memory": (size("generator", "bottom", 4096), "Pictures of at most 4096 px"),
    "parts that are a list": (field("parts", "[1]"), "must be a JSON dict, and is a list"),
    "an unknown part": (field("parts", '{"classifier": {}}'), "'classifier' is no part"),
    "no generator": (without("generator"), "needs a generator"),
    "a part left out": (without("encoder"), "also holds encoder"),
    "a configuration that is a number": (field("parts", '{"generator": 3}'), "must have exactly bottom, channels"),
    "a size left out": (field("parts", '{"generator": {"channels": [8, 8, 4]}}'), "must have exactly"),
    "one size too many": (size("encoder", "depth", 3), "must have exactly"),
    "a size that is text": (size("generator", "dim_z", "8"), "dim_z of the generator must be a size"),
    "a size that is a fraction": (size("generator", "dim_z", 8.0), "dim_z of the generator must be a size"),
    "a size that is true": (size("generator", "n_classes", True), "n_classes of the generator must be a size"),
    "a size below 0": (size("generator", "n_classes", -3), "must be a size"),
    "a size of 0": (size("generator", "bottom", 0), "configuration is impossible"),
    "a size beyond reason": (size("generator", "dim_z", 2**40), "must be a size"),
    "a width for a list": (size("generator", "channels", 8), "channels of the generator must be a size"),
    "a thousand blocks": (size("generator", "channels", [8] * 1000), "channels of the generator must be a size"),
    "a network beyond its weights": (size("generator", "channels", [2**20, 2**20, 4]), "far larger than its weights"),
    "tables beyond their weights": (size("auxiliary", "dim_zeta", 2**20), "far larger than its weights"),
    "other widths": (size("generator", "channels", [8, 4, 4]), r"should have shape \("),
    "other classes": (size("encoder", "n_classes", 2), "number of classes is 3 .* but 2"),
    "names that are text": (field("class_names", '"daisy"'), "must be a JSON list"),
    "names that are numbers": (field("class_names", "[1, 2, 3]"), "must be a list of texts"),
    "too few names": (field("class_names", '["daisy"]'), "1 class names do not fit"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers(tmp_path, name):
    change, words = HEADERS[name]
    path = rewritten(native(tmp_path), header=change)
    with pytest.raises(nc.CheckpointError, match=words):
        nc.load(path)


TENSORS = {
    "a weight is missing": (lambda t: t.pop("generator.layers.0.conv1.weight"), r"lacks layers\.0\.conv1\.weight"),
    "an unknown weight": (lambda t: t.update({"generator.extra": torch.zeros(1)}), "also has extra"),
    "an unknown part": (lambda t: t.update({"classifier.weight": torch.zeros(1)}), r"also holds classifier\.weight"),
    "another shape": (
        lambda t: t.update({"encoder.prelu.weight": torch.zeros(9)}),
        r"prelu\.weight should have shape \(8,\)",
    ),
    "whole numbers": (lambda t: t.update({"auxiliary.rates": torch.ones(12, dtype=torch.int64)}), "floating point"),
    "NaN": (lambda t: t.update({"auxiliary.rates": torch.full((12,), torch.nan)}), "rates holds NaN"),
    "nothing": (lambda t: t.update({"auxiliary.rates": torch.ones(0)}), "non-empty"),
    "all are missing": (lambda t: t.clear(), "lacks"),
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors(tmp_path, name):
    change, words = TENSORS[name]
    path = rewritten(native(tmp_path), tensors=change)
    with pytest.raises(nc.CheckpointError, match=words):
        nc.load(path)


@dataclass(frozen=True)
class _OwnConfig:
    n_classes: int = 3
    dim_z: int = toy.DIM_Z
    resolution: int = 16


def _of_own_family():
    """A generator that draws, but is in no table."""
    generator = toy.gan(bare=True).generator
    generator.config = _OwnConfig()
    return generator


def test_save_refuses(tmp_path):
    model = toy.gan()
    with pytest.raises(nc.CheckpointError, match="existing, writable folder"):
        nc.save(model, tmp_path / "nowhere" / "m.safetensors")
    with pytest.raises(nc.CheckpointError, match="these are not: parts"):
        nc.save(replace(model, facts={"parts": "all"}), tmp_path / "m.safetensors")
    with pytest.raises(nc.CheckpointError, match="these are not: steps"):
        nc.save(replace(model, facts={"steps": 3}), tmp_path / "m.safetensors")
    with pytest.raises(nc.CheckpointError, match="number of classes is 3"):
        nc.save(replace(model, encoder=toy.gan(5).encoder), tmp_path / "m.safetensors")
    with pytest.raises(nc.CheckpointError, match=r"known family \(sngan, .*\) to be saved; got _OwnConfig"):
        nc.save(replace(toy.gan(bare=True), generator=_of_own_family()), tmp_path / "m.safetensors")
    model.generator.first.weight[0, 0] = torch.nan
    with pytest.raises(nc.CheckpointError, match=r"generator\.first\.weight holds NaN"):
        nc.save(model, tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []
