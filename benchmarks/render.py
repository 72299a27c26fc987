"""What a collage costs beside the plain picture: `python benchmarks/render.py [--threads 1] [--rounds 15]`.

One model (256 px, 143 classes, full width, random weights), batch one, all cases in one process and in turn, so that
whatever else the machine does falls on all of them. Two clocks: wall time, and processor time, which a busy machine
disturbs less. The ratio is the median over the rounds of (case / plain of the same round).

"sCBN, K labels" is a whole `render`: K - 1 soft regions of 512 x 512 over the picture's own label, at every norm.
"feature, n feature maps" blends one reference at the first n maps, after which it leaves the batch: at least the layers
that the reference runs through must be paid for, at most a plain batch of two. Target: K = 2 at most 1.10, K = 8 1.25.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from neural_collage import engine as nc
from neural_collage.engine.networks.sngan import GENERATOR_CHANNELS, GeneratorConfig, SNGANGenerator

CLASSES, WIDTH, MASK = 143, 64, 512


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    print(f"machine  {_processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.system()}")
    print(f"torch    {torch.__version__}, {torch.get_num_threads()} threads, {options.rounds} rounds in turn")
    with torch.inference_mode():
        _report(_measure(_cases(_gan(options.width)), options.rounds))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Rendering: plain, label collage and feature collage")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--width", type=int, default=WIDTH, help="ch of the 256 px layout")
    return parser.parse_args()


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "?")
    except OSError:
        return platform.processor() or platform.machine()


def _gan(width: int) -> nc.Gan:
    torch.manual_seed(0)
    channels = tuple(multiple * width for multiple in GENERATOR_CHANNELS["256"])
    generator = SNGANGenerator(GeneratorConfig(channels, CLASSES)).eval().requires_grad_(False)
    return nc.Gan(generator)


def _cases(gan: nc.Gan) -> dict[str, Callable[[], object]]:
    """What is timed, the plain picture first."""
    latent = gan.sample(0, seed=1)
    plain, reference = nc.Collage(latent), nc.Collage(gan.sample(1, seed=2))
    mask = _strip(0, 2)
    cases: dict[str, Callable[[], object]] = {
        "plain forward": partial(gan.generator.generate, latent.point, latent.labels),
        "render, no edits": partial(nc.render, gan, plain),
    }
    for k in (2, 8):
        regions = nc.ClassMap()
        for label in range(1, k):
            regions = regions.paint(label, _strip(label, k))
        cases[f"sCBN, {k} labels"] = partial(nc.render, gan, plain.label(regions))
    maps = len(gan.generator.feature_sizes)
    for last in (1, 3, 5, maps):
        edited = plain.feature(reference, mask, layers=f"#1-{last}")
        cases[f"feature, {last} feature maps"] = partial(nc.render, gan, edited)
    both = plain.feature(reference, mask).feature(nc.Collage(gan.sample(2, seed=3)), 1 - mask, strength=0.5)
    cases[f"two references, {maps} feature maps"] = partial(nc.render, gan, both)
    pair = gan.sample([0, 1], seed=1)
    cases["plain forward, batch of two"] = partial(gan.generator.generate, pair.point, pair.labels)
    return cases


def _strip(index: int, count: int) -> torch.Tensor:
    """(H, W): the vertical strip number `index` of `count`, with soft edges 16 pixels wide."""
    x = torch.arange(MASK) + 0.5
    low, high = index * MASK / count, (index + 1) * MASK / count
    return torch.minimum((x - low) / 16 + 0.5, (high - x) / 16 + 0.5).clamp(0, 1).expand(MASK, MASK)


def _measure(cases: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """(wall, processor) seconds of every case in every round; one round to warm up is thrown away."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for _ in range(rounds + 1):
        for name, case in cases.items():
            wall, processor = time.perf_counter(), time.process_time()
            case()
            times[name].append((time.perf_counter() - wall, time.process_time() - processor))
    return {name: values[1:] for name, values in times.items()}


def _report(times: dict[str, list[tuple[float, float]]]) -> None:
    plain = next(iter(times.values()))
    print(f"\n{'case':<34}{'wall ms':>9}{'ratio':>8}{'least':>8}{'cpu ms':>10}{'ratio':>8}{'least':>8}")
    for name, values in times.items():
        cells = ""
        for clock in (0, 1):
            own, base = [pair[clock] for pair in values], [pair[clock] for pair in plain]
            ratio = statistics.median(a / b for a, b in zip(own, base, strict=True))
            cells += f"{statistics.median(own) * 1000:>{9 + clock}.1f}{ratio:>8.3f}{min(own) / min(base):>8.3f}"
        print(f"{name:<34}{cells}")


if __name__ == "__main__":
    main()
