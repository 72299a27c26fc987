"""Finding one's way in the tree of an old weights file: its tensors by name, and the modules of NVIDIA's snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import CheckpointError
from .records import Record, Stored

__all__ = [
    "is_module",
    "module_attributes",
    "module_class",
    "module_tensors",
    "network_variables",
    "submodules",
    "tensors_of",
]

PERSISTENT = "torch_utils.persistence._reconstruct_persistent_obj"
NETWORK = "dnnlib.tflib.network.Network"
LAYERS = "torch.nn.modules."

TENSORS = ("_parameters", "_buffers")
MODULES = "_modules"
MACHINERY = ("training", "_non_persistent_buffers_set", "_is_full_backward_hook")
"""Entries of every module of torch that say nothing of the model; others end in "hooks" or "hooks_with_kwargs"."""

MAX_TENSORS = 20_000
MAX_NAME = 1000


def is_module(value: Any) -> bool:
    """Whether a value is a network's module: one of NVIDIA's persistent ones or a layer of torch's own."""
    return isinstance(value, Record) and (value.name == PERSISTENT or value.name.startswith(LAYERS))


def module_class(record: Record) -> str:
    """The name of a module's class, such as "SynthesisLayer"; empty where the file does not say.

    Raises:
        CheckpointError: no module.
    """
    _state(record)
    if record.name != PERSISTENT:
        return record.name.rpartition(".")[2]
    name = record.arguments[0].get("class_name", "")
    return name if isinstance(name, str) else ""


def module_attributes(record: Record) -> dict[str, Any]:
    """The plain attributes of a module, such as z_dim, padding or _init_kwargs.

    Raises:
        CheckpointError: no module.
    """
    inner = (*TENSORS, MODULES, *MACHINERY)
    return {
        name: value
        for name, value in _state(record).items()
        if isinstance(name, str) and name not in inner and "_hooks" not in name
    }


def submodules(record: Record) -> dict[str, Record]:
    """The modules of a module, by name; entries that are None are left out.

    Raises:
        CheckpointError: no module, or one whose modules are something else.
    """
    found = _entries(record, MODULES)
    if wrong := [name for name, value in found.items() if not is_module(value)]:
        raise _broken(f"{wrong[0]} is no module but {type(found[wrong[0]]).__name__}")
    return found


def module_tensors(record: Record) -> dict[str, Stored]:
    """All parameters and buffers of a module and its modules, names joined by dots; entries that are None are left out.

    Raises:
        CheckpointError: no module, or one whose parameters are no tensors.
    """
    return dict(_of_module(record, ""))


def network_variables(record: Record) -> dict[str, Stored]:
    """The variables of a TensorFlow network of NVIDIA's and of its components, such as "mapping/Dense0/weight".

    Single numbers among them (lod) are left out.

    Raises:
        CheckpointError: no such network.
    """
    return dict(_of_network(record, ""))


def tensors_of(tree: Any) -> dict[str, Stored]:
    """Every tensor in a tree, names and places in lists joined by dots; modules and networks are walked through.

    Raises:
        CheckpointError: more tensors, or longer names, than a model has.
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
    for kind in TENSORS:
        for name, tensor in _entries(record, kind).items():
            if not isinstance(tensor, Stored):
                raise _broken(f"{name} is no tensor but {type(tensor).__name__}")
            yield prefix + name, tensor
    for name, module in submodules(record).items():
        yield from _of_module(module, _joined(prefix, name))


def _of_network(record: Record, prefix: str) -> Iterator[tuple[str, Stored]]:
    state = record.state
    if record.name != NETWORK or not isinstance(state, dict):
        raise _broken(f"a {record.name} is no network")
    variables, components = state.get("variables", []), state.get("components", {})
    if not isinstance(variables, (list, tuple)) or not isinstance(components, dict):
        raise _broken("a network has no list of variables")
    for entry in variables:
        if not isinstance(entry, (list, tuple)) or len(entry) != 2 or not isinstance(entry[0], str):
            raise _broken("a variable has no name")
        if isinstance(entry[1], Stored):
            yield prefix + entry[0], entry[1]
    for name, component in components.items():
        if isinstance(component, Record):
            yield from _of_network(component, _joined(prefix, name, "/"))


def _joined(prefix: str, name: Any, sign: str = ".") -> str:
    joined = f"{prefix}{name}{sign}"
    if len(joined) > MAX_NAME:
        raise _broken(f"there is a name of {len(joined)} letters")
    return joined


def _state(record: Record) -> dict[Any, Any]:
    """A module's __dict__."""
    state = record.state
    if record.name == PERSISTENT:
        state = record.arguments[0].get("state")
    if not is_module(record) or not isinstance(state, dict):
        raise _broken(f"a {record.name} is no module")
    return state


def _entries(record: Record, kind: str) -> dict[str, Any]:
    """The parameters, buffers or modules of a module that are not None."""
    entries = _state(record).get(kind, {})
    if not isinstance(entries, dict) or not all(isinstance(name, str) for name in entries):
        raise _broken(f"the {kind} of a {module_class(record)} are no dict")
    return {name: value for name, value in entries.items() if value is not None}


def _broken(why: str) -> CheckpointError:
    return CheckpointError(
        f"A weights file must hold tensors by name, or modules of them; in this one {why}. Download or copy it again."
    )
