"""Hostile weights files: each is refused with our own error, in little memory and time, and nothing in it is run.

Every file is opened in a process of its own, under an address-space limit, an alarm and an audit hook
(`hostile_child.py`): 200 seeded mutations of each format, and exploits written by hand in every container.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import hostile
import old_files
import pytest
import torch
import zips
from hostile_values import MODELS, changed_values
from mutations import mutations
from neural_collage import engine as nc
from neural_collage.engine.checkpoints.contents import open_contents

CHILD = Path(hostile.__file__).with_name("hostile_child.py")
MUTATIONS = 200
CHANGES = 25
SLOW = {"copies", "deep", "operations", "keys", "sets"}
"""First words of exploits that are only read by the forked processes: they take a second."""


def read_apart(folder: Path, cases: dict[str, bytes]) -> dict[str, str]:
    """What comes of every file, sound or hostile: all are read by the forks of one process."""
    if not hasattr(os, "fork") or not Path("/proc/self/statm").is_file():
        pytest.skip("address space is limited, and processes are forked, on Linux alone")
    files = {f"{'sound' if name.startswith('sound') else 'case'}{i}": name for i, name in enumerate(cases)}
    for file, name in files.items():
        (folder / file).write_bytes(cases[name])
    command = [sys.executable, "-W", "ignore", str(CHILD), str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert not (folder / "ran").exists()
    return {files[file]: outcome for file, outcome in json.loads(done.stdout).items()}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cases = {f"sound {name}": make() for name, make in old_files.FORMATS.items()} | dict(hostile.exploits())
    for name in old_files.FORMATS:
        cases |= mutations(name, MUTATIONS)
    return read_apart(tmp_path_factory.mktemp("hostile"), cases)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cases = {f"sound {name}": make() for name, make in MODELS.items()}
    for name in MODELS:
        cases |= changed_values(name, CHANGES)
    return read_apart(tmp_path_factory.mktemp("models"), cases)


@pytest.mark.parametrize("name", MODELS)
def test_changed_values(models, name):
    """Files that are sound as files, and are no models."""
    found = {case: outcome for case, outcome in models.items() if case.startswith(f"{name} ")}
    assert models[f"sound {name}"] == "read, loaded"
    assert len([case for case in found if case.rpartition(" ")[0] == name]) == CHANGES
    wrong = {c: o for c, o in found.items() if not o.startswith(("refused: ", "read, refused: ", "read, loaded"))}
    assert not wrong
    assert any(outcome.startswith("read, refused: ") for outcome in found.values())


@pytest.mark.parametrize("name", old_files.FORMATS)
def test_mutations(outcomes, name):
    found = {case: outcome for case, outcome in outcomes.items() if case.startswith(f"{name} ")}
    assert outcomes[f"sound {name}"].startswith("read, refused: ")
    assert len(found) == MUTATIONS
    assert not {
        case: outcome for case, outcome in found.items() if not outcome.startswith(("refused: ", "read, refused: "))
    }
    assert sum(outcome.startswith("refused: ") for outcome in found.values()) > MUTATIONS / 2


def test_exploits(outcomes):
    found = {case: outcomes[case] for case, _ in hostile.exploits()}
    assert len(found) == 4 * len(hostile.EXPLOITS) + len(hostile.LIES)
    assert not {case: outcome for case, outcome in found.items() if not outcome.startswith("refused: ")}


WORDS = {
    # what the error of an exploit says
    "os.system by REDUCE": r"asks for os\.system\. Nothing was looked up or run",
    "eval of Python 2": r"asks for __builtin__\.eval",
    "dotted name": r"asks for collections\.OrderedDict\.__init__",
    "INST": "uses the pickle operation INST",
    "NEWOBJ_EX of a known class": "uses the pickle operation NEWOBJ_EX",
    "EXT1": "uses the pickle operation EXT1",
    "BINPERSID": "refers to an object outside itself",
    "BUILD with __dict__": "sets the state of a dict",
    "name through the memo": r"asks for os\.system",
    "name put together by the memo": r"asks for posix\.system",
    "name with an escape": "asks for the name .*which no library has",
    "LONG4 of many digits": "has a number of 100000 bytes",
    "bytes of 2**62": "4611686018427387904 bytes are said to follow, and there are",
    "list that holds itself": "has a value that holds itself",
    "dict as its own key": "has a dict as a key",
    "deep tuples": "nests its values 201 deep",
    "billion laughs": "unfolds to",
    "billion laughs in a key": "has a tuple as a key",
    "copies of one list": "copies more than",
    "copies of one text": "more than 64 MiB of names and texts",
    "keys whose hashes collide": "more than 10000 keys that are no texts",
    "sets without end": "makes more than 100000 objects",
    "memo far ahead": "value 2147483647 is noted, and there are 0 before it",
    "name mentioned, not called": "_reconstruct_persistent_obj is no module",
    "object of a function": "makes an object of torch_utils",
    "operations without end": "more than 500000 pickle operations",
    "exploit within a legacy file within bytes": r"asks for os\.system",
    "bytes within bytes within bytes": r"asks for torch\.storage\._load_from_bytes",
    "numpy object": "has an array of 'O8'",
}


@pytest.mark.parametrize("name", WORDS)
def test_the_error_says_what_the_file_wants(tmp_path, name):
    (tmp_path / "model.pkl").write_bytes(hostile.contained(hostile.EXPLOITS[name])["plain"])
    with pytest.raises(nc.CheckpointError, match=WORDS[name]):
        open_contents(tmp_path / "model.pkl")


@pytest.mark.parametrize("name", [name for name in hostile.EXPLOITS if name.split()[0] not in SLOW])
def test_exploits_here(tmp_path, monkeypatch, name):
    """The same without processes: runs everywhere."""
    monkeypatch.chdir(tmp_path)
    for content in hostile.contained(hostile.EXPLOITS[name]).values():
        (tmp_path / "model.pkl").write_bytes(content)
        with pytest.raises(nc.CheckpointError):
            open_contents(tmp_path / "model.pkl")
    assert not (tmp_path / "ran").exists()


STEERING = "\x1b[31mred\x1b]0;title\x07\n\u202etxt"


def test_messages_steer_no_terminal(tmp_path):
    """Names in a file may hold the codes that colour a terminal's text or set its title, and half a surrogate pair."""
    half = zips.with_pickle(old_files.zipped({}), b"\x80\x02}X\x03\x00\x00\x00\xed\xa0\x80X\x01\x00\x00\x00as.")
    for content in (old_files.zipped({STEERING: torch.zeros(1)}), half):
        (tmp_path / "model.pth").write_bytes(content)
        with pytest.raises(nc.CheckpointError) as refused:
            nc.load(tmp_path / "model.pth")
        assert str(refused.value).isprintable()
    assert str(nc.CheckpointError("h\u00e9 \U0001f600\x9b\ud800")) == "h\u00e9 \U0001f600\\x9b\\ud800"
