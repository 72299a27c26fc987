"""Settings that a file may choose freely: each that makes no sense is refused before anything is made of it."""

import json
import math
from dataclasses import replace

import pytest
import toy_biggan
import toy_stylegan2
import toy_stylegan3
from neural_collage import engine as nc

LAYOUT = toy_biggan.LAYOUTS["Hugging Face"]
SETTINGS = {
    "no width": {"channel_width": None},
    "width that is text": {"channel_width": "8"},
    "width that is a list": {"channel_width": [0]},
    "eps that is no number": {"eps": math.nan},
    "eps that is infinite": {"eps": math.inf},
    "eps below zero": {"eps": -1.0},
    "position of many digits": {"attention_layer_position": 10**400},
    "position below zero": {"attention_layer_position": -5},
    "layers that are none": {"layers": []},
    "layers that are short": {"layers": [[True]]},
    "layers that are texts": {"layers": ["abc"] * 6},
    "layers of nothing": {"layers": [[None, None, None]] * 6},
    "layers without end": {"layers": [[True, 1, 1]] * 10_000},
    "layers of many digits": {"layers": [[True, 1, 2**33]] * 6},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_config_json(tmp_path, name):
    path = toy_biggan.write(tmp_path, LAYOUT, toy_biggan.generator(LAYOUT))
    place = tmp_path / "config.json"
    settings = json.loads(place.read_text(encoding="utf-8"))
    place.write_text(json.dumps(settings | SETTINGS[name]), encoding="utf-8")
    for read in (nc.peek, nc.load):
        with pytest.raises(nc.CheckpointError) as refused:
            read(path)
        assert len(str(refused.value)) < 2000


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
@pytest.mark.parametrize("names", ["ajbrock", "ajbrock, deep", "Hugging Face"])
def test_what_is_added_to_a_variance(tmp_path, names, value):
    layout = toy_biggan.LAYOUTS[names]
    config = nc.peek(toy_biggan.write(tmp_path, layout, toy_biggan.generator(layout))).configs["generator"]
    for name in ("eps", "last_eps"):
        with pytest.raises(nc.InputError, match="must be positive"):
            replace(config, **{name: value})


def changed(place, name, change):
    def apply(generator, judge):
        raw = toy_stylegan3.at(judge if place.startswith("D.") else generator, place.removeprefix("D."))
        for held in (raw.parameters, raw.buffers, raw.settings):
            if name in held:
                held[name] = change(held[name])
                return
        raise AssertionError(f"{place} has no {name}")

    return apply


SNAPSHOTS = {
    "class vectors that do not fit their bias": changed("mapping.embed", "bias", lambda bias: bias[:2]),
    "dense layer that does not fit its bias": changed("mapping.fc0", "bias", lambda bias: bias[:2]),
    "style that is made of nothing": changed("synthesis.b8.conv0.affine", "weight", lambda weight: weight[:, :0]),
    "bound that is a list": changed("synthesis.b4.conv1", "conv_clamp", lambda _: [256]),
    "bound of the discriminator that is a list": changed("D.b4.conv", "conv_clamp", lambda _: [256]),
    "bound without end": changed("synthesis.b4.conv1", "conv_clamp", lambda _: math.inf),
    "bound that is no number": changed("D.b4.conv", "conv_clamp", lambda _: math.nan),
}


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_snapshots(tmp_path, name):
    generator, judge = toy_stylegan2.snapshot(), toy_stylegan2.discriminator()
    nc.load(toy_stylegan2.write(tmp_path / "sound.pkl", generator, judge))
    SNAPSHOTS[name](generator, judge)
    with pytest.raises(nc.CheckpointError, match=r"model\.pkl"):
        nc.load(toy_stylegan2.write(tmp_path / "model.pkl", generator, judge))
