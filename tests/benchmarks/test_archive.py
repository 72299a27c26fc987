"""What ComfyUI's registry would publish: nothing that its scanners stop at, and nothing that users do not need."""

import zipfile
from pathlib import Path

import archive
import pytest
from archive import ROOT, published, scan, write

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no git checkout: what is tracked is not known")


@pytest.fixture(scope="module")
def paths() -> list[Path]:
    return published()


def test_what_a_user_needs_is_published_and_what_developers_need_is_not(paths: list[Path]):
    names = {path.as_posix() for path in paths}
    assert names >= {"__init__.py", "pyproject.toml", "LICENSE", "README.md", "nodes/host.py", "engine/render.py"}
    assert names >= {"models/fruits-64.safetensors", "workflows/mix.json", "workflows/mix.jpg"}
    assert "web/docs/NeuralCollageLoadGAN.md" in names
    rooms = {path.parts[0] for path in paths if len(path.parts) > 1}
    assert not rooms & {"tests", "benchmarks", "runs", "output", "input", ".ci", ".github"}
    assert not {name for name in names if name.startswith(".")}


def test_nothing_published_is_what_a_scanner_looks_for(paths: list[Path]):
    done, said = scan(ROOT, paths)
    assert done == []
    assert said == []


def test_the_archive_is_small(paths: list[Path]):
    assert sum((ROOT / path).stat().st_size for path in paths) < 50e6


SEEN = {
    "import pickle": "pickle",
    "from pickle import loads": "pickle",
    "import torch\nimport os, marshal": "pickle",
    "def f():\n    import subprocess": "process",
    "import os\nos.system('true')": "process",
    "import ctypes.util": "native code",
    "import importlib.util": "dynamic import",
    "__import__('x')": "dynamic import",
    "x = eval('1')": "eval",
    "exec('1')": "exec",
    "from aiohttp import web": "web",
    "from server import PromptServer": "web",
    "import urllib.request": "web",
    "import torch\ntorch.hub.load('a', 'b')": "web",
}


@pytest.mark.parametrize(("code", "kind"), SEEN.items())
def test_the_scan_sees_what_code_does(tmp_path: Path, code: str, kind: str):
    (tmp_path / "node.py").write_text(code)
    done, _ = scan(tmp_path, [Path("node.py")])
    assert [found.kind for found in done] == [kind]
    assert done[0].line == code.count("\n") + 1


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.js", "const x = eval('1')", "eval"),
        ("a.js", "new Function('return 1')()", "eval"),
        ("a.js", "fetch('https://example.org/x')", "web"),
        ("a.py", "# call its eval()", "eval"),
        ("a.py", "pickle.loads(x)", "pickle"),
        ("a.py", f"x = '{'QUJD' * 120}'", "hidden"),
        ("a.pkl", "", "unknown kind of file"),
        ("a.exe", "", "unknown kind of file"),
    ],
)
def test_the_scan_sees_words_scripts_and_strange_files(tmp_path: Path, name: str, text: str, kind: str):
    (tmp_path / name).write_text(text)
    done, said = scan(tmp_path, [Path(name)])
    assert kind in [found.kind for found in done + said]


@pytest.mark.parametrize(
    "code", ["model.eval()", "import torch\nimport json", "re.compile('x')", "from . import pictures"]
)
def test_the_scan_lets_ordinary_code_pass(tmp_path: Path, code: str):
    (tmp_path / "node.py").write_text(code)
    assert scan(tmp_path, [Path("node.py")]) == ([], [])


def test_the_archive_holds_the_files_as_they_are(tmp_path: Path, paths: list[Path]):
    write(ROOT, paths, tmp_path / "node.zip")
    with zipfile.ZipFile(tmp_path / "node.zip") as packed:
        assert packed.namelist() == [path.as_posix() for path in paths]
        assert packed.read("__init__.py") == (ROOT / "__init__.py").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["node.zip"]


def test_the_command_says_what_it_found(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "bad.py").write_text("import subprocess")
    monkeypatch.setattr(archive, "ROOT", tmp_path)
    monkeypatch.setattr(archive, "published", lambda: [Path("bad.py")])
    monkeypatch.setattr("sys.argv", ["archive.py"])
    assert archive.main() == 1
    assert "done by the code: 1" in capsys.readouterr().out
