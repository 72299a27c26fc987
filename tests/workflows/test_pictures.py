"""Reading and writing pictures: what arrives, what is written, and where neither may go."""

import json
import os

import numpy as np
import pytest
import torch
from neural_collage.engine.errors import InputError, WorkflowError
from neural_collage.workflows.builtins import builtins_catalogue
from neural_collage.workflows.folders import Folders
from neural_collage.workflows.pictures import picture_nodes
from neural_collage.workflows.run import run
from PIL import Image


@pytest.fixture
def folders(tmp_path):
    for name in ("input", "cwd"):
        (tmp_path / name).mkdir()
    return Folders((tmp_path / "input", tmp_path / "cwd"), tmp_path / "output")


def load(folders, name):
    return picture_nodes(folders)["LoadImage"]().load_image(name)


def load_mask(folders, name, channel):
    return picture_nodes(folders)["LoadImageMask"]().load_image(name, channel)[0]


def save(folders, images, prefix="pic"):
    return picture_nodes(folders)["SaveImage"]().save_images(images, prefix)["ui"]["images"]


def levels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_rgb_has_a_small_empty_mask(folders):
    pixels = levels(3, 5, 3)
    Image.fromarray(pixels).save(folders.search[0] / "a.png")
    image, mask = load(folders, "a.png")
    assert torch.equal(image, torch.from_numpy(pixels)[None].float() / 255)
    assert torch.equal(mask, torch.zeros(1, 64, 64))


def test_mask_is_one_where_the_picture_is_transparent(folders):
    pixels = levels(3, 5, 4)
    Image.fromarray(pixels).save(folders.search[0] / "a.png")
    image, mask = load(folders, "a.png")
    assert torch.equal(image[0], torch.from_numpy(pixels[..., :3]).float() / 255)
    torch.testing.assert_close(mask[0], 1 - torch.from_numpy(pixels[..., 3]) / 255)


def test_transparent_palette(folders):
    picture = Image.new("P", (4, 2))
    picture.putpalette([0, 0, 0, 255, 0, 0])
    picture.putdata([0, 1] * 4)
    picture.save(folders.search[0] / "p.png", transparency=0)
    image, mask = load(folders, "p.png")
    assert mask[0].tolist() == [[1.0, 0.0, 1.0, 0.0]] * 2
    assert image[0, 0, 1].tolist() == [1.0, 0.0, 0.0]


def test_exif_orientation_is_obeyed(folders):
    picture = Image.new("RGB", (4, 2), (0, 0, 0))
    picture.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    picture.save(folders.search[0] / "turned.png", exif=exif)
    image, _ = load(folders, "turned.png")
    assert image.shape == (1, 4, 2, 3)
    assert image[0, ..., 0].nonzero().tolist() == [[0, 1]]


def test_grey_of_16_bits(folders):
    Image.fromarray(np.array([[0, 255 * 64, 65535]], dtype=np.uint16)).save(folders.search[0] / "deep.png")
    image, _ = load(folders, "deep.png")
    assert (image[0, 0, :, 0] * 255).tolist() == [0, 64, 255]


def test_frames_are_a_batch(folders):
    frames = [Image.new("RGB", (4, 2), (value, 0, 0)) for value in (0, 128, 255)]
    frames[0].save(folders.search[0] / "film.png", save_all=True, append_images=frames[1:])
    image, mask = load(folders, "film.png")
    assert image[:, 0, 0, 0].mul(255).tolist() == [0, 128, 255]
    assert mask.shape == (3, 64, 64)


def test_load_as_mask(folders):
    pixels = levels(3, 5, 4)
    Image.fromarray(pixels).save(folders.search[0] / "a.png")
    Image.fromarray(pixels[..., 0]).save(folders.search[0] / "grey.png")
    for place, channel in enumerate(("red", "green", "blue")):
        assert torch.equal(load_mask(folders, "a.png", channel)[0], torch.from_numpy(pixels[..., place]).float() / 255)
    torch.testing.assert_close(load_mask(folders, "a.png", "alpha")[0], 1 - torch.from_numpy(pixels[..., 3]) / 255)
    assert torch.equal(load_mask(folders, "grey.png", "alpha"), torch.zeros(1, 3, 5))


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n\0\0", b"GIF89a"])
def test_file_that_is_no_picture(folders, content):
    (folders.search[0] / "a.png").write_bytes(content)
    with pytest.raises(InputError, match="picture file is required"):
        load(folders, "a.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "MPO"])
def test_formats_that_are_read(folders, kind):
    Image.new("RGB", (4, 2), (255, 0, 0)).save(folders.search[0] / "a.bin", format=kind)
    image, _ = load(folders, "a.bin")
    assert image.shape == (1, 2, 4, 3)
    assert image[0, 0, 0, 0] > 0.9


def test_a_format_that_another_program_would_draw_is_refused(folders):
    """EPS, under the name of a PNG: Pillow would hand it to Ghostscript."""
    Image.new("RGB", (4, 2)).save(folders.search[0] / "a.png", format="EPS")
    with pytest.raises(InputError, match=r"PNG, JPEG.*cannot be read as one"):
        load(folders, "a.png")


def test_truncated_picture(folders):
    path = folders.search[0] / "a.png"
    Image.fromarray(levels(64, 64, 3)).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match="cannot be read as one"):
        load(folders, "a.png")


def test_folders_are_searched_in_order(folders):
    for value, folder in enumerate(folders.search):
        Image.new("RGB", (1, 1), (value, 0, 0)).save(folder / "a.png")
    assert folders.find("a.png") == folders.search[0] / "a.png"
    (folders.search[0] / "a.png").unlink()
    assert folders.find("a.png") == folders.search[1] / "a.png"


