"""Opens every file of a folder, each in a process of its own that may do nothing else, and tells what came of it.

    python hostile_child.py FOLDER

Each file is read in a fork of this process: at most 1 GB of address space more than it has, at most 10 seconds of the
processor, and an audit hook that notes whatever Python is asked to do besides opening that one file for reading. Prints
a JSON object: for each file "refused: <message>" or "read, " and what came of it as a model, "loaded", "refused:
<message>"; or what went wrong.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import torch
from neural_collage.engine import CheckpointError, load, peek
from neural_collage.engine.checkpoints.contents import open_contents

MEMORY = 2**30
SECONDS = 10
HARMLESS = {"builtins.id", "object.__getattr__", "object.__setattr__", "object.__delattr__", "os.fspath"}

watched: dict[str, Any] = {"path": None, "events": []}


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    path = watched["path"]
    if path is None or event in HARMLESS:
        return
    if (
        event == "open"
        and str(arguments[0]) == path
        and "r" in (arguments[1] or "r")
        and not arguments[2] & os.O_ACCMODE
    ):
        return
    watched["events"].append(f"{event} {arguments!r:.200}")


def attempt(path: Path) -> str:
    """Open a file and read all of its tensors; then, whatever they are, take it for a model's."""
    try:
        contents = open_contents(path)
        contents.tensors(set(contents.shapes))
    except CheckpointError as error:
        return f"refused: {error}"
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is what the test is about
        return f"raised {type(error).__name__}: {error} {traceback.format_exc()[-600:]}"
    return f"read, {as_model(path)}"


def as_model(path: Path) -> str:
    """What comes of a file whose tensors could be read."""
    try:
        peek(path)
        load(path)
    except CheckpointError as error:
        return f"refused: {error}"
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is what the test is about
        return f"raised {type(error).__name__}: {error} {traceback.format_exc()[-600:]}"
    return "loaded"


def child(path: Path, pipe: int) -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)  # of the processor: the machine may be busy
    signal.alarm(6 * SECONDS)
    watched.update(path=str(path), events=[])
    outcome = attempt(path)
    watched["path"] = None
    if watched["events"]:
        outcome = f"did {watched['events'][:4]} and {outcome}"
    os.write(pipe, outcome[:4000].encode("ascii", "backslashreplace"))


def apart(path: Path) -> str:
    """What comes of a file, in a process of its own."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            child(path, writer)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        outcome = pipe.read().decode("ascii")
    _, status = os.waitpid(process, 0)
    return outcome or f"died of {status}"


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    b"name".decode("cp437")  # how names in zip archives are written, if not in UTF-8
    files = sorted(folder.iterdir())
    for path in files:
        if path.name.startswith("sound"):  # what is imported on first use is imported here
            attempt(path)
    gc.freeze()  # what is here stays shared with the forks
    sys.addaudithook(hook)
    json.dump({path.name: apart(path) for path in files}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
