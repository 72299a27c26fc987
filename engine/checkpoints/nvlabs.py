"""NVIDIA's snapshots (.pkl) of StyleGAN2-ADA, StyleGAN3 and StyleGAN-XL: what they have in common.

A snapshot is a dict of networks: `G_ema`, the averaged generator, `D`, the discriminator, and others that are not used.
Each is a record of its class's name and of its attributes, among them `_parameters`, `_buffers` and `_modules`, further
records of the same kind. The source text that lies beside them is never read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..errors import CheckpointError
from .contents import Contents, some
from .records import Record, Stored
from .trees import inside, is_module

__all__ = ["Module", "check_used", "clamp", "convolution", "dense", "mapping_config", "mapping_state", "snapshot"]

GAINS = {"linear": 1.0, "lrelu": math.sqrt(2)}
"""What follows each activation, by the activation's name in the file."""

Kind = TypeVar("Kind")


@dataclass(frozen=True, eq=False)
class Module:
    """A network of a snapshot, or a part of one: plain data."""

    where: str
    """For messages: its place and its file, such as "G_ema.synthesis.b4 of ffhq.pkl"."""
    class_name: str
    """Of its class, such as "SynthesisBlock"."""
    settings: Mapping[str, Any]
    """Its attributes: numbers, texts, lists, and `_init_kwargs`, what it was made with."""
    own: Mapping[str, Stored]
    """Its parameters and buffers, not those of its parts."""
    parts: Mapping[str, Module] = field(default_factory=dict)
    """The modules in it, in their order."""

    def part(self, name: str) -> Module:
        """The module in it of that name, which may be dotted: "synthesis.b4".

        Raises:
            CheckpointError: there is none.
        """
        first, _, rest = name.partition(".")
        if first not in self.parts:
            raise self.error(f"it should hold the module {first}, and holds {some(list(self.parts)) or 'none'}")
        return self.parts[first].part(rest) if rest else self.parts[first]

    def setting(self, name: str, kind: type[Kind] | tuple[type[Kind], ...]) -> Kind:
        """An attribute, which must be of a kind.

        Raises:
            CheckpointError: it is not there, or of another kind.
        """
        value = self.settings.get(name)
        if not isinstance(value, kind):
            raise self.error(f"its {name} should be a number or text, and is {type(value).__name__}")
        return value

    def shape(self, name: str, axes: int) -> tuple[int, ...]:
        """The shape of one of its tensors, which must have that many axes; the name may be dotted: "fc0.weight".

        Raises:
            CheckpointError: no such tensor, or of another number of axes.
        """
        inner, _, leaf = name.rpartition(".")
        holder = self.part(inner) if inner else self
        if leaf not in holder.own or len(holder.own[leaf].shape) != axes:
            found = holder.own[leaf].shape if leaf in holder.own else "not there"
            raise holder.error(f"its {leaf} should be a tensor of {axes} axes, and is {found}")
        return holder.own[leaf].shape

    def tensor(self, name: str, axes: int) -> Tensor:
        """One of its own tensors, read, in float32 whatever the file has: a fresh copy.

        Raises:
            CheckpointError: as `shape`; or the file has changed.
        """
        self.shape(name, axes)
        return self.own[name].read().float()

    def stored(self, prefix: str = "") -> Iterator[tuple[str, Stored]]:
        """All tensors in it and in its parts, under dotted names that begin with `prefix`."""
        yield from ((prefix + name, tensor) for name, tensor in self.own.items())
        for name, part in self.parts.items():
            yield from part.stored(f"{prefix}{name}.")

    def error(self, what: str) -> CheckpointError:
        """The error for a module that is not what it should be; `what` goes on after a semicolon."""
        return CheckpointError(
            f"A snapshot must hold the networks of NVIDIA's own code; in {self.where}, {what}. Give a snapshot of "
            "StyleGAN2-ADA or StyleGAN3 as it was published."
        )


def snapshot(contents: Contents, entry: str) -> Module | None:
    """The network under a key of the snapshot; None where there is none.

    Raises:
        CheckpointError: it is something else than a network.
    """
    tree = contents.tree
    if not isinstance(tree, dict) or tree.get(entry) is None:
        return None
    return _module(tree[entry], f"{entry} of {contents.path.name}")


