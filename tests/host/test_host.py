"""The pack inside a real ComfyUI, headless on the CPU. Slow: one start of the server for all.

COMFYUI_DIR names a checkout of ComfyUI, COMFYUI_PYTHON a python that has its requirements and this pack's.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import neural_collage
import pytest
import toy
from neural_collage import engine as nc

COMFYUI = os.environ.get("COMFYUI_DIR")
PYTHON = os.environ.get("COMFYUI_PYTHON", sys.executable)
ROOT = Path(neural_collage.__file__).parent
READY_AFTER, DONE_AFTER = 600, 300  # seconds

pytestmark = pytest.mark.skipif(COMFYUI is None, reason="COMFYUI_DIR is not set: no ComfyUI to test in")


class Server:
    """A running ComfyUI."""

    def __init__(self, base: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = base / "log.txt"
        command = [PYTHON, "main.py", "--cpu", "--port", str(self.port), "--base-directory", str(base)]
        command += ["--database-url", "sqlite:///:memory:"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=COMFYUI, stdout=log, stderr=subprocess.STDOUT)
        self.wait("/system_stats", READY_AFTER, lambda answer: True)

    def ask(self, path: str, body: object = None, empty: bool = False) -> dict:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data, timeout=60) as answer:
            return {} if empty else json.load(answer)

    def run(self, prompt: dict) -> dict:
        """Queue a prompt and wait for what ComfyUI's history says of it."""
        answer = self.ask("/prompt", {"prompt": prompt})
        assert answer["node_errors"] == {}  # one bad output among several would be dropped in silence
        number = answer["prompt_id"]
        return self.wait(f"/history/{number}", DONE_AFTER, lambda answer: number in answer)[number]

    def wait(self, path, seconds, enough) -> dict:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                pytest.fail(f"ComfyUI ended:\n{self.log.read_text()[-4000:]}")
            try:
                answer = self.ask(path)
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                answer = None
            if answer is not None and enough(answer):
                return answer
            time.sleep(0.5)
        pytest.fail(f"no answer from {path} after {seconds} s:\n{self.log.read_text()[-4000:]}")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    base = tmp_path_factory.mktemp("comfy")
    (base / "custom_nodes").mkdir()
    (base / "custom_nodes" / "ComfyUI-Neural-Collage").symlink_to(ROOT, target_is_directory=True)
    (base / "models" / "gan").mkdir(parents=True)
    nc.save(toy.gan(), base / "models" / "gan" / "toy.safetensors")
    server = Server(base)
    yield server
    server.process.terminate()
    server.process.wait(60)


def _prompt(label: str = "tulip") -> dict:
    nodes = {
        "gan": ("LoadGAN", {"file": "toy.safetensors"}),
        "rose": ("RandomCollage", {"gan": ["gan", 0], "label": "rose", "seed": 5, "truncation": 1.0, "batch": 1}),
        "mask": (None, {"value": 1.0, "width": 16, "height": 16}),
        "map": ("PaintClass", {"mask": ["mask", 0], "label": label, "strength": 1.0, "grow": 0, "feather": 0.0}),
        "edit": ("LabelCollage", {"collage": ["rose", 0], "class_map": ["map", 0], "layers": "8-"}),
        "picture": ("RenderCollage", {"gan": ["gan", 0], "collage": ["edit", 0]}),
        "projected": ("ProjectImage", {
            "gan": ["gan", 0], "image": ["picture", 0], "label": "auto", "steps": 5, "rate": 0.0, "space": "zeta",
            "start": "encoder", "pixel_weight": 0.2,
        }),
        "cropped": ("CropForCollage", {"image": ["picture", 0], "padding": 0.25, "size": 16}),
        "stitched": ("Stitch", {
            "photo": ["picture", 0], "edited": ["cropped", 0], "mask": ["cropped", 1], "crop": ["cropped", 2],
            "mode": "normal", "feather": 0.0,
        }),
    }  # fmt: skip
    prompt = {
        key: {"class_type": f"NeuralCollage{kind}" if kind else "SolidMask", "inputs": inputs}
        for key, (kind, inputs) in nodes.items()
    }
    for key, source in {"saved": ["picture", 0], "curve": ["projected", 2], "photo": ["stitched", 0]}.items():
        prompt[key] = {"class_type": "SaveImage", "inputs": {"images": source, "filename_prefix": key}}
    return prompt


def test_the_host_knows_every_node_and_its_tooltips(server):
    known = server.ask("/object_info")
    for name, cls in neural_collage.NODE_CLASS_MAPPINGS.items():
        inputs = known[name]["input"]
        assert all(spec[1]["tooltip"] for part in inputs.values() for spec in part.values()), name
        assert known[name]["output"] == list(cls.RETURN_TYPES)
        assert known[name]["output_tooltips"] == list(cls.OUTPUT_TOOLTIPS)
        assert known[name]["category"] == cls.CATEGORY
    assert "toy.safetensors" in known["NeuralCollageLoadGAN"]["input"]["required"]["file"][0]
    assert "IMPORT FAILED" not in server.log.read_text()


def test_the_help_pages_are_where_the_page_looks_for_them(server):
    for name in neural_collage.NODE_CLASS_MAPPINGS:
        address = f"http://127.0.0.1:{server.port}/extensions/ComfyUI-Neural-Collage/docs/{name}.md"
        with urllib.request.urlopen(address, timeout=60) as page:
            assert page.read().startswith(b"# ")


def test_a_collage_is_drawn_and_a_picture_projected(server):
    entry = server.run(_prompt())
    assert entry["status"]["status_str"] == "success"
    assert [len(entry["outputs"][key]["images"]) for key in ("saved", "curve", "photo")] == [1, 1, 1]


def test_an_interrupt_stops_a_projection(server):
    prompt = _prompt()
    prompt["projected"]["inputs"] |= {"steps": 5000, "rate": 0.001}
    number = server.ask("/prompt", {"prompt": prompt})["prompt_id"]
    server.wait("/queue", DONE_AFTER, lambda answer: any(number in entry for entry in answer["queue_running"]))
    server.ask("/interrupt", {}, empty=True)
    entry = server.wait(f"/history/{number}", 60, lambda answer: number in answer)[number]
    assert "execution_interrupted" in [kind for kind, _ in entry["status"]["messages"]]


def test_our_message_reaches_the_user(server):
    entry = server.run(_prompt("thistle"))
    assert entry["status"]["status_str"] == "error"
    (told,) = [message for kind, message in entry["status"]["messages"] if kind == "execution_error"]
    assert told["node_type"] == "NeuralCollageRenderCollage"
    assert "'thistle'" in told["exception_message"]


def test_a_path_outside_the_model_folders_is_refused(server, tmp_path):
    nc.save(toy.gan(), tmp_path / "elsewhere.safetensors")
    prompt = _prompt()
    prompt["gan"]["inputs"]["file"] = str(tmp_path / "elsewhere.safetensors")
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.run(prompt)
    assert "models/gan" in refused.value.read().decode()
