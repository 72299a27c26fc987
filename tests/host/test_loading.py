"""The pack loads from a folder of any name, says nothing, finds its models and leaves other packs alone."""

import re
import urllib.error
import zipfile
from pathlib import Path
from urllib.parse import quote

import archive
import neural_collage
import pytest
import toy
from comfyui import NEEDED, ROOT, Server
from neural_collage import engine as nc

pytestmark = NEEDED

NAMES = ("ComfyUI-Neural-Collage", "neural.collage-v1.2", "neural collage (copy 1)")
NEIGHBOUR = """
import folder_paths
folder_paths.folder_names_and_paths["stylegan"] = ([folder_paths.models_dir + "/stylegan"], {".pkl"})
NODE_CLASS_MAPPINGS = {}
"""
"""Another pack, which assigns its model folder, as one of them does."""


@pytest.fixture(scope="module")
def bare_log(tmp_path_factory) -> str:
    """What the same ComfyUI writes with a pack that has nothing to say."""
    (tmp_path_factory.getbasetemp() / "quiet.py").write_text("NODE_CLASS_MAPPINGS = {}")
    with Server(tmp_path_factory.mktemp("bare"), {"quiet.py": tmp_path_factory.getbasetemp() / "quiet.py"}) as server:
        return server.log


def _lines(server_log: str) -> list[str]:
    """Lines without what differs from start to start: numbers and folders."""
    return [re.sub(r"\S*/(comfyui|bare)-?\d*\S*|\d+(\.\d+)?", "", line) for line in server_log.splitlines()]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """The pack as the registry's archive holds it; as the checkout does where nothing is known of what git tracks."""
    if not (ROOT / ".git").exists():
        return ROOT
    folder = tmp_path_factory.mktemp("archive")
    archive.write(ROOT, archive.published(), folder / "node.zip")
    with zipfile.ZipFile(folder / "node.zip") as packed:
        packed.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_from_a_folder_of_any_name_and_says_nothing(name, tmp_path_factory, bare_log, unpacked):
    with Server(tmp_path_factory.mktemp("comfyui"), {name: ROOT if name == NAMES[0] else unpacked}) as server:
        known = server.ask("/object_info")
        assert neural_collage.NODE_CLASS_MAPPINGS.keys() <= known.keys()
        assert {known[node]["python_module"] for node in neural_collage.NODE_CLASS_MAPPINGS} == {f"custom_nodes.{name}"}
        log = server.log
        assert name in server.ask("/workflow_templates")
        # The host serves no file of a folder with a space in its name, whosever it is: README names the folder to take.
        assert _served(server, f"/extensions/{quote(name)}/js/neural_collage.js") == (" " not in name)
        assert _served(server, f"/extensions/{quote(name)}/docs/NeuralCollageLoadGAN.md") == (" " not in name)
    assert "IMPORT FAILED" not in log
    told = [line for line in _lines(log) if line not in _lines(bare_log)]
    assert len(told) <= 1, told  # the host's own line, how long the pack took to load


def _served(server: Server, path: str) -> bool:
    try:
        return bool(server.get(path))
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return False


def test_models_are_found_wherever_users_keep_them_and_other_packs_see_no_change(tmp_path):
    base, elsewhere, neighbour = tmp_path / "base", tmp_path / "elsewhere", tmp_path / "a-neighbour"
    neighbour.mkdir()
    (neighbour / "__init__.py").write_text(NEIGHBOUR)
    for place in ("base/models/gan/sub", "base/models/stylegan", "elsewhere"):
        (tmp_path / place).mkdir(parents=True)
    nc.save(toy.gan(bare=True), base / "models/gan/sub/mine.safetensors")
    nc.save(toy.gan(bare=True), elsewhere / "theirs.safetensors")
    (base / "models/gan/deep").mkdir()
    for file in ("gan/deep/config.json", "gan/deep/pytorch_model.bin", "stylegan/old.pkl", "stylegan/notes.txt"):
        (base / "models" / file).write_bytes(b"")
    (tmp_path / "paths.yaml").write_text(f"mine:\n  base_path: {tmp_path}\n  gan: elsewhere\n")
    arguments = ("--extra-model-paths-config", str(tmp_path / "paths.yaml"))
    with Server(base, {"a-neighbour": neighbour, NAMES[0]: ROOT}, arguments) as server:
        files = server.ask("/object_info/NeuralCollageLoadGAN")["NeuralCollageLoadGAN"]["input"]["required"]["file"][0]
        starters = {path.name for path in (ROOT / "models").glob("*.safetensors")}
        assert starters  # the one that ships with the pack
        own = {"sub/mine.safetensors", "theirs.safetensors", "deep/pytorch_model.bin", "old.pkl"}
        assert set(files) == own | starters
        assert server.ask("/models/stylegan") == ["old.pkl"]  # the neighbour's list is its own