def _module(record: Any, where: str) -> Module:
    if not is_module(record):
        what = record.name if isinstance(record, Record) else type(record).__name__
        raise CheckpointError(
            f"The networks of a snapshot must be NVIDIA's persistent objects; {where} is a {what}. Give the snapshot "
            "as it was published."
        )
    found = inside(record)
    place, _, file = where.partition(" of ")
    parts = {name: _module(part, f"{place}.{name} of {file}") for name, part in found.modules.items()}
    return Module(where, found.class_name, found.settings, found.tensors, parts)


def check_used(module: Module, used: set[str], dead: Mapping[str, str]) -> None:
    """Refuse a network that holds tensors nobody reads.

    Args:
        module: the network.
        used: dotted names of the tensors that were read.
        dead: last part of a name -> why it is not needed.

    Raises:
        CheckpointError: a tensor that is neither.
    """
    names = {name for name, _ in module.stored()}
    if unknown := {name for name in names - used if name.rpartition(".")[2] not in dead}:
        raise module.error(f"these tensors are not known: {some(unknown)}")


def dense(module: Module) -> tuple[Tensor, Tensor]:
    """Weight (out, in) and bias (out,) of a FullyConnectedLayer, its run-time factors and its activation's gain
    multiplied in: a leaky ReLU lets positive factors through.

    Raises:
        CheckpointError: another activation, attributes or tensors that are not there, or that do not fit one another.
    """
    if (rows := module.shape("weight", 2)[0]) != module.shape("bias", 1)[0]:
        raise module.error(f"its weight has {rows} rows and its bias {module.shape('bias', 1)[0]} numbers")
    gain = _gain(module)
    factors = [gain * float(module.setting(f"{name}_gain", (int, float))) for name in ("weight", "bias")]
    return module.tensor("weight", 2).mul_(factors[0]), module.tensor("bias", 1).mul_(factors[1])


def convolution(module: Module) -> dict[str, Tensor]:
    """ "weight" (out, in, k, k) and, where it has one, "bias" (out,) of a Conv2dLayer, factors multiplied in likewise.

    Raises:
        CheckpointError: as `dense`.
    """
    gain = _gain(module)
    state = {"weight": module.tensor("weight", 4).mul_(gain * float(module.setting("weight_gain", (int, float))))}
    return state | ({"bias": module.tensor("bias", 1).mul_(gain)} if "bias" in module.own else {})


def _gain(module: Module) -> float:
    activation = module.setting("activation", str)
    if activation not in GAINS:
        raise module.error(f"its activation should be one of {', '.join(GAINS)}, and is {activation[:40]!r}")
    return GAINS[activation]


def clamp(module: Module) -> float:
    """The bound on a convolution's output; 0 where there is none.

    Raises:
        CheckpointError: something else than a number.
    """
    return float(module.setting("conv_clamp", (int, float))) if module.settings.get("conv_clamp") is not None else 0.0


def mapping_config(module: Module) -> dict[str, Any]:
    """What a MappingNetwork says of `MappingConfig`: all its fields but `truncated_layers`.

    Raises:
        CheckpointError: shapes that are not there.
    """
    widths = [module.shape(f"fc{number}.weight", 2)[0] for number in range(_depth(module))]
    dim_class, n_classes = module.shape("embed.weight", 2) if "embed" in module.parts else (0, 1)
    return {
        "dim_z": module.shape("fc0.weight", 2)[1] - dim_class,
        "mapping_widths": tuple(widths),
        "n_classes": n_classes,
        "dim_class": dim_class,
        "joint_norm": False,
        "n_means": 1,
    }


def _depth(module: Module) -> int:
    """How many dense layers there are, at least one."""
    return max(sum(name.startswith("fc") for name in module.parts), 1)


def mapping_state(module: Module) -> dict[str, Tensor]:
    """Weights of a MappingNetwork under the names of `Mapping`; without `w_avg` where the file has none.

    Raises:
        CheckpointError: attributes or tensors that are not there, or that nobody reads.
    """
    state: dict[str, Tensor] = {}
    used: set[str] = set()
    if "embed" in module.parts:
        weight, bias = dense(module.part("embed"))
        state["classes.weight"] = (weight + bias[:, None]).T.contiguous()  # for one-hot labels, a row a class
        used |= {"embed.weight", "embed.bias"}
    for number in range(_depth(module)):
        state[f"dense.{number}.weight"], state[f"dense.{number}.bias"] = dense(module.part(f"fc{number}"))
        used |= {f"fc{number}.weight", f"fc{number}.bias"}
    if "w_avg" in module.own:
        state["w_avg"] = torch.atleast_2d(module.own["w_avg"].read().float())
        used |= {"w_avg"}
    check_used(module, used, {})
    return state
