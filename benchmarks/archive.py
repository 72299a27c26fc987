"""The archive that ComfyUI's registry would publish, and what its scanners and reviewers would see in it.

python benchmarks/archive.py                 lists what would be seen, the sizes, and the largest files
python benchmarks/archive.py --output F.zip  also writes the archive

Published is what git tracks, less what `.comfyignore` names (patterns as in .gitignore).
Status 1 if the code does something that a scanner looks for; words in comments and messages are only listed.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import neural_collage

ROOT = Path(neural_collage.__file__).parent
MODULES = {
    "pickle": "pickle", "_pickle": "pickle", "cPickle": "pickle", "dill": "pickle", "cloudpickle": "pickle",
    "shelve": "pickle", "marshal": "pickle", "subprocess": "process", "multiprocessing": "process", "pty": "process",
    "ctypes": "native code", "importlib": "dynamic import", "aiohttp": "web", "server": "web", "socket": "web",
    "http": "web", "urllib": "web", "requests": "web", "httpx": "web", "code": "exec", "pip": "installs",
}  # fmt: skip
"""Modules that let code out of its box, and what for."""
CALLS = {
    "eval": "eval", "exec": "exec", "compile": "exec", "__import__": "dynamic import", "os.system": "process",
    "os.popen": "process", "os.spawnl": "process", "os.startfile": "process", "torch.hub.load": "web",
}  # fmt: skip
WORDS = {
    "pickle": r"import c?[pP]ickle|\b_?pickle\.\w|Unpickler", "eval": r"(?<![\w.])eval\(", "exec": r"(?<![\w.])exec\(",
    "process": r"subprocess|os\.(system|popen)", "web": r"PromptServer|routes\.(get|post)",
    "hidden": r"[A-Za-z0-9+/=]{400,}",
}  # fmt: skip
"""What a scanner that reads text finds, comments and messages included. Hidden: a long run that may be encoded code."""
SCRIPT = {"eval": r"(?<![\w.])eval\(|new Function\(", "web": r"https?://(?!www\.w3\.org)|WebSocket\(|importScripts"}
"""The same for JavaScript."""
KINDS = {
    "": "LICENSE", ".py": "code", ".js": "code", ".css": "page", ".md": "text", ".txt": "text", ".toml": "text",
    ".json": "data", ".jpg": "picture", ".png": "picture", ".svg": "picture", ".safetensors": "weights",
}  # fmt: skip
"""Every kind of file that is meant to be there."""


class Finding(NamedTuple):
    """Something that a scanner would report."""

    path: Path
    line: int
    kind: str
    text: str


def published(root: Path = ROOT) -> list[Path]:
    """The files of the archive, relative to `root`, in order."""
    tracked = _git(root, "ls-files", "-z")
    names = [name for name in tracked.split("\0") if name and (root / name).is_file()]
    ignored = _git(
        root,
        "-c",
        "core.excludesFile=.comfyignore",
        "check-ignore",
        "--no-index",
        "--stdin",
        "-z",
        given="\0".join(names),
    )
    return sorted(Path(name) for name in set(names) - set(ignored.split("\0")))


def _git(root: Path, *arguments: str, given: str = "") -> str:
    done = subprocess.run(["git", *arguments], cwd=root, input=given, capture_output=True, text=True)
    if done.returncode not in (0, 1):  # 1: check-ignore ignores nothing
        raise SystemExit(f"git {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout


def done_by_code(path: Path, text: str) -> Iterator[Finding]:
    """What a Python or JavaScript file does that a scanner looks for."""
    if path.suffix == ".js":
        yield from _words(path, text, SCRIPT)
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            yield from (Finding(path, node.lineno, kind, ast.unparse(node)) for kind in _kinds(node))  # type: ignore[attr-defined]


def _kinds(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        modules = [node.module or ""]
    else:
        calls = [ast.unparse(node.func)] if isinstance(node, ast.Call) else []
        return [CALLS[name] for name in calls if name in CALLS]
    return [MODULES[name.split(".")[0]] for name in modules if name.split(".")[0] in MODULES]


def said_in_text(path: Path, text: str) -> Iterator[Finding]:
    """Words that a scanner of plain text would stop at, wherever they stand."""
    if path.suffix in (".py", ".js"):
        yield from _words(path, text, WORDS)


def _words(path: Path, text: str, patterns: dict[str, str]) -> Iterator[Finding]:
    for number, line in enumerate(text.splitlines(), start=1):
        yield from (
            Finding(path, number, kind, line.strip()) for kind, word in patterns.items() if re.search(word, line)
        )


def scan(root: Path, paths: list[Path]) -> tuple[list[Finding], list[Finding]]:
    """What the code does, and what is only said: findings in all files of the archive."""
    done: list[Finding] = []
    said: list[Finding] = []
    for path in paths:
        if path.suffix not in KINDS:
            done.append(Finding(path, 0, "unknown kind of file", path.suffix))
        if KINDS.get(path.suffix) == "code":
            text = (root / path).read_text(encoding="utf-8")
            done += done_by_code(path, text)
            said += said_in_text(path, text)
    return done, said


def write(root: Path, paths: list[Path], output: Path) -> None:
    """Write the archive: to another name first, so that `output` is never half an archive."""
    partial = output.with_name(f".{output.name}.part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(root / path, path.as_posix())
    os.replace(partial, output)


def main() -> int:
    """Run the command line. Returns the exit status: 1 if the code does what a scanner looks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="where to write the archive")
    options = parser.parse_args()
    paths = published()
    done, said = scan(ROOT, paths)
    for title, findings in {"done by the code": done, "only said, in comments and messages": said}.items():
        print(f"{title}: {len(findings)}")
        for found in findings:
            print(f"  {found.kind:14} {found.path}:{found.line}: {found.text[:100]}")
    sizes = sorted(((ROOT / path).stat().st_size, path) for path in paths)
    print(f"{len(paths)} files, {sum(size for size, _ in sizes) / 1e6:.1f} MB; the largest:")
    for size, path in sizes[-8:][::-1]:
        print(f"  {size / 1e6:8.2f} MB  {path}")
    if options.output:
        write(ROOT, paths, options.output)
        print(f"{options.output}: {options.output.stat().st_size / 1e6:.1f} MB packed")
    return int(bool(done))


if __name__ == "__main__":
    raise SystemExit(main())
