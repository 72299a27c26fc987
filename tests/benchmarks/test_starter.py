"""The studies in miniature: a toy model, toy data, every command; figures that must be right and demands that bite."""

import collages
import edits
import numpy as np
import pytest
import starter
import torch
import toy
from discs import COLOURS, disc, png, table
from neural_collage import engine as nc
from neural_collage.engine.training.judge import look
from photos import FRUITS, Fruit
from PIL import Image
from study import Study, generate
from variation import WHITE


@pytest.fixture
def folder(tmp_path):
    """A photograph: a red disc on stripes, higher than wide."""
    pixels = np.tile(np.array([[[90, 120, 60]], [[40, 50, 70]]], np.uint8), (35, 50, 1))
    pixels[20:44, 15:39] = disc(24, COLOURS[0], 11.5)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "disc.png").write_bytes(png(pixels))
    return tmp_path / "photos"


DISC = Fruit("disc.png", (27, 32), (11.5, 11.5), 0, "daisy", "tulip")


def size(study, name):
    with Image.open(study.out / f"{name}.png") as opened:
        return opened.size


def test_samples_are_those_of_the_model_in_rows_by_class(study):
    collages.samples(study, 4)
    rows = table(study, "samples")[1:]
    assert [row[0] for row in rows] == ["daisy", "rose", "tulip"]
    drawn = generate(study.gan, study.gan.sample("rose", count=4))
    apart = [(a - b).square().mean().sqrt() for i, a in enumerate(drawn) for b in drawn[:i]]
    assert float(rows[1][1]) == pytest.approx(float(sum(apart) / 6), abs=6e-4)
    width, height = size(study, "samples")
    assert width > 4 * 128
    assert height == 3 * (128 + 2) + 2


def test_label_collage_changes_nothing_at_strength_0_and_more_inside_the_mask(study):
    collages.labels(study, 1)
    header, *rows = table(study, "labels")
    assert len(rows) == 3
    for row in rows:
        told = dict(zip(header[1:], map(float, row[1:]), strict=True))
        assert told["in 0"] == told["out 0"] == 0
        assert told["in 1"] > told["in 0.25"] > 0
        assert told["in 1"] > told["out 1"]


def test_layers_cover_all_that_is_asked_for(study):
    collages.layers(study, 1)
    header, *rows = table(study, "feature_layers")
    assert [row[0].split(", ")[1] for row in rows] == ["map 1", "map 1-2", "map 1-3"]  # the toy has three feature maps
    assert all(float(row[header.index("in 0%")]) == 0 < float(row[header.index("in 100%")]) for row in rows)
    header, *rows = table(study, "label_layers")
    assert all(float(value) > 0 for row in rows for value in row[1:])


def test_pairs_are_distinct_and_never_a_class_with_itself():
    for n in (2, 3, 16, 28):
        found = collages.pairs(toy.gan(n, bare=True), 4)
        assert len({frozenset(pair) for pair in found}) == len(found) <= 4
        assert all(first != second and second < n for first, second in found)


def test_the_judge_tells_colours_apart_on_any_ground(study):
    real = study.held_out
    images = real.images.float() / 127.5 - 1
    assert len(real) == 12
    for ground in (1.0, 0.2, -0.4):
        shown = torch.where(images.amin(1, keepdim=True) > WHITE, ground, images)
        probabilities, _ = look(study.classifier, shown)
        assert torch.equal(probabilities.argmax(1), real.labels)
    assert len(list((study.out / "classifier").iterdir())) == 1


def test_ellipse_covers_what_it_should():
    mask = Fruit("", (30, 20), (12, 6), 90, "", "").mask((40, 60))[0, 0]
    rows, columns = mask.nonzero().min(0).values, mask.nonzero().max(0).values
    assert rows.tolist() == [8, 24]  # turned by a quarter, the long axis is upright
    assert columns.tolist() == [31, 35]
    assert mask.sum().item() == pytest.approx(np.pi * 12 * 6, rel=0.03)


def test_six_fruits_in_six_photographs():
    assert len({fruit.file for fruit in FRUITS}) == len(FRUITS) == 6
    assert all(fruit.shown != fruit.target for fruit in FRUITS)


