"""A dry run's figures."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import toy
from neural_collage.engine.training import rehearsal
from neural_collage.engine.training.adversarial import AdversarialTask
from neural_collage.engine.training.data import load_images
from neural_collage.engine.training.inversion import AuxiliaryTask
from neural_collage.engine.training.presets import PRESETS
from neural_collage.engine.training.rehearsal import rehearse
from neural_collage.engine.training.settings import AuxiliarySettings


@pytest.fixture
def clock(monkeypatch):
    """The rehearsal's clock, which stands still unless it is set."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(rehearsal.time, "perf_counter", lambda: now.seconds)
    return now


def timed(task, seconds, clock):
    """Let each step of a task take so long."""
    straight, numbers = task.step, []

    def step():
        numbers.append(task.done)
        clock.seconds += seconds(task.done)
        return straight()

    task.step = step
    return numbers


@pytest.mark.parametrize(("done", "r1", "wanted"), [(0, 1.0, 2.0), (21, 1.0, 2.0), (21, 0.0, 1.0)])
def test_steps_with_r1_count_as_often_as_they_come(coloured, tmp_path, clock, capsys, done, r1, wanted):
    settings = replace(PRESETS["tiny-16"].gan, steps=3600 + done, r1=r1, r1_every=16)
    task = AdversarialTask(settings, load_images(coloured, 16))
    task.done = done
    timed(task, lambda number: 17.0 if r1 and number % 16 == 0 else 1.0, clock)
    rehearse(task, tmp_path)
    told = capsys.readouterr().out
    assert (
        f"time: {wanted:g} s a step, {wanted * 125:.3g} s per thousand real pictures, {wanted:g} hours in all" in told
    )


def test_r1_at_every_step_is_in_every_step_timed(coloured, tmp_path, clock, capsys):
    settings = replace(PRESETS["tiny-16"].gan, steps=3600, r1=1.0, r1_every=1)
    task = AdversarialTask(settings, load_images(coloured, 16))
    timed(task, lambda number: 3.0, clock)
    rehearse(task, tmp_path)
    assert "time: 3 s a step" in capsys.readouterr().out


def test_of_a_pair_the_whole_objective_is_timed(coloured, tmp_path, clock):
    settings = AuxiliarySettings(axes=0, dim_a=6, dim_zeta=10, dim_b=6, batch=4, code_steps=7, precision="fp32")
    task = AuxiliaryTask(settings, toy.gan(2), load_images(coloured, 16))
    numbers = timed(task, lambda number: 1.0, clock)
    rehearse(task, tmp_path)
    assert set(numbers) == {7}
