"""The public surface: what `__all__` says is what there is, and all of it is typed and explained."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest
from neural_collage import engine

DOCUMENTED = {
    "Collage",
    "ClassMap",
    "Latent",
    "load",
    "save",
    "render",
    "project",
    "reconstruction_loss",
    "poisson_blend",
}


def modules() -> list[str]:
    found = pkgutil.walk_packages(engine.__path__, engine.__name__ + ".")
    return [engine.__name__, *(module.name for module in found if not module.name.endswith("__main__"))]


def public(module: ModuleType) -> Iterator[tuple[str, object]]:
    for name in getattr(module, "__all__", ()):
        yield name, getattr(module, name)


def functions(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Public functions, and the public methods of public classes, that are defined in the module."""
    for name, value in public(module):
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            for attribute, member in vars(value).items():
                member = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
                if inspect.isfunction(member) and (not attribute.startswith("_") or attribute == "__init__"):
                    yield f"{name}.{attribute}", member


def test_the_engine_has_the_names_that_the_readme_uses():
    assert set(engine.__all__) >= DOCUMENTED


def test_the_engines_names_are_exact():
    """Everything imported into the package is offered, and nothing else: modules of the package do not count."""
    there = {name for name, value in vars(engine).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert there == set(engine.__all__)


@pytest.mark.parametrize("name", modules())
def test_all_is_sorted_and_defined(name: str):
    module = importlib.import_module(name)
    names = list(getattr(module, "__all__", ()))
    assert len(set(names)) == len(names)
    # Constants, classes, functions: the order of ruff's RUF022.
    rank = [(0 if n.isupper() else 1 if n[0].isupper() else 2, n) for n in names]
    assert rank == sorted(rank)
    for each in names:
        assert hasattr(module, each)


@pytest.mark.parametrize("name", modules())
def test_every_module_class_and_function_is_explained(name: str):
    module = importlib.import_module(name)
    if not hasattr(module, "__all__"):
        assert not [n for n, value in vars(module).items() if inspect.isfunction(value) and not n.startswith("_")]
        return
    assert (module.__doc__ or "").strip()
    for label, value in public(module):
        if inspect.isclass(value):
            assert (value.__doc__ or "").strip(), label
    for label, function in functions(module):
        if not label.endswith(("__init__", ".forward")):
            assert (inspect.getdoc(function) or "").strip(), label


@pytest.mark.parametrize("name", modules())
def test_every_public_function_has_types(name: str):
    for label, function in functions(importlib.import_module(name)):
        signature = inspect.signature(function)  # type: ignore[arg-type]
        untyped = [
            parameter.name
            for parameter in signature.parameters.values()
            if parameter.annotation is parameter.empty and parameter.name not in ("self", "cls")
        ]
        assert not untyped, (label, untyped)
        if "<locals>" not in function.__qualname__ and not label.endswith("__init__"):  # type: ignore[attr-defined]
            assert signature.return_annotation is not signature.empty, label