def test_projection_study_does_not_end_worse(study, folder):
    edits.project(study, folder, edits.Descent(steps=3), [DISC, DISC])
    _, first, second = table(study, "project")
    assert first == second
    assert first[:2] == ["disc.png", "daisy"]
    assert float(first[3]) <= float(first[2]) + 1e-3


@pytest.mark.parametrize("mode", nc.STITCH_MODES)
def test_edited_photograph_is_untouched_outside_the_fruit(study, folder, mode):
    edits.photos(study, folder, edits.Descent(steps=1), edits.Manner(mode=mode), [DISC])
    header, row = table(study, f"photos_{mode}")
    told = dict(zip(header, row, strict=True))
    assert told["same outside"] == "True"
    assert float(told["rise"]) == pytest.approx(float(told["p stitched"]) - float(told["p reconstruction"]), abs=2e-3)


def test_an_edit_that_leaks_is_noticed(study, folder):
    cut = edits.Cut.out_of(DISC, folder)
    latent = study.gan.sample("daisy")
    edit = edits.Edit.of(study.gan, cut, latent, edits.Manner())
    assert edit.kept
    assert not torch.equal(edit.photo, cut.photo)
    leaked = edit.photo.clone()
    leaked[0, 0, 0, 0] += 1e-6
    assert not edits.Edit(cut, edit.plain, edit.edited, edit.mask, leaked).kept


def test_white_around_a_fruit_is_no_part_of_it_but_its_highlight_is():
    picture = torch.from_numpy(disc(24, COLOURS[1], 8)).permute(2, 0, 1)[None] / 127.5 - 1
    picture[..., 11:13, 11:13] = 1
    wanted = torch.from_numpy(disc(24, (0, 0, 0), 8)[..., 0] == 0).float()
    assert torch.equal(edits.drawn(picture)[0, 0], wanted)
    assert edits.drawn(torch.zeros(1, 3, 4, 4)).min() == 1


def test_demands_need_four_of_six_and_all_kept():
    assert edits._met([0.6, 0.5, 0.9, 0.7, 0.1, -0.2], [True] * 6)
    assert not edits._met([0.6, 0.5, 0.9, 0.4, 0.1, -0.2], [True] * 6)
    assert not edits._met([0.9] * 6, [True] * 5 + [False])


def test_command_line_runs_a_study_from_files(gan, data, tmp_path, capsys):
    nc.save(gan, tmp_path / "toy.safetensors")
    common = [str(tmp_path / "toy.safetensors"), "--data", str(data), "--out", str(tmp_path / "out"), "--hold-out", "4"]
    assert starter.main([*common, "samples", "--count", "2"]) == 0
    assert "| daisy |" in capsys.readouterr().out
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["samples.csv", "samples.png"]
    with pytest.raises(SystemExit):
        starter.main([*common, "no such study"])


def test_an_unmet_demand_is_the_exit_status(gan, data, tmp_path, monkeypatch):
    nc.save(gan, tmp_path / "toy.safetensors")
    monkeypatch.setitem(starter.COMMANDS, "classifier", lambda study, args: False)
    assert starter.main([str(tmp_path / "toy.safetensors"), "--data", str(data), "classifier"]) == 1


@pytest.mark.parametrize("hold_out", [0, 1])
def test_nothing_kept_out_is_nothing_to_measure_on(gan, data, tmp_path, hold_out):
    study = Study(gan, data, tmp_path, hold_out=hold_out)
    for what in ("held_out", "classifier"):
        with pytest.raises(nc.InputError, match=f"kept out of training.*got {hold_out}"):
            getattr(study, what)


def test_bad_input_is_told_in_a_line_not_a_traceback(gan, data, tmp_path, capsys):
    nc.save(gan, tmp_path / "toy.safetensors")
    model = str(tmp_path / "toy.safetensors")
    for given, told in (
        ([str(tmp_path / "nope.safetensors"), "--data", "x", "descent"], "nope.safetensors"),
        ([model, "--data", str(tmp_path / "nope.zip"), "classifier"], "nope.zip is neither"),
        ([model, "--data", str(data), "descent", "--count", "0"], "Descents need"),
    ):
        assert starter.main(given) == 2
        assert told in capsys.readouterr().err
