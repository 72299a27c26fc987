"""Who may import whom (CONTRIBUTING, "Rooms"), read from the syntax trees: nothing is imported here."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNPUBLISHED = {"tests", "benchmarks", "build", "dist", "runs", ".venv"}
FILES = sorted(
    path
    for path in (p.relative_to(ROOT) for p in ROOT.rglob("*.py"))
    if path.parts[0] not in UNPUBLISHED and not any(part.startswith(".") for part in path.parts)
)
LOW = {"errors", "ranges", "pictures"}

ENGINE = {
    # module of the engine -> modules of the engine that it may import
    "errors": set(),
    "ranges": {"errors"},
    "pictures": {"errors"},
    "style": LOW,
    "layers": LOW,
    "class_map": {*LOW, "style"},
    "latent": {*LOW},
    "collage": {*LOW, "style", "class_map", "latent"},
    "networks": {*LOW, "style", "latent"},
    "class_names": {*LOW},
    "gan": {*LOW, "class_names", "latent", "networks"},
    "distances": {*LOW, "gan"},
    "reconstruction": {*LOW, "gan", "distances"},
    "spaces": {*LOW, "latent", "networks", "gan"},
    "label_styles": {*LOW, "style", "layers", "class_map", "collage", "latent", "networks", "gan"},
    "batches": {*LOW, "collage", "latent"},
    "difference": {*LOW, "style"},
    "drawing": {*LOW, "class_map"},
    "render": {*LOW, "style", "difference", "layers", "batches", "collage", "networks", "gan", "label_styles"},
    "projection": {*LOW, "style", "latent", "networks", "gan", "reconstruction", "spaces"},
    "standing": {*LOW, "latent", "networks", "gan"},
    "checkpoints": {*LOW, "class_names", "networks", "gan", "standing"},
}
ABOVE = {"__init__", "checkpoints", "projection", "render", "training"}
"""What no other module of the engine may lean on."""
TRAINING_MAY_NOT = {"render", "projection", "label_styles"}
HOST = {"comfy", "comfy_execution", "comfy_extras", "comfyui", "folder_paths", "nodes", "server", "execution"}
OURS = {"engine", "nodes", "workflows"}
FORBIDDEN = {"pickle", "cPickle", "dill", "marshal", "shelve", "subprocess", "importlib.util", "ctypes"}


def imported(path: Path) -> list[tuple[str, bool]]:
    """(module, ours) of every import in a file: ours are dotted from the package's root, others as written."""
    package = path.parts[:-1]
    found: list[tuple[str, bool]] = []
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, False) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append((node.module or "", False))
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            base = [part for part in base if part]
            # `from . import x` may name a module or a name: take it for a module where there is one.
            names = [
                [*base, alias.name] if _is_module([*base, alias.name]) else base or ["__init__"] for alias in node.names
            ]
            found += [(".".join(name), True) for name in names]
    return found


def _is_module(parts: list[str]) -> bool:
    path = ROOT.joinpath(*parts)
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def ours(path: Path) -> set[str]:
    return {module for module, own in imported(path) if own}


def room(path: Path) -> str:
    return path.parts[0] if len(path.parts) > 1 else "root"


def in_engine(module: str) -> str:
    """`engine.networks.sngan` -> `networks`; `engine` itself -> `__init__`."""
    return [*module.split("."), "__init__"][1]


def every(*rooms: str) -> list[Path]:
    return [path for path in FILES if room(path) in rooms]


def test_there_is_something_to_read():
    assert Path("engine/render.py") in FILES
    assert ("engine.style", True) in imported(Path("engine/render.py"))
    assert ("engine.errors", True) in imported(Path("engine/networks/sngan.py"))
    assert ("torch", False) in imported(Path("engine/render.py"))


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_inside_the_package_are_relative(path: Path):
    """ComfyUI has a module called `nodes`: an absolute import of ours would silently find that one."""
    absolute = {module for module, own in imported(path) if not own}
    wrong = {module for module in absolute if module.split(".")[0] in {*OURS, "neural_collage"}}
    if path == Path("nodes/host.py"):
        wrong -= {"nodes"}  # ComfyUI's own, meant
    assert not wrong


@pytest.mark.parametrize("path", every("engine"), ids=str)
def test_the_engine_knows_no_nodes_and_no_workflows(path: Path):
    assert {module.split(".")[0] for module in ours(path)} <= {"engine"}


@pytest.mark.parametrize("path", every("nodes"), ids=str)
def test_nodes_use_public_names_of_the_engine_only(path: Path):
    modules = ours(path)
    assert {module.split(".")[0] for module in modules} <= {"engine", "nodes"}
    assert {module for module in modules if module.startswith("engine")} <= {"engine"}


@pytest.mark.parametrize("path", every("workflows"), ids=str)
def test_workflows_use_nodes_and_public_names_of_the_engine(path: Path):
    modules = ours(path)
    assert {module.split(".")[0] for module in modules} <= {"engine", "nodes", "workflows", "__init__"}
    assert {module for module in modules if module.startswith("engine")} <= {"engine", "engine.errors"}


@pytest.mark.parametrize("path", [p for p in FILES if p != Path("nodes/host.py")], ids=str)
def test_only_the_host_file_names_comfyui(path: Path):
    absolute = {module.split(".")[0] for module, own in imported(path) if not own}
    assert not absolute & HOST


@pytest.mark.parametrize("path", [p for p in every("engine") if p.stem in ENGINE or p.parts[1] in ENGINE], ids=str)
def test_layers_of_the_engine(path: Path):
    module = path.parts[1].removesuffix(".py")
    used = {in_engine(name) for name in ours(path)} - {module}
    assert used <= ENGINE[module]


@pytest.mark.parametrize("path", [p for p in every("engine") if p != Path("engine/__init__.py")], ids=str)
def test_nothing_in_the_engine_leans_on_what_stands_at_the_top(path: Path):
    module = path.parts[1].removesuffix(".py")
    used = {in_engine(name) for name in ours(path)} - {module}
    assert not used & (TRAINING_MAY_NOT if module == "training" else ABOVE)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nothing_published_runs_what_it_reads(path: Path):
    """Neither pickle nor eval, exec or a process: what the registry's scanner and its reviewers look for."""
    modules = {module for module, own in imported(path) if not own}
    assert not {m for m in modules if m in FORBIDDEN or m.split(".")[0] in FORBIDDEN}
    calls = [
        node for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    ]
    named = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    assert not named & {"eval", "exec", "compile", "__import__"}
    safe = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}
    for call in calls:
        wanted = safe.get(ast.unparse(call.func).replace("numpy.", "np."))
        if wanted is not None:
            given = {key.arg: ast.literal_eval(key.value) for key in call.keywords if key.arg == wanted[0]}
            assert given == dict([wanted]), ast.unparse(call)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nothing_plays_with_the_search_path(path: Path):
    """The host file may ask whether ComfyUI is there (`x in sys.modules`); nobody may change anything."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    asked = {
        id(node.comparators[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In) and path == Path("nodes/host.py")
    }
    attributes = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute) and id(n) not in asked}
    assert not attributes & {"sys.path", "sys.modules"}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_dependency_is_declared(path: Path):
    declared = {"torch", "numpy", "PIL", "safetensors", "cv2", "tqdm"}
    extra = {"accelerate", "torchmetrics"}  # extras: of the same name, and `inception`
    absolute = {module.split(".")[0] for module, own in imported(path) if not own}
    allowed = declared | extra | set(sys.stdlib_module_names) | (HOST if path == Path("nodes/host.py") else set())
    assert absolute <= allowed
