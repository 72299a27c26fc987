"""What a card calls kept out of training was kept out of it, whatever flags and pictures came in between."""

import shutil

import pytest
import torch
from neural_collage import engine as nc
from neural_collage.engine.errors import InputError
from neural_collage.engine.training.command import main
from neural_collage.engine.training.data import load_images
from neural_collage.engine.training.hold_out import chosen_hold_out, kept_facts
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
        new_picture(pictures / "red" / f"new_{colour}.png", colour)
    train_all(pictures, run, "--steps", 1)
    assert SIXTH in (run / "model.md").read_text()


def test_parts_are_asked_before_the_first_step_what_they_were_trained_on(coloured, tmp_path):
    train_all(coloured, tmp_path, "--steps", 1, "--hold-out", 0)
    shutil.rmtree(tmp_path / "gan")
    with pytest.raises(InputError, match="encoder was trained on 24 pictures"):
        train_all(coloured, tmp_path, "--steps", 1, "--hold-out", 6)
    assert not (tmp_path / "gan").exists()


def new_picture(path, colour):
    Image.new("RGB", (20, 20), colour).save(path)


def test_pictures_that_come_last_may_be_added_and_others_shift_what_is_kept_out(pictures, tmp_path):
    run = tmp_path / "run"
    train("gan", pictures, run, *SMALL, "--steps", 1, "--hold-out", 6)
    new_picture(pictures / "red" / "new.png", "blue")  # number 12: kept out
    train("gan", pictures, run, "--steps", 2)
    assert len(snapshot(run)["trained_on"]) == 20
    new_picture(pictures / "red" / "new2.png", "green")
    train("gan", pictures, run, "--steps", 3)
    assert torch.equal(snapshot(run)["trained_on"], load_images(pictures, 16, hold_out=6).digests.unique())
    new_picture(pictures / "red" / "0.png", "white")  # the first: all others move on
    told = r"red/05\.png, red/11\.png\. Go on with --hold-out 0, .*as they were and --hold-out 6"
    with pytest.raises(InputError, match=f"2 of them would be kept out: {told}"):
        train("gan", pictures, run, "--steps", 4)
    train("gan", pictures, run, "--steps", 4, "--hold-out", 0)
    train("gan", pictures, run, "--steps", 5)
    assert (snapshot(run)["done"], snapshot(run)["hold_out"], len(snapshot(run)["trained_on"])) == (5, 0, 27)


def test_pictures_under_the_names_of_others_are_known(pictures, tmp_path):
    """A new one in front, and all others renumbered: no name is new but the last."""
    train("gan", pictures, tmp_path / "run", *SMALL, "--steps", 1, "--hold-out", 6)
    for number in reversed(range(12)):
        (pictures / "red" / f"{number:02}.png").rename(pictures / "red" / f"{number + 1:02}.png")
    new_picture(pictures / "red" / "00.png", "white")
    with pytest.raises(InputError, match=r"2 of them would be kept out: red/06\.png, red/12\.png\. Go"):
        train("gan", pictures, tmp_path / "run", "--steps", 2)


def test_the_first_files_are_named(coloured, tmp_path):
    train("gan", coloured, tmp_path, *SMALL, "--steps", 1, "--hold-out", 0)
    with pytest.raises(InputError, match=r"12 of them would be kept out: (green/\d\d\.png, ){5}\.\.\.\. Go on"):
        train("gan", coloured, tmp_path, "--steps", 2, "--hold-out", 2)


def test_a_run_goes_on_with_the_same_pictures_in_another_place(pictures, zipped, tmp_path):
    run = tmp_path / "run"
    train("gan", pictures, run, *SMALL, "--steps", 1, "--hold-out", 6)
    before = snapshot(run)["trained_on"]
    (pictures / "red" / "11.png").unlink()  # shifts nothing
    train("gan", pictures, run, "--steps", 2)
    renamed = shutil.copytree(pictures, tmp_path / "renamed")
    for file in renamed.rglob("*.png"):
        file.rename(file.with_name(f"photo_{file.name}"))
    train("gan", renamed, run, "--steps", 3)
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "pictures")  # with a folder above all
    train("gan", packed, run, "--steps", 4)
    lines = [f"../pictures/{name}/{i:02}.png,{name}" for name in ("red", "green") for i in range(12 - (name == "red"))]
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "set.csv").write_text("\n".join(["file,class", *lines]))
    train("gan", tmp_path / "lists" / "set.csv", run, "--steps", 5)
    train("gan", zipped, run, "--steps", 6)  # with the one that was away; its damaged files are the last
    assert (snapshot(run)["done"], snapshot(run)["hold_out"]) == (6, 6)
    assert torch.equal(snapshot(run)["trained_on"], before)


def test_a_file_that_is_there_twice_does_not_stop_a_run_that_goes_on(pictures, tmp_path):
    shutil.copy(pictures / "red" / "01.png", pictures / "red" / "06.png")  # of which one is kept out
    train_all(pictures, tmp_path / "run", "--steps", 1, "--hold-out", 6)
    train_all(pictures, tmp_path / "run", "--steps", 2)
    assert "3 photographs kept out of training" in (tmp_path / "run" / "model.md").read_text()


def test_pictures_kept_out_need_not_be_whole(pictures, tmp_path):
    for name in ("red", "green"):
        for number in (0, 6):
            (pictures / name / f"{number:02}.png").write_bytes(b"no picture")
    train_all(pictures, tmp_path / "run", "--steps", 1, "--hold-out", 6)
    train("gan", pictures, tmp_path / "run" / "gan", "--steps", 2, "--metrics-every", 1)
    assert snapshot(tmp_path / "run" / "gan")["done"] == 2
    assert "eq. 4" not in (tmp_path / "run" / "model.md").read_text()


def test_snapshots_from_before_take_the_flag_or_what_was_usual(coloured, tmp_path, capsys):
    train("gan", coloured, tmp_path, *SMALL, "--steps", 1, "--hold-out", 6)
    state = snapshot(tmp_path)
    del state["hold_out"], state["trained_on"]
    RunFolder(tmp_path).save(state)
    capsys.readouterr()
    train("gan", coloured, tmp_path, "--steps", 2)
    assert "taken to be as now: one in 10 of each class kept out" in capsys.readouterr().out
    assert (snapshot(tmp_path)["hold_out"], len(snapshot(tmp_path)["trained_on"])) == (10, 20)
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
