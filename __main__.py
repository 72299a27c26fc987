"""The command line: `neural-collage COMMAND ...`, or `python -m neural_collage COMMAND ...`.

A command is one entry of COMMANDS. What it needs is imported when it runs, so that no command waits for another's.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["COMMANDS", "Command", "main"]


@dataclass(frozen=True)
class Command:
    """A sub-command: one line of help, what adds its arguments, what runs it."""

    summary: str
    arguments: Callable[[argparse.ArgumentParser], None]
    execute: Callable[[argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit status: 0, or 1 after an error of this package, printed without a traceback."""
    options = _parser().parse_args(arguments)
    from .engine import NeuralCollageError

    try:
        options.execute(options)
    except NeuralCollageError as error:
        print(f"neural-collage {options.command}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="neural-collage", description="Edit pictures through the inside of a GAN.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        own = commands.add_parser(name, help=command.summary, description=command.summary)
        command.arguments(own)
        own.set_defaults(execute=command.execute)
    return parser


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "workflow", help="a workflow saved by ComfyUI (.json, either format), or a PNG that carries one"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar='"NODE.INPUT=VALUE"',
        help='set an input, for instance "Load Image.image=photo.jpg"; the node by title, type or id; repeatable',
    )
    parser.add_argument(
        "--input", metavar="DIR", help="where pictures are looked for first (default: input, if it exists)"
    )
    parser.add_argument("--output", metavar="DIR", default="output", help="where pictures are saved (default: output)")
    parser.add_argument("--previews", metavar="DIR", help="also write what the preview nodes show, to DIR")


def _run(options: argparse.Namespace) -> None:
    from .workflows.overrides import read_assignments
    from .workflows.run import run

    overrides = read_assignments(options.set)
    results = run(options.workflow, overrides, options.input, options.output, options.previews)
    for file in results.files:
        print(file)
    if not results.files:
        print("Nothing was saved: this workflow only previews. --previews DIR writes what it shows.", file=sys.stderr)


def _convert_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("generator", help="the generator's file: the authors' .npz, or a .safetensors of our own")
    for part in ("discriminator", "encoder", "auxiliary"):
        parser.add_argument(f"--{part}", metavar="FILE", help=f"the {part}'s file, where the first does not hold it")
    parser.add_argument("--class-names", metavar="FILE", help="text file with the name of one class on each line")
    parser.add_argument("--licence", metavar="TEXT", help="what may be done with the weights; goes into the header")
    parser.add_argument("--provenance", metavar="TEXT", help="where the weights come from; goes into the header")
    parser.add_argument("--half", action="store_true", help="store matrices as 16-bit floats: half the size")
    parser.add_argument("--output", metavar="FILE", required=True, help="where to write the .safetensors")


def _convert(options: argparse.Namespace) -> None:
    from .engine.checkpoints.command import convert

    convert(options)


COMMANDS = {
    "run": Command("run a saved workflow without ComfyUI", _run_arguments, _run),
    "convert": Command("turn the authors' .npz files into one .safetensors", _convert_arguments, _convert),
}


if __name__ == "__main__":
    raise SystemExit(main())
