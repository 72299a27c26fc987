"""Opening and reading a large weights file in each of the old containers: time, and memory as a ratio of the file.

    python benchmarks/reading.py [--megabytes 330]

Each file is made on the fly, of random numbers, and read in a process of its own: once by Neural Collage, which reads
it as data, and once by torch (which reads no pickles of NVIDIA's without running what they hold).
"""

from __future__ import annotations

import argparse
import io
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

LARGE, SMALL = 2**20, 512
"""Numbers in a tensor: kernels, and the biases and statistics beside them."""


def state(megabytes: int) -> dict[str, torch.Tensor]:
    """Large and small tensors in turn, of so many megabytes together."""
    count = megabytes * 2**20 // (4 * (LARGE + 4 * SMALL))
    large = {f"blocks.{i}.weight": torch.randn(1024, LARGE // 1024) for i in range(count)}
    return large | {f"blocks.{i}.vector{j}": torch.randn(SMALL) for i in range(count) for j in range(4)}


def write_zip(path: Path, content: Any) -> None:
    torch.save(content, path)


def write_legacy(path: Path, content: Any) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def write_snapshot(path: Path, content: dict[str, torch.Tensor]) -> None:
    """As NVIDIA's: a plain pickle in which each storage is a whole legacy file. Put together from its operations."""
    with path.open("wb") as file:
        file.write(b"\x80\x04}\x8c\x05G_emactorch_utils.persistence\n_reconstruct_persistent_obj\n}")
        file.write(b"\x8c\x05state}\x8c\x0b_parameters}(")
        for name, tensor in content.items():
            inner = io.BytesIO()
            torch.save(tensor.storage(), inner, _use_new_zipfile_serialization=False)
            raw, sizes = inner.getvalue(), (tuple(tensor.shape), tensor.stride(), False)
            shape, stride, _ = (pickle.dumps(size, 2)[2:-1] for size in sizes)
            file.write(b"\x8c" + bytes([len(name)]) + name.encode() + b"ctorch._utils\n_rebuild_tensor_v2\n(")
            file.write(b"ctorch.storage\n_load_from_bytes\nB" + len(raw).to_bytes(4, "little") + raw + b"\x85R")
            file.write(b"K\x00" + shape + stride + b"\x89NtR")
        file.write(b"uss\x85Rs.")


WRITERS: dict[str, Callable[[Path, Any], None]] = {
    "torch zip": write_zip,
    "torch legacy": write_legacy,
    "NVlabs pkl": write_snapshot,
}

OURS = """
from neural_collage.engine.checkpoints.contents import open_contents
def opened(path): return open_contents(path)
def read(contents): return contents.tensors(set(contents.shapes))
"""
TORCHS = """
import torch
def opened(path): return path
def read(path): return torch.load(path, weights_only=True, map_location="cpu")
"""
MEASURE = """
import sys, time
from pathlib import Path
import torch, numpy
status = lambda field: int(Path("/proc/self/status").read_text().split(field + ":")[1].split()[0]) * 1024
path = Path(sys.argv[1])
before, start = status("VmRSS"), time.perf_counter()
contents = opened(path)
middle, held = time.perf_counter(), status("VmHWM")
tensors = read(contents)
end = time.perf_counter()
size = path.stat().st_size
print(middle - start, end - middle, (held - before) / size, (status("VmHWM") - before) / size)
"""


def measured(program: str, path: Path) -> list[float]:
    """Seconds to open, seconds to read, peak memory after each as a ratio of the file."""
    command = [sys.executable, "-c", program + MEASURE, str(path)]
    return [float(word) for word in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=330)
    content = state(parser.parse_args().megabytes)
    print("| file | MB | reader | open s | read s | peak after open | peak after read |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, write in WRITERS.items():
            path = Path(folder) / "weights"
            write(path, content)
            for reader, program in (("ours", OURS), ("torch.load", TORCHS)):
                if (name, reader) != ("NVlabs pkl", "torch.load"):
                    opened, read, held, peak = measured(program, path)
                    times = f"{opened:.2f} | {read:.2f}"
                    print(f"| {name} | {path.stat().st_size >> 20} | {reader} | {times} | {held:.2f} | {peak:.2f} |")


if __name__ == "__main__":
    main()
