"""What may happen to a run: it is killed, the disk fills, numbers go astray."""

import csv
import multiprocessing
import random
import time
from contextlib import contextmanager

import pytest
import torch
from neural_collage import engine as nc
from neural_collage.engine.errors import TrainingError
from neural_collage.engine.training import command
from neural_collage.engine.training.adversarial import AdversarialTask
from neural_collage.engine.training.data import load_images
from neural_collage.engine.training.divergence import Watch
from neural_collage.engine.training.loop import Every, train
from neural_collage.engine.training.presets import PRESETS
from neural_collage.engine.training.snapshot import RunFolder, load_snapshot
from states import equal

resource = pytest.importorskip("resource", reason="the size of files can be limited on Unix alone")
KILLS = 3


@pytest.fixture(scope="module")
def children():
    """Processes to be killed: forked, with torch already imported, from a server that pytest has no part in."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([command.__name__])
    return context


def start(children, data, out, kind="gan", steps=60):
    arguments = [str(part) for part in (kind, data, "--out", out, "--preset", "tiny-16", "--steps", steps)]
    if kind == "all":
        arguments += [
            "--encoder-steps",
            "6",
            "--auxiliary-steps",
            "6",
            "--auxiliary-batch",
            "4",
        ]
    child = children.Process(target=command.main, args=([*arguments, "--snapshot-every", "0", "--threads", "1"],))
    child.start()
    return child


def test_killed_at_any_moment_a_run_ends_as_one_that_never_was(children, coloured, tmp_path):
    start(children, coloured, straight := tmp_path / "straight").join()
    dice, folder, done = random.Random(0), RunFolder(tmp_path / "killed"), 0
    for _ in range(KILLS):
        child, before = start(children, coloured, folder.path), done
        while child.is_alive() and done == before:  # it has come to save something
            done = load_snapshot(folder.snapshot)["done"] if folder.snapshot.exists() else 0
        time.sleep(dice.uniform(0, 0.06))
        child.kill()
        child.join()
        assert load_snapshot(folder.snapshot)["done"] >= done  # whole, and nothing that was saved is lost
    assert done < 60, "every child came to its end before it was killed"
    start(children, coloured, folder.path).join()
    assert equal(load_snapshot(folder.snapshot), load_snapshot(straight / "snapshot.pt"))
    one, other = (nc.load(path / "model.safetensors") for path in (folder.path, straight))
    assert equal(dict(one.generator.state_dict()), dict(other.generator.state_dict()))


def test_killed_in_the_middle_a_whole_training_ends_as_one_that_never_was(children, coloured, tmp_path):
    start(children, coloured, straight := tmp_path / "straight", "all", 6).join()
    dice, killed = random.Random(1), tmp_path / "killed"
    for stage in ("gan", "encoder", "auxiliary"):
        child = start(children, coloured, killed, "all", 6)
        while child.is_alive() and not (killed / stage / "snapshot.pt").exists():
            time.sleep(0.01)
        time.sleep(dice.uniform(0, 0.1))
        child.kill()
        child.join()
    start(children, coloured, killed, "all", 6).join()
    one, other = (nc.load(path / "model.safetensors") for path in (killed, straight))
    for part in ("generator", "discriminator", "encoder", "auxiliary"):
        assert equal(dict(getattr(one, part).state_dict()), dict(getattr(other, part).state_dict()))
    assert (killed / "model.md").read_text() == (straight / "model.md").read_text()


def task(coloured):
    return AdversarialTask(PRESETS["tiny-16"].gan, load_images(coloured, 16))


def test_two_runs_with_one_seed_are_the_same(coloured):
    one, other = task(coloured), task(coloured)
    assert [one.step() for _ in range(3)] == [other.step() for _ in range(3)]
    assert equal(one.state(), other.state())


@contextmanager
def full_disk(limit):
    """No file can grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_reported_and_the_old_snapshot_kept(coloured, tmp_path):
    folder = RunFolder(tmp_path)
    progress = train(task(coloured), folder, Every(snapshot=0.0))
    next(progress)
    good = folder.snapshot.read_bytes()
    with full_disk(len(good) // 2), pytest.raises(TrainingError, match=r"able to write .*snapshot\.pt.*Make room"):
        next(progress)
    assert folder.snapshot.read_bytes() == good
    assert load_snapshot(folder.snapshot)["done"] == 1
    assert not list(tmp_path.glob("*.part"))  # what could not be finished does not take the room


def test_rows_that_were_not_saved_are_made_again(coloured, tmp_path):
    folder = RunFolder(tmp_path)
    progress = train(task(coloured), folder, Every(log=1))
    for _ in range(3):
        next(progress)
    folder.save(task(coloured).state())
    with folder.log.open("a") as file:
        file.write("4,0.1")  # a process died here
    folder.rewind(2)
    with folder.log.open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "2"]


