"""The training loop, snapshots and tasks, on toy data."""

import csv
from dataclasses import replace

import pytest
import torch
import toy
from neural_collage.engine.errors import InputError, TrainingError
from neural_collage.engine.training import loop, runs, snapshot
from neural_collage.engine.training.adversarial import AdversarialTask
from neural_collage.engine.training.data import ImageSet
from neural_collage.engine.training.inversion import AuxiliaryTask, EncoderTask
from neural_collage.engine.training.loop import Every, train
from neural_collage.engine.training.presets import PRESETS
from neural_collage.engine.training.settings import AuxiliarySettings, EncoderSettings
from neural_collage.engine.training.snapshot import RunFolder, load_snapshot
from neural_collage.engine.training.task import shown_classes
from states import equal


def data(count=24, n_classes=3):
    """Plain colours, one a class, with some noise."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % n_classes
    colours = torch.tensor([[220, 30, 30], [30, 220, 30], [30, 30, 220]])[labels]
    noise = torch.randint(-20, 20, (count, 3, 16, 16), generator=random)
    return ImageSet((colours[:, :, None, None] + noise).to(torch.uint8), labels, toy.NAMES[:n_classes])


def adversarial(**changes):
    return AdversarialTask(replace(PRESETS["tiny-16"].gan, **{"steps": 6, **changes}), data())


def encoder(**changes):
    return EncoderTask(
        EncoderSettings(channels=(4, 8, 8), precision="fp32", **{"batch": 6, **changes}), toy.gan(), data()
    )


def auxiliary(**changes):
    settings = AuxiliarySettings(
        **{"dim_a": 6, "dim_zeta": 10, "dim_b": 6, "axes": 0, "batch": 4, "precision": "fp32", **changes}
    )
    return AuxiliaryTask(settings, toy.gan(), data())


TASKS = {"gan": adversarial, "encoder": encoder, "auxiliary": auxiliary}


@pytest.mark.parametrize("kind", TASKS)
def test_a_resumed_run_ends_as_one_that_was_never_stopped(kind, tmp_path):
    straight = TASKS[kind](steps=6)
    for _ in train(straight, RunFolder(tmp_path / "straight")):
        pass

    stopped, folder = TASKS[kind](steps=6), RunFolder(tmp_path / "stopped")
    progress = train(stopped, folder)
    for _ in range(3):
        next(progress)
    progress.close()
    resumed = TASKS[kind](steps=6)
    resumed.restore(load_snapshot(folder.snapshot, kind))
    assert resumed.done == 3
    assert [now.done for now in train(resumed, folder)] == [4, 5, 6]
    assert equal(resumed.state(), straight.state())


@pytest.mark.parametrize(("kind", "loss"), [("encoder", "cosine"), ("auxiliary", "code")])
def test_training_brings_the_loss_down(kind, loss, tmp_path):
    task = TASKS[kind](steps=30, rate=3e-3, batch=24)
    losses = [now.losses[loss] for now in train(task, RunFolder(tmp_path))]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_the_generator_learns_the_colours(tmp_path):
    task = adversarial(steps=100, generator_rate=2e-3, discriminator_rate=4e-3, average=0.9, augment="none")
    start = (task.samples().mean((1, 3, 4)) - colours()).square().mean()
    for _ in train(task, RunFolder(tmp_path)):
        pass
    end = (task.samples().mean((1, 3, 4)) - colours()).square().mean()
    assert end < 0.7 * start


def colours():
    """Mean colour of each class, (classes, 3) in [-1, 1]."""
    found = data()
    return torch.stack([found.images[found.labels == k].float().mean((0, 2, 3)) for k in range(3)]) / 127.5 - 1


def test_frozen_parts_stay_as_they_were(tmp_path):
    for kind in ("encoder", "auxiliary"):
        task = TASKS[kind](steps=3)
        before = {k: v.clone() for k, v in task.gan.generator.state_dict().items()}
        for _ in train(task, RunFolder(tmp_path / kind)):
            pass
        assert equal(before, dict(task.gan.generator.state_dict()))
        assert all(p.grad is None for p in task.gan.discriminator.parameters())


def test_step_sizes_of_the_inner_loop_are_learned():
    task = auxiliary(steps=5)
    before = task.auxiliary.rates.detach().clone()
    task.step()
    moved = (task.auxiliary.rates - before).abs()
    assert 0 < moved.max() <= 1.001 * task.settings.step_rate


def test_the_pair_starts_on_axes_and_goes_on_with_its_own():
    wide = {"dim_a": 0, "dim_b": 0, "dim_zeta": 0, "axes": 30, "rate": 1e-9, "step_rate": 0.0, "steps": 3}
    stopped = auxiliary(**wide)
    first = stopped.step()
    assert first["code"] < 1e-10  # B(A(z)) = z from the start
    resumed = auxiliary(**wide, seed=1)
    before = stopped.state()
    resumed.restore(before)
    resumed.step()
    moved = [
        (a - b).abs().max() for a, b in zip(resumed.auxiliary.parameters(), before["auxiliary"].values(), strict=True)
    ]
    assert max(moved) < 1e-7  # not aligned again


def test_a_run_stopped_before_its_first_step_still_starts_on_axes():
    wide = {"dim_a": 0, "dim_b": 0, "dim_zeta": 0, "axes": 30, "steps": 3}
    resumed = auxiliary(**wide)
    resumed.restore(auxiliary(**wide).state())
    assert resumed.step()["code"] < 1e-10


def test_a_pair_that_goes_on_with_another_generator_is_put_on_its_axes(tmp_path, capsys):
    wide = {"dim_a": 0, "dim_b": 0, "dim_zeta": 0, "axes": 30, "steps": 3}
    before = auxiliary(**wide)
    before.step()
    settings = AuxiliarySettings(**{"batch": 4, "precision": "fp32", **wide})
    other = AuxiliaryTask(settings, toy.gan(seed=1), data())
    runs.restore(other, before.state(), tmp_path)
    assert "goes on with the one given now, from step 0" in capsys.readouterr().out
    assert (other.done, other.auxiliary_adam.state_dict()["state"]) == (0, {})
    fresh = AuxiliaryTask(settings, toy.gan(seed=1), data())
    for task in (other, fresh):
        task.prepare()
    z = torch.randn(5, other.gan.dim_z)
    torch.testing.assert_close(other.auxiliary.to_zeta(z), fresh.auxiliary.to_zeta(z))
    assert other.step()["code"] < 1e-10
    assert other.auxiliary_adam.state_dict()["state"]


def test_an_encoder_that_goes_on_with_another_generator_forgets_its_slopes(tmp_path):
    before = encoder()
    before.step()
    other = EncoderTask(before.settings, toy.gan(seed=1), data())
    runs.restore(other, before.state(), tmp_path)
    assert (other.done, other.encoder_adam.state_dict()["state"]) == (0, {})
    assert equal(dict(other.encoder.state_dict()), dict(before.encoder.state_dict()))
    other.step()
    assert other.encoder_adam.state_dict()["state"]


def test_a_pair_of_other_widths_than_axes_ask_for_is_refused_at_once():
    for widths in ({"dim_a": 7}, {"dim_b": 7}, {"dim_zeta": 3}, {"dim_zeta": 5}):
        with pytest.raises(InputError, match=r"to start on axes, dim_a and dim_b are at least .*axes 0"):
            auxiliary(**{"dim_a": 0, "dim_b": 0, "dim_zeta": 0, "axes": 30, **widths}).prepare()


def test_a_pair_from_random_weights_needs_a_length_of_zeta():
    with pytest.raises(InputError, match=r"needs a length of zeta.*dim_zeta"):
        AuxiliarySettings(axes=0)


def test_snapshots_from_before_there_were_axes_have_none(tmp_path):
    folder, old = RunFolder(tmp_path), auxiliary().state()
    del old["settings"]["axes"]
    folder.save(old)
    assert load_snapshot(folder.snapshot)["settings"]["axes"] == 0
    folder.save(auxiliary(dim_a=0, dim_b=0, dim_zeta=0, axes=30).state())
    assert load_snapshot(folder.snapshot)["settings"]["axes"] == 30


def test_the_code_can_be_learned_first(tmp_path):
    task = auxiliary(steps=40, code_steps=39, rate=1e-2, batch=24)
    rates = task.auxiliary.rates.detach().clone()
    *learned, last = [now.losses for now in train(task, RunFolder(tmp_path))]
    assert learned[-1]["code"] < 0.7 * learned[0]["code"]
    assert {losses["inner0"] for losses in learned} == {0.0}  # the generator is not asked
    assert last["inner0"] > 0
    assert not torch.equal(task.auxiliary.rates, rates)


def test_a_batch_in_parts_has_the_gradients_of_the_whole():
    """Of the auxiliary pair, that is: batch norms measure one part at a time."""
    whole, parts = (auxiliary(batch=6, accumulate=n, precision="fp64") for n in (1, 3))
    for _ in range(3):
        assert whole.step() == pytest.approx(parts.step(), rel=1e-9)
    pairs = zip(whole.auxiliary.parameters(), parts.auxiliary.parameters(), strict=True)
    assert max((a - b).abs().max().item() for a, b in pairs) < 1e-9


def test_the_parts_of_a_gans_batch_must_be_even():
    with pytest.raises(InputError, match="must divide the fakes"):
        adversarial(batch=6, accumulate=3)


def test_rates_fall_to_zero_at_the_end():
    task = adversarial(steps=4, decay_from=0.5)
    rates = []
    for _ in range(4):
        task.step()
        rates.append(task.generator_adam.param_groups[0]["lr"])
    assert rates == pytest.approx([2e-4, 2e-4, 2e-4, 1e-4])


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_last_snapshot(tmp_path):
    task, folder = adversarial(), RunFolder(tmp_path)
    progress = train(task, folder, Every(snapshot=0.0))
    next(progress)
    good = folder.snapshot.read_bytes() if folder.snapshot.exists() else None
    next(progress)
    good = folder.snapshot.read_bytes()
    with torch.no_grad():
        task.generator.get_parameter("first.bias").fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"step 3 .*snapshot\.pt"):
        next(progress)
    assert folder.snapshot.read_bytes() == good


def test_a_loss_that_is_not_finite_before_any_snapshot(tmp_path):
    task = adversarial()
    with torch.no_grad():
        task.generator.get_parameter("first.bias").fill_(float("nan"))
    with pytest.raises(TrainingError, match="no snapshot yet"):
        next(train(task, RunFolder(tmp_path)))


def test_the_run_leaves_a_log_and_sheets(tmp_path):
    folder = RunFolder(tmp_path)
    for _ in train(adversarial(), folder, Every(log=2)):
        pass
    with folder.log.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert all(float(row["discriminator"]) > 0 for row in rows)
    assert {path.name for path in tmp_path.iterdir()} == {"log.csv", "snapshot.pt", "samples_0000006.png"}


def test_a_long_run_leaves_few_sheets_however_often_it_saves(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SHEETS", 3)
    for _ in train(adversarial(steps=12), RunFolder(tmp_path), Every(snapshot=0.0)):
        assert RunFolder(tmp_path).snapshot.exists()
    sheets = sorted(path.name for path in tmp_path.glob("*.png"))
    assert sheets == [f"samples_{step:07d}.png" for step in (1, 5, 9, 12)]


def test_a_sheet_shows_at_most_sixteen_classes_spread_evenly():
    assert shown_classes(3).tolist() == [0, 1, 2]
    chosen = shown_classes(143).tolist()
    assert len(chosen) == 16
    assert chosen[::15] == [0, 142]
    task = adversarial()
    assert task.samples().shape[:2] == (3, 8)


def test_a_failed_write_leaves_the_last_snapshot(tmp_path, monkeypatch):
    folder, task = RunFolder(tmp_path), adversarial()
    folder.save(task.state())
    good = folder.snapshot.read_bytes()

    def fail(state, path):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(snapshot.torch, "save", fail)
    with pytest.raises(TrainingError, match="disk full"):
        folder.save(task.state())
    assert folder.snapshot.read_bytes() == good


def test_what_is_no_snapshot_is_refused(tmp_path):
    folder = RunFolder(tmp_path)
    folder.save(adversarial().state())
    whole = folder.snapshot.read_bytes()
    with pytest.raises(TrainingError, match="train encoder"):
        load_snapshot(folder.snapshot, "encoder")
    for broken in (b"", b"junk" * 50, whole[:1000], b"\x80\x02cos\nsystem\nq\x00."):
        folder.snapshot.write_bytes(broken)
        with pytest.raises(TrainingError, match="whole snapshot"):
            load_snapshot(folder.snapshot, "gan")
    torch.save([1, 2], folder.snapshot)
    with pytest.raises(TrainingError, match="holds None"):
        load_snapshot(folder.snapshot)
    with pytest.raises(TrainingError, match="there is no"):
        load_snapshot(tmp_path / "absent.pt")
    with pytest.raises(TrainingError, match="can write to"):
        RunFolder(folder.snapshot)
