"""Memory of the host's process: many runs leave no more behind than few."""

from pathlib import Path

import pytest
from comfyui import NEEDED, Server

pytestmark = [
    NEEDED,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here to read a process's memory from"),
]

WARM_UP, RUNS, GROWTH = 5, 50, 0.03


def _prompt(seed: int) -> dict:
    """An edit of both kinds, different in every run, so that nothing is cached but the model."""
    nodes = {
        "gan": ("LoadGAN", {"file": "fruits-64.safetensors"}),
        "one": ("RandomCollage", {"gan": ["gan", 0], "label": "0", "seed": seed, "truncation": 1.0, "batch": 4}),
        "two": ("RandomCollage", {"gan": ["gan", 0], "label": "1", "seed": seed + 9, "truncation": 1.0, "batch": 4}),
        "mask": (None, {"value": 0.5, "width": 64, "height": 64}),
        "map": ("PaintClass", {"mask": ["mask", 0], "label": "2", "strength": 0.5, "grow": 0, "feather": 0.0}),
        "label": ("LabelCollage", {"collage": ["one", 0], "class_map": ["map", 0], "layers": "all"}),
        "feature": ("FeatureCollage", {
            "collage": ["label", 0], "reference": ["two", 0], "mask": ["mask", 0], "layers": "4-16", "strength": 0.5,
            "shift_x": 0.1, "shift_y": 0.0, "units": "",
        }),
        "picture": ("RenderCollage", {"gan": ["gan", 0], "collage": ["feature", 0]}),
    }  # fmt: skip
    prompt = {
        key: {"class_type": f"NeuralCollage{kind}" if kind else "SolidMask", "inputs": inputs}
        for key, (kind, inputs) in nodes.items()
    }
    return prompt | {"shown": {"class_type": "PreviewImage", "inputs": {"images": ["picture", 0]}}}


def _resident(server: Server) -> int:
    """Kilobytes that the server's process holds in memory."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1])


def test_fifty_runs_leave_nothing_behind(server: Server):
    for seed in range(WARM_UP):
        run = server.run(_prompt(seed))
        assert run.status == "success", run.failure
    before = _resident(server)
    for seed in range(WARM_UP, WARM_UP + RUNS):
        run = server.run(_prompt(seed))
        assert "picture" in run.executed
    after = _resident(server)
    assert after / before < 1 + GROWTH, f"{before} kB before {RUNS} runs, {after} kB after"
