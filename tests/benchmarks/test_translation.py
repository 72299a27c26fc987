"""The translation study in miniature: regions that are known, tasks that can be counted, figures that must be right."""

import csv
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
import toy
import translation
from discs import COLOURS, JUDGE
from intervals import share_by_photograph, wilson
from neural_collage import engine as nc
from neural_collage.engine.gan import Gan
from neural_collage.engine.training.data import to_network
from PIL import Image
from regions import find_regions
from scipy.stats import binomtest
from study import Study
from torch import Tensor

PROTOCOL = translation.Protocol(("daisy", "rose"), ("tulip",), tasks=10, steps=1, grow=1, batch=3)


def disc(size: int, radius: float, colour: tuple[int, int, int], ground: np.ndarray) -> np.ndarray:
    """A shaded disc with a highlight as white as paper, (size, size, 3)."""
    down, right = np.mgrid[:size, :size] + 0.5 - size / 2
    shaded = np.array(colour) * (1 - 0.4 * right / size)[..., None]
    shaded[(down + radius / 3) ** 2 + (right + radius / 3) ** 2 < (radius / 6) ** 2] = 255
    return np.where((down**2 + right**2 < radius**2)[..., None], shaded, ground).clip(0, 255).astype(np.uint8)


def white(size: int) -> np.ndarray:
    return np.full((size, size, 3), 255.0)


def as_photo(pixels: np.ndarray) -> Tensor:
    return to_network(torch.from_numpy(pixels).permute(2, 0, 1)[None])


@pytest.fixture(scope="module")
def gan() -> Gan:
    return toy.gan(3)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, gan: Gan) -> Path:
    """Three classes of sixteen discs, four of each kept out of training."""
    path, random = tmp_path_factory.mktemp("data") / "discs.zip", np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for name, colour in zip(gan.class_names, COLOURS, strict=True):
            for number in range(16):
                file = BytesIO()
                Image.fromarray(disc(48, random.uniform(12, 20), colour, white(48))).save(file, format="PNG")
                archive.writestr(f"{name}/{number:02}.png", file.getvalue())
    return path


