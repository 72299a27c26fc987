"""The names in the authors' Chainer files, and ours: one visible table for each way in which the original names a part.

Source: the original repository, pfnet-research/neural-collage, `gen_models`, `dis_models` and `enc_models`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

__all__ = ["DEAD_KEYS", "LAYOUTS", "OPTIONAL", "Layout"]

DEAD_KEYS = {
    # part: pattern of the names that may be in its file and that nothing uses
    "generator": r"(block\d+/b[12]|b\d+)/N",  # count of batch norm's updates
    "discriminator": r"(?!)",  # none
    "encoder": r"block\d+/b[12]/N|b\d+/(N|gamma|beta|avg_mean|avg_var)",  # `b7` is made and saved but never called
    "auxiliary": r"(block\d+/b[12]|b\d+)/N",
}
OPTIONAL = {"_fast_alpha/W"}
"""In the file only where the step sizes were declared as learned."""

PLAIN = {"W": "weight", "b": "bias"}
SPECTRAL = {"W": "weight", "b": "bias", "u": "u"}
EMBEDDING = {"W": "weight", "u": "u"}
SLOPE = {"W": "weight"}
LAST_NORM = {"gamma": "weight", "beta": "bias", "avg_mean": "running_mean", "avg_var": "running_var"}
CLASS_NORM = {"gammas/W": "gammas", "betas/W": "betas", "avg_mean": "mean", "avg_var": "var"}
CLASSLESS_NORM = {"gamma": "gammas", "beta": "betas", "avg_mean": "mean", "avg_var": "var"}  # become tables of one row

Names = dict[str, tuple[str, str]]
"""Name in the file -> (part, canonical name)."""


@dataclass(frozen=True)
class Layout:
    """One way in which the original code names a part."""

    title: str
    """For messages."""
    part: str
    """Which part it is."""
    names: Callable[[int], Names]
    """All its names, given the number of the last block (blocks are numbered up to it)."""


def _module(part: str, foreign: str, canonical: str, leaves: dict[str, str]) -> Names:
    return {f"{foreign}/{theirs}": (part, f"{canonical}.{ours}") for theirs, ours in leaves.items()}


def _block(part: str, foreign: str, canonical: str, norm: dict[str, str]) -> Names:
    """A residual block with norms, of a generator or an encoder."""
    names: Names = {}
    for theirs, ours in {"c1": "conv1", "c2": "conv2", "c_sc": "side"}.items():
        names |= _module(part, f"{foreign}/{theirs}", f"{canonical}.{ours}", PLAIN)
    for theirs, ours in {"b1": "norm1", "b2": "norm2"}.items():
        names |= _module(part, f"{foreign}/{theirs}", f"{canonical}.{ours}", norm)
    return names


def generator_names(last: int, norm: dict[str, str]) -> Names:
    """l1, block2 ... block<last>, b<last + 1>, l<last + 1>."""
    names = _module("generator", "l1", "first", PLAIN)
    for number in range(2, last + 1):
        names |= _block("generator", f"block{number}", f"layers.{number - 2}", norm)
    names |= _module("generator", f"b{last + 1}", "last_norm", LAST_NORM)
    return names | _module("generator", f"l{last + 1}", "last_conv", PLAIN)


def auxiliary_names(last: int, norm: dict[str, str]) -> Names:
    """The generator, and A and B beside it."""
    names = generator_names(last, norm)
    for theirs, ours in {"lA1": "a1", "lA2": "a2", "lB1": "b1", "lB2": "b2"}.items():
        names |= _module("auxiliary", theirs, ours, PLAIN)
    for theirs, ours in {"preluMiddleW": "a_prelu", "preluW": "b_prelu"}.items():
        names |= _module("auxiliary", theirs, ours, SLOPE)
    return names | {"_fast_alpha/W": ("auxiliary", "rates")}


def discriminator_names(last: int, *, flat: bool, classes: bool) -> Names:
    """block1 ... block<last>, l<last + 1>, l_y. A flat last block has no convolution on its side path."""
    names: Names = {}
    for number in range(1, last + 1):
        convolutions = {"c1": "conv1", "c2": "conv2"} | ({} if flat and number == last else {"c_sc": "side"})
        for theirs, ours in convolutions.items():
            names |= _module("discriminator", f"block{number}/{theirs}", f"blocks.{number - 1}.{ours}", SPECTRAL)
    names |= _module("discriminator", f"l{last + 1}", "linear", SPECTRAL)
    return names | (_module("discriminator", "l_y", "embed", EMBEDDING) if classes else {})


def encoder_names(last: int, norm: dict[str, str], *, first: str, linear: str) -> Names:
    """A convolution, block2 ... block<last>, a linear layer, its slopes."""
    names = _module("encoder", first, "first", PLAIN)
    for number in range(2, last + 1):
        names |= _block("encoder", f"block{number}", f"blocks.{number - 2}", norm)
    names |= _module("encoder", linear.format(last + 1), "last", PLAIN)
    return names | _module("encoder", "prelu_out", "prelu", SLOPE)


def _layouts() -> tuple[Layout, ...]:
    layouts: list[Layout] = []
    for norm, kind in ((CLASS_NORM, ""), (CLASSLESS_NORM, " without classes")):
        layouts += [
            Layout(f"generator{kind}", "generator", partial(generator_names, norm=norm)),
            Layout(f"auxiliary generator{kind}", "auxiliary", partial(auxiliary_names, norm=norm)),
            Layout(f"encoder{kind}", "encoder", partial(encoder_names, norm=norm, first="l1", linear="l{}")),
            # The encoder for 256 px calls its first convolution a block, and its linear layer l8_enc.
            Layout(
                f"256-px encoder{kind}", "encoder", partial(encoder_names, norm=norm, first="block1", linear="l{}_enc")
            ),
        ]
    for classes, kind in ((True, ""), (False, " without classes")):
        for flat, end in ((True, ""), (False, ", all blocks shrinking")):
            names = partial(discriminator_names, flat=flat, classes=classes)
            layouts.append(Layout(f"discriminator{kind}{end}", "discriminator", names))
    return tuple(layouts)


LAYOUTS = _layouts()
"""Every known way, in the order of preference where two fit equally well."""
