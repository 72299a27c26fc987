"""Poisson blending beside OpenCV's seamlessClone: `python benchmarks/poisson.py [--threads 1] [--rounds 9]`.

The same pictures and the same disc, in one process and in turn, so that whatever else the machine does falls on both.
Two clocks: wall time, and processor time, which a busy machine disturbs less. Seconds are medians over the rounds; the
ratio is the median of (ours / OpenCV's of the same round). Ours takes float pictures, solves to 1/255 or better
and leaves all other pixels alone; OpenCV's works on 8 bits and changes pixels outside the mask.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from neural_collage.engine.poisson import poisson_blend

SIZES = (256, 512, 1024)


def pictures(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two smooth random pictures (size, size, 3) and a disc (size, size) over half of them, all of 8 bits."""
    random = np.random.default_rng(size)
    blurred = [cv2.GaussianBlur(random.random((size, size, 3)), (0, 0), size / fineness) for fineness in (40, 80)]
    target, source = (((p - p.min()) / np.ptp(p) * 255).astype(np.uint8) for p in blurred)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return target, source, np.where(x**2 + y**2 < size**2 * 0.16, 255, 0).astype(np.uint8)


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor time of one call."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def compare(size: int, rounds: int) -> str:
    """One line of the table."""
    target, source, mask = pictures(size)
    first, second = (torch.from_numpy(p).permute(2, 0, 1)[None].float() / 255 for p in (target, source))
    middle, domain = (size // 2, size // 2), torch.from_numpy(mask).float() / 255
    times = np.zeros((rounds, 2, 2))  # round, ours or OpenCV's, wall or processor
    poisson_blend(first, second, domain)
    for i in range(rounds):
        times[i, 0] = seconds(lambda: poisson_blend(first, second, domain))
        times[i, 1] = seconds(lambda: cv2.seamlessClone(source, target, mask, middle, cv2.NORMAL_CLONE))
    (ours, ours_busy), (theirs, theirs_busy) = np.median(times, axis=0)
    ratio, ratio_busy = np.median(times[:, 0] / times[:, 1], axis=0)
    return f"{size:5d} {ours:10.3f} {theirs:9.3f} {ratio:7.2f} {ours_busy:15.3f} {theirs_busy:9.3f} {ratio_busy:7.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Poisson blending beside OpenCV's seamlessClone")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    print(f"machine  {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.platform()}")
    print(f"versions torch {torch.__version__}, OpenCV {cv2.__version__}; {options.threads} threads each")
    print("   px  wall: ours    OpenCV   ratio   processor: ours  OpenCV   ratio")
    for size in SIZES:
        print(compare(size, options.rounds), flush=True)


if __name__ == "__main__":
    main()
