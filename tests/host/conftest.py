"""One real ComfyUI for all tests of this folder, started with the first that needs it."""

from collections.abc import Iterator

import pytest
import toy
from comfyui import ROOT, Server
from neural_collage import engine as nc

PACK = "ComfyUI-Neural-Collage"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With the pack, the photo that `edit_photo` asks its user for, and a tiny model in models/gan."""
    server = Server(tmp_path_factory.mktemp("comfyui"), {PACK: ROOT})
    server.give(ROOT / "workflows" / "example_photo.png")
    nc.save(toy.gan(), server.base / "models" / "gan" / "toy.safetensors")
    with server:
        yield server
