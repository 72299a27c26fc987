"""Truncated, wrong and hostile weights files: each is refused with our own error, before it can do harm.

Our own files with changed headers are in `test_bad_native.py`.
"""

import io
import struct
import zipfile
from typing import Any

import numpy as np
import pytest
import torch
import toy
from neural_collage import engine as nc

# --- Files that are no weights at all ---------------------------------------------------------------------------------

NO_WEIGHTS = {
    "empty": (b"", "is empty"),
    "text": (b"Not Found: 404, the page you want", "is none of these"),
    "html": (b"<!DOCTYPE html><html>", "is none of these"),
    "pickle": (b"\x80\x04\x95 a pickled object", "is damaged"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5"),
    "start of a zip": (b"PK\x03\x04", "damaged archive"),
    "zip in name only": (b"PK\x03\x04" + bytes(200), "damaged archive"),
    "header of two gigabytes": (struct.pack("<Q", 2**31) + b'{"a":', "takes at most 8 MiB"),
    "header that is cut": (struct.pack("<Q", 100) + b'{"a":', "damaged .safetensors"),
    "header that is no JSON": (struct.pack("<Q", 8) + b"{{{{{{{{", "damaged .safetensors"),
    "offsets beyond the end": (
        struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}'.ljust(60),
        "damaged .safetensors",
    ),
}


@pytest.mark.parametrize("name", NO_WEIGHTS)
def test_no_weights(tmp_path, name):
    content, words = NO_WEIGHTS[name]
    (tmp_path / "model.npz").write_bytes(content)
    for reader in (nc.load, nc.peek):
        with pytest.raises(nc.CheckpointError, match=words):
            reader(tmp_path / "model.npz")


def test_no_file(tmp_path):
    for path, words in ((tmp_path / "nowhere.npz", "there is no file"), (tmp_path, "A folder of a model must hold")):
        with pytest.raises(nc.CheckpointError, match=words):
            nc.load(path)


def test_torch_files_of_no_known_model(tmp_path):
    torch.save({"l1": torch.zeros(2)}, tmp_path / "model.npz")
    with pytest.raises(nc.CheckpointError, match="must be those of a known model"):
        nc.load(tmp_path / "model.npz")


def saved(folder):
    nc.save(toy.gan(), folder / "model.safetensors")
    return folder / "model.safetensors"


# --- Archives that were damaged, or made to do harm ------------------------------------------------------------------