@pytest.fixture(scope="module")
def study(gan: Gan, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return Study(gan, data, tmp_path_factory.mktemp("out"), hold_out=4, judge_settings=JUDGE)


def table(study: Study, name: str) -> list[list[str]]:
    with (study.out / f"{name}.csv").open(newline="") as file:
        return list(csv.reader(file))


def grounds() -> dict[str, np.ndarray]:
    """Backgrounds that no threshold of white would know."""
    random, ramp = np.random.default_rng(0), np.linspace(0, 1, 64)[:, None, None]
    return {
        "white": white(64),
        "black": np.zeros((64, 64, 3)),
        "noisy": 180 + random.normal(0, 12, (64, 64, 3)),
        "shaded": 120 + 60 * ramp + np.zeros((64, 64, 3)),
    }


@pytest.mark.parametrize("ground", grounds())
@pytest.mark.parametrize("colour", COLOURS)
def test_the_region_is_the_object_with_its_highlight_on_any_ground(ground: str, colour: tuple[int, int, int]):
    photo = as_photo(disc(64, 20, colour, grounds()[ground]))
    found = find_regions(photo)
    wanted = as_photo(disc(64, 20, (0, 0, 0), white(64)))[:, :1].lt(0).float()
    wanted[..., 20:32, 20:32] = 1  # its highlight
    overlap = (found * wanted).sum() / (found + wanted).clamp(max=1).sum()
    assert overlap > 0.95
    assert torch.equal(find_regions(photo), found)  # not a matter of chance


def test_a_photograph_without_an_object_has_no_region_and_spoils_no_other():
    one = as_photo(disc(32, 10, COLOURS[0], white(32)))
    found = find_regions(torch.cat([torch.ones(1, 3, 32, 32), one]))
    assert not found[0].any()
    assert torch.equal(found[1:], find_regions(one))
    assert find_regions(one[:0]).shape == (0, 1, 32, 32)


def test_photographs_without_an_object_are_left_out_and_named(study: Study):
    held_out = study.held_out
    blank = replace(held_out, images=held_out.images.clone())
    blank.images[held_out.labels == 1] = 255
    other = replace(study)
    other.__dict__["held_out"] = blank
    done = translation.Translated.of(other, PROTOCOL)
    assert set(held_out.labels[done.tasks.photos].tolist()) == {0}
    assert done.left_out == tuple(f"rose/{number:02}.png" for number in (0, 4, 8, 12))
    assert "left out, as no object was found in them: 4 (rose/00.png, " in done.told
    blank.images[:] = 255
    with pytest.raises(nc.InputError, match="there is none"):
        translation.Translated.of(other, PROTOCOL)


def test_tasks_are_sources_and_targets_and_every_pair_comes_before_any_comes_again():
    labels = torch.tensor([0, 1, 2, 0, 3, 1, 0])
    drawn = translation.Tasks.drawn(labels, torch.tensor([0, 1]), torch.tensor([2, 3]), 24, seed=0)
    pairs = list(zip(drawn.photos.tolist(), drawn.targets.tolist(), strict=True))
    every = {(photo, target) for photo in (0, 1, 3, 5, 6) for target in (2, 3)}
    assert set(pairs[:10]) == set(pairs[10:20]) == every
    assert pairs[:10] != pairs[10:20]
    assert len(pairs) == 24
    same, other = (
        translation.Tasks.drawn(labels, torch.tensor([0, 1]), torch.tensor([2, 3]), 24, seed=seed) for seed in (0, 1)
    )
    assert torch.equal(drawn.photos, same.photos)
    assert not torch.equal(drawn.photos, other.photos)


@pytest.mark.parametrize(("count", "total"), [(0, 1), (0, 50), (7, 50), (50, 50), (208, 1000)])
def test_intervals_are_scipy_s(count: int, total: int):
    wanted = binomtest(count, total).proportion_ci(method="wilson")
    assert wilson(count, total) == pytest.approx((wanted.low, wanted.high), abs=1e-6)


def test_tasks_of_one_photograph_are_one_trial():
    """Twenty photographs of ten tasks each, all of one outcome: as uncertain as twenty tasks, not as two hundred."""
    photos = torch.arange(20).repeat_interleave(10)
    low, high = share_by_photograph(photos < 5, photos)
    wanted = binomtest(5, 20).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((wanted.low, wanted.high), abs=0.08)
    draws = np.random.default_rng(0).integers(20, size=(2000, 20))
    assert (low, high) == pytest.approx(np.quantile((draws < 5).mean(1), (0.025, 0.975)), abs=0.051)
    assert share_by_photograph(photos < 5, photos) == (low, high)
    assert high - low > 2 * (wilson(50, 200)[1] - wilson(50, 200)[0])


def test_equal_outcomes_are_as_certain_as_there_are_photographs():
    photos = torch.arange(20).repeat_interleave(10)
    assert share_by_photograph(photos < 0, photos) == wilson(0, 20)
    assert share_by_photograph(photos >= 0, photos) == wilson(20, 20)
    assert share_by_photograph(torch.arange(200) % 2 == 0, photos) == wilson(10, 20)


def test_a_protocol_that_cannot_be_is_refused():
    with pytest.raises(nc.InputError, match="rose is both"):
        translation.Protocol(("daisy", "rose"), ("rose",))
    for what, bad in (("tasks", 0), ("steps", -1), ("batch", 0), ("grow", -1)):
        with pytest.raises(nc.InputError, match=f"Translation needs {what} of"):
            replace(PROTOCOL, **{what: bad})
    with pytest.raises(nc.InputError, match="0 targets"):
        translation.Protocol(("daisy",), ())


def test_bad_input_is_told_in_a_line_not_a_traceback(gan: Gan, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    nc.save(gan, tmp_path / "toy.safetensors")
    common = [str(tmp_path / "toy.safetensors"), "--data", str(tmp_path / "nope.zip"), "--targets", "tulip"]
    for sources, told in (("rose", "nope.zip is neither"), ("tulip", "tulip is both")):
        assert translation.main([*common, "--sources", sources]) == 2
        assert told in capsys.readouterr().err


def test_a_guess_counts_by_its_rank(study: Study, monkeypatch: pytest.MonkeyPatch):
    chances = torch.tensor([[0.1, 0.2, 0.3, 0.05, 0.06, 0.15, 0.14]])
    monkeypatch.setattr(translation, "look", lambda *_: (chances.expand(7, -1), None))
    told = translation.missed(study, torch.empty(7), torch.arange(7))
    assert told[:, 0].tolist() == [True, True, False, True, True, True, True]
    assert told[:, 1].tolist() == [False, False, False, True, True, False, False]


def test_every_step_is_the_engine_s_own_and_the_rest_of_the_photograph_stays(study: Study):
    done = translation.Translated.of(study, PROTOCOL)
    held_out, shown = study.held_out, done.projected
    for task, (place, target) in enumerate(zip(done.tasks.photos, done.tasks.targets.tolist(), strict=True)):
        photo, one = to_network(held_out.images[place][None]), slice(done.which[task], done.which[task] + 1)
        assert torch.equal(shown.photos[one], photo)
        *_, last = nc.project(study.gan, photo, int(held_out.labels[place]), steps=1, space="z", start="encoder")
        mask = nc.shape_mask(find_regions(photo), 1)
        drawn = nc.render(study.gan, nc.Collage(last.best).label(nc.ClassMap().paint(target, mask)))
        torch.testing.assert_close(done.edited[task], drawn[0], atol=1e-4, rtol=0)
        wanted = nc.stitch(photo, drawn, mask, nc.Blend("normal", limits=(-1.0, 1.0)))
        torch.testing.assert_close(done.stitched[task], wanted[0], atol=2e-3, rtol=0)
        outside = (mask == 0).expand_as(photo)[0]
        assert torch.equal(done.stitched[task][outside], photo[0][outside])


def test_tables_hold_what_the_classifier_says(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    real, plain = study.held_out, translation.Projected.stitched

    def perfect(self: translation.Projected, pictures: Tensor, which: Tensor, mode: str) -> Tensor:
        """Photographs of the target for all but the first two tasks, whatever the toy would draw."""
        if len(which) != PROTOCOL.tasks:  # the reconstructions
            return plain(self, pictures, which, mode)
        tulip = to_network(real.images[real.labels == 2][:1])
        return torch.cat([self.photos[which[:2]], tulip.expand(len(which) - 2, -1, -1, -1)])

    monkeypatch.setattr(translation.Projected, "stitched", perfect)
    translation.translation(study, PROTOCOL)
    rows = {row[0]: row[1:] for row in table(study, "translation")[1:]}
    photos = [row[0] for row in table(study, "translation_tasks")[1:]]
    assert rows["translated photographs"][:3] == ["10", "8", "8"] == ["10", str(len(set(photos))), "8"]
    numbers = torch.tensor([sorted(set(photos)).index(photo) for photo in photos])
    low, high = (100 * bound for bound in share_by_photograph(torch.arange(10) < 2, numbers))
    none = f"0.0 to {100 * wilson(0, 8)[1]:.1f}"
    assert rows["translated photographs"][3:] == ["20.0", f"{low:.1f} to {high:.1f}", "0.0", none]
    assert rows["real photographs of the target classes"][:4] == ["4", "4", "4", "0.0"]
    assert rows["source photographs, untouched"][:4] == ["10", "8", "8", "100.0"]
    assert rows["chance, 3 classes"][3::2] == ["66.7", "0.0"]
    printed = capsys.readouterr().out
    assert "10 tasks, 8 of them distinct, on 8 photographs" in printed
    assert "Of every 4 pictures in order of names, one was kept out of training" in printed

    classes, tasks = table(study, "translation_classes")[1:], table(study, "translation_tasks")[1:]
    assert [row[:2] for row in classes] == [["daisy", "tulip"], ["rose", "tulip"]]
    assert [row[3] for row in tasks] == ["1", "1"] + ["0"] * 8
    for source, _, number, _, _, error, *_ in classes:
        own = [int(row[3]) for row in tasks if row[1] == source]
        assert int(number) == len(own)
        assert float(error) == pytest.approx(100 * sum(own) / len(own), abs=0.05)
    assert {row[0] for row in tasks} == {f"{name}/{n:02}.png" for name in ("daisy", "rose") for n in (0, 4, 8, 12)}
    assert all(row[0].startswith(f"{row[1]}/") for row in tasks)
    assert (study.out / "translation.png").exists()


@pytest.mark.parametrize("mode", nc.STITCH_MODES)
def test_the_command_line_in_every_mode_writes_figures_and_pairs(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
):
    nc.save(study.gan, tmp_path / "toy.safetensors")
    monkeypatch.setattr("neural_collage.engine.training.judge.JudgeSettings", lambda: JUDGE)
    asked = ["--sources", "daisy, rose", "--targets", "tulip", "--tasks", "9", "--steps", "0", "--hold-out", "4"]
    folders = ["--out", str(study.out), "--pairs", str(tmp_path / "pairs")]
    given = [str(tmp_path / "toy.safetensors"), "--data", str(study.data), *asked, *folders, "--mode", mode]
    assert translation.main(given) == 0
    names = [sorted(file.name for file in (tmp_path / "pairs" / kind).iterdir()) for kind in ("real", "translated")]
    assert names[0] == names[1] == [f"{number:04}.png" for number in range(9)]
    first = np.asarray(Image.open(tmp_path / "pairs" / "real" / "0000.png").convert("RGB"))[8, 8].astype(int)
    assert first.argmax() == 2  # tulips are blue
