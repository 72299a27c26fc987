"""What a card calls kept out of training was kept out of it, whatever flags and pictures came in between."""

import shutil

import pytest
import torch
from neural_collage import engine as nc
from neural_collage.engine.errors import InputError
from neural_collage.engine.training.command import main
from neural_collage.engine.training.data import load_images
from neural_collage.engine.training.hold_out import chosen_hold_out, digests, kept_facts
from neural_collage.engine.training.snapshot import RunFolder, load_snapshot
from PIL import Image

SMALL = ("--preset", "tiny-16", "--workers", 0)
PARTS = ("--encoder-steps", 1, "--auxiliary-steps", 1, "--auxiliary-batch", 4, "--auxiliary-axes", 20)
NONE_OUT = "24 pictures for training, none was kept out"
SIXTH = "20 pictures for training, every 6th of each class was kept out"


def train(kind, data, out, *flags):
    main([str(argument) for argument in (kind, data, "--out", out, *flags)])


def train_all(data, out, *flags):
    train("all", data, out, *SMALL, *PARTS, "--metrics-every", 0, *flags)


def snapshot(out):
    return load_snapshot(out / "snapshot.pt")


@pytest.fixture
def pictures(coloured, tmp_path):
    """A copy that may be changed."""
    return shutil.copytree(coloured, tmp_path / "pictures")


def test_what_was_trained_on_is_not_called_kept_out_later(coloured, tmp_path):
    train_all(coloured, tmp_path / "run", "--steps", 1, "--hold-out", 0)
    train_all(coloured, tmp_path / "run", "--steps", 2)
    card = (tmp_path / "run" / "model.md").read_text()
    assert NONE_OUT in card
    assert "kept out of training" not in card
    assert "| eq. 4 of the encoder's latent, 24 photographs of the training |" in card
    assert [snapshot(tmp_path / "run" / part)["hold_out"] for part in ("gan", "encoder", "auxiliary")] == [0, 0, 0]
    assert nc.peek(tmp_path / "run" / "model.safetensors").facts["hold_out"] == "0"
    before = (tmp_path / "run" / "gan" / "snapshot.pt").read_bytes()
    with pytest.raises(InputError, match=r"run/gan was trained on 24 pictures, none kept out; now, .*, 4 of them"):
        train_all(coloured, tmp_path / "run", "--steps", 3, "--hold-out", 10)
    assert (tmp_path / "run" / "gan" / "snapshot.pt").read_bytes() == before


def test_a_claim_is_kept_by_later_calls_and_can_be_given_up(coloured, tmp_path):
    run = tmp_path / "run"
    train_all(coloured, run, "--steps", 1, "--hold-out", 6)
    for flags in ((), ("--hold-out", 6), ("--hold-out", 12)):  # every 12th is one of every 6th
        train_all(coloured, run, "--steps", 1, *flags)
    card = (run / "model.md").read_text()
    assert SIXTH in card  # nothing was trained by the last calls
    assert "4 photographs kept out of training" in card
    with pytest.raises(InputError, match="now, one in 4 of each class kept out, 4 of them"):
        train_all(coloured, run, "--steps", 2, "--hold-out", 4)
    train_all(coloured, run, "--steps", 1, "--encoder-steps", 2, "--hold-out", 0)  # the generator is finished
    card, kept = (run / "model.md").read_text(), "20, one in 6 of each class kept out"
    assert SIXTH in card
    assert f"| pictures | {kept} | 24, none kept out | {kept} |" in card
    assert "24 photographs of the training" in card  # the encoder's
    train_all(coloured, run, "--steps", 2)
    assert NONE_OUT in (run / "model.md").read_text()
    assert snapshot(run / "gan")["hold_out"] == 0


def test_the_card_of_a_finished_run_says_what_it_was_trained_on(pictures, tmp_path):
    run = tmp_path / "run"
    train_all(pictures, run, "--steps", 1, "--hold-out", 6, "--metrics-every", 1)
    before = (run / "model.md").read_text()
    assert SIXTH in before
    assert "4 photographs kept out of training" in before
    assert "the same of photographs kept out of training (step 1)" in before
    train_all(pictures, run, "--steps", 1, "--hold-out", 0)
    assert (run / "model.md").read_text() == before
    for colour in ("red", "blue"):
        Image.new("RGB", (20, 20), colour).save(pictures / "red" / f"new_{colour}.png")
    train_all(pictures, run, "--steps", 1)
    assert SIXTH in (run / "model.md").read_text()


def test_parts_are_asked_before_the_first_step_what_they_were_trained_on(coloured, tmp_path):
    train_all(coloured, tmp_path, "--steps", 1, "--hold-out", 0)
    shutil.rmtree(tmp_path / "gan")
    with pytest.raises(InputError, match="encoder was trained on 24 pictures"):
        train_all(coloured, tmp_path, "--steps", 1, "--hold-out", 6)
    assert not (tmp_path / "gan").exists()


