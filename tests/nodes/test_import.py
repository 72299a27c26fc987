"""ComfyUI loads the pack by path, from a folder of any name, beside a top-level module of its own called `nodes`."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import neural_collage
import pytest

ROOT = Path(neural_collage.__file__).parent


@pytest.mark.parametrize("folder", ["ComfyUI-Neural-Collage", "neural collage (1)", "collage_x_v1"])
def test_the_pack_loads_from_a_folder_of_any_name(folder, tmp_path, monkeypatch, comfy):
    (tmp_path / folder).symlink_to(ROOT, target_is_directory=True)
    monkeypatch.setitem(sys.modules, "nodes", ModuleType("nodes"))  # ComfyUI's
    name = str(tmp_path / folder).replace(".", "_x_")
    before = set(sys.modules)
    spec = importlib.util.spec_from_file_location(name, tmp_path / folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        loaded = set(sys.modules) - before
        assert module.NODE_CLASS_MAPPINGS.keys() == neural_collage.NODE_CLASS_MAPPINGS.keys()
        assert module.NODE_CLASS_MAPPINGS["NeuralCollageLoadGAN"].__module__ == f"{name}.nodes.models"
        assert module.WEB_DIRECTORY == "./web"
        assert comfy.folders == {}  # importing registers nothing
        # Nothing of ours may end up under a bare name such as `engine`, where another pack's would be found.
        assert not [other for other in loaded if other.split(".")[0] in ("engine", "nodes", "workflows")]
    finally:
        for other in [other for other in sys.modules if other.startswith(name)]:
            del sys.modules[other]
