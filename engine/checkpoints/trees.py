"""Finding one's way in the tree of an old weights file: its tensors by name, and the modules of NVIDIA's snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import CheckpointError
from .records import Record, Stored

__all__ = ["MAX_TENSORS", "Inside", "inside", "is_module", "tensors_of"]

PERSISTENT = "torch_utils.persistence._reconstruct_persistent_obj"
NETWORK = "dnnlib.tflib.network.Network"
LAYERS = "torch.nn.modules."

TENSORS = ("_parameters", "_buffers")
MODULES = "_modules"

MAX_TENSORS = 20_000
MAX_NAME = 250
"""Letters of a tensor's name, that of the modules around it included; every format's marks are looked for in each."""


@dataclass(frozen=True, eq=False)
class Inside:
    """What a module consists of."""

    class_name: str
    """Of its class, such as "SynthesisBlock"."""
    settings: Mapping[str, Any]
    """Its plain attributes, such as z_dim, padding or _init_kwargs."""
    tensors: Mapping[str, Stored]
    """Its parameters and buffers; those that are None are left out."""
    modules: Mapping[str, Record]
    """The modules in it; those that are None are left out."""


def is_module(value: Any) -> bool:
    """Whether a value is a network's module: one of NVIDIA's persistent ones or a layer of torch's own."""
    return isinstance(value, Record) and (value.name == PERSISTENT or value.name.startswith(LAYERS))


def inside(record: Record) -> Inside:
    """What a module consists of.

    Raises:
        CheckpointError: no module, only the mention of a class, or entries that are no tensors or modules.
    """
    class_name, state = _description(record)
    tensors = {name: entry for kind in TENSORS for name, entry in _entries(class_name, state, kind).items()}
    modules = _entries(class_name, state, MODULES)
    if wrong := [name for name, entry in tensors.items() if not isinstance(entry, Stored)]:
        raise _broken(f"{wrong[0][:60]!a} is no tensor but {type(tensors[wrong[0]]).__name__}")
    if wrong := [name for name, entry in modules.items() if not is_module(entry)]:
        raise _broken(f"{wrong[0][:60]!a} is no module but {type(modules[wrong[0]]).__name__}")
    settings = {name: value for name, value in state.items() if name not in (*TENSORS, MODULES)}
    return Inside(class_name, settings, tensors, modules)


def tensors_of(tree: Any) -> dict[str, Stored]:
    """Every tensor in a tree, names and places in lists joined by dots; modules and networks are walked through.

    Raises:
        CheckpointError: more tensors, or longer names, than a model has; or modules that are broken.
    """
    found: dict[str, Stored] = {}
    for name, tensor in _of_tree(tree, ""):
        if len(found) == MAX_TENSORS:
            raise _broken(f"there are more than {MAX_TENSORS} tensors")
        found[name] = tensor
    return found


def _of_tree(tree: Any, prefix: str) -> Iterator[tuple[str, Stored]]:
    if isinstance(tree, Stored):
        yield prefix.removesuffix("."), tree
    elif isinstance(tree, Record) and is_module(tree):
        yield from _of_module(tree, prefix)
    elif isinstance(tree, Record) and tree.name == NETWORK:
        yield from _of_network(tree, prefix)
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _of_tree(value, _joined(prefix, key))
    elif isinstance(tree, (list, tuple)):
        for place, value in enumerate(tree):
            yield from _of_tree(value, _joined(prefix, place))


def _of_module(record: Record, prefix: str) -> Iterator[tuple[str, Stored]]:
    found = inside(record)
    for name, tensor in found.tensors.items():
        yield _joined(prefix, name, ""), tensor
    for name, module in found.modules.items():
        yield from _of_module(module, _joined(prefix, name))


def _of_network(record: Record, prefix: str) -> Iterator[tuple[str, Stored]]:
    """The variables of a TensorFlow network of NVIDIA's and of its components, such as "mapping/Dense0/weight"."""
    state = record.state
    if record.name != NETWORK or not isinstance(state, dict):
        raise _broken(f"a {record.name} is no network")
    variables, components = state.get("variables", []), state.get("components", {})
    if not isinstance(variables, (list, tuple)) or not isinstance(components, dict):
        raise _broken("a network has no list of variables")
    for entry in variables:
        if not isinstance(entry, (list, tuple)) or len(entry) != 2 or not isinstance(entry[0], str):
            raise _broken("a variable has no name")
        if isinstance(entry[1], Stored):  # single numbers (lod) are left out
            yield _joined(prefix, entry[0], ""), entry[1]
    for name, component in components.items():
        if isinstance(component, Record):
            yield from _of_network(component, _joined(prefix, name, "/"))


def _joined(prefix: str, name: Any, sign: str = ".") -> str:
    joined = f"{prefix}{name}{sign}"
    if len(joined) > MAX_NAME:
        raise _broken(f"there is a name of {len(joined)} letters")
    return joined


def _description(record: Record) -> tuple[str, dict[str, Any]]:
    """The name of a module's class, and its __dict__. A file may also mention a class and make nothing of it."""
    if record.name == PERSISTENT:
        meta = record.arguments[0] if len(record.arguments) == 1 else None
        name, state = (meta.get("class_name", ""), meta.get("state")) if isinstance(meta, dict) else ("", None)
    else:
        name, state = record.name.rpartition(".")[2], record.state
    plain = isinstance(state, dict) and all(isinstance(key, str) for key in state)
    if not (is_module(record) and isinstance(name, str) and isinstance(state, dict) and plain):
        raise _broken(f"a {record.name} is no module")
    return name, state


def _entries(class_name: str, state: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The parameters, buffers or modules of a module that are not None."""
    entries = state.get(kind, {})
    if not isinstance(entries, dict) or not all(isinstance(name, str) for name in entries):
        raise _broken(f"the {kind} of a {class_name[:60]!a} are no dict")
    return {name: value for name, value in entries.items() if value is not None}


def _broken(why: str) -> CheckpointError:
    return CheckpointError(
        f"A weights file must hold tensors by name, or modules of them; in this one {why}. Download or copy it again."
    )
