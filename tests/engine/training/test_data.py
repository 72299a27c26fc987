"""Reading training sets."""

import zipfile

import numpy as np
import pytest
import torch
from neural_collage.engine.errors import DataError
from neural_collage.engine.sheet import contact_sheet
from neural_collage.engine.training import decoding
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


def test_large_sets_are_mapped_from_disk(tmp_path, monkeypatch):
    folder = write_set(tmp_path, {"rose": 3})
    in_memory = load_images(folder, 8)
    monkeypatch.setattr(decoding, "_memory", lambda: 0)
    assert torch.equal(load_images(folder, 8).images, in_memory.images)


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
