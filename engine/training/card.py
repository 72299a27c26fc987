"""The card of a finished model: what it is, what it was made from and how, and how good it is, as Markdown.

Beside it lie sheets of made pictures. Sheets that show photographs stay in the folders of the runs.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..gan import Gan
from ..reconstruction import Reconstruction
from .data import ImageSet
from .hold_out import told_hold_out
from .runs import Run
from .snapshot import RunFolder, written
from .task import shown_classes

__all__ = ["write_card"]

TRUNCATIONS = (1.0, 0.8, 0.6, 0.4)
SAMPLES, MEASURED = 8, 200


def write_card(gan: Gan, folder: RunFolder, runs: Sequence[Run]) -> None:
    """Write `model.md`, `samples.png` and `truncation.png` into the folder of a whole training.

    Args:
        gan: the finished model.
        folder: where its file is.
        runs: of its parts, in their order, whose snapshots hold the settings.
    """
    shown = shown_classes(gan.n_classes).tolist()
    folder.sheet(torch.stack([_drawn(gan, [label] * SAMPLES) for label in shown]), "samples")
    folder.sheet(torch.stack([_drawn(gan, shown, truncation) for truncation in TRUNCATIONS]), "truncation")
    path = folder.path / "model.md"
    temporary = path.with_suffix(".part")
    text = "\n".join(_lines(gan, runs)) + "\n"
    with written(path, temporary):
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)


@torch.no_grad()
def _drawn(gan: Gan, labels: list[int], truncation: float = 1.0) -> Tensor:
    return gan.generator(gan.sample(labels, truncation=truncation))


def _lines(gan: Gan, runs: Sequence[Run]) -> Iterable[str]:
    data = runs[0].args.data.name
    sets = [found for (_, _, held_out), found in runs[0].sets.items() if not held_out]
    states = [run.state() or {} for run in runs]  # what was trained, whatever the flags of the last call
    yield f"# A model of {data}\n"
    yield "![Samples, a row a class](samples.png)\n"
    yield from _table(["", ""], _facts(gan, sets[0], states[0], data))
    yield "\nTruncation " + ", ".join(f"{value:g}" for value in TRUNCATIONS) + ", from the top, a column a class:\n"
    yield "![Truncation](truncation.png)\n"
    yield "## Figures\n"
    yield from _table(["figure", "value"], [*_measures(runs[0]), *_reconstruction(gan, runs[0], states)])
    yield "\n## How it was trained\n"
    yield from _settings([run.kind for run in runs], states)
    yield "\nCurves are in `log.csv` and `metrics.csv` of `gan`, `encoder` and `auxiliary`. Sheets there that show"
    yield "photographs (`neighbours_*`, and those of the encoder and the pair) belong to whoever owns the photographs."


def _facts(gan: Gan, data: ImageSet, state: Mapping[str, Any], name: str) -> list[list[str]]:
    parts = [part for part in ("generator", "discriminator", "encoder", "auxiliary") if getattr(gan, part)]
    count, hold_out = len(state.get("trained_on", data)), state.get("hold_out", data.hold_out)
    kept = f"every {hold_out}th of each class was kept out" if hold_out else "none was kept out"
    left = len(data.skipped) + len(data.tiny)
    return [
        ["file", f"`model.safetensors`: {', '.join(parts)}; {gan.resolution} x {gan.resolution} pixels"],
        ["classes", ", ".join(gan.class_names)],
        ["data", f"{name}: {count} pictures for training, {kept}; {left} files could not be used"],
        ["licence of the weights", gan.facts.get("licence", "not stated: ask whoever trained it, and state it")],
    ]


def _measures(run: Run) -> list[list[str]]:
    rows = RunFolder(run.out).read_metrics()
    told = {
        "accuracy": "share of samples that a classifier of the photographs puts into their class",
        "accuracy_real": "the same of photographs kept out of training",
        "frechet": "Frechet distance to the training pictures in that classifier's features",
        "frechet_inception": "the same in Inception's features, of 512 samples: with more it would be smaller",
        "spread": "within-class spread of those features, over the photographs'",
        "nearness": "distance to the nearest training picture, over that of ",
    }
    last = rows[-1] if rows else {}
    told["nearness"] += "photographs kept out" if "accuracy_real" in last else "training pictures to one another"
    return [[f"{text} (step {last['step']:.0f})", f"{last[name]:.3f}"] for name, text in told.items() if name in last]


@torch.no_grad()
def _reconstruction(gan: Gan, run: Run, states: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Eq. 4 on pictures kept out of the training of all parts, or on training pictures where there are none."""
    hold_out = math.lcm(*(state.get("hold_out", run.hold_out) for state in states))
    if hold_out != run.hold_out:
        run = replace(run, hold_out=hold_out, sets={})
    held_out, crop = bool(hold_out), states[0]["settings"]["crop"]
    data = run.data(round(gan.resolution / crop), gan.class_names, held_out).middle(gan.resolution)
    places = _fitting(data, states, held_out)
    if not len(places):
        return []
    places = places[torch.linspace(0, len(places) - 1, min(len(places), MEASURED)).long()]
    found = torch.stack([_distances(gan, data, part) for part in places.split(50)]).mean(0).tolist()
    kept = f"{len(places)} photographs {'kept out of' if held_out else 'of the'} training"
    names = ("a random latent", "the encoder's latent", "the same through A and B")
    return [[f"eq. 4 of {name}, {kept}", f"{value:.3f}"] for name, value in zip(names, found, strict=True)]


def _fitting(data: ImageSet, states: Sequence[Mapping[str, Any]], held_out: bool) -> Tensor:
    """Places of the pictures that no part was trained on, or of those that one was; of all if a state does not say."""
    if not all("trained_on" in state for state in states):
        return torch.arange(len(data))
    seen = torch.isin(data.digests, torch.cat([state["trained_on"] for state in states]))
    return (seen != held_out).nonzero()[:, 0]


def _distances(gan: Gan, data: ImageSet, places: Tensor) -> Tensor:
    images, labels = data.still(places), data.labels[places]
    measure = Reconstruction(gan, images, 0.0)
    z = gan.part("encoder")(images, labels)
    random = torch.randn(z.shape, generator=torch.Generator().manual_seed(0))
    starts = (random, z, gan.part("auxiliary")(z))
    return torch.stack([measure.perceptual_distance(gan.generator.generate(each, labels)).mean() for each in starts])


def _settings(kinds: Sequence[str], states: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    settings = [state["settings"] for state in states]
    names = list(dict.fromkeys(name for each in settings for name in each))
    rows = [[name, *(_short(each.get(name, "")) for each in settings)] for name in names]
    done = ["steps made", *(str(state["done"]) for state in states)]
    pictures = ["pictures", *(_pictures(state) for state in states)]
    yield from _table(["setting", *kinds], [done, pictures, *rows])


def _pictures(state: Mapping[str, Any]) -> str:
    known = "trained_on" in state and "hold_out" in state
    return f"{len(state['trained_on'])}, {told_hold_out(state['hold_out'])}" if known else ""


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    for row in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(row)} |"
