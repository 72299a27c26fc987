"""How fast projection descends on z and on zeta, from the encoder and from random starts.

Descended on and reported is eq. 4 alone (`courses.py`). Each space has, for each start, the best rate of a grid, tried
on photographs that are not among those measured: the rate with the least mean, over photographs, of the best loss so
far after the last step. Where it is at the edge of its grid, the grid grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from courses import LOSS, PSNR, Courses, Photos
from curves import Panel, draw
from intervals import BOUNDS, resampled
from neural_collage import engine as nc
from pair import cost
from study import Study, Table
from torch import Tensor

RATES = {
    "z": (0.02, 0.04, 0.075, 0.15, 0.3, 0.6),
    "zeta": (0.015, 0.03, 0.06, 0.12, 0.25, 0.5),
}
"""The grid of each space; the original's defaults, 0.075 and 0.015, are in it."""
STARTS = ("encoder", "random")
STEPS = (0, 10, 20, 50, 100, 200)
RESAMPLES = 1000
"""Of the photographs measured, for the intervals of ratios."""
WIDENED = 4
"""How often a grid may grow, by a factor of two at the edge where its best is."""

Grid = Mapping[float, Tensor]
"""Rate -> course of the tuning photographs (2, S + 1, N), by rising rate."""


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    count: int = 208
    """Photographs measured, equally many of each class."""
    tuning: int = 26
    """Others, on which the rates are tried."""
    steps: tuple[int, ...] = STEPS
    """The steps reported."""
    spaces: tuple[str, ...] = tuple(RATES)

    def __post_init__(self) -> None:
        """Raise InputError where there is nothing to measure, or to tune on."""
        if min(self.count, self.tuning) < 1 or not self.steps or min(self.steps) < 0:
            raise nc.InputError(
                "Descents need a photograph to measure and another for the rates, and steps of 0 or more; got "
                f"{self.count}, {self.tuning} and {', '.join(map(str, self.steps)) or 'none'}. Give larger numbers."
            )


@dataclass(frozen=True)
class Descents:
    """What was found."""

    tables: tuple[Table, ...]
    pictures: Mapping[str, tuple[Panel, ...]]
    """Name of the file -> its panels."""


def descent(study: Study, plan: Plan) -> None:
    """Measure and write everything."""
    found = measure(study, plan)
    for table in found.tables:
        study.write(table)
    draw_all(study, found)


def draw_all(study: Study, found: Descents, suffix: str = "") -> None:
    """Write the curves into the study's folder."""
    for name, panels in found.pictures.items():
        draw(study.out / f"{name}{suffix}.svg", panels)


def measure(study: Study, plan: Plan) -> Descents:
    """Tune the rates of each space and start, then measure the courses of other photographs at the best of them."""
    photos = Photos.held_out(study, plan.tuning + plan.count)
    courses = Courses.of(study, max(plan.steps))
    each = [(space, start) for start in STARTS for space in plan.spaces]
    grids = {way: _grid(courses, photos[: plan.tuning], *way) for way in each}
    rates = {way: _best(grid) for way, grid in grids.items()}
    measured = {way: courses.run(photos[plan.tuning :], way[1], way[0], rate) for way, rate in rates.items()}
    told = [(way, f"{rates[way]:g}", measured[way]) for way in each]
    kept = ("space", "start", f"best rate on {plan.tuning} other photos")
    header = (*kept, *(f"{n} steps" for n in plan.steps))
    losses = [(*way, rate, *(f"{course[LOSS, n].mean():.4f}" for n in plan.steps)) for way, rate, course in told]
    ratios = [(*way, rate, *(f"{course[PSNR, n].mean():.2f}" for n in plan.steps)) for way, rate, course in told]
    tables = [
        Table("descent_rates", *_tried(grids, plan.steps), 3),
        Table("descent", header, losses, 2, f"Eq. 4 of {plan.count} photographs. {study.kept_out}"),
        Table("descent_psnr", header, ratios, 2, f"PSNR in dB of the same {plan.count} photographs"),
    ]
    if {"z", "zeta"} <= set(plan.spaces):
        tables += [_ratios(measured, plan.steps), cost(study.gan, photos[:1])]
    return Descents(tuple(tables), _pictures(grids, measured, plan))


def _grid(courses: Courses, photos: Photos, space: str, start: str) -> Grid:
    """The courses at each rate, and at more where the best is the first or the last of them."""
    found = {rate: courses.run(photos, start, space, rate) for rate in RATES[space]}
    for _ in range(WIDENED):
        best = _best(found)
        if min(found) < best < max(found):
            break
        beyond = best * 2 if best == max(found) else best / 2
        found[beyond] = courses.run(photos, start, space, beyond)
    return dict(sorted(found.items()))


