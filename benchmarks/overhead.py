"""What the host costs: Render in a running ComfyUI beside the bare engine's call, with the model loaded.

COMFYUI_DIR=... COMFYUI_PYTHON=... PYTHONPATH=tests python benchmarks/overhead.py [--rounds 30] [--threads 1]

Each round runs one prompt with a fresh seed, so that Render runs and the model and the class map come from the cache.
The node's time is from the moment at which the page is told that Render runs to that of the node after it. In the same
round the same collage is drawn here by `engine.render` and `engine.changes`, Render's two outputs. The overhead is the
median of the differences. Target: at most 15 ms.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from comfyui import ROOT, Server
from neural_collage import engine as nc

STARTER = "fruits-64.safetensors"
CLASSES, WARM_UP, MASK = ("mango", "lemon"), 5, 64


def main() -> None:
    parser = argparse.ArgumentParser(description="Render in the host, beside the bare engine")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1, help="of torch, in both processes")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    bare = _bare(nc.load(ROOT / "models" / STARTER))
    with tempfile.TemporaryDirectory() as base, Server(Path(base), {"neural-collage": ROOT}) as server:
        rounds = [(_hosted(server, seed), bare(seed)) for seed in range(WARM_UP + options.rounds)][WARM_UP:]
    hosted, plain = (statistics.median(times) for times in zip(*rounds, strict=True))
    overhead = statistics.median(one - other for one, other in rounds)
    print(f"Render in the host {hosted * 1e3:.1f} ms, engine alone {plain * 1e3:.1f} ms (medians of {len(rounds)})")
    print(f"overhead {overhead * 1e3:.1f} ms")


def _bare(gan: nc.Gan) -> Callable[[int], float]:
    regions = nc.ClassMap().paint(CLASSES[1], torch.full((MASK, MASK), 0.5))

    @torch.inference_mode()
    def seconds(seed: int) -> float:
        collage = nc.Collage(gan.sample(CLASSES[0], seed=seed)).label(regions)
        start = time.perf_counter()
        nc.changes(gan, collage, nc.render(gan, collage))
        return time.perf_counter() - start

    return seconds


def _hosted(server: Server, seed: int) -> float:
    """Seconds that the Render node took."""
    begun: dict[str, float] = {}

    def watch(event: dict[str, Any]) -> None:
        if event["type"] == "executing" and event["data"]["node"] is not None:
            begun[event["data"]["node"]] = time.perf_counter()

    run = server.run(_prompt(seed), watch)
    if run.status != "success":
        raise SystemExit(run.failure or str(run.node_errors))
    return begun["shown"] - begun["render"]


def _prompt(seed: int) -> dict[str, Any]:
    nodes = {
        "gan": ("LoadGAN", {"file": STARTER}),
        "one": ("RandomCollage", {
            "gan": ["gan", 0], "label": CLASSES[0], "seed": seed, "truncation": 1.0, "batch": 1,
        }),
        "mask": (None, {"value": 0.5, "width": MASK, "height": MASK}),
        "map": ("PaintClass", {"mask": ["mask", 0], "label": CLASSES[1], "strength": 1.0, "grow": 0, "feather": 0.0}),
        "edit": ("LabelCollage", {"collage": ["one", 0], "class_map": ["map", 0], "layers": "all"}),
        "render": ("RenderCollage", {"gan": ["gan", 0], "collage": ["edit", 0]}),
    }  # fmt: skip
    prompt = {
        key: {"class_type": f"NeuralCollage{kind}" if kind else "SolidMask", "inputs": inputs}
        for key, (kind, inputs) in nodes.items()
    }
    return prompt | {"shown": {"class_type": "PreviewImage", "inputs": {"images": ["render", 0]}}}


if __name__ == "__main__":
    main()