def npy(array, header=None):
    """The bytes of a .npy member, its header text replaced."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    content = buffer.getvalue()
    if header is None:
        return content
    return content[:8] + struct.pack("<H", len(header)) + header.encode() + content[-array.nbytes :]


def npy_header(text):
    return npy(np.zeros(4, np.float32), text)


MEMBERS = {
    # what is written for l1/b instead of an array, and words of the message
    "no array": (b"hello, I am no array", "magic string is not correct"),
    "no content": (b"", "damaged"),
    "unknown version": (b"\x93NUMPY\x09\x00\x10\x00" + bytes(32), "unknown version"),
    "objects": (npy(np.array([{"run": 1}], object)), "Objects could run code"),
    "text": (npy(np.array(["daisy"])), "plain numbers"),
    "records": (npy(np.zeros(2, [("a", "f4")])), "plain numbers"),
    "more than it holds": (
        npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999,), }\n"),
        "says it has shape",
    ),
    "fewer than nothing": (
        npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }\n"),
        "says it has shape",
    ),
    "nothing, very wide": (
        npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9), }\n"),
        "says it has shape",
    ),
    "code in the header": (npy_header("__import__('os').system('true')\n"), "damaged"),
    "nested header": (npy_header("(" * 9000), "damaged"),
    "whole numbers": (npy(np.zeros(128, np.int64)), "must be floating point"),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_members(tmp_path, name):
    content, words = MEMBERS[name]
    path = toy.chainer_files(tmp_path)["generator"]
    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for member, value in (members | {"l1/b.npy": content}).items():
            archive.writestr(member, value)
    with pytest.raises(nc.CheckpointError, match=words):
        nc.load(path)


@pytest.mark.parametrize("keep", [30, 0.3, 0.9, 0.999])
def test_truncated(tmp_path, keep):
    for path in (toy.chainer_files(tmp_path)["generator"], saved(tmp_path)):
        content = path.read_bytes()
        path.write_bytes(content[: keep if keep > 1 else int(keep * len(content))])
        with pytest.raises(nc.CheckpointError, match="damaged"):
            nc.load(path)


def test_flipped_bits(tmp_path):
    path = toy.chainer_files(tmp_path)["generator"]
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        member = max(archive.infolist(), key=lambda member: member.compress_size)
    middle = member.header_offset + member.compress_size // 2
    content[middle] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(nc.CheckpointError, match="damaged"):
        nc.load(path)


def test_bomb(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("l1/W.npy", bytes(80 * 2**20))
    assert path.stat().st_size < 2**20
    with pytest.raises(nc.CheckpointError, match="never compress so far"):
        nc.load(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions(tmp_path, method):
    path = tmp_path / "m.npz"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("l1/b.npy", npy(np.zeros(4, np.float32)))
    with pytest.raises(nc.CheckpointError, match="another compression"):
        nc.load(path)


def test_foreign_members_and_repeated_names(tmp_path):
    path = tmp_path / "m.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("run.py", b"print()")
    with pytest.raises(nc.CheckpointError, match=r"'run\.py'"):
        nc.load(path)
    content = npy(np.zeros(4, np.float32))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("l1/b.npy", content)
        archive.writestr("l1/c.npy", content)
    path.write_bytes(path.read_bytes().replace(b"l1/c.npy", b"l1/b.npy"))
    with pytest.raises(nc.CheckpointError, match="repeats names"):
        nc.load(path)


def test_encrypted(tmp_path):
    path = tmp_path / "m.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("l1/b.npy", npy(np.zeros(4, np.float32)))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag in the central directory
    path.write_bytes(content)
    with pytest.raises(nc.CheckpointError, match="encrypted"):
        nc.load(path)


# --- Archives of arrays that are no network --------------------------------------------------------------------------


def drop(name):
    return lambda arrays: {key: value for key, value in arrays.items() if key != name}


def put(name, value):
    return lambda arrays: arrays | {name: value(arrays[name]) if callable(value) else np.float32(value)}


def spoilt(number):
    def change(array):
        array = array.copy()
        array.flat[0] = number
        return array

    return change


NETWORKS = {
    # part, change, words of the message
    "a weight is missing": (
        "generator",
        drop("block2/c1/W"),
        r"nearest is their generator, but the file lacks block2/c1/W",
    ),
    "several are missing": (
        "encoder",
        lambda a: {k: a[k] for k in a if k[:6] != "block2"},
        "lacks block2/b1.* and 8 more",
    ),
    "an unknown one": (
        "generator",
        put("block2/c9/W", [1.0]),
        r"nearest is their generator, .* has the unknown block2/c9/W",
    ),
    "discriminator without u": (
        "discriminator",
        drop("block1/c1/u"),
        "nearest is their discriminator.* lacks block1/c1/u",
    ),
    "half of a pair": ("auxiliary", drop("lB2/W"), "nearest is their auxiliary generator.* lacks lB2/W"),
    "other names": ("generator", lambda a: {f"x{i}": v for i, v in enumerate(a.values())}, "lacks residual blocks"),
    "no arrays": ("generator", lambda a: {}, "is none of these"),
    "no blocks": ("generator", lambda a: {k: a[k] for k in a if "block" not in k}, "lacks residual blocks"),
    "NaN": ("generator", put("block3/c2/W", spoilt(np.nan)), r"layers\.1\.conv2\.weight holds NaN or infinity"),
    "infinity": ("generator", put("block2/b1/avg_var", spoilt(np.inf)), "holds NaN or infinity"),
    "beyond float32": ("generator", put("l1/b", lambda a: a.astype(np.float64) + 1e300), "holds NaN or infinity"),
    "too few axes": ("generator", put("block2/c1/W", lambda a: a[0]), "has 4 axes"),
    "no axis": ("generator", put("l1/W", 1.0), "has 2 axes"),
    "widths that differ": ("generator", put("block3/c1/W", lambda a: a[:, :4]), r"should have shape \(4, 8, 3, 3\)"),
    "kernels of 5x5": (
        "generator",
        put("block2/c1/W", lambda a: np.pad(a, [(0, 0)] * 2 + [(1, 1)] * 2)),
        "should have shape",
    ),
    "classes that differ": ("generator", put("block3/b2/betas/W", lambda a: a[:2]), r"should have shape \(3, 4\)"),
    "a map that is no square": ("generator", put("l1/W", lambda a: a[:100]), "square map of 8 channels"),
    "slopes that differ": ("encoder", put("prelu_out/W", lambda a: a[:3]), r"prelu\.weight should have shape"),
    "a flat block that widens": ("discriminator", put("block3/c2/W", lambda a: a[:5]), "must keep its width"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(tmp_path, name):
    part, change, words = NETWORKS[name]
    files = toy.chainer_files(tmp_path)
    files[part] = toy.write_npz(tmp_path / "bad.npz", change(toy.chainer_arrays(toy.gan())[part]))
    with pytest.raises(nc.CheckpointError, match=words):
        nc.load(**{"generator": files["generator"], part: files[part]})


def test_a_part_in_place_of_another_is_named(tmp_path):
    files = toy.chainer_files(tmp_path)
    for given, holds in (("generator", "encoder"), ("generator", "discriminator"), ("discriminator", "encoder")):
        with pytest.raises(
            nc.CheckpointError, match=rf"file for the {given} must hold one; {holds}\.npz holds the {holds}"
        ):
            nc.load(**({"generator": files["generator"]} | {given: files[holds]}))
    with pytest.raises(nc.CheckpointError, match=r"needs a generator; only encoder\.npz \(encoder\)"):
        nc.load(files["encoder"])
    with pytest.raises(nc.CheckpointError, match="needs a generator"):
        nc.load(files["discriminator"])


def test_a_discriminator_alone_measures_and_draws_nothing(tmp_path):
    files = toy.chainer_files(tmp_path)
    alone, whole = nc.load(discriminator=files["discriminator"]), nc.load(**files)
    images, labels = torch.rand(2, 3, whole.resolution, whole.resolution), torch.tensor([0, 2])
    assert alone.discriminator is not None
    assert whole.discriminator is not None
    assert torch.equal(alone.discriminator(images, labels), whole.discriminator(images, labels))
    assert (alone.resolution, alone.n_classes, alone.dtype) == (whole.resolution, whole.n_classes, torch.float32)
    for draw in (lambda: alone.sample(0), lambda: nc.render(alone, nc.Collage(whole.sample(0)))):
        with pytest.raises(nc.ModelError, match="Load a generator with it"):
            draw()


STRANGERS: dict[str, tuple[str, dict[str, Any], str]] = {
    "discriminator of more classes": ("discriminator", {"n_classes": 4}, "number of classes is 3 .* but 4"),
    "encoder of more classes": ("encoder", {"n_classes": 4}, "number of classes is 3 .* but 4"),
    "encoder of longer latents": ("encoder", {"dim_z": 9}, "latent length is 8 .* but 9"),
    "discriminator of larger pictures": ("discriminator", {"resolution": 32}, "picture size in pixels is 16 .* but 32"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_parts_that_do_not_belong_together(tmp_path, name):
    part, options, words = STRANGERS[name]
    (tmp_path / "other").mkdir()
    other = toy.chainer_files(tmp_path / "other", toy.gan(**options))
    with pytest.raises(nc.CheckpointError, match=words):
        nc.load(toy.chainer_files(tmp_path)["generator"], **{part: other[part]})


def test_pair_of_longer_latents(tmp_path):
    arrays = toy.chainer_arrays(toy.gan())["generator"] | {
        name: value
        for name, value in toy.chainer_arrays(toy.gan(dim_z=9))["auxiliary"].items()
        if name[0] in "lp_" and name[1] != "1"
    }
    arrays |= {name: toy.chainer_arrays(toy.gan())["generator"][name] for name in ("l4/W", "l4/b")}
    with pytest.raises(nc.CheckpointError, match="latent length is 8 for the generator but 9 for the auxiliary"):
        nc.load(toy.write_npz(tmp_path / "a.npz", arrays))


def test_no_file_and_two_generators(tmp_path):
    file = toy.chainer_files(tmp_path)["generator"]
    with pytest.raises(nc.InputError, match="none was given"):
        nc.load()
    with pytest.raises(nc.InputError, match="one generator"):
        nc.load(file, generator=file)
