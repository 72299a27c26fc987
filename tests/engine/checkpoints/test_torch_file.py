"""Old weights files read as data give what their own programs read: torch itself, and a restricted unpickler."""

import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import old_files
import parity
import pytest
import torch
import zips
from neural_collage.engine import CheckpointError
from neural_collage.engine.checkpoints import trees
from neural_collage.engine.checkpoints.contents import open_contents
from neural_collage.engine.checkpoints.records import Record, Stored
from neural_collage.engine.checkpoints.torch_file import read_file

PEERS = parity.FOLDER.parent
SUFFIXES = {".pth", ".pt", ".bin", ".model"}
FILES = sorted(path for path in PEERS.glob("*_*/*/*") if path.suffix in SUFFIXES | {".pkl"})


def read_tree(path):
    return read_file(path)[1]


def written(folder, content):
    path = folder / "file.bin"
    path.write_bytes(content)
    return path


def same(ours, theirs, *, path="it"):
    """Whether a tree holds what another program has read: dicts of any class, sets as tuples, tensors read here."""
    if isinstance(ours, Stored):
        theirs = torch.from_numpy(theirs.copy()) if isinstance(theirs, np.ndarray) else theirs.detach()
        wanted = theirs.float() if theirs.dtype.is_floating_point else theirs
        found = ours.read()
        assert found.is_contiguous(), path
        assert found.dtype == wanted.dtype, path
        assert found.shape == ours.shape == wanted.shape, path
        assert torch.equal(found, wanted), path
    elif isinstance(ours, dict):
        assert list(ours) == list(theirs), path
        for key in ours:
            same(ours[key], theirs[key], path=f"{path}[{key!r}]")
    elif isinstance(ours, (list, tuple)):
        assert len(ours) == len(theirs), path
        for place, (one, other) in enumerate(
            zip(ours, sorted(theirs) if isinstance(theirs, set) else theirs, strict=True)
        ):
            same(one, other, path=f"{path}[{place}]")
    else:
        assert type(ours) is type(theirs), path
        assert ours == theirs, path


def torchs_legacy():
    file = io.BytesIO()
    torch.save(old_files.state(), file, _use_new_zipfile_serialization=False)
    return file.getvalue()


@pytest.mark.parametrize("make", [old_files.zipped, old_files.legacy, torchs_legacy, old_files.flat])
def test_torch_reads_the_same(tmp_path, make):
    path = written(tmp_path, make())
    same(read_tree(path), torch.load(path, weights_only=True))


def test_tensors_are_read_in_float32_by_their_names(tmp_path):
    for make in (old_files.zipped, old_files.legacy):
        contents = open_contents(written(tmp_path, make()))
        assert contents.container == "torch"
        assert contents.shapes["turned"] == (3, 4, 3, 3)
        found = contents.tensors({"turned", "half", "bytes", "model_state_dict.bn.num_batches_tracked"})
        assert {tensor.dtype for tensor in found.values()} == {torch.float32}
        assert torch.equal(found["half"], old_files.state()["half"].float())
        assert found["model_state_dict.bn.num_batches_tracked"] == 7


def test_a_file_is_told_by_its_content_and_not_by_its_name(tmp_path):
    path = tmp_path / "weights.npz"
    path.write_bytes(old_files.zipped())
    assert open_contents(path).container == "torch"
    path.write_bytes(old_files.nvlabs())
    assert open_contents(path).container == "pickle"
    np.savez(path, a=np.ones(3, np.float32))
    assert open_contents(path).container == "npz"


def test_a_compressed_torch_file(tmp_path):
    """torch writes none, but reads them; so do we."""
    path = written(tmp_path, zips.rebuilt(old_files.zipped(), {}, zipfile.ZIP_DEFLATED))
    same(read_tree(path), torch.load(path, weights_only=True))


def test_reading_gives_fresh_copies(tmp_path):
    tensor = read_tree(written(tmp_path, old_files.flat()))["synthesis.layer0.first_layer"]
    tensor.read().zero_()
    assert tensor.read().any()


