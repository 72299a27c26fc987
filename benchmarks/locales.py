"""What the nodes say in the languages of ComfyUI's page: writes `locales/en`, and says what the other languages lack.

English is what the nodes declare; the others are written by hand, with the same keys. ComfyUI reads `nodeDefs.json` and
`main.json` of each language (its `app/custom_node_manager.py`) and lays the page's language over the declarations.

The page looks for help in its language first (`web/docs/<node>/en.md`), and complains in the console when it has
to take `web/docs/<node>.md`; so the English help lies there once more.

python benchmarks/locales.py            writes locales/en and these pages, and says which texts became others
python benchmarks/locales.py --check    writes nothing, and says what differs or is lacking in any language
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import neural_collage
from neural_collage.nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

FOLDER = Path(neural_collage.__file__).parent / "locales"
DOCS = Path(neural_collage.__file__).parent / "web" / "docs"
LANGUAGES = ("ja", "zh")
"""Those that are translated by hand."""
CODE = re.compile(r"`[^`]+`|(?<![\w.])\d+(?:\.\d+)?")
"""What no translation may lose: words marked as code, and numbers."""
SYNTAX = re.compile(r"[{}@|]")
"""Signs that mean something to vue-i18n, which the page reads its texts with: a text that holds one is not shown."""

Texts = dict[str, Any]


def main() -> int:
    """Run the command line. Returns the exit status: 1 if --check found something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if a language differs or lacks")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the languages lie (%(default)s)")
    options = parser.parse_args()
    found = [f"en: {told}" for told in differing(options.folder)]
    found += [f"{page} is not as {source.name}" for page, source in pages().items() if not _same(page, source)]
    if not options.check:
        for page, source in pages().items():
            page.parent.mkdir(exist_ok=True)
            page.write_bytes(source.read_bytes())
        for name, texts in english().items():
            _write(options.folder / "en" / name, texts)
        print(*found, "Say the same in the other languages." if found else "All as before.", sep="\n")
        return 0
    found += [f"{language}: {told}" for language in LANGUAGES for told in lacking(options.folder / language)]
    print("\n".join(found) or "All languages say what the nodes do.")
    return int(bool(found))


def english() -> dict[str, Texts]:
    """What `locales/en` holds, file by file."""
    parts = sorted({part for cls in NODE_CLASS_MAPPINGS.values() for part in cls.CATEGORY.split("/")})
    nodes = {name: _node(NODE_DISPLAY_NAME_MAPPINGS[name], cls) for name, cls in NODE_CLASS_MAPPINGS.items()}
    return {"main.json": {"nodeCategories": {part: part for part in parts}}, "nodeDefs.json": nodes}


def pages() -> dict[Path, Path]:
    """Where each help page lies once more, and the page."""
    return {DOCS / source.stem / "en.md": source for source in sorted(DOCS.glob("*.md"))}


def _same(page: Path, source: Path) -> bool:
    return page.is_file() and page.read_bytes() == source.read_bytes()


def differing(folder: Path = FOLDER) -> list[str]:
    """The texts of `locales/en` that are not what the nodes declare."""
    return [told for name, texts in english().items() for told in _unlike(texts, _read(folder / "en" / name))]


def lacking(folder: Path) -> list[str]:
    """What is wrong with a translation, a line each: keys that differ, and texts that are not one of the English."""
    found = []
    for name, texts in english().items():
        wanted, there = dict(flat(texts)), dict(flat(_read(folder / name)))
        found += [f"{key} is lacking" for key in wanted.keys() - there.keys()]
        found += [f"{key} is no text of a node" for key in there.keys() - wanted.keys()]
        pairs = ((key, wanted[key], there[key]) for key in wanted.keys() & there.keys())
        found += [f"{key}: {told}" for key, old, new in pairs for told in _faults(old, new)]
    return sorted(found)


def flat(texts: Texts, before: str = "") -> Iterator[tuple[str, str]]:
    """Every text under its keys joined by dots, as vue-i18n asks for it."""
    for key, value in texts.items():
        if isinstance(value, dict):
            yield from flat(value, f"{before}{key}.")
        else:
            yield before + key, value


def _node(title: str, cls: Any) -> Texts:
    declared = cls.INPUT_TYPES()
    inputs = declared.get("required", {}) | declared.get("optional", {})
    outputs = zip(cls.RETURN_NAMES, cls.OUTPUT_TOOLTIPS, strict=True)
    return {
        "display_name": title,
        "description": cls.DESCRIPTION,
        "inputs": {name: {"name": name, "tooltip": options["tooltip"]} for name, (_, options) in inputs.items()},
        "outputs": {str(slot): {"name": name, "tooltip": told} for slot, (name, told) in enumerate(outputs)},
    }


def _faults(english: str, text: str) -> Iterator[str]:
    """What is wrong with a text as a translation of the English one."""
    if not text.strip():
        yield "is empty"
    elif text == english and english.count(" ") > 2:
        yield "is not translated"
    lost = [word for word in CODE.findall(english) if text.count(word) < english.count(word)]
    if lost:
        yield f"has lost {', '.join(lost)}"
    if SYNTAX.search(text):
        yield "holds one of the signs {}@|, which the page would not show"


def _unlike(texts: Texts, there: Texts) -> list[str]:
    wanted, found = dict(flat(texts)), dict(flat(there))
    return sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))


def _read(path: Path) -> Texts:
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _write(path: Path, texts: Texts) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(json.dumps(texts, ensure_ascii=False, indent=2) + "\n", "utf-8")
    os.replace(partial, path)


if __name__ == "__main__":
    raise SystemExit(main())