def test_pictures_that_come_last_may_be_added_and_others_shift_what_is_kept_out(pictures, tmp_path):
    run = tmp_path / "run"
    train("gan", pictures, run, *SMALL, "--steps", 1, "--hold-out", 6)
    shutil.copy(pictures / "red" / "01.png", pictures / "red" / "new.png")  # number 12: kept out
    train("gan", pictures, run, "--steps", 2)
    assert len(snapshot(run)["seen"]) == 20
    shutil.copy(pictures / "red" / "01.png", pictures / "red" / "new2.png")
    train("gan", pictures, run, "--steps", 3)
    assert torch.equal(snapshot(run)["seen"], digests(load_images(pictures, 16, hold_out=6).names))
    shutil.copy(pictures / "red" / "01.png", pictures / "red" / "0.png")  # the first: all others move on
    with pytest.raises(InputError, match=r"2 of them would be .*--hold-out 0, .*as they were and --hold-out 6"):
        train("gan", pictures, run, "--steps", 4)
    train("gan", pictures, run, "--steps", 4, "--hold-out", 0)
    train("gan", pictures, run, "--steps", 5)
    assert (snapshot(run)["done"], snapshot(run)["hold_out"], len(snapshot(run)["seen"])) == (5, 0, 27)


def test_a_name_that_is_gone_may_be_another_now(pictures, tmp_path):
    (pictures / "red" / "12.png").write_bytes(b"no picture")
    train("gan", pictures, tmp_path / "run", *SMALL, "--steps", 1, "--hold-out", 6)
    (pictures / "red" / "12.png").unlink()  # never trained on
    train("gan", pictures, tmp_path / "run", "--steps", 2)
    (pictures / "red").rename(pictures / "inner")
    (pictures / "folder").mkdir()
    (pictures / "inner").rename(pictures / "folder" / "red")
    with pytest.raises(InputError, match="10 of them would be kept out or are not there"):
        train("gan", pictures, tmp_path / "run", "--steps", 3)


def test_snapshots_from_before_take_the_flag_or_what_was_usual(coloured, tmp_path, capsys):
    train("gan", coloured, tmp_path, *SMALL, "--steps", 1, "--hold-out", 6)
    state = snapshot(tmp_path)
    del state["hold_out"], state["seen"]
    RunFolder(tmp_path).save(state)
    capsys.readouterr()
    train("gan", coloured, tmp_path, "--steps", 2)
    assert "taken to be as now: one in 10 of each class kept out" in capsys.readouterr().out
    assert (snapshot(tmp_path)["hold_out"], len(snapshot(tmp_path)["seen"])) == (10, 20)
    RunFolder(tmp_path).save(state)
    train("gan", coloured, tmp_path, "--steps", 3, "--hold-out", 4)
    assert "taken to be as now: one in 4 of each class" in capsys.readouterr().out
    train("gan", coloured, tmp_path, "--steps", 4)
    assert "taken to be" not in capsys.readouterr().out


def test_a_part_keeps_out_what_its_models_file_says(coloured, tmp_path):
    train("gan", coloured, tmp_path / "gan", *SMALL, "--steps", 1, "--hold-out", 6)
    model = ("--model", tmp_path / "gan" / "model.safetensors", "--channels", "4,8,8", "--batch", 4, "--steps", 1)
    train("encoder", coloured, tmp_path / "same", *model)
    assert snapshot(tmp_path / "same")["hold_out"] == 6
    assert nc.peek(tmp_path / "same" / "model.safetensors").facts["hold_out"] == "6"
    train("encoder", coloured, tmp_path / "other", *model, "--hold-out", 4)
    assert nc.peek(tmp_path / "other" / "model.safetensors").facts["hold_out"] == "12"  # what neither has seen


def test_every_nth_of_all_that_go_on():
    six, four, none = ({"hold_out": number} for number in (6, 4, 0))
    assert chosen_hold_out(3, [six], {"hold_out": "5"}) == 3
    assert chosen_hold_out(None, [six, None, four], {"hold_out": "5"}) == 12
    assert chosen_hold_out(None, [six, none]) == 0
    assert chosen_hold_out(None, [{"done": 3}, six]) == 30
    assert chosen_hold_out(None, [None], {"hold_out": "5"}) == 5
    assert chosen_hold_out(None, [None], {"hold_out": "every fifth"}) == chosen_hold_out(None, []) == 10


def test_facts_say_what_model_and_training_both_kept_out():
    assert kept_facts(None, {"hold_out": 6}) == {"hold_out": "6"}
    assert kept_facts({"hold_out": "4", "licence": "CC0"}, {"hold_out": 6}) == {"hold_out": "12", "licence": "CC0"}
    assert kept_facts({"hold_out": "4"}, {"hold_out": 0}) == {"hold_out": "0"}
    assert kept_facts({"hold_out": "4", "licence": "CC0"}, {}) == {"licence": "CC0"}
    assert kept_facts({"licence": "CC0"}, {"hold_out": 6}) == {"licence": "CC0"}


def test_digests_are_of_whole_names_in_one_order():
    names = ["a/1.png", "b/1.png", "a/1.png", "b/\udcff.png"]
    assert torch.equal(digests(names), digests(reversed(names)))
    assert len(digests(names)) == 3
    assert digests([]).shape == (0,)
