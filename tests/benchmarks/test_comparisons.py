"""The comparisons and the sheets of the card in miniature: what each cell shows, and what is kept of it."""

import zipfile
from io import BytesIO

import cards
import comparisons
import numpy as np
import pytest
import starter
import torch
import toy
from neural_collage import engine as nc
from PIL import Image
from study import Study

SIDE, GAP = 128, 2


@pytest.fixture(scope="module")
def gan():
    return toy.gan(3)


@pytest.fixture(scope="module")
def data(tmp_path_factory, gan):
    """Three classes of four grey discs on white."""
    path = tmp_path_factory.mktemp("data") / "discs.zip"
    down, right = np.mgrid[:32, :32] - 15.5
    with zipfile.ZipFile(path, "w") as archive:
        for grey, name in zip((20, 90, 160), gan.class_names, strict=True):
            for number in range(4):
                pixels = np.where(down**2 + right**2 < (8 + number) ** 2, grey, 255).astype(np.uint8)
                Image.fromarray(pixels).convert("RGB").save(file := BytesIO(), format="PNG")
                archive.writestr(f"{name}/{number}.png", file.getvalue())
    return path


@pytest.fixture
def study(gan, data, tmp_path):
    return Study(gan, data, tmp_path / "out", hold_out=2)


@pytest.fixture
def given(monkeypatch, study):
    """The rows that a study gives to its sheets, by name, with their titles."""
    found = {}

    def keep(self, name, rows, titles, columns=()):
        found[name] = rows, list(titles), list(columns)

    monkeypatch.setattr(Study, "sheet", keep)
    return found


def test_the_card_shows_every_class_but_not_the_photograph(study, given):
    comparisons.classes(study, photo=1, steps=2)
    local, card = (torch.cat(list(given[name][0])) for name in ("classes", "classes_card"))
    assert len(card) == 1 + 3  # the projection, and every class
    assert torch.equal(local[1:], card)
    photo = study.held_out.images[1, :, 4:12, 4:12].float().mean(dim=(1, 2))
    assert study.held_out.labels[1] == 0
    assert torch.allclose(local[0, :, 32:96, 32:96].float().mean(dim=(1, 2)), photo, atol=5)
    projection, daisy, rose, tulip = card[..., :SIDE, :]
    assert torch.equal(projection, daisy)  # its own class changes nothing
    assert not torch.equal(daisy, rose)
    assert not torch.equal(rose, tulip)
    corner = (slice(None), slice(0, 8), slice(0, 8))  # far from the disc the class is its own; norms reach a little on
    inside = (slice(None), slice(48, 80), slice(48, 80))
    apart = (rose.float() - daisy.float()).abs()
    assert apart[corner].mean() < apart[inside].mean()


def test_rows_of_classes_are_about_as_long(study, given):
    comparisons._captioned(study, "nine", [torch.zeros(1, 3, 16, 16)] * 9, list("abcdefghi"))
    assert [len(row) for row in given["nine"][0]] == [5, 4]


def test_a_mix_ends_in_the_other_picture_and_a_collage_keeps_the_right(study, given, gan):
    comparisons.mix(study, 2)
    rows, titles, columns = given["mix"]
    assert titles == ["daisy + rose", "daisy, both"]
    assert len(columns) == len(rows[0]) == 7
    first, second = (nc.render(gan, nc.Collage(gan.sample(label, seed=label))) for label in (0, 1))
    assert torch.equal(rows[0][0], first[0])
    torch.testing.assert_close(rows[0][4], second[0], atol=1e-5, rtol=0)
    own, other = nc.Collage(gan.sample(0, seed=0)), nc.Collage(gan.sample(1, seed=1))
    left = torch.zeros(16, 16)
    left[:, :8] = 1
    torch.testing.assert_close(rows[0][6], nc.render(gan, own.feature(other, left, "#1-3"))[0])
    samples = nc.render(gan, nc.Collage(gan.sample(0, seed=0, count=comparisons.SAMPLES)))
    farthest = max(samples, key=lambda picture: (picture - samples[0]).square().sum().item())
    torch.testing.assert_close(rows[1][4], farthest, atol=1e-5, rtol=0)


def test_pixels_are_those_of_the_reference_in_the_mask(study, given):
    comparisons.pixels(study, 1)
    rows, titles, columns = given["pixels"]
    assert titles == [f"daisy + rose, {name}" for name in ("left", "right", "centre")]
    assert columns[-2:] == ["pixels pasted", "pixels, Poisson"]
    picture, reference, labels, _, pasted, blended = rows[1]  # the right half
    assert torch.equal(pasted, torch.cat([picture[..., :8], reference[..., 8:]], dim=-1))
    assert torch.equal(blended[..., :8], picture[..., :8])
    assert not torch.equal(blended, pasted)
    assert not torch.equal(labels, picture)


def test_all_sheets_of_the_card_by_one_command(gan, data, tmp_path):
    nc.save(gan, tmp_path / "toy.safetensors")
    common = [str(tmp_path / "toy.safetensors"), "--data", str(data), "--out", str(tmp_path / "out"), "--hold-out", "2"]
    card, samples = tmp_path / "docs", tmp_path / "models" / "toy.jpg"
    assert starter.main([*common, "sheets", "--steps", "1", "--card", str(card), "--samples", str(samples)]) == 0
    kept = {path.name: path for path in (*card.iterdir(), *samples.parent.iterdir())}
    assert set(kept) == {
        "strengths.jpg", "label_layers.jpg", "feature_layers.jpg", "classes.jpg", "mix.jpg", "pixels.jpg", "toy.jpg",
    }  # fmt: skip
    for path in kept.values():
        assert path.stat().st_size <= cards.LIMIT
    for sheet, name in (("classes_card", "classes"), ("labels", "strengths")):
        with Image.open(tmp_path / "out" / f"{sheet}.png") as drawn, Image.open(kept[f"{name}.jpg"]) as compact:
            assert compact.format == "JPEG"
            assert np.abs(np.asarray(drawn, float) - np.asarray(compact, float)).mean() < 8


def test_each_comparison_is_a_command(gan, data, tmp_path, capsys):
    nc.save(gan, tmp_path / "toy.safetensors")
    common = [str(tmp_path / "toy.safetensors"), "--data", str(data), "--out", str(tmp_path / "out"), "--hold-out", "2"]
    for command in (["classes", "--steps", "1"], ["mix", "--pairs", "1"], ["pixels", "--pairs", "1"]):
        assert starter.main([*common, *command]) == 0
        assert f"{command[0]}.png" in capsys.readouterr().out


def test_a_sheet_is_made_to_fit_or_refused(tmp_path, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    at_best = cards.compact(tmp_path / "noise.png", tmp_path / "best.jpg").stat().st_size
    monkeypatch.setattr(cards, "LIMIT", at_best - 1)
    assert cards.compact(tmp_path / "noise.png", tmp_path / "less.jpg").stat().st_size < at_best
    monkeypatch.setattr(cards, "LIMIT", 100)
    with pytest.raises(ValueError, match=r"larger than 100 bytes.*fewer rows"):
        cards.compact(tmp_path / "noise.png", tmp_path / "none.jpg")
    assert not (tmp_path / "none.jpg").exists()
