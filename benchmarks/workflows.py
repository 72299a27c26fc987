"""The worked workflows: writes `workflows/*.json`, the pictures they load, and their thumbnails.

Those in `workflows/families/` are for models that users bring, and have no thumbnail.

python benchmarks/workflows.py                              writes the .json files
python benchmarks/workflows.py --check                      says which differ from what would be written
python benchmarks/workflows.py --thumbnails [--model FILE]  also the pictures and thumbnails: runs them all
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from neural_collage import workflows
from page import text
from pieces import STARTER
from thumbnails import draw_pictures, draw_thumbnail
from worked import WORKFLOWS
from worked_families import FAMILIES

FOLDER = Path(workflows.__file__).parent


def main() -> int:
    """Run the command line. Returns the exit status: 1 if --check found a difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if a file differs")
    parser.add_argument("--thumbnails", action="store_true", help="draw the pictures, run every workflow")
    parser.add_argument("--model", type=Path, help=f"the model to run with (models/{STARTER})")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files lie (%(default)s)")
    parser.add_argument("--only", metavar="NAME", help="the thumbnail of this workflow alone")
    options = parser.parse_args()
    texts = {options.folder / f"{draw.__name__}.json": text(draw) for draw in WORKFLOWS}
    families = {options.folder / "families" / f"{draw.__name__}.json": text(draw) for draw in FAMILIES}
    if options.check:
        return _differing(texts | families)
    for path, new in (texts | families).items():
        path.parent.mkdir(exist_ok=True)
        _write(path, new)
    if options.thumbnails:
        model = options.model or FOLDER.parent / "models" / STARTER
        draw_pictures(options.folder, model)
        for path in texts:
            if options.only in (None, path.stem):
                draw_thumbnail(path, model)
    return 0


def _differing(texts: dict[Path, str]) -> int:
    differing = [path for path, new in texts.items() if not path.is_file() or path.read_text("utf-8") != new]
    for path in differing:
        print(f"{path} is not what benchmarks/workflows.py writes")
    return int(bool(differing))


def _write(path: Path, new: str) -> None:
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(new, "utf-8")
    os.replace(partial, path)


if __name__ == "__main__":
    raise SystemExit(main())