def test_named_folders_as_in_comfyui(folders):
    for folder in (folders.search[0], folders.output):
        folder.mkdir(exist_ok=True)
        Image.new("RGB", (1, 1)).save(folder / "a.png")
    assert folders.find("a.png [input]") == folders.search[0] / "a.png"
    assert folders.find("a.png [output]") == folders.output / "a.png"


@pytest.mark.parametrize("button", [[], ["image"]])
def test_saved_upload_button_is_no_value(folders, tmp_path, button):
    catalogue = builtins_catalogue(folders)
    positions = {"LoadImage": ["a.png"], "LoadImageMask": ["a.png", "alpha"]}
    for kind, values in positions.items():
        found = catalogue.declaration(kind, kind).positions([*values, *button], kind)
        assert list(found.values()) == list(range(len(values)))
    with pytest.raises(WorkflowError, match="the file has 2"):
        catalogue.declaration("LoadImage", "").positions(["a.png", "picture"], "")


@pytest.fixture
def outside(tmp_path):
    path = tmp_path / "secret.png"
    Image.new("RGB", (2, 2)).save(path)
    return path


def workflow(tmp_path, name):
    nodes = {
        "1": {"class_type": "LoadImage", "inputs": {"image": str(name)}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "out"}},
    }
    path = tmp_path / "cwd" / "w.json"
    path.write_text(json.dumps(nodes))
    return path


@pytest.mark.parametrize("name", ["../secret.png", "{absolute}", "x/../../secret.png", "../secret.png [input]"])
def test_a_workflow_cannot_name_files_outside(folders, outside, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path / "cwd")
    path = workflow(tmp_path, name.format(absolute=outside))
    with pytest.raises(WorkflowError, match=r"its input folders only.*--set"):
        run(path)
    assert not (tmp_path / "cwd" / "output").exists()


@pytest.mark.parametrize("name", ["../secret.png", "{absolute}"])
def test_the_user_can(folders, outside, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path / "cwd")
    results = run(workflow(tmp_path, "none.png"), {"Load Image.image": name.format(absolute=outside)})
    assert results.outputs["1"][0].shape == (1, 2, 2, 3)


def test_a_picture_beside_the_workflow_is_found(tmp_path, monkeypatch):
    (tmp_path / "cwd").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    Image.new("RGB", (3, 3)).save(tmp_path / "cwd" / "beside.png")
    assert len(run(workflow(tmp_path, "beside.png")).files) == 1


def test_eight_bits_are_cut_and_not_rounded(folders):
    values = torch.tensor([-1.0, 0.0, 0.999, 1.0, 7.0, 99.9 / 255]).reshape(1, 1, 6, 1).expand(1, 1, 6, 3)
    (saved,) = save(folders, values)
    assert saved == {"filename": "pic_00001_.png", "subfolder": "", "type": "output"}
    with Image.open(folders.output / "pic_00001_.png") as image:
        assert np.array(image)[0, :, 0].tolist() == [0, 0, 254, 255, 255, 99]


def test_counter_goes_on(folders):
    images = torch.zeros(2, 2, 2, 4)
    names = [entry["filename"] for _ in range(2) for entry in save(folders, images, "sub/pic")]
    assert names == [f"pic_0000{n}_.png" for n in (1, 2, 3, 4)]
    (folders.output / "sub" / "picture_00050_.png").touch()  # another prefix
    (folders.output / "sub" / "pic_00070_.png").touch()
    assert save(folders, images, "sub/pic")[0] == {"filename": "pic_00071_.png", "subfolder": "sub", "type": "output"}


def test_placeholders(folders):
    name = save(folders, torch.zeros(1, 2, 3, 3), "%year%-%width%x%height%-%batch_num%")[0]["filename"]
    assert name.endswith("-3x2-0_00001_.png")
    assert name[:4].isdigit()
    assert save(folders, torch.zeros(1, 2, 3, 3), "a%batch_num%")[0]["filename"] == "a0_00001_.png"
    assert save(folders, torch.zeros(1, 2, 3, 3), "a%batch_num%")[0]["filename"] == "a0_00002_.png"


@pytest.mark.parametrize("prefix", ["", ".", "..", "../pic", "a/../../pic", "/tmp/pic", "x/..", "a\0b"])
def test_nothing_is_saved_outside(folders, prefix):
    with pytest.raises(WorkflowError, match="below the output folder"):
        save(folders, torch.zeros(1, 2, 2, 3), prefix)
    assert not folders.output.exists()


@pytest.mark.parametrize("prefix", ["%date:yyyy-MM-dd%", "a/%Load Image.image%"])
def test_placeholders_of_the_page(folders, prefix):
    with pytest.raises(WorkflowError, match="only ComfyUI's page"):
        save(folders, torch.zeros(1, 2, 2, 3), prefix)


BAD_IMAGES = {
    "text": ("pic", "got str"),
    "a mask": (torch.zeros(1, 2, 2), r"\(1, 2, 2\)"),
    "one channel": (torch.zeros(1, 2, 2, 1), r"\(1, 2, 2, 1\)"),
    "channels first": (torch.zeros(1, 3, 8, 8), r"\(1, 3, 8, 8\)"),
    "no pictures": (torch.zeros(0, 2, 2, 3), r"\(0, 2, 2, 3\)"),
    "NaN": (torch.full((1, 2, 2, 3), float("nan")), "must be finite"),
}


@pytest.mark.parametrize("case", BAD_IMAGES)
def test_what_is_no_image_is_not_saved(folders, case):
    images, words = BAD_IMAGES[case]
    with pytest.raises(InputError, match=words):
        save(folders, images)


def test_a_failed_save_leaves_no_file(folders, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(WorkflowError, match="disk full"):
        save(folders, torch.zeros(1, 2, 2, 3))
    assert not list(folders.output.glob("*.png"))