def test_weights_that_are_not_finite_are_not_saved(coloured, tmp_path):
    run, folder = task(coloured), RunFolder(tmp_path)
    progress = train(run, folder, Every(snapshot=1e9))
    next(progress)
    folder.save(run.state())
    good = folder.snapshot.read_bytes()
    with torch.no_grad():
        run.average.get_parameter("last_conv.weight").fill_(float("inf"))  # no loss sees it
    with pytest.raises(TrainingError, match=r"step 1 the weights average\.last_conv\.weight did not.*snapshot\.pt"):
        progress.close()
    assert folder.snapshot.read_bytes() == good


def test_losses_beyond_reason_stop_a_run():
    watch = Watch({"generator": 10.0})
    assert not any(watch.losses({"generator": 9.9, "other": 1e9}) for _ in range(1000))
    assert "beyond 10" in next(why for _ in range(100) if (why := watch.losses({"generator": -1000.0})))


def test_pictures_that_only_get_worse_stop_a_run_at_its_best_snapshot(coloured, tmp_path):
    run, folder, distances = task(coloured), RunFolder(tmp_path), iter([5.0, 2.0, 4.0, 4.0, 2.9, 4.0, 3.1, 9.0, 8.0])

    def measure(task):
        return {"frechet": next(distances)}, torch.zeros(1, 1, 3, 4, 4)

    progress = train(run, folder, Every(metrics=1, patience=3, snapshot=0.0), measure)
    with pytest.raises(TrainingError, match=r"diverged: at step 8 .*1\.5 times the best in the last 3 measures"):
        for _ in progress:
            pass
    assert load_snapshot(folder.snapshot)["done"] == 2
    assert load_snapshot(folder.snapshot)["diverged"] == 8
    assert [row["frechet"] for row in folder.read_metrics()] == [5, 2, 4, 4, 2.9, 4, 3.1, 9]


def judged(distances, patience=3):
    watch = Watch({}, patience)
    return [bool(watch.worse()) for distance in distances if watch.best(distance) in (True, False)]


def test_a_run_that_has_learned_nothing_yet_is_not_judged():
    noise = [44.4, 26.1, 47.6, 74.7, 45.2]
    assert not any(judged(noise))
    assert judged([*noise, 20.0, 31.0, 32.0, 33.0]) == [False] * 8 + [True]
    assert not any(judged([*noise, 20.0, 31.0, 32.0, 33.0], patience=0))


def test_whoever_goes_on_after_divergence_is_told(coloured, tmp_path, capsys):
    call = ["gan", str(coloured), "--out", str(tmp_path), "--preset", "tiny-16", "--steps", "2"]
    command.main(call)
    RunFolder(tmp_path).fall_back(7)
    capsys.readouterr()
    command.main([*call[:-1], "3", "--patience", "0"])
    assert "at step 2, the run diverged at step 7. Unless a flag is changed" in capsys.readouterr().out
    command.main([*call[:-1], "4"])
    assert "diverged" not in capsys.readouterr().out
