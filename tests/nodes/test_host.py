import gc
import sys
import weakref
from dataclasses import replace

import pytest
import torch
import toy
from neural_collage.engine import CheckpointError
from neural_collage.nodes import host
from PIL import Image
from torch import nn


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
    comfy.folders["gan"] = ([str(tmp_path / "theirs")], {".onnx"})  # extra_model_paths.yaml was read before
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
        {".onnx", *host.EXTENSIONS},
    )
    assert comfy.folders["stylegan"] == ([str(tmp_path / "neighbour")], {".pkl"})


NAMES = ["a.bin", "a.model", "a.npz", "a.pkl", "a.pt", "a.pth", "a.safetensors"]


def test_every_kind_of_weights_file_is_listed_and_nothing_else(alone):
    for name in (*NAMES, "a.json", "a.txt", "a.png", "pickle"):
        _touch(alone / "models" / "gan" / name)
    folder = alone / "models" / "gan" / "biggan"
    _touch(folder / "config.json")
    _touch(folder / "pytorch_model.bin")
    assert host.gan_files() == [*NAMES, "biggan/pytorch_model.bin"]


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


def test_a_model_is_placed_by_the_host_which_accounts_for_it(comfy):
    gan = replace(toy.gan(), perception=nn.Linear(2, 2))  # any network will do here
    for _ in range(2):
        host.place(gan, 123)
    (first, room), (second, _) = comfy.loads
    assert first is second  # or the host would count the model twice
    assert room == 123
    weights = {id(weight) for weight in first.model.parameters()}
    parts = (gan.generator, gan.discriminator, gan.encoder, gan.auxiliary, gan.perception)
    assert weights == {id(weight) for part in parts for weight in part.parameters()}
    assert type(first.model).__name__ == "NeuralCollageGAN"


def test_models_are_apart_and_leave_with_their_last_user(comfy):
    first, second = toy.gan(bare=True), toy.gan(bare=True, seed=1)
    host.place(first)
    host.place(second)
    handles = [weakref.ref(patcher) for patcher, _ in comfy.loads]
    assert handles[0]() is not handles[1]()
    comfy.loads.clear()
    del first
    gc.collect()
    assert handles[0]() is None
    assert handles[1]() is not None


def test_a_model_moves_as_a_whole_and_can_be_projected_through_afterwards(comfy):
    """The host works in inference mode and, short of memory, would move single layers."""
    gan, comfy.device = toy.gan(), torch.device("meta")  # a real move, as to a GPU
    assert torch.is_inference_mode_enabled()
    host.place(gan)
    assert {weight.device.type for weight in gan.generator.state_dict().values()} == {"meta"}
    assert not any(weight.is_inference() for weight in gan.generator.state_dict().values())
    ((patcher, _),) = comfy.loads
    assert patcher.partially_unload(torch.device("cpu"), 1) == 0
    assert {weight.device.type for weight in patcher.model.state_dict().values()} == {"meta"}


def test_a_model_comes_back_fit_for_projection(comfy):
    gan = toy.gan()
    host.place(gan)
    ((patcher, _),) = comfy.loads
    patcher.offload_device = torch.device("meta")
    patcher.detach()
    assert gan.device.type == "meta"
    assert not any(weight.is_inference() for weight in gan.generator.state_dict().values())


def test_without_comfyui_a_model_goes_to_the_fastest_device(alone):
    gan = toy.gan(bare=True)
    host.place(gan)
    fastest = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert gan.device.type == fastest


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        ((), False),
        (("fp16_unet",), True),
        (("force_fp16", "fp16_unet"), True),  # the host sets the second by the first
        (("force_fp32", "fp16_unet"), False),
        (("bf16_unet",), False),
    ],
)
def test_the_precision_is_the_one_that_comfyui_was_started_with(comfy, flags, wanted):
    vars(comfy.flags).update(dict.fromkeys(flags, True))
    assert host.half() is wanted


def test_without_comfyui_precision_is_full(alone):
    assert host.half() is False


def test_memory_that_ran_out_is_told_and_made_room_for(comfy, caplog):
    host.spare(4)
    assert comfy.emptied == 1
    assert [record.getMessage() for record in caplog.records] == [
        "Neural Collage: out of memory; going on with 4 at a time."
    ]
