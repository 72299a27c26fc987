"""Figures in miniature: numbers against obvious recomputations, rates and steps by courses made by hand."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import courses
import curves
import descent
import pytest
import quality
import starter
import torch
import toy
from discs import JUDGE, table
from neural_collage import engine as nc
from study import Table

PLAN = descent.Plan(count=3, tuning=3, steps=(0, 2, 5))


@pytest.fixture(autouse=True)
def _few_rates(monkeypatch):
    monkeypatch.setattr(descent, "RATES", {"z": (0.05, 0.2), "zeta": (0.05, 0.2)})
    monkeypatch.setattr(descent, "WIDENED", 1)


def test_quality_passes_the_photographs_themselves_and_fails_one_picture_a_class(study, monkeypatch, capsys):
    real = study.held_out
    images = real.images.float() / 127.5 - 1
    monkeypatch.setattr(quality, "generate", lambda *_: images.repeat(3, 1, 1, 1))
    assert quality.classifier(study)
    means = table(study, "classifier")[-1]
    assert means[1:3] == ["1.000", "1.000"]
    assert float(means[5]) == pytest.approx(1)
    _, made, seen = table(study, "frechet")
    assert made[1] == seen[1] == "36"  # three times twelve: every fourth picture was kept out
    assert float(made[2]) < float(seen[2])
    first = torch.stack([images[real.labels == label][0] for label in real.labels])
    monkeypatch.setattr(quality, "generate", lambda *_: first.repeat(3, 1, 1, 1))
    assert not quality.classifier(study)
    assert "spread: samples reach 0.000 of real (BELOW" in capsys.readouterr().out
    assert float(table(study, "frechet")[1][2]) > float(made[2])


def test_photographs_are_equally_many_of_each_class_and_never_both_tuned_on_and_measured(study):
    photos = courses.Photos.held_out(study, 6)
    tuned, measured = photos[:3], photos[3:]
    assert sorted(tuned.labels.tolist()) == sorted(measured.labels.tolist()) == [0, 1, 2]
    assert len(photos.images.flatten(1).unique(dim=0)) == 6
    drawn = study.gan.sample(photos.labels.tolist(), seed=0).point
    assert torch.equal(measured.starts["random"], drawn[3:])
    with pytest.raises(nc.InputError, match=r"13 photographs .* 12 were kept out"):
        courses.Photos.held_out(study, 13)


def test_descent_never_rises_and_starts_with_the_encoder_s_own_distance(study):
    descent.descent(study, PLAN)
    header, *rows = table(study, "descent")
    assert [row[:2] for row in rows] == [[space, start] for start in ("encoder", "random") for space in ("z", "zeta")]
    for row in rows:
        start, middle, end = map(float, row[3:])
        assert start >= middle >= end
    photos = courses.Photos.held_out(study, 6)[3:]
    with torch.no_grad():
        drawn = study.gan.generator.generate(study.gan.part("encoder")(photos.images, photos.labels), photos.labels)
    wanted = nc.reconstruction_loss(study.gan, drawn, photos.images, pixel_weight=0).mean().item()
    assert float(rows[0][header.index("0 steps")]) == pytest.approx(wanted, abs=6e-5)
    signal = [-10 * torch.log10(((a - b) / 2).square().mean()) for a, b in zip(drawn, photos.images, strict=True)]
    told = float(table(study, "descent_psnr")[1][3])
    assert told == pytest.approx(float(sum(signal)) / 3, abs=6e-3)


def test_rates_are_tried_on_other_photographs_and_the_grid_grows_at_its_edge(study):
    descent.descent(study, PLAN)
    _, *rows = table(study, "descent_rates")
    for space, start, chosen, *_ in table(study, "descent")[1:]:
        tried = {float(row[2]): float(row[5]) for row in rows if row[:2] == [space, start]}
        assert len(tried) == 3  # two, and one beyond the edge where the better was
        assert tried[float(chosen)] == min(tried.values())
        best = next(row for row in rows if row[:2] == [space, start] and row[-1])
        assert best[2] == chosen
        assert best[-1] == ("best" if sorted(tried)[1] == float(chosen) else "best, at the edge of the grid")


def test_the_best_rate_has_the_least_mean_not_the_least_for_one_photograph():
    def ending(*losses):
        return torch.tensor([[[1.0] * 2, losses], [[0.0] * 2] * 2])

    assert descent._best({0.1: ending(0.0, 0.9), 0.2: ending(0.4, 0.4), 0.3: ending(0.5, 0.5)}) == 0.2


def test_steps_to_reach_by_courses_made_by_hand():
    falling = torch.tensor([1.0, 0.5, 0.5, 0.2])
    assert [descent.steps_to_reach(falling, level) for level in (2.0, 0.5, 0.3, 0.2, 0.1)] == [0, 1, 3, 3, None]


def test_ratio_of_steps_by_courses_made_by_hand():
    z = torch.linspace(1, 0, 201)[:, None]
    fast, slow = z[::2].clone(), z * 0.5 + 0.5
    fast = torch.cat([fast, fast.new_zeros(100, 1)])
    measured = {
        (space, start): torch.stack([course, course])
        for start, courses_ in (("encoder", (z, fast)), ("random", (z, slow)))
        for space, course in zip(("z", "zeta"), courses_, strict=True)
    }
    told = descent._ratios(measured, (0, 10, 50, 100, 200))
    half, double = "0.50 to 0.50", "2.00 to 2.00"  # of one photograph, no resample differs
    assert [row[3:6] for row in told.rows[:3]] == [("25", "0.50", half), ("50", "0.50", half), ("100", "0.50", half)]
    slower = [("100", "2.00", double), ("200", "2.00", double), ("not in 200", "", "above 1.00 to above 1.00")]
    assert [row[3:6] for row in told.rows[3:]] == slower
    assert [row[6] for row in told.rows] == ["no", "no", "yes"] * 2
    assert "tuned for 200 steps" in told.title


def test_the_interval_of_the_ratio_is_that_of_photographs_drawn_again():
    generator = torch.Generator().manual_seed(0)
    z, zeta = (torch.rand(41, 12, generator=generator).cumprod(0).pow(power) for power in (0.05, 0.08))
    ratios = []
    for _ in range(400):
        chosen = torch.randint(12, (12,), generator=generator)
        needed = descent.steps_to_reach(zeta[:, chosen].mean(1), z[30, chosen].mean().item())
        assert needed is not None
        ratios.append(needed / 30)
    wanted = torch.tensor(ratios).quantile(torch.tensor((0.025, 0.975))).tolist()
    found = [float(bound) for bound in descent._interval(z, zeta, 30).split(" to ")]
    assert found == pytest.approx(wanted, abs=0.07)
    assert found[0] < found[1]


def test_a_stopped_run_goes_on_from_what_it_kept(study, monkeypatch):
    photos, runs = courses.Photos.held_out(study, 4), courses.Courses.of(study, 2)
    monkeypatch.setattr(courses, "TOGETHER", 2)
    whole = runs.run(photos, "encoder", "z", 0.1)
    assert whole.shape == (2, 3, 4)
    done = []
    real = courses.course
    monkeypatch.setattr(courses, "course", lambda *args: done.append(args) or real(*args))
    next((study.out / "courses").glob("*.safetensors")).unlink()
    assert torch.equal(runs.run(photos, "encoder", "z", 0.1), whole)
    assert len(done) == 1
    other = courses.Courses.of(replace(study, gan=toy.gan(3, seed=1)), 2)
    assert other.fingerprint != runs.fingerprint
    other.run(photos, "encoder", "z", 0.1)
    assert len(done) == 3


def test_on_zeta_the_picture_measured_is_that_of_the_best(study):
    """A pair of random weights does not give z back: the start stays the best, and its picture is measured."""
    photos = courses.Photos.held_out(study, 3)
    found = courses.course(study.gan, photos, "encoder", ("zeta", 1e-6), 1)
    states = list(nc.project(
        study.gan, photos.images, photos.labels, steps=1, space="zeta", rate=1e-6,
        start=nc.Latent(photos.starts["encoder"], photos.labels), pixel_weight=0.0,
    ))  # fmt: skip
    assert (states[0].loss > states[0].best_loss).any()
    with torch.no_grad():
        wanted = courses.psnr(study.gan.generator(states[-1].best), photos.images)
    torch.testing.assert_close(found[courses.PSNR, -1], wanted, atol=1e-3, rtol=0)


def test_curves_lie_where_their_numbers_are(tmp_path):
    line = {"a <line>": [(0.01, 1.0), (0.1, 0.1), (1.0, 0.01)]}
    curves.draw(tmp_path / "x.svg", [curves.Panel("t", "rate", "eq. 4", line, True)] * 3)
    root = ElementTree.parse(tmp_path / "x.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    lines = [found.get("points") for found in root.iter(space + "polyline")]
    middle = f"{curves.WIDTH / 2:.1f},{curves.HEIGHT / 2:.1f}"
    assert lines == [f"0.0,0.0 {middle} {curves.WIDTH:.1f},{curves.HEIGHT:.1f}"] * 3
    texts = [found.text for found in root.iter(space + "text")]
    assert {"a <line>", "0.02", "0.05", "0.1", "1", "t", "rate", "eq. 4"} <= set(texts)
    assert list(tmp_path.iterdir()) == [tmp_path / "x.svg"]


def test_rows_of_an_earlier_model_stand_above_those_about_the_same():
    now = Table("n", ("what", "number"), [("a", 1), ("b", 2)])
    both = now.beside(Table("n", ("what", "number"), [("b", 3), ("a", 4), ("c", 5)]))
    assert both.header == ("what", "model", "number")
    assert both.rows == [
        ("a", "before", 4), ("a", "now", 1), ("b", "before", 3), ("b", "now", 2), ("c", "before", 5),
    ]  # fmt: skip


def test_figures_of_two_models_by_one_command(gan, data, study, tmp_path, monkeypatch, capsys):
    for name, model in (("now", gan), ("then", toy.gan(3, seed=1)), ("other", toy.gan(2))):
        nc.save(model, tmp_path / f"{name}.safetensors")
    monkeypatch.setattr("neural_collage.engine.training.judge.JudgeSettings", lambda: JUDGE)
    common = [str(tmp_path / "now.safetensors"), "--data", str(data), "--out", str(study.out), "--hold-out", "4"]
    few = ["--count", "3", "--tuning", "3", "--steps", "1", "--before"]
    starter.main([*common, "figures", *few, str(tmp_path / "then.safetensors")])
    assert "| z | encoder | before |" in capsys.readouterr().out
    made = {file.name for file in study.out.iterdir()}
    assert {"classifier.csv", "frechet.csv", "descent_ratio.csv", "descent_overhead.csv"} <= made
    assert {f"descent{kind}{when}.svg" for kind in ("", "_rates", "_steps") for when in ("", "_before")} <= made
    _, before, now = table(study, "descent_overhead")
    assert before[1] == "before"
    assert now[1] == "now"
    assert float(now[-1]) > 0
    assert starter.main([*common, "figures", *few, str(tmp_path / "other.safetensors")]) == 2
    assert "same classes" in capsys.readouterr().err


@pytest.mark.parametrize("bad", [{"count": 0}, {"tuning": 0}, {"steps": ()}, {"steps": (-1, 5)}])
def test_a_plan_without_anything_to_measure_is_refused(bad):
    with pytest.raises(nc.InputError, match="Descents need"):
        descent.Plan(**bad)
