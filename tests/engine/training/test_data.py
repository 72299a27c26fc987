"""Reading training sets."""

import zipfile

import numpy as np
import pytest
import torch
from neural_collage.engine.errors import DataError, InputError
from neural_collage.engine.sheet import contact_sheet
from neural_collage.engine.training.data import load_images, to_network
from neural_collage.engine.training.draws import Draws
from PIL import Image


def write_set(folder, counts, size=(10, 10)):
    """Class folders of plain pictures; the red channel is the number of the picture within its class."""
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", size, (i, len(name), 0)).save(folder / name / f"{i:03}.png")
    return folder


def numbers(found):
    return found.images[:, 0, 0, 0].tolist()


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*.*"):
            archive.write(file, f"inner/{file.relative_to(folder).as_posix()}")
        archive.writestr("__MACOSX/inner/rose/._000.png", b"resource fork")
    return path


def test_a_zip_and_a_folder_give_the_same(tmp_path):
    folder = write_set(tmp_path / "set", {"rose": 3, "iris": 2})
    from_folder, from_zip = load_images(folder, 8), load_images(zipped(folder, tmp_path / "set.zip"), 8)
    assert from_folder.class_names == from_zip.class_names == ("iris", "rose")
    assert torch.equal(from_folder.images, from_zip.images)
    assert from_folder.labels.tolist() == from_zip.labels.tolist() == [0, 0, 1, 1, 1]


def test_chosen_classes_keep_their_order(tmp_path):
    folder = write_set(tmp_path, {"rose": 1, "iris": 2, "lily": 1})
    found = load_images(folder, 8, ["rose", "iris"])
    assert found.class_names == ("rose", "iris")
    assert found.labels.tolist() == [0, 1, 1]


def test_every_nth_picture_is_held_out_and_the_rest_is_the_complement(tmp_path):
    folder = write_set(tmp_path, {"rose": 7})
    assert numbers(load_images(folder, 8, hold_out=3)) == [1, 2, 4, 5]
    assert numbers(load_images(folder, 8, hold_out=3, held_out=True)) == [0, 3, 6]
    assert numbers(load_images(folder, 8)) == list(range(7))


def test_the_centre_square_is_taken(tmp_path):
    stripes = np.zeros((8, 24, 3), np.uint8)
    stripes[:, 8:16] = 200
    (tmp_path / "a").mkdir()
    Image.fromarray(stripes).save(tmp_path / "a" / "wide.png")
    assert (load_images(tmp_path, 8).images == 200).all()
    assert (load_images(tmp_path, 4).images == 200).all()


@pytest.mark.filterwarnings("ignore:Duplicate name")  # what is tried here
def test_a_name_that_a_zip_holds_twice_is_one_picture(tmp_path):
    folder = write_set(tmp_path / "set", {"rose": 3})
    packed = zipped(folder, tmp_path / "set.zip")
    with zipfile.ZipFile(packed, "a") as archive:
        archive.write(folder / "rose" / "002.png", "inner/rose/000.png")  # a later version
    assert numbers(load_images(packed, 8)) == [2, 1, 2]


def test_grey_and_transparent_pictures_are_read(tmp_path):
    (tmp_path / "a").mkdir()
    Image.new("L", (8, 8), 7).save(tmp_path / "a" / "grey.png")
    Image.new("RGBA", (8, 8), (7, 7, 7, 255)).save(tmp_path / "a" / "alpha.png")
    assert (load_images(tmp_path, 8).images == 7).all()


