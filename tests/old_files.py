"""Small weights files as other programs write them: torch's two containers, NVIDIA's pickles, and plain ones.

Written here with `pickle` itself, out of stand-ins for the classes whose names such files hold.
"""

from __future__ import annotations

import io
import pickle
import struct
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

__all__ = ["FORMATS", "flat", "foreign", "legacy", "module", "nvlabs", "plain", "state", "tensorflow", "zipped"]


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def state() -> dict[str, Any]:
    """A training file with tensors of all sorts: views, other types, a parameter, an optimizer's entries."""
    kernel = numbers(4, 3, 3, 3)
    weights = OrderedDict(
        [("conv.weight", kernel), ("conv.bias", numbers(4)), ("bn.num_batches_tracked", torch.tensor(7))]
    )
    weights._metadata = {"": {"version": 1}}  # type: ignore[attr-defined] - what torch leaves on a state dict
    return {
        "model_state_dict": weights,
        "turned": kernel.permute(1, 0, 3, 2),
        "part": kernel[1:3, 1],
        "half": numbers(5, 2).half(),
        "brain": numbers(3).bfloat16(),
        "double": numbers(2, 2).double(),
        "mask": torch.tensor([True, False, True]),
        "bytes": torch.arange(6, dtype=torch.uint8),
        "empty": torch.empty(0, 3),
        "parameter": torch.nn.Parameter(numbers(2, 5)),
        "optimizer": {
            "state": {0: {"step": 3, "exp_avg": numbers(4)}},
            "param_groups": [{"lr": 1e-4, "betas": (0.0, 0.9)}],
        },
        "global_step": 2**40,
        "notes": ["text", None, True, -1, 2.5, (1, 2)],
    }


def zipped(content: Any = None) -> bytes:
    """A file of torch 1.6 or later."""
    file = io.BytesIO()
    torch.save(state() if content is None else content, file)
    return file.getvalue()


class _Chain(pickle.Pickler):
    """The object's pickle in a file of torch before 1.6; storages are numbered, where torch takes their addresses."""

    storages: list[Any]

    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, torch.storage.TypedStorage):
            return None
        row = obj._untyped_storage
        if all(row._cdata != known._cdata for known, _ in self.storages):
            self.storages.append((row, obj._size()))
        key = [known._cdata for known, _ in self.storages].index(row._cdata)
        return "storage", getattr(torch, obj._pickle_storage_type()), str(key), "cpu", obj._size(), None


def legacy(content: Any = None) -> bytes:
    """A file of torch before 1.6. torch can still write one, but not twice the same."""
    file, storages = io.BytesIO(), []
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    for first in (0x1950A86A20F9469CFC6C, 1001, machine):
        pickle.dump(first, file, 2)
    pickler = _Chain(file, 2)
    pickler.storages = storages
    pickler.dump(state() if content is None else content)
    pickle.dump([str(key) for key in range(len(storages))], file, 2)
    for row, count in storages:
        file.write(struct.pack("<q", count) + bytes(row))
    return file.getvalue()


class _Snapshot(pickle.Pickler):
    """A pickle in which every storage is a whole legacy file, as torch pickles them."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, torch.storage.TypedStorage):
            return torch.storage._load_from_bytes, (legacy(obj),)
        return NotImplemented


def flat() -> bytes:
    """A bare state dict, as interfacegan's."""
    names = ("mapping.dense0.linear.weight", "mapping.dense0.wscale.bias", "synthesis.layer0.first_layer")
    return zipped({name: numbers(4, 2 + place) for place, name in enumerate(names)})


def plain() -> bytes:
    """A pickle of plain values and numpy's arrays."""
    arrays = {
        "a": np.arange(6, dtype=">i4").reshape(2, 3),
        "b": np.asfortranarray(np.ones((2, 5))),
        "c": np.float32(0.5),
    }
    return pickle.dumps({**arrays, "words": {"one"}, "more": [b"raw", "text" * 90, 2**70, -3, {"x": ()}]}, 4)


