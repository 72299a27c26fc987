"""Drawing and loading with the families' public implementations and with this one, side by side.

python benchmarks/families.py [--models "BigGAN 256" ...] [--threads 1] [--rounds 5] [--repeats 2]

The same random weights are written by each peer in its own format into a temporary folder and loaded by both, in a
process of their own; processes take turns. Figures are the best of all rounds: seconds for one picture (by the clock,
and of the processor, which other programs disturb less), for loading, and how much memory each takes beyond what
imports do. What the two draw must agree. Where the peers come from: `peers.py`.
Runs on Linux, whose kernel tells a process's peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from neural_collage import engine as nc
from peers import PEERS, Peer
from torch import Tensor

MIB = 2**20
LABEL = 7
"""The class that is drawn, where there are classes."""
ROWS = (
    ("seconds per picture", "seconds", "{:.3f}"),
    ("processor seconds per picture", "processor_seconds", "{:.3f}"),
    ("memory while drawing, MiB", "memory", "{:.0f}"),
    ("seconds to load", "load_seconds", "{:.2f}"),
    ("memory while loading, MiB", "load_memory", "{:.0f}"),
)


def main() -> None:
    options = _parser().parse_args()
    torch.set_num_threads(options.threads)
    if options.child:
        print(json.dumps(measure(options.child, options.models[0], Path(options.folder), options.rounds)))
        return
    print(f"{_machine()}; {options.threads} thread(s), torch {torch.__version__}\n")
    print("| model | | ours | peer | ratio |\n|---|---|---|---|---|")
    for name in options.models:
        if not os.environ.get(PEERS[name].variable):
            print(f"| {name} | not measured: set {PEERS[name].variable} | | | |")
            continue
        compare(name, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5, help="pictures drawn by each process")
    parser.add_argument("--repeats", type=int, default=2, help="processes of each side")
    parser.add_argument("--child", choices=("write", "ours", "peer"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser


def compare(name: str, options: argparse.Namespace) -> None:
    """Print the rows of one model."""
    with tempfile.TemporaryDirectory() as folder:
        _run("write", name, folder, options)
        sides: dict[str, list[dict[str, Any]]] = {"ours": [], "peer": []}
        for _ in range(options.repeats):
            for side, found in sides.items():
                found.append(_run(side, name, folder, options))
        pictures = [np.load(Path(folder) / f"{side}.npy") for side in sides]
        size = (Path(folder) / PEERS[name].file).stat().st_size / MIB
    for title, key, form in ROWS:
        ours, peer = (min(found[key] for found in sides[side]) for side in ("ours", "peer"))
        print(f"| {name} | {title} | {form.format(ours)} | {form.format(peer)} | {peer / ours:.2f} |")
    difference = np.abs(pictures[0] - pictures[1]).max() / np.abs(pictures[1]).max()
    loading = min(found["load_memory"] for found in sides["ours"]) / size
    print(f"| {name} | the file is {size:.0f} MiB, of which loading takes {loading:.2f} times as much | | | |")
    print(f"| {name} | largest difference of the pictures, of the largest value: {difference:.1e} | | | |", flush=True)


def _run(child: str, name: str, folder: str, options: argparse.Namespace) -> dict[str, Any]:
    """What a process of its own measures."""
    command = [sys.executable, __file__, "--child", child, "--models", name, "--folder", folder]
    command += ["--threads", str(options.threads), "--rounds", str(options.rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(child: str, name: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Write the peer's file, or load it and draw with it: the whole of a child process."""
    peer, path = PEERS[name], folder / PEERS[name].file
    if child != "ours":
        peer.importable()
    torch.manual_seed(0)
    if child == "write":
        peer.save(peer.build().eval(), path)
        return {}
    before, start = _memory("VmRSS"), time.perf_counter()
    _forget_peak()
    draw = _ours(path) if child == "ours" else _theirs(peer, path)
    load_seconds, load_memory = time.perf_counter() - start, _memory("VmHWM") - before
    z = torch.randn(1, peer.dim_z, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([LABEL if name.startswith("BigGAN") else 0])
    _forget_peak()
    picture, times = _timed(draw, z, labels, rounds)
    np.save(folder / f"{child}.npy", picture.numpy())
    memory = _memory("VmHWM") - before
    return {**times, "memory": memory, "load_seconds": load_seconds, "load_memory": load_memory}


def _ours(path: Path) -> Any:
    gan = nc.load(path)
    return lambda z, labels: nc.render(gan, nc.Collage(nc.Latent(z, labels)))


def _theirs(peer: Peer, path: Path) -> Any:
    network = peer.build().eval()
    peer.restore(network, path)
    return lambda z, labels: peer.draw(network, z, labels)


@torch.no_grad()
def _timed(draw: Any, z: Tensor, labels: Tensor, rounds: int) -> tuple[Tensor, dict[str, float]]:
    """The picture, and the shortest times in which one of the rounds drew it; the first round does not count."""
    picture, seconds, processor = draw(z, labels), [], []
    for _ in range(rounds):
        start, started = time.perf_counter(), time.process_time()
        draw(z, labels)
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - started)
    return picture, {"seconds": min(seconds), "processor_seconds": min(processor)}


def _memory(field: str) -> float:
    """MiB that this process holds now ("VmRSS"), or has held at most ("VmHWM")."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def _forget_peak() -> None:
    """Let the kernel count the peak from here on."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    return f"{model}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