def _best(grid: Grid) -> float:
    """The rate with the least mean loss after the last step."""
    return min(grid, key=lambda rate: grid[rate][LOSS, -1].mean().item())


def _tried(
    grids: Mapping[tuple[str, str], Grid], steps: tuple[int, ...]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows: the tuning photographs' mean eq. 4 at each rate, the best marked."""
    rows = []
    for way, grid in grids.items():
        mark = "best" if min(grid) < _best(grid) < max(grid) else "best, at the edge of the grid"
        for rate, course in grid.items():
            means = [f"{course[LOSS, n].mean():.4f}" for n in steps]
            rows.append((*way, f"{rate:g}", *means, mark if rate == _best(grid) else ""))
    return ("space", "start", "rate", *(f"{n} steps" for n in steps), "best of the grid"), rows


def steps_to_reach(course: Tensor, level: float) -> int | None:
    """The first step at which a falling course (S + 1,) is at a level or below; None where it never is."""
    reached = (course <= level).nonzero()
    return int(reached[0]) if len(reached) else None


def _ratios(measured: Mapping[tuple[str, str], Tensor], steps: tuple[int, ...]) -> Table:
    """How many steps of zeta reach what z reaches, by the mean of photographs."""
    rows = []
    for start in STARTS:
        z, zeta = (measured[space, start][LOSS] for space in ("z", "zeta"))
        for n in (n for n in steps if n >= min(50, max(steps))):
            level = z[n].mean().item()
            needed = steps_to_reach(zeta.mean(1), level)
            told = "not in " + str(len(zeta) - 1) if needed is None else str(needed)
            ratio = "" if needed is None else f"{needed / max(n, 1):.2f}"
            tuned = "yes" if n == max(steps) else "no"
            rows.append((start, str(n), f"{level:.4f}", told, ratio, _interval(z, zeta, n), tuned))
    reached = ("eq. 4 reached", "steps on zeta that reach it")
    ratios = ("ratio (paper: below 0.67)", "95 % interval", "rates tuned for these steps")
    title = (
        f"Steps on zeta that reach what z reaches. The rates of both were tuned for {max(steps)} steps: that row alone "
        "compares each at its best. Intervals are by a bootstrap over photographs"
    )
    return Table("descent_ratio", ("start", "steps on z", *reached, *ratios), rows, 2, title)


def _interval(z: Tensor, zeta: Tensor, n: int) -> str:
    """Of the ratio that courses (S + 1, N) of the same photographs give for n steps on z: they are drawn again."""
    weights = resampled(z.shape[1], RESAMPLES).T / z.shape[1]
    above = (zeta.double() @ weights > z[n].double() @ weights).sum(0)  # steps: no course ever rises
    bounds = [int(above.double().quantile(bound, interpolation="nearest")) for bound in BOUNDS]
    least = f"above {(len(zeta) - 1) / max(n, 1):.2f}"  # where the course ends without having reached it
    low, high = (f"{bound / max(n, 1):.2f}" if bound < len(zeta) else least for bound in bounds)
    return f"{low} to {high}"


def _pictures(
    grids: Mapping[tuple[str, str], Grid], measured: Mapping[tuple[str, str], Tensor], plan: Plan
) -> dict[str, tuple[Panel, ...]]:
    """Loss over rates and over steps of the tuning photographs (paper figures 16 and 17), and of those measured."""
    means = {way: {rate: _mean(course) for rate, course in grid.items()} for way, grid in grids.items()}
    by_rate, by_step = [], []
    for (space, start), courses in means.items():
        title = f"{space}, {start} start, {plan.tuning} photos"
        over = {f"{n} steps": [(rate, course[n]) for rate, course in courses.items()] for n in plan.steps}
        by_rate.append(Panel(title, "rate", "eq. 4", over, True))
        over = {f"{rate:g}": list(enumerate(course)) for rate, course in courses.items()}
        by_step.append(Panel(title, "steps", "eq. 4", over, False))
    best = [
        Panel(
            f"{start} start, {plan.count} photos, best rates",
            "steps",
            "eq. 4",
            {space: list(enumerate(_mean(measured[space, start]))) for space in plan.spaces},
            False,
        )
        for start in STARTS
    ]
    return {"descent_rates": tuple(by_rate), "descent_steps": tuple(by_step), "descent": tuple(best)}


def _mean(course: Tensor) -> list[float]:
    """The mean loss at each step, above zero for a logarithmic axis."""
    return course[LOSS].mean(1).clamp(min=1e-6).tolist()
