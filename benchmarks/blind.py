"""A page for a blind comparison: pairs of pictures from two folders, side by side, and one question about them.

    python benchmarks/blind.py FOLDER_A FOLDER_B --question "Which picture looks more natural?" --out page.html

The page is one file that holds the pictures and needs no network and no server: send it to whoever will judge, and ask
for the votes that it saves. Which side a folder is on and the order of the pairs are drawn at random; neither folder is
named before the results. Make one page for each judge, each with another --seed: of one page, all judges see one order
and the same sides, and what these favour would not average out; the votes say the seed. Votes stay in the browser that
they were given in until the page is started over.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from neural_collage.engine import InputError
from PIL import Image, UnidentifiedImageError

TEMPLATE = Path(__file__).with_suffix(".html")
KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif"}
"""Pictures that every browser shows."""

Pair = tuple[Path, Path]
"""A picture of folder A and one of folder B."""


def pairs(folder_a: Path, folder_b: Path) -> list[Pair]:
    """The pictures of two folders, two and two: by file name, or in order of names where no name is in both.

    Raises:
        InputError: a folder that is none or has no picture, one folder twice, or pictures that are left over.
    """
    if folder_a.resolve() == folder_b.resolve():
        raise InputError(f"Two folders are needed to compare; {folder_a} was given twice. Name another one.")
    of_a, of_b = _pictures(folder_a), _pictures(folder_b)
    common = of_a.keys() & of_b.keys()
    if common and (alone := sorted(of_a.keys() ^ of_b.keys())):
        raise InputError(
            f"Pictures of both folders must have the same names, or none in common; {len(alone)} are in one folder "
            f"alone: {', '.join(alone[:5])}. Remove them, or add what they are to be compared with."
        )
    if len(of_a) != len(of_b):
        raise InputError(
            f"Folders without common names are paired in order and need as many pictures each; {folder_a} has "
            f"{len(of_a)}, {folder_b} has {len(of_b)}. Remove some, or name them alike."
        )
    return list(zip(of_a.values(), of_b.values(), strict=True))  # both in order of names


def _pictures(folder: Path) -> dict[str, Path]:
    """File name -> path, in order of names."""
    if not folder.is_dir():
        raise InputError(f"A folder of pictures is needed; {folder} is none. Check the path.")
    found = {path.name: path for path in sorted(folder.iterdir()) if path.suffix.lower() in KINDS}
    if not found:
        raise InputError(f"A folder of pictures ({', '.join(KINDS)}) is needed; {folder} has none.")
    return found


def page(chosen: Sequence[Pair], names: tuple[str, str], question: str, seed: int = 0) -> str:
    """The page as HTML.

    Args:
        chosen: pairs of pictures, of A and of B; they are shuffled, and half of them, up to one, have A on the left.
        names: of A and B, as results and votes call them.
        question: what is asked of every pair.
        seed: same seed, same order and sides.

    Raises:
        InputError: no pairs, no question, one name for both, or a file that is no picture.
    """
    if not chosen or not question.strip() or names[0] == names[1]:
        raise InputError(
            f"A page needs pairs, a question and two names; got {len(chosen)} pairs, the question {question!r} and the "
            f"names {names[0]!r} and {names[1]!r}."
        )
    dice = random.Random(seed)
    sides = ["a" if number % 2 else "b" for number in range(len(chosen))]
    dice.shuffle(sides)
    shown = [
        {"name": a.name if a.name == b.name else f"{a.name} | {b.name}", "left": side, "pictures": _both(a, b)}
        for (a, b), side in zip(dice.sample(chosen, len(chosen)), sides, strict=True)
    ]
    content = {"question": question, "names": dict(zip("ab", names, strict=True)), "seed": seed, "pairs": shown}
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]  # votes belong to this very content
    data = json.dumps({**content, "key": key}).replace("<", "\\u003c")  # no name or question can end the script
    return TEMPLATE.read_text(encoding="utf-8").replace("{{DATA}}", data)


def _both(a: Path, b: Path) -> dict[str, str]:
    return {"a": _embedded(a), "b": _embedded(b)}


def _embedded(path: Path) -> str:
    """A picture's bytes as an address that a browser shows without a network."""
    try:
        with Image.open(path) as opened:
            opened.verify()
    except (UnidentifiedImageError, OSError, SyntaxError) as error:  # a broken PNG is a SyntaxError to PIL
        raise InputError(f"Every file must be a picture; {path} cannot be read: {error}. Remove or mend it.") from error
    return f"data:{KINDS[path.suffix.lower()]};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _names(folder_a: Path, folder_b: Path) -> tuple[str, str]:
    """What the folders are called: by their own names, or by their whole paths where these are one."""
    own = folder_a.resolve().name, folder_b.resolve().name
    return own if own[0] != own[1] else (str(folder_a), str(folder_b))


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder_a", type=Path, help="the results give the share of votes for this one")
    parser.add_argument("folder_b", type=Path)
    parser.add_argument("--question", default="Which picture looks more natural?")
    parser.add_argument("--out", type=Path, default=Path("output/blind.html"), help="the page")
    parser.add_argument("--seed", type=int, default=0, help="of the order and of the sides; another for each judge")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; returns the process's exit status."""
    args = arguments().parse_args(argv)
    try:
        chosen = pairs(args.folder_a, args.folder_b)
        text = page(chosen, _names(args.folder_a, args.folder_b), args.question, args.seed)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    args.out.parent.mkdir(parents=True, exist_ok=True)
    temporary = args.out.with_name(args.out.name + ".part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, args.out)
    print(f"{args.out}: {len(chosen)} pairs, {len(text) / 2**20:.1f} MiB. Open it in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
