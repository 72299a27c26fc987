"""Room for pictures: in memory, within every limit, or on a disk that has it."""

import os
import tempfile

import pytest
import torch
from neural_collage.engine.errors import TrainingError
from neural_collage.engine.training import storage
from neural_collage.engine.training.data import load_images
from neural_collage.engine.training.storage import empty_pictures

GIB = 2**30


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A function that writes what Linux would say: which groups this process is in, and their limits by file."""

    def write(groups, limits):
        (tmp_path / "membership").write_text(groups)
        for name, limit in limits.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(f"{limit}\n")

    monkeypatch.setattr(storage, "GROUPS", tmp_path)
    monkeypatch.setattr(storage, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(storage, "_installed", lambda: 64 * GIB)
    for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    return write


@pytest.mark.parametrize(
    ("groups", "limits", "memory"),
    [
        ("", {}, 64),
        ("0::/\n", {"memory.max": 3 * GIB}, 3),  # a container, version 2
        ("0::/\n", {"memory.max": "max"}, 64),
        ("0::/\n", {"memory.max": 100 * GIB}, 64),
        ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": 5 * GIB, "memory.max": 9 * GIB}, 5),  # a batch system
        ("0::/as/the/host/sees/it\n", {"memory.max": 3 * GIB}, 3),
        ("4:memory:/a\n3:cpu:/c\n0::/\n", {"memory/a/memory.limit_in_bytes": 2 * GIB}, 2),  # version 1
        ("4:memory:/a\n", {"memory/memory.limit_in_bytes": 2**63 - 4096}, 64),  # its word for none
        ("3:cpu:/c\n", {"c/memory.max": GIB, "memory/c/memory.limit_in_bytes": GIB}, 64),  # another controller's group
    ],
)
def test_memory_is_the_least_of_the_machines_and_the_groups(system, groups, limits, memory):
    system(groups, limits)
    assert storage._memory() == memory * GIB


def test_a_machine_without_groups_has_what_is_installed(system):
    assert storage._memory() == 64 * GIB


def lies_in_memory(monkeypatch, count, resolution):
    mapped = []
    monkeypatch.setattr(storage, "_mapped", mapped.append)
    empty_pictures(count, resolution)
    return not mapped


@pytest.mark.parametrize(
    ("variables", "sharers"),
    [({}, 1), ({"LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8"}, 4), ({"WORLD_SIZE": "8"}, 8)],
)
def test_processes_of_a_machine_share_half_its_memory(system, monkeypatch, variables, sharers):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    need = 5 * 3 * 8 * 8
    system("0::/\n", {"memory.max": 2 * sharers * need})
    assert lies_in_memory(monkeypatch, 5, 8)
    system("0::/\n", {"memory.max": 2 * sharers * need - 1})
    assert not lies_in_memory(monkeypatch, 5, 8)


def test_large_sets_are_mapped_from_disk(coloured, system):
    system("0::/\n", {"memory.max": 2**40})
    in_memory = load_images(coloured, 16)
    system("0::/\n", {"memory.max": 0})
    mapped = load_images(coloured, 16)
    assert torch.equal(mapped.images, in_memory.images)
    assert mapped.images.untyped_storage().nbytes() == 24 * 3 * 16 * 16


@pytest.mark.parametrize("ways", ["the system's", "ours"])
def test_the_bytes_are_taken_from_the_disk_at_once(monkeypatch, ways):
    pytest.importorskip("resource", reason="only Unix tells how many blocks a file has")
    if ways == "ours":
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    size = 3 * 2**20 + 5
    with tempfile.TemporaryFile() as file:
        storage._reserve(file, size)
        told = os.fstat(file.fileno())
    assert told.st_size == size
    assert told.st_blocks * 512 >= size


def test_a_full_disk_is_told_before_anything_is_decoded(coloured, system, monkeypatch):
    resource = pytest.importorskip("resource", reason="the size of files can be limited on Unix alone")
    system("0::/\n", {"memory.max": 0})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(TrainingError, match=r"room for 1\.84e-05 GB .*large.*Make room there.*TMPDIR"):
            load_images(coloured, 16)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_no_temporary_folder_is_told(system, monkeypatch):
    def none():
        raise FileNotFoundError("No usable temporary directory")

    system("0::/\n", {"memory.max": 0})
    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(TrainingError, match=r"the temporary folder must have room.*No usable"):
        empty_pictures(1, 4)
