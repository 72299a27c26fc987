"""The command line: `neural-collage COMMAND ...`, or `python -m neural_collage COMMAND ...`.

A command is one entry of COMMANDS: a line of help, and a function that reads the arguments after its name. What it
needs is imported when it runs, so that no command waits for another's.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["COMMANDS", "Command", "main"]


@dataclass(frozen=True)
class Command:
    """A sub-command: one line of help, and what runs it with the arguments that follow its name."""

    summary: str
    run: Callable[[Sequence[str]], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit status.

    0; 1 after an error of this package; 130 after Ctrl-C (128 + SIGINT, as shells count) and after a training that was
    stopped, however it was. Each is told in one line.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    name = _parser().parse_args(arguments[:1]).command
    from .engine import NeuralCollageError

    try:
        COMMANDS[name].run(arguments[1:])
    except NeuralCollageError as error:
        print(f"neural-collage {name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"neural-collage {name}: stopped.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:9} {command.summary}" for name, command in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="neural-collage",
        description=f"Edit pictures through the inside of a GAN.\n\ncommands:\n{listed}",
        epilog="neural-collage COMMAND --help tells more of one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    return parser


def _run(arguments: Sequence[str]) -> None:
    from .workflows.command import main

    main(arguments)


def _train(arguments: Sequence[str]) -> None:
    from .engine.training.command import main

    main(arguments)


def _convert(arguments: Sequence[str]) -> None:
    from .engine.checkpoints.command import main

    main(arguments)


COMMANDS = {
    "run": Command("run a saved workflow without ComfyUI", _run),
    "train": Command("train a generator, an encoder or an auxiliary pair", _train),
    "convert": Command("turn weights files of others into one .safetensors file", _convert),
}


if __name__ == "__main__":
    raise SystemExit(main())
