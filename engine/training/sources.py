"""Where the pictures of a training set lie: a folder or zip of class folders, or a CSV of files and classes.

The name of the folder that a picture lies in is its class. Every n-th picture of a class, in order of names, can be
held out; the rule depends on names alone, so the same pictures are held out in every run.
"""

from __future__ import annotations

import csv
import os
import struct
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import DataError

__all__ = ["Files", "Selection", "find_files", "select"]

SUFFIXES = {".jpg", ".jpeg", ".png"}
COLUMNS = ("file", "class")
SHOWN = 5  # names in a message


class Files:
    """The files of a set by name. It may be sent to other processes: each opens an archive for itself."""

    def __init__(self, path: Path, classes: dict[str, list[str]]) -> None:
        """Files below `path` (a folder or a zip), listed by class in order of names."""
        self.path, self.classes = path, classes
        self._archives: dict[int, zipfile.ZipFile] = {}

    def read(self, name: str) -> bytes:
        """What is in a file."""
        if self.path.is_dir():
            return (self.path / name).read_bytes()
        here = os.getpid()  # of a forked process: two must not share the place in one open file
        if here not in self._archives:
            self._archives[here] = zipfile.ZipFile(self.path)
        return self._archives[here].read(name)

    def close(self) -> None:
        """Close the archive, if this process has opened one; it may be opened again."""
        if archive := self._archives.pop(os.getpid(), None):
            archive.close()

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path, "classes": self.classes, "_archives": {}}


@dataclass(frozen=True)
class Selection:
    """Files of chosen classes, with a class number each."""

    names: tuple[str, ...]
    """Of the files."""
    labels: tuple[int, ...]
    """Class number of each."""
    class_names: tuple[str, ...]
    """Name of each class number."""


def find_files(path: Path) -> Files:
    """List a training set.

    Args:
        path: a folder or a zip of class folders with JPEG or PNG files; or a CSV with the columns `file` and `class`,
            whose files are named from the CSV's own folder.

    Raises:
        DataError: none of these, nothing in it, a damaged zip, or a CSV that lists a file twice or one that is not
            there.
    """
    path = Path(path)
    if path.is_dir():
        return Files(path, _by_folder([p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()], path))
    if path.suffix.lower() == ".csv" and path.is_file():
        return Files(path.parent, _by_table(path))
    if zipfile.is_zipfile(path):
        return Files(path, _by_folder(_listed(path), path))
    raise DataError(f"Training needs a zip or a folder of class folders, or a CSV; {path} is neither. Check the path.")


def select(files: Files, classes: Sequence[str] | None, hold_out: int, held_out: bool) -> Selection:
    """Choose classes, and the part to train on or the part held out.

    Args:
        files: all files.
        classes: names of the classes to take, in the order of their numbers; None for all, sorted by name.
        hold_out: n to hold out every n-th picture of each class, starting with the first; 0 for none.
        held_out: True for the held-out pictures themselves, False for the others.

    Raises:
        DataError: a class that is not there, or has no picture left.
    """
    if hold_out < 0 or hold_out == 1:
        raise DataError(f"Hold out every second picture or fewer (2 or more), or none (0); got {hold_out}.")
    class_names = _choose(files, classes)
    chosen = [
        (name, number)
        for number, class_name in enumerate(class_names)
        for index, name in enumerate(files.classes[class_name])
        if (bool(hold_out) and index % hold_out == 0) == held_out
    ]
    _refuse_empty(class_names, {number for _, number in chosen}, hold_out, held_out)
    return Selection(tuple(name for name, _ in chosen), tuple(number for _, number in chosen), class_names)


def _listed(path: Path) -> list[str]:
    """Names of what is in a zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:  # all that damage comes to
        raise DataError(
            f"The list of files in a zip must be whole; that of {path} is damaged ({error}). Copy or download it "
            "again, or give the folder that it was made from."
        ) from error


def _by_folder(names: list[str], path: Path) -> dict[str, list[str]]:
    """Class name -> its files in order of names."""
    folders: dict[str, list[str]] = {}
    for name in sorted(set(names)):  # an archive that was added to may hold a name twice; the last one is read
        pure = PurePosixPath(name)
        hidden = any(part.startswith((".", "__MACOSX")) for part in pure.parts)
        if pure.suffix.lower() in SUFFIXES and len(pure.parts) > 1 and not hidden:
            folders.setdefault(pure.parent.name, []).append(name)
    if not folders:
        raise DataError(
            f"Training needs JPEG or PNG files in one folder for each class; {path} has no class folder with any."
            " Put the pictures of each class into a folder named after it; one folder will do."
        )
    return folders


def _by_table(path: Path) -> dict[str, list[str]]:
    """Class name -> its files in order of names, from a CSV."""
    classes: dict[str, list[str]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if missing := set(COLUMNS) - set(rows.fieldnames or ()):
                raise DataError(f"The first line of {path} must name the columns file,class; it lacks {min(missing)}.")
            for row in rows:
                classes.setdefault((row["class"] or "").strip(), []).append((row["file"] or "").strip())
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} must be a CSV in UTF-8 with the columns file,class: {error}.") from error
    if not classes or "" in classes or any("" in names for names in classes.values()):
        raise DataError(f"Every line of {path} must have a file and a class, and there must be one; some have not.")
    listed = [name for names in classes.values() for name in names]
    _refuse_repeated(listed, path)
    _refuse_missing(listed, path)
    return {name: sorted(files) for name, files in classes.items()}


def _refuse_repeated(listed: list[str], path: Path) -> None:
    """A picture listed twice could be trained on and held out, or have two classes."""
    places = [os.path.normcase(os.path.normpath(path.parent / name)) for name in listed]
    counts = Counter(places)
    repeated = {place: name for place, name in zip(places, listed, strict=True) if counts[place] > 1}
    if repeated:
        raise DataError(
            f"{path} must list each file once, under one class; {len(repeated)} are listed more often: "
            f"{_few(list(repeated.values()))}. Remove the lines that repeat them."
        )


def _refuse_missing(listed: list[str], path: Path) -> None:
    """A list that does not match its folder is refused, not skipped over as a damaged picture is.

    The list is the user's own word, and a wrong folder or a misspelt name is mended in a minute; unnoticed, it would
    train on a part of the set.
    """
    missing = [name for name in listed if not os.path.isfile(path.parent / name)]
    if missing:
        raise DataError(
            f"Every file that {path} lists must be there, named from the folder of the CSV; of {len(listed)} "
            f"{len(missing)} are not: {_few(missing)}. Correct the names, or remove these lines."
        )


def _few(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _choose(files: Files, classes: Sequence[str] | None) -> tuple[str, ...]:
    missing = [name for name in classes or () if name not in files.classes]
    if missing:
        raise DataError(f"{files.path} has no class {', '.join(missing)}. It has: {', '.join(sorted(files.classes))}.")
    if classes is not None and len(set(classes)) < max(1, len(classes)):
        raise DataError(f"Name one or more classes, each once; got {', '.join(classes) or 'none'}.")
    return tuple(classes or sorted(files.classes))


def _refuse_empty(class_names: tuple[str, ...], found: set[int], hold_out: int, held_out: bool) -> None:
    empty = [name for number, name in enumerate(class_names) if number not in found]
    if empty and not (held_out and not hold_out):
        raise DataError(
            f"Every class needs a picture {'among' if held_out else 'beside'} those held out (every {hold_out}th); "
            f"none is left of {', '.join(empty)}. Add pictures, or hold out none (0)."
        )
