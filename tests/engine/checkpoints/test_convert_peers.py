"""`neural-collage convert` on the weights files of other code bases (golden cases): our file draws what theirs does."""

from typing import Any

import parity
import pytest
import torch
from neural_collage import engine as nc
from neural_collage.__main__ import main

SUFFIXES = {".pth", ".pt", ".bin", ".model", ".pkl"}
BOOKKEEPING = {"state_dict.pth"}
"""What training leaves beside weights."""
FILES = [
    path
    for case in parity.peer("*")
    for path in sorted(case.iterdir())
    if path.suffix in SUFFIXES and path.name not in BOOKKEEPING
]
GENERATORS = [path for path in FILES if "generator" in nc.peek(path).parts]
DISCRIMINATORS = [path for path in FILES if path not in GENERATORS]


def name(path):
    return f"{path.parent.parent.name}/{path.parent.name}/{path.name}"


@pytest.mark.parametrize("path", GENERATORS, ids=name)
def test_a_converted_model_is_the_same(path, tmp_path, capsys):
    output = tmp_path / "model.safetensors"
    assert main(["convert", str(path), "--output", str(output)]) == 0
    theirs: Any = nc.load(path)
    ours: Any = nc.load(output)
    assert f"{theirs.resolution} px, {theirs.n_classes} classes" in capsys.readouterr().out
    assert ours.generator.config == theirs.generator.config
    assert (ours.class_names, ours.facts["family"]) == (theirs.class_names, theirs.facts["family"])
    latent = theirs.sample(min(1, theirs.n_classes - 1), seed=3, truncation=0.7)
    picture = nc.render(theirs, nc.Collage(latent))
    assert torch.equal(nc.render(ours, nc.Collage(latent)), picture)
    assert (theirs.discriminator is None) == (ours.discriminator is None)
    if theirs.discriminator is not None:
        assert torch.equal(ours.discriminator(picture, latent.labels), theirs.discriminator(picture, latent.labels))


@pytest.mark.parametrize("path", DISCRIMINATORS, ids=name)
def test_a_discriminator_alone_is_no_model(path, tmp_path, capsys):
    output = tmp_path / "model.safetensors"
    assert main(["convert", str(path), "--output", str(output)]) == 1
    assert "A model needs a generator" in capsys.readouterr().err
    assert not output.exists()
    assert nc.load(discriminator=path).discriminator is not None
