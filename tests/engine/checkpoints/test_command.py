"""`neural-collage convert`, called as users call it."""

from typing import Any

import pytest
import torch
import toy
from neural_collage import engine as nc
from neural_collage.__main__ import main


@pytest.fixture
def files(tmp_path):
    return {part: str(path) for part, path in toy.chainer_files(tmp_path).items()}


def test_convert(files, tmp_path, capsys):
    names, output = tmp_path / "names.txt", tmp_path / "model.safetensors"
    names.write_text("\ufeffdaisy\n  water lily  \nGänseblümchen\n\n", encoding="utf-8")
    parts = [text for part in ("discriminator", "encoder", "auxiliary") for text in (f"--{part}", files[part])]
    said = ["--class-names", str(names), "--licence", "CC0", "--provenance", "made for a test"]
    assert main(["convert", files["generator"], *parts, *said, "--output", str(output)]) == 0
    assert "generator, discriminator, encoder, auxiliary; 16 px, 3 classes" in capsys.readouterr().out
    loaded: Any = nc.load(output)
    assert loaded.class_names == ("daisy", "water lily", "Gänseblümchen")
    assert dict(loaded.facts) == {"family": "sngan", "licence": "CC0", "provenance": "made for a test"}
    assert torch.equal(loaded.auxiliary.rates, toy.gan().auxiliary.rates)


def test_half_and_the_file_it_came_from(files, tmp_path):
    for flags, name in (([], "whole"), (["--half"], "half")):
        assert main(["convert", files["generator"], *flags, "--output", str(tmp_path / f"{name}.safetensors")]) == 0
    assert (tmp_path / "half.safetensors").stat().st_size < (tmp_path / "whole.safetensors").stat().st_size
    assert "generator.npz" in nc.peek(tmp_path / "half.safetensors").facts["provenance"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (b"a\nb\n", "each of the 3 classes"),
        (b"a\n\nc\n", "1 of them empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        (None, "No such file"),
    ],
)
def test_class_names_that_do_not_fit(files, tmp_path, capsys, lines, words):
    names = tmp_path / "names.txt"
    if lines is not None:
        names.write_bytes(lines)
    output = tmp_path / "m.safetensors"
    assert main(["convert", files["generator"], "--class-names", str(names), "--output", str(output)]) == 1
    assert words in capsys.readouterr().err
    assert not output.exists()


def test_class_names_of_a_known_list(tmp_path, capsys):
    path = toy.chainer_files(tmp_path, toy.gan(143))["generator"]
    arguments = ["convert", str(path), "--output", str(tmp_path / "m.safetensors"), "--class-names"]
    assert main([*arguments, "imagenet"]) == 1
    assert "each of the 143 classes; imagenet has 1000" in capsys.readouterr().err
    assert main([*arguments, "dogs-cats"]) == 0
    assert nc.load(tmp_path / "m.safetensors").label("siamese") == 133


def test_statistics_settled_for_a_truncation(files, tmp_path):
    arguments = ["convert", files["generator"], "--truncation", "0.5", "--output", str(tmp_path / "m.safetensors")]
    assert main(arguments) == 0
    settled: Any = nc.load(tmp_path / "m.safetensors")
    assert settled.facts["statistics"] == "of 1024 pictures at truncation 0.5"
    wanted: Any = nc.settle(nc.load(files["generator"]), truncation=0.5)
    assert torch.equal(settled.generator.last_norm.running_mean, wanted.generator.last_norm.running_mean)
    assert not torch.equal(settled.generator.last_norm.running_mean, toy.gan().generator.last_norm.running_mean)


def test_the_output_is_a_safetensors(files, tmp_path, capsys):
    assert main(["convert", files["generator"], "--output", str(tmp_path / "m.npz")]) == 1
    assert "*.safetensors" in capsys.readouterr().err


def test_errors_are_printed_without_a_traceback(files, tmp_path, capsys):
    assert main(["convert", files["encoder"], "--output", str(tmp_path / "m.safetensors")]) == 1
    assert capsys.readouterr().err.startswith("neural-collage convert: A model needs a generator")