def nvlabs(protocol: int = 4) -> bytes:
    """A snapshot of StyleGAN2-ADA's or StyleGAN3's shape."""
    with foreign() as classes:
        layer = module(classes, "SynthesisLayer", {"weight": numbers(4, 4, 3, 3), "bias": numbers(4)}, padding=[1, 1])
        layer.meta["state"]["_buffers"]["noise_const"] = numbers(8, 8)
        synthesis = module(classes, "SynthesisNetwork", {}, {"b4": layer, "skipped": None}, up_factor=np.int64(2))
        generator = module(
            classes, "Generator", {}, {"synthesis": synthesis}, z_dim=16, _init_kwargs=classes.EasyDict(w_dim=8)
        )
        rest = {"training_set_kwargs": classes.EasyDict(path="a/path"), "augment_pipe": None}
        file = io.BytesIO()
        _Snapshot(file, protocol).dump({"G": generator, "D": layer, "G_ema": generator, **rest})
        return file.getvalue()


def tensorflow(protocol: int = 4) -> bytes:
    """A snapshot of StyleGAN1's TensorFlow code: (G, D, Gs)."""
    with foreign() as classes:
        mapping = classes.Network(
            "G_mapping", [("Dense0/weight", numbers(6, 6).numpy()), ("Dense0/bias", numbers(6).numpy())], {}
        )
        variables = [("lod", np.float32(0)), ("dlatent_avg", numbers(6).numpy())]
        whole = classes.Network("Gs", variables, {"mapping": mapping})
        return pickle.dumps((whole, classes.Network("D", [], {}), whole), protocol)


FORMATS = {
    "torch zip": zipped,
    "torch legacy": legacy,
    "NVlabs pkl": nvlabs,
    "TensorFlow pkl": tensorflow,
    "flat dict": flat,
    "plain": plain,
}


def module(
    classes: Any, name: str, parameters: dict[str, torch.Tensor], modules: dict[str, Any] | None = None, **more: Any
) -> Any:
    """One of NVIDIA's persistent modules, whose source text stops whoever runs it."""
    inner = {
        "training": False,
        "_parameters": OrderedDict((key, torch.nn.Parameter(value)) for key, value in parameters.items()),
        "_buffers": {"resample_filter": None},
        "_modules": OrderedDict(modules or {}),
        "_non_persistent_buffers_set": set(),
        "_forward_hooks": OrderedDict(),
        **more,
    }
    source = "raise SystemExit('the source text in the file was run')"
    return classes.Persistent({"type": "class", "version": 6, "module_src": source, "class_name": name, "state": inner})


def _reconstruct_persistent_obj(meta: Any) -> Any:
    raise AssertionError("only its name is wanted")


class _Persistent:
    def __init__(self, meta: dict[str, Any]) -> None:
        self.meta = meta

    def __reduce__(self) -> Any:
        return _reconstruct_persistent_obj, (self.meta,)


class _EasyDict(dict[str, Any]):
    pass


class _Network:
    def __init__(
        self, name: str, variables: list[tuple[str, Any]], components: dict[str, Any], **settings: Any
    ) -> None:
        self.name, self.variables, self.components, self.settings = name, variables, components, settings

    def __getstate__(self) -> dict[str, Any]:
        return {
            "version": 3,
            "name": self.name,
            "static_kwargs": {"num_channels": 3, "resolution": 4, **self.settings},
            "components": self.components,
            "build_module_src": "raise SystemExit('the source text in the file was run')",
            "build_func_name": "G_style",
            "variables": self.variables,
        }


NAMES = {
    "torch_utils.persistence": (_reconstruct_persistent_obj,),
    "dnnlib.util": (_EasyDict,),
    "dnnlib.tflib.network": (_Network,),
}


@contextmanager
def foreign() -> Iterator[Any]:
    """Stand-ins for other people's classes, under the names that their files hold for as long as this lasts."""
    before = dict(sys.modules)
    for path, members in NAMES.items():
        parts = path.split(".")
        for depth in range(1, len(parts) + 1):
            sys.modules.setdefault(".".join(parts[:depth]), types.ModuleType(parts[depth - 1]))
        for member in members:
            name = member.__name__ if member is _reconstruct_persistent_obj else member.__name__[1:]
            member.__module__, member.__qualname__ = path, name
            setattr(sys.modules[path], name, member)
    try:
        yield types.SimpleNamespace(Persistent=_Persistent, EasyDict=_EasyDict, Network=_Network)
    finally:
        for name in sys.modules.keys() - before.keys():
            del sys.modules[name]
