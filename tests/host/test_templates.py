"""The worked workflows, run as they are with the starter: their pictures come back."""

import numpy as np
import pytest
from comfyui import NEEDED, ROOT, Server
from neural_collage.workflows.builtins import builtins_catalogue
from neural_collage.workflows.document import read_document
from neural_collage.workflows.folders import Folders
from neural_collage.workflows.graph import as_prompt, read_graph
from neural_collage.workflows.run import pack_catalogue
from PIL import Image

pytestmark = NEEDED

WORKFLOWS = sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))


def _prompt(name: str) -> dict:
    folders = Folders(search=(ROOT / "workflows",), output=ROOT, previews=None, trusted=frozenset())
    catalogue = builtins_catalogue(folders).over(pack_catalogue())
    return as_prompt(read_graph(read_document(ROOT / "workflows" / f"{name}.json"), catalogue))


def test_the_host_serves_every_workflow_and_its_thumbnail(server: Server):
    assert sorted(server.ask("/workflow_templates")["ComfyUI-Neural-Collage"]) == WORKFLOWS
    for name in WORKFLOWS:
        address = f"/api/workflow_templates/ComfyUI-Neural-Collage/{name}"
        assert "nodes" in server.ask(f"{address}.json")
        assert server.get(f"{address}.jpg")[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_runs_and_its_pictures_come_back(server: Server, name: str):
    prompt = _prompt(name)
    run = server.run(prompt)
    assert run.status == "success", run.failure
    assert run.node_errors == {}  # one bad output among several would be dropped in silence
    shown = [key for key, node in prompt.items() if node["class_type"] in ("SaveImage", "PreviewImage")]
    assert shown
    for node in shown:
        pictures = [np.asarray(Image.open(path)) for path in server.pictures(run, node)]
        assert pictures
        assert all(picture.std() > 1 for picture in pictures)  # a picture of something
