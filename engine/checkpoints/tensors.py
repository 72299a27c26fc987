"""torch's share of old pickles: storages, the tensors that are views of them, and the modules and settings around."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from .guard import Guard
from .pickled import Call
from .records import Record, Storage, Stored, is_size, view
from .settling import Meaning, as_dict, as_record, as_tuple
from .stretch import Stretch

__all__ = ["MEANINGS", "NAMES", "STORAGES", "Storages"]

KINDS = {
    "torch.FloatStorage": torch.float32,
    "torch.DoubleStorage": torch.float64,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
    "torch.storage.UntypedStorage": torch.uint8,
}
STORAGES = frozenset(KINDS)
"""Names of the classes of storages."""


class Storages:
    """The rows of numbers that a torch file refers to by persistent ids."""

    def __init__(self, guard: Guard, places: Mapping[str, Stretch]) -> None:
        """Storages of a zip file, whose members lie at `places`, or of a chain of pickles, whose numbers follow."""
        self.by_key: dict[str, Storage] = {}
        self._guard, self._places = guard, places

    def zipped(self, reference: Any) -> Storage:
        """The storage of ("storage", class, key, device, count), which is the member data/key.

        Raises:
            CheckpointError: no such reference, or a member that is missing or of another size.
        """
        storage, key = self._storage(reference)
        place = self._places.get(f"data/{key}")
        if place is None or len(place) != storage.count * storage.dtype.itemsize:
            length = "none" if place is None else f"{len(place)} bytes"
            raise self._guard.damaged(f"{storage.count} numbers should lie in data/{key[:40]!a}: there is {length}")
        storage.where = place
        return storage

    def chained(self, reference: Any) -> Storage | Record:
        """The storage of ("storage", class, key, device, count, None); the class of ("module", class, file, source).

        Raises:
            CheckpointError: no such reference, or one that differs from an earlier one.
        """
        if type(reference) is tuple and len(reference) == 4 and reference[0] == "module":
            if isinstance(reference[1], Record):
                return reference[1]  # beside it lies the class's source text, which is nobody's business
            raise self._guard.damaged("a module lacks its class")
        if type(reference) is tuple and len(reference) == 6 and reference[5] is not None:
            raise self._guard.damaged("it is older than torch 0.4 and cuts its storages up; save it again with torch")
        storage, key = self._storage(reference[:5] if type(reference) is tuple else reference)
        known = self.by_key.setdefault(key, storage)
        if (known.dtype, known.count) != (storage.dtype, storage.count):
            raise self._guard.damaged("a row of numbers is described in two ways")
        return known

    def _storage(self, reference: Any) -> tuple[Storage, str]:
        if type(reference) is not tuple or len(reference) != 5 or reference[0] != "storage":
            raise self._guard.refused("refers to an object outside itself that is no storage")
        _, kind, key, _, count = reference
        if not isinstance(kind, Record) or kind.name not in KINDS or not isinstance(key, str) or not is_size(count):
            raise self._guard.damaged("a storage lacks its class, its key or its length")
        return Storage(KINDS[kind.name], count), key


def _tensor(call: Call, guard: Guard) -> Stored:
    """_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks); the first version has no last two."""
    if len(call.arguments) < 4 or not isinstance(call.arguments[0], Storage):
        raise guard.damaged("a tensor lacks its storage or its sizes")
    return view(*call.arguments[:4], guard)


def _parameter(call: Call, guard: Guard) -> Stored:
    """_rebuild_parameter(tensor, requires_grad, hooks)."""
    if not call.arguments or not isinstance(call.arguments[0], Stored):
        raise guard.damaged("a parameter lacks its tensor")
    return call.arguments[0]


def _reconstructed(call: Call, guard: Guard) -> Any:
    """copyreg._reconstructor(class, base, content): an object of a class, as protocols before 2 write it."""
    if not call.arguments or not isinstance(call.arguments[0], Record):
        raise guard.damaged("an object lacks its class")
    name = call.arguments[0].name
    if name not in (*DICTS, *RECORDS, NETWORK):
        raise guard.refused(f"makes an object of {name}, which is no class")
    made = Call(name, call.arguments[2:3] if name in DICTS else (), call.state, call.items)
    return MEANINGS[name](made, guard)


def _persistent_object(call: Call, guard: Guard) -> Record:
    """NVIDIA's _reconstruct_persistent_obj(meta): the source text in it, which NVIDIA's loader runs, is dropped."""
    meta = call.arguments[0] if len(call.arguments) == 1 else None
    if not isinstance(meta, dict) or not all(isinstance(key, str) for key in meta):
        raise guard.damaged("a module lacks its description")
    guard.copy(len(meta))
    plain = {key: value for key, value in meta.items() if key != "module_src"}
    return as_record(Call(call.name, (plain,), call.state, call.items), guard)


def _network(call: Call, guard: Guard) -> Record:
    """NVIDIA's network of TensorFlow; the source text in its state, which their loader runs, is dropped."""
    named = isinstance(call.state, dict) and all(isinstance(key, str) for key in call.state)
    if call.arguments or not named:
        raise guard.damaged("a network lacks its state")
    guard.copy(len(call.state))
    state = {key: value for key, value in call.state.items() if key != "build_module_src"}
    return as_record(Call(call.name, (), state, call.items), guard)


NETWORK = "dnnlib.tflib.network.Network"
DICTS = ("collections.OrderedDict", "collections.defaultdict", "dnnlib.util.EasyDict", "dnnlib.EasyDict")

ACTIVATIONS = ("ReLU", "ReLU6", "LeakyReLU", "PReLU", "ELU", "SELU", "GELU", "SiLU", "Sigmoid", "Tanh", "Softplus")
LAYERS = {
    "activation": ACTIVATIONS,
    "batchnorm": ("BatchNorm1d", "BatchNorm2d"),
    "container": ("Sequential", "ModuleList", "ModuleDict"),
    "conv": ("Conv1d", "Conv2d", "ConvTranspose2d"),
    "linear": ("Linear", "Identity"),
    "sparse": ("Embedding",),
}
"""torch's own layers, which occur among settings and in the modules of snapshots."""

RECORDS = (
    "argparse.Namespace",
    "torch.device",
    *(f"torch.nn.modules.{module}.{layer}" for module, layers in LAYERS.items() for layer in layers),
)
"""Classes whose objects are kept as records."""

MENTIONED = (
    "builtins.dict",
    "builtins.list",
    "builtins.object",
    *(f"torch.{kind}" for kind in ("float16", "bfloat16", "float32", "float64", "int32", "int64", "uint8", "bool")),
)
"""Names that stand as values, and that nothing calls."""

MEANINGS: dict[str, Meaning] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch_utils.persistence._reconstruct_persistent_obj": _persistent_object,
    NETWORK: _network,
    "copyreg._reconstructor": _reconstructed,
    **dict.fromkeys(DICTS, as_dict),
    **dict.fromkeys(("builtins.set", "builtins.frozenset", "torch.Size"), as_tuple),
    **dict.fromkeys(RECORDS, as_record),
}
NAMES = frozenset(MEANINGS) | frozenset(MENTIONED) | STORAGES | {"torch.storage._load_from_bytes"}
"""Every name of torch's and of the peers' that may occur in a file."""
