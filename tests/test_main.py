"""The command line, called as users call it."""

import json

import pytest
import toy
from neural_collage.__main__ import COMMANDS, Command, main
from neural_collage.engine import load
from PIL import Image

BRIGHT = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}, "_meta": {"title": "Load Image"}},
    "2": {"class_type": "ImageCrop", "inputs": {"image": ["1", 0], "width": 3, "height": 2, "x": 0, "y": 0}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "crop"}},
}


@pytest.fixture
def workflow(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 6), (10, 20, 30)).save("photo.png")
    (tmp_path / "crop.json").write_text(json.dumps(BRIGHT))
    return "crop.json"


def test_run_prints_what_it_saved(workflow, tmp_path, capsys):
    assert main(["run", workflow, "--output", "here", "--set", "ImageCrop.width=5"]) == 0
    file = tmp_path / "here" / "crop_00001_.png"
    assert capsys.readouterr().out.splitlines() == [str(file)]
    with Image.open(file) as image:
        assert image.size == (5, 2)
        assert image.getpixel((4, 1)) == (10, 20, 30)


def test_input_folder_goes_first(workflow, tmp_path):
    (tmp_path / "other").mkdir()
    Image.new("RGB", (8, 6), (99, 0, 0)).save("other/photo.png")
    assert main(["run", workflow, "--input", "other"]) == 0
    with Image.open(tmp_path / "output" / "crop_00001_.png") as image:
        assert image.getpixel((0, 0)) == (99, 0, 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "Load Image.image=none.png"], "There is no file 'none.png'"),
        (["--set", "Lod Image.image=photo.png"], "Did you mean 'Load Image'?"),
        (["--set", "width"], "node.input=value"),
        (["--input", "nowhere"], "no folder"),
    ],
)
def test_mistakes_are_told_without_a_traceback(workflow, arguments, words, capsys):
    assert main(["run", workflow, *arguments]) == 1
    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.err.startswith("neural-collage run: ")
    assert printed.out == ""


def test_workflow_that_only_previews(workflow, tmp_path, capsys):
    (tmp_path / "look.json").write_text(
        json.dumps({"1": BRIGHT["1"], "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}})
    )
    assert main(["run", "look.json"]) == 0
    assert "--previews" in capsys.readouterr().err
    assert main(["run", "look.json", "--previews", "seen"]) == 0
    assert (tmp_path / "seen" / "preview_00001_.png").is_file()


def test_ctrl_c_is_told_in_one_line(workflow, monkeypatch, capsys):
    def stop(arguments):
        raise KeyboardInterrupt

    monkeypatch.setitem(COMMANDS, "run", Command("", stop))
    assert main(["run", workflow]) == 130
    assert capsys.readouterr().err == "neural-collage run: stopped.\n"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["run"], ["convert", "a.npz"], ["train"]])
def test_wrong_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: neural-collage" in capsys.readouterr().err


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert [name for name, command in COMMANDS.items() if f"{name:9} {command.summary}" not in printed] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert f"usage: neural-collage {name}" in capsys.readouterr().out


def test_convert(tmp_path, capsys):
    (tmp_path / "names.txt").write_text("oak\nelm\nash\n")
    toy.chainer_files(tmp_path)
    arguments = [str(tmp_path / "generator.npz"), "--output", str(tmp_path / "own.safetensors"), "--licence", "CC0"]
    assert main(["convert", *arguments, "--class-names", str(tmp_path / "names.txt")]) == 0
    assert "own.safetensors" in capsys.readouterr().out
    gan = load(tmp_path / "own.safetensors")
    assert gan.class_names == ("oak", "elm", "ash")
    assert gan.facts["licence"] == "CC0"
    assert main(["convert", arguments[0], "--output", str(tmp_path / "own.npz")]) == 1
    assert "*.safetensors" in capsys.readouterr().err
