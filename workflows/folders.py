"""Where a workflow may read pictures and where it may write them.

A workflow file comes from a stranger. What it names is looked for in a few folders and cannot leave them; it writes
below the output folder alone. A path that the user typed is another matter: it is the user's own word.
"""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from ..engine import WorkflowError

__all__ = ["Folders"]

# What ComfyUI's page replaces before it sends a workflow: %date:yyyy-MM-dd%, %Node title.widget%.
_FILLED_BY_PAGE = re.compile(r"%[^%/]*[:.][^%/]*%")


@dataclass(frozen=True)
class Folders:
    """`search`: folders to read from, in order. `trusted`: names typed by the user, which may be any path.

    `previews` is None if previews are not to be written.
    """

    search: tuple[Path, ...]
    output: Path
    previews: Path | None = None
    trusted: frozenset[str] = frozenset()

    def find(self, name: str) -> Path:
        """The file that a workflow calls `name`; an ending ` [input]` or ` [output]` chooses the folder, as in ComfyUI.

        Raises WorkflowError if there is none, or if it lies outside the folders and the user did not type it.
        """
        plain, folders = self._annotated(name)
        inside = [path for folder in folders if (path := _below(folder, plain)) is not None]
        typed = [Path(os.path.expanduser(name))] if name in self.trusted else []
        for path in inside + typed:
            if os.path.isfile(path):  # False too for a name that no file can have
                return path
        listed = ", ".join(map(str, folders))
        if not inside and not typed:
            raise WorkflowError(
                f"A workflow file may name pictures in its input folders only ({listed}), got {name!r}. If you trust "
                'it, give the path yourself: --set "Load Image.image=PATH".'
            )
        raise WorkflowError(
            f"There is no file {name!r} in {listed}. Put it there, or give another: --set "
            '"Load Image.image=photo.jpg", --input FOLDER.'
        )

    def target(self, folder: Path, prefix: str, width: int, height: int) -> tuple[Path, int]:
        """Where pictures called `prefix` go: the path without its counter, and the next free counter.

        `prefix` may have sub-folders and `%width%`, `%year%` and the like. The folder is made. Raises WorkflowError for
        a prefix that is empty, leaves `folder`, or has a placeholder that only ComfyUI's page can fill.
        """
        if _FILLED_BY_PAGE.search(prefix):
            raise WorkflowError(
                f"filename_prefix {prefix!r} has a placeholder that only ComfyUI's page fills in. Write it out, or "
                "use %year%, %month%, %day%, %hour%, %minute%, %second%, %width%, %height%."
            )
        path = _below(folder, _filled(prefix, width, height))
        if path is None or path == Path(os.path.abspath(folder)):
            raise WorkflowError(
                f"filename_prefix must name a file below the output folder ({folder}), got {prefix!r}. Use a relative "
                "name without '..'."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        name = re.escape(path.name).replace("%batch_num%", r"\d+")
        taken = (re.fullmatch(name + r"_(\d+)_\..*", entry.name) for entry in path.parent.iterdir())
        return path, max((int(match[1]) for match in taken if match), default=0) + 1

    def _annotated(self, name: str) -> tuple[str, tuple[Path, ...]]:
        for ending, folders in ((" [input]", self.search), (" [output]", (self.output,))):
            if name.endswith(ending):
                return name.removesuffix(ending), folders
        return name, self.search


def _below(folder: Path, name: str) -> Path | None:
    """`folder/name` if that lies below the folder by its spelling. Links that the user laid in the folder are kept."""
    base, path = os.path.abspath(folder), os.path.abspath(os.path.join(folder, name))
    return Path(path) if Path(path).is_relative_to(base) and "\0" not in name else None


def _filled(prefix: str, width: int, height: int) -> str:
    now = time.localtime()
    values = {"width": str(width), "height": str(height), "year": str(now.tm_year)}
    values |= {"month": f"{now.tm_mon:02}", "day": f"{now.tm_mday:02}", "hour": f"{now.tm_hour:02}"}
    values |= {"minute": f"{now.tm_min:02}", "second": f"{now.tm_sec:02}"}
    for name, value in values.items():
        prefix = prefix.replace(f"%{name}%", value)
    return prefix