def test_a_file_that_has_changed_since(tmp_path):
    path = written(tmp_path, old_files.legacy())
    tree = read_tree(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CheckpointError, match="ends too early"):
        tree["optimizer"]["state"][0]["exp_avg"].read()
    path.unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        tree["half"].read()


# --- Plain pickles ---------------------------------------------------------------------------------------------------


def test_plain_pickles(tmp_path):
    tree = read_tree(written(tmp_path, old_files.plain()))
    theirs = pickle.loads(old_files.plain())
    same(tree, theirs | {"a": theirs["a"].astype("<i4"), "c": 0.5})


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_of_every_protocol(tmp_path, protocol):
    arrays = [np.arange(400, dtype=np.float32).reshape(2, 200), np.asfortranarray(np.arange(6.0).reshape(2, 3))]
    arrays += [
        np.array([1, 2], np.float16),
        np.arange(3, dtype=">f8"),
        np.array([True, False]),
        np.array(7),
        np.zeros((0, 2)),
    ]
    numbers = [np.int64(-5), np.float64(0.1), np.bool_(True), np.uint16(65535)]
    path = written(tmp_path, pickle.dumps([arrays, numbers], protocol))
    same(read_tree(path), [[array.astype(array.dtype.newbyteorder("=")) for array in arrays], [-5, 0.1, True, 65535]])


def test_files_of_python_2(tmp_path):
    """Protocol 2 with text strings for bytes, and old names of modules; numbers too wide for four bytes are text."""
    raw = np.arange(100, dtype="<f4")
    kind = b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\x00tb"
    state = b"(K\x01K\x64\x85" + kind + b"\x89T"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    array += state + struct.pack("<i", raw.nbytes) + raw.tobytes() + b"tb"
    words = b"c__builtin__\nset\n](U\x03onee\x85R"
    made = b"ccopy_reg\n_reconstructor\n(cdnnlib.util\nEasyDict\nc__builtin__\ndict\n}U\x01aK\x01stR"
    content = b"\x80\x02}(U\x01a" + array + b"U\x01b" + words + b"U\x01cI1099511627776\nU\x01d" + made + b"u."
    same(read_tree(written(tmp_path, content)), {"a": raw, "b": ("one",), "c": 2**40, "d": {"a": 1}})


def test_dicts_of_pairs_and_long_bytes(tmp_path):
    content = {"a": OrderedDict([("x", 1), ("y", 2)]), "b": b"z" * 1000}
    tree = read_tree(written(tmp_path, pickle.dumps(content, 4)))
    assert tree["a"] == {"x": 1, "y": 2}
    buffer = bytearray(1000)
    tree["b"].fill(memoryview(buffer))
    assert buffer == content["b"]


# --- NVIDIA's snapshots ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_modules(tmp_path, protocol):
    contents = open_contents(written(tmp_path, old_files.nvlabs(protocol)))
    generator = contents.tree["G_ema"]
    found = trees.inside(generator)
    assert found.class_name == "Generator"
    assert {name: found.settings[name] for name in ("z_dim", "_init_kwargs")} == {
        "z_dim": 16,
        "_init_kwargs": {"w_dim": 8},
    }
    synthesis = trees.inside(found.modules["synthesis"])
    assert synthesis.settings["up_factor"] == 2
    assert list(synthesis.modules) == ["b4"]
    tensors = trees.tensors_of(generator)
    assert list(tensors) == ["synthesis.b4.weight", "synthesis.b4.bias", "synthesis.b4.noise_const"]
    assert torch.equal(tensors["synthesis.b4.noise_const"].read(), old_files.numbers(8, 8))
    assert contents.tree["training_set_kwargs"] == {"path": "a/path"}
    assert contents.shapes["G.synthesis.b4.weight"] == (4, 4, 3, 3)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_tensorflow_networks(tmp_path, protocol):
    contents = open_contents(written(tmp_path, old_files.tensorflow(protocol)))
    whole = contents.tree[2]
    assert whole.name == "dnnlib.tflib.network.Network"
    assert whole.state["static_kwargs"] == {"num_channels": 3, "resolution": 4}
    variables = trees.tensors_of(whole)
    assert list(variables) == ["dlatent_avg", "mapping/Dense0/weight", "mapping/Dense0/bias"]
    assert torch.equal(variables["mapping/Dense0/weight"].read(), old_files.numbers(6, 6))
    assert dict(whole.state["variables"])["lod"] == 0.0


