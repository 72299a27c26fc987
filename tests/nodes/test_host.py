import sys

import pytest
import torch
from neural_collage.engine import CheckpointError
from neural_collage.nodes import host
from PIL import Image


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """Without ComfyUI, standing in an empty folder, with an empty models folder of the pack."""
    assert "folder_paths" not in sys.modules
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(host, "PACK_MODELS", tmp_path / "pack")
    return tmp_path


def _touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_without_comfyui_files_are_those_of_the_pack_and_of_models_gan(alone):
    assert host.gan_files() == []
    own, mine = _touch(alone / "pack" / "starter.safetensors"), _touch(alone / "models" / "gan" / "sub" / "mine.NPZ")
    _touch(alone / "pack" / "README.md")
    assert host.gan_files() == ["starter.safetensors", "sub/mine.NPZ"]
    assert host.gan_path("starter.safetensors") == own
    assert host.gan_path("sub/mine.NPZ") == mine


def test_without_comfyui_a_path_will_do(alone):
    elsewhere = _touch(alone / "elsewhere" / "mine.safetensors")
    assert host.gan_path(str(elsewhere)) == elsewhere


@pytest.mark.parametrize("name", ["missing.safetensors", "", "pack", "none"])
def test_a_file_that_is_not_there_is_refused_with_what_is(alone, name):
    _touch(alone / "pack" / "starter.safetensors")
    with pytest.raises(CheckpointError, match=r"choose from: starter\.safetensors"):
        host.gan_path(name)


def test_inside_comfyui_our_folders_are_added_to_the_users(comfy, tmp_path, monkeypatch):
    monkeypatch.setattr(host, "PACK_MODELS", tmp_path / "pack")
    comfy.folders["gan"] = ([str(tmp_path / "theirs")], {".bin"})  # extra_model_paths.yaml was read before
    comfy.folders["stylegan"] = ([str(tmp_path / "neighbour")], {".pkl"})
    made = [
        _touch(tmp_path / folder / f"{index}.safetensors")
        for index, folder in enumerate(["theirs", "neighbour", "models/gan", "models/stylegan", "pack"])
    ]
    for _ in range(2):  # asking twice changes nothing
        assert host.gan_files() == [path.name for path in made]
    assert [host.gan_path(path.name) for path in made] == made
    assert comfy.folders["gan"] == (
        [str(tmp_path / folder) for folder in ("theirs", "models/gan", "models/stylegan", "neighbour", "pack")],
        {".bin", ".safetensors", ".npz"},
    )
    assert comfy.folders["stylegan"] == ([str(tmp_path / "neighbour")], {".pkl"})


def test_inside_comfyui_a_path_is_not_enough(comfy, tmp_path):
    with pytest.raises(CheckpointError, match="models/gan"):
        host.gan_path(str(_touch(tmp_path / "elsewhere.safetensors")))


def test_progress_inside_comfyui_reports_and_carries_the_preview(comfy):
    bar, preview = host.progress(3), Image.new("RGB", (4, 4))
    bar.update(1)
    bar.update(2, preview)
    assert comfy.reports == [(1, 3, None), (2, 3, ("JPEG", preview, 512))]


def test_progress_inside_comfyui_passes_the_interrupt_on(comfy):
    comfy.interrupt_after = 1
    bar = host.progress(3)
    bar.update(1)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - it is the host's, a plain Exception
        bar.update(2)
    assert type(caught.value).__name__ == "Interrupted"


def test_progress_without_comfyui_writes_a_line(alone, capsys):
    bar = host.progress(2)
    bar.update(1, Image.new("RGB", (4, 4)))
    bar.update(2)
    assert "2" in capsys.readouterr().err


def test_the_device_is_the_hosts_choice_and_room_is_asked_for(comfy):
    assert host.device(123) == torch.device("cpu")
    assert comfy.freed == [123]


def test_the_device_without_comfyui_is_one_that_is_there(alone):
    assert torch.zeros(1, device=host.device()).device.type == host.device().type
