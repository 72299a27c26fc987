"""Settings that a file may choose freely: each that makes no sense is refused before anything is made of it."""

import json
import math
from dataclasses import replace

import pytest
import toy_biggan
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
