"""Files that are damaged, or turned by their camera."""

import io
import struct
import zipfile

import numpy as np
import pytest
from neural_collage.engine.errors import DataError
from neural_collage.engine.training import decoding
from neural_collage.engine.training.command import main
from neural_collage.engine.training.data import load_images
from PIL import Image


@pytest.fixture
def damaged(zipped, tmp_path):
    """The two classes of twelve, and for each kind of damage a file whose name tells it."""
    path, whole = tmp_path / "damaged.zip", io.BytesIO()
    Image.effect_noise((20, 20), 50).convert("RGB").save(whole, "PNG")
    with zipfile.ZipFile(zipped) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            archive.writestr(name, source.read(name))
        for name in ("deflate", "encrypted", "method"):
            archive.writestr(f"red/{name}.png", whole.getvalue())
        archive.getinfo("red/encrypted.png").flag_bits |= 1
        archive.getinfo("red/method.png").compress_type = 99
        stream = archive.getinfo("red/deflate.png").header_offset + 30 + len("red/deflate.png")
    content = bytearray(path.read_bytes())
    content[stream] |= 0b110  # a type of block that there is not
    path.write_bytes(content)
    return path


def test_each_kind_of_damage_is_named_and_the_rest_is_trained_on(damaged, tmp_path, capsys):
    main(
        ["gan", str(damaged), "--out", str(tmp_path / "run"), "--preset", "tiny-16", "--steps", "1", "--hold-out", "0"]
    )
    told = capsys.readouterr().out
    assert "24 pictures of 2 classes" in told
    names = ", ".join(f"red/{name}.png" for name in ("broken", "deflate", "encrypted", "method"))
    assert f"4 files could not be decoded and are left out: {names}\n" in told
    assert "1 files are smaller than 8 px and are left out: red/tiny.png\n" in told


@pytest.mark.parametrize("error", [TypeError, AttributeError, IndexError, struct.error, EOFError])
def test_whatever_a_decoder_raises_is_the_files_fault(coloured, monkeypatch, error):
    load = Image.Image.convert

    def failing(picture, mode):
        if picture.getpixel((0, 0)) == bad:
            raise error("deep inside")
        return load(picture, mode)

    with Image.open(coloured / "red" / "03.png") as picture:
        bad = picture.getpixel((0, 0))
    monkeypatch.setattr(Image.Image, "convert", failing)
    found = load_images(coloured, 16)
    assert (len(found), found.skipped) == (23, ("red/03.png",))


def test_want_of_memory_is_not_the_files_fault(coloured, monkeypatch):
    def failing(picture, mode):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "convert", failing)
    with pytest.raises(MemoryError):
        load_images(coloured, 16)


def test_a_zip_whose_list_is_damaged_is_named(zipped, tmp_path):
    content = bytearray(zipped.read_bytes())
    content[content.rfind(b"PK\1\2")] = 0
    path = tmp_path / "damaged.zip"
    path.write_bytes(content)
    assert zipfile.is_zipfile(path)
    with pytest.raises(DataError, match=r"that of .*damaged\.zip is damaged \(Bad magic.*\)\. Copy or download it"):
        load_images(path, 16)


def test_our_own_errors_are_not_taken_for_damage(coloured, monkeypatch):
    def failing(*given):
        raise TypeError("ours")

    monkeypatch.setattr(decoding, "_square", failing)
    with pytest.raises(TypeError, match="ours"):
        load_images(coloured, 16)


def photograph(path, tags=((0x0112, 3, 1, b"\3\0\0\0"),), header=b"II*\0"):
    """A picture whose upper half is light, with these tags of Exif: number, type, count, value."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4] = 200
    entries = b"".join(struct.pack("<HHI4s", *tag) for tag in tags)
    exif = b"Exif\0\0" + header + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path, exif=exif, quality=95)


def light(folder):
    """Whether the upper and the lower half of the one picture are light."""
    found = load_images(folder, 8)
    assert found.skipped == ()
    (image,) = found.images.float()
    return bool(image[:, :3].mean() > 100), bool(image[:, 5:].mean() > 100)


def test_a_photograph_is_turned_as_its_camera_says(tmp_path):
    photograph(tmp_path / "a" / "x.jpg")
    assert light(tmp_path) == (False, True)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_of_the_standard(tmp_path, orientation):
    """Exif 2.32, tag 0x0112: where row 0 and column 0 of what is stored belong."""
    upright = np.arange(64, dtype=np.uint8).reshape(8, 8) * 3
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "a").mkdir()
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a" / "x.png", exif=exif)
    assert np.array_equal(load_images(tmp_path, 8).images[0, 0].numpy(), upright)


@pytest.mark.parametrize(
    "damage",
    [
        (0x011A, 2, 4, b"abc\0"),  # the resolution as text; Pillow's `exif_transpose` raises TypeError
        (0x011A, 6, 1, b"\xff\xff\xff\xff"),  # below 0: struct.error
        (0x011A, 11, 1, b"\xff\xff\xff\xff"),  # not a number: ValueError
        (0x010F, 5, 1, b"\1\0\0\0"),  # the maker as a fraction: AttributeError
        (0x8769, 6, 1, b"\xff\xff\xff\xff"),  # further tags before the file's start: ValueError
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damage_to_another_tag_leaves_the_orientation(tmp_path, damage):
    photograph(tmp_path / "a" / "x.jpg", ((0x0112, 3, 1, b"\3\0\0\0"), damage))
    assert light(tmp_path) == (False, True)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(
    "how",
    [
        {"header": b"I?*\0"},
        {"tags": ((0x0112, 2, 4, b"abc\0"),)},
        {"tags": ((0x0112, 3, 1, b"\x63\0\0\0"),)},
        {"tags": ((0x0112, 5, 1, b"\xff\xff\xff\xff"),)},
    ],
)
def test_a_picture_whose_orientation_is_damaged_is_kept_as_it_is(tmp_path, how):
    photograph(tmp_path / "a" / "x.jpg", **how)
    assert light(tmp_path) == (True, False)
