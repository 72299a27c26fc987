"""`train all`: from a zip to a finished model, in miniature."""

import argparse
import io
import os
import shutil
import signal
import zipfile
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from neural_collage import engine as nc
from neural_collage.__main__ import main as program
from neural_collage.engine.training import command, runs
from neural_collage.engine.training.command import main
from neural_collage.engine.training.processes import Processes
from neural_collage.engine.training.snapshot import RunFolder, load_snapshot
from neural_collage.nodes import host
from neural_collage.nodes.models import LoadGAN
from neural_collage.nodes.sources import ProjectImage
from PIL import Image, ImageDraw

SMALL = ("--preset", "tiny-16", "--steps", 4, "--encoder-steps", 3, "--auxiliary-steps", 2, "--auxiliary-batch", 4)


def train_all(data, out, *flags):
    main(["all", *(str(argument) for argument in (data, "--out", out, *SMALL, *flags))])


@pytest.fixture(scope="module")
def finished(zipped, tmp_path_factory):
    out = tmp_path_factory.mktemp("all") / "run"
    train_all(zipped, out, "--licence", "CC0", "--metrics-every", 2, "--half")
    return out


def test_a_zip_becomes_a_model_that_the_nodes_use(finished, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(host, "PACK_MODELS", finished)
    with torch.inference_mode():
        gan, classes = LoadGAN().load("model.safetensors")
        assert classes == "0 green\n1 red"
        photo = torch.rand(1, 16, 16, 3)
        for space in ("z", "zeta"):
            how = {"steps": 2, "rate": 0.0, "space": space, "start": "encoder", "pixel_weight": 0.2}
            collage, picture, *_ = ProjectImage().project(gan, photo, "auto", **how)
            assert picture.shape == photo.shape
            assert torch.isfinite(collage.latent.point).all()


def test_the_card_tells_data_classes_licence_settings_and_figures(finished, zipped):
    card = (finished / "model.md").read_text()
    assert all(word in card for word in (zipped.name, "green, red", "CC0", "20 pictures", "2 files could not be used"))
    assert "| steps made | 4 | 3 | 2 |" in card
    assert "| rate |  | 0.0004 | 5e-05 |" in card
    assert "accuracy" not in card  # in words
    figures = [line for line in card.splitlines() if line.startswith(("| eq. 4", "| share of", "| Frechet"))]
    assert len(figures) == 5
    for name in ("samples.png", "truncation.png"):
        assert f"({name})" in card
        assert (finished / name).is_file()
    assert nc.peek(finished / "model.safetensors").facts["licence"] == "CC0"


def test_called_again_it_has_nothing_left_to_do(finished, zipped, capsys):
    before = {path: path.stat().st_mtime_ns for path in finished.glob("*/*")}
    train_all(zipped, finished)
    assert capsys.readouterr().out.count("steps are made") == 3
    assert {path: path.stat().st_mtime_ns for path in finished.glob("*/*")} == before


def test_parts_are_trained_again_when_the_generator_has_moved_on(finished, zipped, tmp_path, capsys):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    train_all(zipped, tmp_path, "--steps", 5)
    assert capsys.readouterr().out.count("was made with another generator") == 2
    nc.load(tmp_path / "model.safetensors")
    assert load_snapshot(tmp_path / "encoder" / "snapshot.pt")["done"] == 3


def test_stopped_in_the_middle_it_goes_on_there(zipped, tmp_path, monkeypatch, capsys):
    driven, straight = [], runs.train

    def interrupted(task, *rest):
        driven.append(task.kind)
        if driven == ["gan", "encoder"]:
            os.kill(os.getpid(), signal.SIGTERM)  # handled: the step under way is finished
        return straight(task, *rest)

    monkeypatch.setattr(runs, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_all(zipped, tmp_path)
    assert "Stopped" in capsys.readouterr().out
    assert load_snapshot(tmp_path / "encoder" / "snapshot.pt")["done"] == 1
    assert not (tmp_path / "model.safetensors").exists()
    train_all(zipped, tmp_path)
    assert driven == ["gan", "encoder", "encoder", "auxiliary"]
    assert nc.load(tmp_path / "model.safetensors").facts["encoder_steps"] == "3"


@pytest.mark.parametrize("steps", [1, 4])
def test_a_stop_ends_the_program_with_130_even_in_the_last_step(zipped, tmp_path, monkeypatch, steps):
    straight, made = runs.train, []

    def interrupted(task, *rest):
        for now in straight(task, *rest):
            made.append(task.kind)
            if now.done == steps:
                os.kill(os.getpid(), signal.SIGINT)
            yield now

    monkeypatch.setattr(runs, "train", interrupted)
    call = ["train", "all", str(zipped), "--out", str(tmp_path), *map(str, SMALL), "--metrics-every", "0"]
    assert program(call) == 130
    assert made == ["gan"] * steps
    assert not (tmp_path / "model.safetensors").exists()
    monkeypatch.setattr(runs, "train", straight)
    assert program(call) == 0
    assert (tmp_path / "model.safetensors").exists()


def test_two_small_classes_go_through_however_noisy_their_measures(tmp_path):
    """Forty-eight discs, red or blue, of which a generator has learned nothing in its first ten measures."""
    with zipfile.ZipFile(tmp_path / "discs.zip", "w") as archive:
        for name, colour in (("red", (220, 30, 30)), ("blue", (30, 30, 220))):
            for i in range(24):
                picture, file = Image.new("RGB", (16, 16), "white"), io.BytesIO()
                left, top = i % 5, i // 5
                ImageDraw.Draw(picture).ellipse((left, top, left + 10, top + 10), fill=colour)
                picture.save(file, "PNG")
                archive.writestr(f"{name}/{i}.png", file.getvalue())
    train_all(tmp_path / "discs.zip", tmp_path / "run", "--steps", 60, "--workers", 0)
    frechet = [row["frechet"] for row in RunFolder(tmp_path / "run" / "gan").read_metrics()]
    assert len(frechet) == 10
    assert nc.load(tmp_path / "run" / "model.safetensors").part("auxiliary")


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_pair_too_narrow_for_the_generator_is_found_before_the_first_step(zipped, tmp_path, more):
    with pytest.raises(nc.InputError, match="at least 240, twice the latent, and dim_zeta is 120"):
        train_all(zipped, tmp_path / "run", "--dim-z", 120, "--auxiliary-dim-a", 200, *more)
    assert not (tmp_path / "run").exists()


def test_a_dry_run_tells_and_writes_nothing(zipped, tmp_path, capsys):
    train_all(zipped, tmp_path / "run", "--dry-run")
    told = capsys.readouterr().out
    assert told.count("nothing was trained") == told.count("MB") / 2 == 3
    assert "s per thousand real pictures" in told
    assert "1 files are smaller than 8 px and are left out: red/tiny.png" in told
    assert "1 files could not be decoded and are left out: red/broken.png" in told
    assert told.count("(not counted: reading the pictures, snapshots") == 3
    assert told.count("the judge of samples and its measures, settling the statistics)") == 1
    assert not (tmp_path / "run").exists()


def test_a_dry_run_of_a_finished_training_has_nothing_to_do(finished, zipped, capsys):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    train_all(zipped, finished, "--dry-run")
    told = capsys.readouterr().out
    assert told.count("steps are made") == 3
    assert "to go" not in told
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


def test_a_dry_run_goes_on_where_the_training_would(finished, zipped, tmp_path, capsys):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    train_all(zipped, tmp_path, "--dry-run", "--encoder-steps", 5, "--auxiliary-steps", 3)
    told = capsys.readouterr().out
    assert "gan: all 4 steps are made" in told
    assert "encoder: 2 steps to go of 5" in told
    assert "auxiliary: 1 steps to go of 3" in told
    train_all(zipped, tmp_path, "--dry-run", "--steps", 5)
    told = capsys.readouterr().out
    assert "gan: 1 steps to go of 5" in told
    assert told.count("was made with another generator") == 2  # as they will then be
    assert "encoder: 3 steps to go of 3" in told
    assert "auxiliary: 2 steps to go of 2" in told


class Alike:
    """An accelerator of many processes that all say the same."""

    device = torch.device("cpu")

    def __init__(self, count):
        self.count = count

    def reduce(self, values, reduction):
        return values * self.count


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_part_whose_batch_cannot_be_shared_is_found_before_the_first_step(zipped, tmp_path, monkeypatch, more):
    monkeypatch.setattr(command, "join_processes", lambda device: (Processes(0, 16, Alike(16)), device))
    shared = ("--batch", 16, "--fakes", 16, "--encoder-batch", 16, "--auxiliary-batch", 8, *more)
    with pytest.raises(nc.InputError, match=r"divide the batch of the auxiliary; got 16 x 1 for 8\. .*multiple of 16"):
        train_all(zipped, tmp_path / "run", *shared)
    with pytest.raises(nc.InputError, match="divide the batch of the encoder; got 16 x 2 for 16"):
        train_all(zipped, tmp_path / "run", *shared, "--encoder-accumulate", 2)
    assert not (tmp_path / "run").exists()


class Finished:
    """An accelerator of two processes, the other of which says 1."""

    device = torch.device("cpu")

    def reduce(self, values, reduction):
        return values + 1


def test_processes_must_agree_that_a_part_is_finished(tmp_path):
    run = runs.Run("gan", argparse.Namespace(), Processes(1, 2, Finished()), "cpu", tmp_path)
    done: Any = SimpleNamespace(done=4, settings=SimpleNamespace(steps=4))
    with pytest.raises(nc.TrainingError, match=r"must see the same files.*model\.safetensors is there for some"):
        run.finished(done)
