"""The judge, and what a run is measured by."""

import csv
import sys
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import torch
from neural_collage.engine.errors import TrainingError
from neural_collage.engine.training.adversarial import AdversarialTask
from neural_collage.engine.training.board import Board
from neural_collage.engine.training.command import main
from neural_collage.engine.training.data import ImageSet, load_images
from neural_collage.engine.training.judge import JudgeSettings, look, trained_judge
from neural_collage.engine.training.meter import Meter, frechet_distance
from neural_collage.engine.training.presets import PRESETS
from neural_collage.engine.training.snapshot import RunFolder

SETTINGS = JudgeSettings(widths=(4, 4, 8, 8), batch=12, rate=1e-2)


@pytest.fixture(scope="module")
def data(coloured):
    return load_images(coloured, 16)


@pytest.fixture(scope="module")
def judge(data, tmp_path_factory):
    return trained_judge(data, tmp_path_factory.mktemp("judge"), SETTINGS)


def features(count, seed, width=5):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=random) @ torch.randn(width, width, generator=random) + seed


@pytest.mark.parametrize("counts", [(50, 40), (3, 40), (3, 4)])
def test_frechet_distance_is_that_of_the_formula(counts):
    one, other = (features(count, seed).double() for seed, count in enumerate(counts))
    s1, s2 = torch.cov(one.T), torch.cov(other.T)
    root = torch.from_numpy(np.real(np.asarray(scipy.linalg.sqrtm((s1 @ s2 + 1e-12 * torch.eye(5)).numpy()))))
    wanted = (one.mean(0) - other.mean(0)).square().sum() + (s1 + s2 - 2 * root).trace()
    assert frechet_distance(one, other) == pytest.approx(wanted.item(), rel=1e-4)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)


def test_the_judge_tells_the_classes_and_is_trained_once(data, judge, tmp_path):
    chances, found = look(judge, data.still(torch.arange(len(data))))
    torch.testing.assert_close(chances.sum(1), torch.ones(len(data)))
    assert (chances.argmax(1) == data.labels).float().mean() > 0.9
    assert found.shape == (len(data), 8)
    again = trained_judge(data, tmp_path, SETTINGS)
    (file,) = tmp_path.iterdir()
    stamp = file.stat().st_mtime_ns
    cached = trained_judge(data, tmp_path, SETTINGS)
    assert file.stat().st_mtime_ns == stamp
    for network in (again, cached):
        assert all(map(torch.equal, network.state_dict().values(), judge.state_dict().values()))
    trained_judge(replace(data, class_names=("a", "b")), tmp_path, SETTINGS)
    trained_judge(data, tmp_path, SETTINGS, variation=unvaried)
    assert len(list(tmp_path.iterdir())) == 3  # other data or another variation, another judge


def unvaried(images, draws):
    return images


class Copying:
    """A generator that gives training pictures back, or all of one class."""

    def __init__(self, data, label=None):
        self.data, self.label = data, label

    def generate(self, z, labels):
        wanted = labels if self.label is None else torch.full_like(labels, self.label)
        own = [torch.where(self.data.labels == label)[0] for label in wanted]
        return self.data.still(torch.stack([places[i % len(places)] for i, places in enumerate(own)]))


def measured(meter, data, generator):
    task = AdversarialTask(PRESETS["tiny-16"].gan, data)
    task.average = generator
    return meter(task)


def test_copies_are_told_by_their_nearness_and_a_missing_class_by_accuracy_and_distance(data, judge):
    meter = Meter(judge, data, None, count=24)
    copies, sheet = measured(meter, data, Copying(data))
    one_class, _ = measured(meter, data, Copying(data, label=0))
    assert copies["nearness"] < 1e-3
    assert copies["accuracy"] > 0.9
    assert one_class["accuracy"] == pytest.approx(copies["accuracy"] / 2, abs=0.1)
    assert one_class["frechet"] > 10 * copies["frechet"]
    assert sheet.shape == (4, 8, 3, 16, 16)
    assert torch.allclose(sheet[0], sheet[1])  # a copy and its nearest photograph


def test_pictures_held_out_are_the_yardstick(data, judge):
    noise = ImageSet(data.images.flip(3), data.labels, data.class_names)
    found, _ = measured(Meter(judge, data, noise, count=24), data, Copying(noise))
    assert found["nearness"] == pytest.approx(1, abs=0.3)
    assert found["accuracy_real"] > 0.9


def test_measuring_leaves_the_run_as_it_is(data, judge):
    task, meter = AdversarialTask(PRESETS["tiny-16"].gan, data), Meter(judge, data, None, count=8)
    before = task.random.get_state()
    first, _ = meter(task)
    again, _ = meter(task)
    assert first == again
    assert torch.equal(before, task.random.get_state())


def test_a_run_writes_its_measures_and_keeps_the_best(coloured, tmp_path):
    flags = ("--preset", "tiny-16", "--steps", "4", "--metrics-every", "2")
    main(["gan", str(coloured), "--out", str(tmp_path), *flags])
    with (tmp_path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "4"]
    assert rows[0].keys() == {"step", "accuracy", "accuracy_real", "frechet", "spread", "nearness"}
    assert (tmp_path / "neighbours_0000004.png").is_file()
    main(["release", str(tmp_path), "--best", "--to", str(tmp_path / "best.safetensors")])


def test_numbers_go_to_tensorboard_too(tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is an extra")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = Board(tmp_path)
    folder = RunFolder(tmp_path, board)
    folder.write_log({"step": 50, "code": 0.5})
    folder.write_metrics({"step": 100, "frechet": 7.0})
    board.close()
    found = EventAccumulator(str(tmp_path)).Reload()
    assert [(each.step, each.value) for each in found.Scalars("log/code")] == [(50, 0.5)]
    assert [(each.step, each.value) for each in found.Scalars("metrics/frechet")] == [(100, 7.0)]


def test_steps_that_were_not_saved_are_not_shown_twice(coloured, tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is an extra")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    call = ["gan", str(coloured), "--out", str(tmp_path), "--preset", "tiny-16", "--tensorboard", "--steps"]
    main([*call, "50"])
    board = Board(tmp_path / "tensorboard", 50)
    for step in (60, 100):
        board.write("log", {"step": step, "real": 7.0})  # and was killed
    board.close()
    main([*call, "100"])
    found = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [each.step for each in found.Scalars("log/real")] == [50, 100]
    assert found.Scalars("log/real")[-1].value != 7.0


def test_tensorboard_is_an_extra(coloured, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    with pytest.raises(TrainingError, match=r"neural-collage\[tensorboard\]"):
        main(["gan", str(coloured), "--out", str(tmp_path), "--preset", "tiny-16", "--steps", "1", "--tensorboard"])
