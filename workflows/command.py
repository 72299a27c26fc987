"""`neural-collage run`: a saved workflow, values for its inputs, folders."""

import argparse
import sys
from collections.abc import Sequence

from .overrides import read_assignments
from .run import run

__all__ = ["main"]


def main(arguments: Sequence[str]) -> None:
    """Run `neural-collage run` with these arguments; prints the files that were saved, one a line.

    Raises NeuralCollageError if the workflow cannot be run.
    """
    options = _parser().parse_args(arguments)
    overrides = read_assignments(options.set)
    results = run(options.workflow, overrides, options.input, options.output, options.previews)
    for file in results.files:
        print(file)
    if not results.files:
        print("Nothing was saved: this workflow only previews. --previews DIR writes what it shows.", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="neural-collage run", description="Run a saved workflow without ComfyUI.")
    parser.add_argument("workflow", help="saved by ComfyUI (.json, either format), or a PNG that carries a workflow")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar='"NODE.INPUT=VALUE"',
        help='set an input, for instance "Load Image.image=photo.jpg"; the node by title, type or id; repeatable',
    )
    parser.add_argument("--input", metavar="DIR", help="where pictures are looked for first (input, if it exists)")
    parser.add_argument("--output", metavar="DIR", default="output", help="where pictures are saved (%(default)s)")
    parser.add_argument("--previews", metavar="DIR", help="also write what the preview nodes show, to DIR")
    return parser