def test_broken_files_are_skipped_and_named(tmp_path):
    folder = write_set(tmp_path, {"rose": 3})
    (folder / "rose" / "bad.jpg").write_bytes(b"no picture")
    whole = (folder / "rose" / "002.png").read_bytes()
    (folder / "rose" / "half.png").write_bytes(whole[: len(whole) // 2])
    found = load_images(folder, 8)
    assert len(found) == 3
    assert found.skipped == ("rose/bad.jpg", "rose/half.png")


def test_what_cannot_be_used_is_refused(tmp_path):
    folder = write_set(tmp_path / "set", {"rose": 2})
    (tmp_path / "loose").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "loose" / "a.png")
    (tmp_path / "broken" / "a").mkdir(parents=True)
    (tmp_path / "broken" / "a" / "x.png").write_bytes(b"")
    (tmp_path / "text.zip").write_text("no zip")
    for path in (tmp_path / "absent", tmp_path / "text.zip"):
        with pytest.raises(DataError, match="neither"):
            load_images(path, 8)
    with pytest.raises(DataError, match="one folder for each class"):
        load_images(tmp_path / "loose", 8)
    with pytest.raises(DataError, match=r"could not be decoded and 0 are smaller than 4 px: a/x\.png"):
        load_images(tmp_path / "broken", 8)
    with pytest.raises(DataError, match=r"no class tulip.*It has: rose"):
        load_images(folder, 8, ["rose", "tulip"])
    with pytest.raises(DataError, match="each once"):
        load_images(folder, 8, ["rose", "rose"])
    with pytest.raises(DataError, match="every second picture"):
        load_images(folder, 8, hold_out=1)
    single = write_set(tmp_path / "single", {"rose": 3, "lily": 1})
    with pytest.raises(DataError, match="none is left of lily"):
        load_images(single, 8, hold_out=3)


def test_bytes_survive_the_way_through_the_network():
    every = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
    sheet, _ = contact_sheet(to_network(every)[None], gap=0)
    assert torch.equal(sheet, every[0])
    assert to_network(every).aminmax() == (-1, 1)


def test_drawing_is_seeded_and_flips_some(tmp_path):
    folder = write_set(tmp_path, {"rose": 5})
    ramp = np.tile(np.arange(8, dtype=np.uint8)[None, :, None], (8, 1, 3))
    Image.fromarray(ramp).save(folder / "rose" / "000.png")
    found = load_images(folder, 8, hold_out=2, held_out=True)
    first, labels = found.draw(40, Draws(torch.Generator().manual_seed(3)), flips=True)
    again, _ = found.draw(40, Draws(torch.Generator().manual_seed(3)), flips=True)
    plain, _ = found.draw(40, Draws(torch.Generator().manual_seed(3)), flips=False)
    assert torch.equal(first, again)
    assert labels.tolist() == [0] * 40
    mirrored = (first != plain).flatten(1).any(1)
    assert torch.equal(first[mirrored], plain[mirrored].flip(3))
    assert 0 < mirrored.sum() < 40


def test_tiny_files_are_skipped_and_named(tmp_path):
    folder = write_set(tmp_path, {"rose": 3})
    Image.new("RGB", (40, 3)).save(folder / "rose" / "thin.png")
    found = load_images(folder, 8)
    assert (len(found), found.tiny, found.skipped) == (3, ("rose/thin.png",), ())
    assert len(load_images(folder, 6)) == 4  # half the size wanted is enough


def test_a_class_without_a_picture_that_can_be_used_is_refused(tmp_path):
    folder = write_set(tmp_path, {"rose": 3, "lily": 1})
    (folder / "lily" / "000.png").write_bytes(b"junk")
    with pytest.raises(DataError, match="none of lily can"):
        load_images(folder, 8)


def test_classes_from_a_table(tmp_path):
    folder = write_set(tmp_path / "set", {"rose": 3, "iris": 2})
    lines = ["rose/002.png,b", "rose/000.png,b", "iris/001.png, a"]
    (folder / "classes.csv").write_text("file,class\n" + "\n".join(lines) + "\n")
    found = load_images(folder / "classes.csv", 8)
    assert found.class_names == ("a", "b")
    assert (numbers(found), found.labels.tolist()) == ([1, 0, 2], [0, 1, 1])
    for text, told in (
        ("file,kind\na.png,b\n", "lacks class"),
        ("file,class\n", "must be one"),
        ("file,class\na.png,\n", "a file and a class"),
        ("file,class\na.png\n", "a file and a class"),
    ):
        (folder / "bad.csv").write_text(text)
        with pytest.raises(DataError, match=told):
            load_images(folder / "bad.csv", 8)
    for lines, told in (
        (["rose/000.png,a", "iris/000.png,a", "rose/000.png,a"], r"1 are listed more often: rose/000\.png\. Remove"),
        (["rose/000.png,a", "./rose//000.png,b"], r"listed more often: \./rose//000\.png\. Remove"),
        ([f"rose/00{i % 3}.png,{'ab'[i % 2]}" for i in range(6)], "3 are listed more often"),
        (["rose/000.png,a", "rose/7.png,a", "rose,a"], r"of 3 2 are not: rose/7\.png, rose\. Correct"),
        ([f"rose/{i}.png,a" for i in range(7)], r"of 7 7 are not: (rose/\d\.png, ){5}\.\.\.\. Correct"),
    ):
        (folder / "bad.csv").write_text("file,class\n" + "\n".join(lines))
        with pytest.raises(DataError, match=told):
            load_images(folder / "bad.csv", 8)
    (folder / "bad.csv").write_bytes(b"file,class\n\xff\xfe,a\n")
    with pytest.raises(DataError, match="UTF-8"):
        load_images(folder / "bad.csv", 8)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a machine of one core
def test_workers_decode_the_same(tmp_path):
    folder = write_set(tmp_path / "set", {"rose": 5, "iris": 4})
    (folder / "rose" / "bad.jpg").write_bytes(b"no picture")
    packed = zipped(folder, tmp_path / "set.zip")
    alone, together = load_images(packed, 8, workers=0), load_images(packed, 8, workers=2)
    assert torch.equal(alone.images, together.images)
    assert torch.equal(alone.labels, together.labels)
    assert torch.equal(alone.digests, together.digests)
    assert alone.skipped == together.skipped == ("inner/rose/bad.jpg",)
    with pytest.raises(InputError, match="number of workers must be a whole number of at least 0; got -1"):
        load_images(packed, 8, workers=-1)


def test_digests_are_of_bytes_whatever_the_place_name_or_size(tmp_path):
    folder = write_set(tmp_path / "set", {"rose": 5, "lilac": 3})
    (folder / "rose" / "001.png").write_bytes(b"no picture")
    found = load_images(folder, 8)
    assert found.digests.dtype == torch.int64
    assert len(found.digests.unique()) == len(found) == len(found.names) == 7
    assert torch.equal(load_images(zipped(folder, tmp_path / "set.zip"), 16).digests, found.digests)
    assert torch.equal(found.middle(4).digests, found.digests)
    assert torch.equal(load_images(folder, 8, hold_out=3, held_out=True).digests, found.digests[[0, 3, 5]])
    (folder / "rose" / "004.png").write_bytes((folder / "lilac" / "002.png").read_bytes())
    again = load_images(folder, 8).digests
    assert torch.equal(again[:-1], found.digests[:-1])
    assert again[-1] == again[2]


def test_large_photographs_keep_their_colours(tmp_path):
    (tmp_path / "a").mkdir()
    pixels = np.zeros((400, 640, 3), np.uint8)
    pixels[:, :320], pixels[:, 320:] = (200, 30, 30), (30, 30, 200)
    Image.fromarray(pixels).save(tmp_path / "a" / "x.jpg", quality=95)
    found = load_images(tmp_path, 16).images[0].float()
    assert (found[:, :, :7].mean((1, 2)) - torch.tensor([200.0, 30, 30])).abs().max() < 6
    assert (found[:, :, 9:].mean((1, 2)) - torch.tensor([30.0, 30, 200])).abs().max() < 6


def draws(seed=3):
    return Draws(torch.Generator().manual_seed(seed))


def test_balance_draws_every_class_equally_often(tmp_path):
    found = load_images(write_set(tmp_path, {"rose": 9, "iris": 1}), 8)
    _, plain = found.draw(2000, draws())
    images, balanced = found.draw(2000, draws(), balance=True)
    assert plain.float().mean() == pytest.approx(0.9, abs=0.03)
    assert balanced.float().mean() == pytest.approx(0.5, abs=0.04)
    red = ((images[balanced == 1, 0, 0, 0] + 1) * 127.5).round()
    assert red.unique(return_counts=True)[1].min() > 60  # each of the nine roses


def test_crops_are_cut_anywhere_and_noise_stays_within_reach(tmp_path):
    folder = write_set(tmp_path, {"rose": 1})
    ramp = np.arange(100, dtype=np.uint8).reshape(10, 10)
    Image.fromarray(ramp).convert("RGB").save(folder / "rose" / "000.png")
    found = load_images(folder, 10)
    images, _ = found.draw(300, draws(), size=8)
    corners = ((images[:, 0, 0, 0] + 1) * 127.5).round().long()
    assert set(corners.tolist()) == {10 * y + x for y in range(3) for x in range(3)}
    assert torch.equal(found.middle(8).still(torch.tensor([0])), to_network(found.images[:, :, 1:9, 1:9]))
    plain, _ = found.draw(50, draws())
    noisy, _ = found.draw(50, draws(), noise=0.1)
    assert 0 <= (noisy - plain).min() < 0.01
    assert 0.09 < (noisy - plain).max() <= 0.1