def test_source_text_is_not_kept(tmp_path):
    for make in (old_files.nvlabs, old_files.tensorflow):
        assert "SystemExit" not in repr(read_tree(written(tmp_path, make())))


BROKEN = {
    "no state": Record(trees.PERSISTENT, ({},)),
    "name mentioned, not called": Record(trees.PERSISTENT),
    "description that is none": Record(trees.PERSISTENT, (3,)),
    "modules that are none": Record(trees.PERSISTENT, ({"state": {"_modules": {"a": 3}}},)),
    "modules that are a list": Record(trees.PERSISTENT, ({"state": {"_modules": []}},)),
    "parameters that are none": Record(trees.PERSISTENT, ({"state": {"_parameters": {"a": "b"}}},)),
    "names that are none": Record(trees.PERSISTENT, ({"state": {"_buffers": {1: None}}},)),
    "variables without names": Record(trees.NETWORK, (), {"variables": [1]}),
    "variables that are none": Record(trees.NETWORK, (), {"variables": 1}),
    "network without state": Record(trees.NETWORK),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_modules(name):
    with pytest.raises(CheckpointError, match="must hold tensors by name"):
        trees.tensors_of({"G": BROKEN[name]})


# --- The golden files ------------------------------------------------------------------------------------------------


class Restricted(pickle.Unpickler):
    """Reads a snapshot of NVIDIA's with numpy's and torch's own functions for the few names that are data."""

    def find_class(self, module, name):
        if (module, name) == ("torch_utils.persistence", "_reconstruct_persistent_obj"):
            return dict
        if (module, name) == ("torch.storage", "_load_from_bytes"):
            return lambda content: torch.load(io.BytesIO(content), weights_only=True)
        if (module, name) in (("dnnlib.util", "EasyDict"), ("dnnlib.tflib.network", "Network")):
            return Network if name == "Network" else dict
        if module in ("collections", "builtins", "__builtin__") and name in ("OrderedDict", "set"):
            return super().find_class(module, name)
        if module.split(".")[0] == "numpy" or module == "torch._utils":
            return super().find_class(module, name)
        raise AssertionError(f"{module}.{name}")


class Network:
    """A network of TensorFlow's, as its state."""


def plain(ours):
    """Our records as the restricted unpickler has them."""
    if isinstance(ours, Record):
        return plain(ours.state if ours.name == trees.NETWORK else ours.arguments[0])
    if isinstance(ours, dict):
        return {key: plain(value) for key, value in ours.items()}
    return type(ours)(plain(value) for value in ours) if isinstance(ours, (list, tuple)) else ours


def theirs_plain(theirs):
    if isinstance(theirs, Network):
        theirs = vars(theirs)
    if isinstance(theirs, dict):
        sources = ("module_src", "build_module_src")
        return {key: theirs_plain(value) for key, value in theirs.items() if key not in sources}
    if isinstance(theirs, np.generic):
        return theirs.item()
    return type(theirs)(theirs_plain(v) for v in theirs) if isinstance(theirs, (list, tuple)) else theirs


@pytest.mark.skipif(not FILES, reason=f"no files of other programs beside {parity.FOLDER}; see NEURAL_COLLAGE_PARITY")
@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(Path(path).parts[-3:]))
def test_golden_files(path):
    tree = read_tree(path)
    if path.suffix == ".pkl":
        with path.open("rb") as file:
            same(plain(tree), theirs_plain(Restricted(file).load()))
    elif path.name == "state_dict.pth":  # holds objects, which torch refuses
        assert tree["config"]["G_activation"].name == "torch.nn.modules.activation.ReLU"
    else:
        same(tree, torch.load(path, weights_only=True, map_location="cpu"))
    if path.stat().st_size > os.sysconf("SC_PAGE_SIZE"):
        assert trees.tensors_of(tree)
