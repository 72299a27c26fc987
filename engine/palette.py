"""A coloured picture to a class map: each colour of a palette stands for a class.

The palette is text, one colour a line, `#ff0000 = banana`. The result is a partition, never a chain of overs: on an
anti-aliased edge between two colours a pixel is an exact mixture of the two classes, and a colour that the palette does
not list (or lists as `own`) keeps the picture's own label.

Shapes: N pictures, K colours, H W size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import torch
from PIL import ImageColor
from torch import Tensor
from torch.nn.functional import max_pool2d

from .class_map import ClassMap
from .errors import InputError
from .pictures import as_picture
from .ranges import expect, real

__all__ = ["class_map_from_colours", "parse_palette"]

OWN = "own"
"""The label that stands for the picture's own."""
REACH = 2
"""An edge pixel may mix only colours found within this many pixels of it."""
SLACK = 0.002
"""Half an 8-bit step: what colours may miss by rounding. A single colour is preferred to a mixture by as much, so that
a listed grey between a listed black and a listed white is grey."""


@dataclass(frozen=True)
class Swatch:
    """One line of a palette."""

    colour: tuple[float, float, float]
    """Red, green, blue, 0 to 1."""
    label: str
    """Class number, class name, or "own"."""


def parse_palette(text: str) -> tuple[Swatch, ...]:
    """Read a palette: `colour = class` on each line; empty lines are skipped.

    Args:
        text: colours as in CSS (`#f00`, `#ff0000`, `red`, `rgb(255, 0, 0)`); classes by number or name, or `own` for
            the picture's own. Several colours may stand for one class.

    Raises:
        InputError: no line, a line of another form, an unknown colour, or a colour that is given twice.
    """
    text = expect(text, str, "A palette")
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    swatches = tuple(_swatch(number, line) for number, line in lines)
    if not swatches:
        raise InputError("A palette needs at least one line such as `#ff0000 = banana`; got nothing.")
    colours = [swatch.colour for swatch in swatches]
    for index, (number, line) in enumerate(lines):
        if colours[index] in colours[:index]:
            raise InputError(f"Each colour of a palette must be listed once; line {number}, {line!r}, repeats one.")
    return swatches


def _swatch(number: int, line: str) -> Swatch:
    name, _, label = (part.strip() for part in line.partition("="))
    if not name or not label:
        raise InputError(f"A palette line is `colour = class`, such as `#ff0000 = banana`; line {number} is {line!r}.")
    try:
        red, green, blue = ImageColor.getrgb(name)[:3]
    except ValueError as error:
        raise InputError(
            f"A palette colour is written as in CSS (`#ff0000`, `red`, `rgb(255, 0, 0)`); line {number} has {name!r}."
        ) from error
    return Swatch((red / 255, green / 255, blue / 255), label)


def class_map_from_colours(image: Tensor, palette: str, tolerance: float = 0.15) -> ClassMap:
    """The class of each pixel by its colour.

    A pixel becomes the single colour, or the mixture of two colours found nearby, that it fits best. A pixel that fits
    neither within `tolerance` keeps the picture's own label. Weights sum to one, with the own label's share.

    Args:
        image: (N, 3, H, W) in [-1, 1], sRGB.
        palette: see `parse_palette`.
        tolerance: how far a colour may lie from what it is taken for; 1 is the distance from black to white.

    Returns:
        A class map of the image's size.

    Raises:
        InputError: an image of another shape, a palette that does not parse, a tolerance outside 0 to 1.
    """
    image = as_picture(image, "coloured picture")
    if image.shape[1] != 3:
        raise InputError(f"The coloured picture must be (N, 3, H, W) in [-1, 1]; got {tuple(image.shape)}.")
    tolerance = real(tolerance, "Tolerance (0: exact colours, 1: any colour)", 0, 1)
    swatches = parse_palette(palette)
    colours = torch.tensor([swatch.colour for swatch in swatches], device=image.device)
    weights = _weights((image.float() + 1) / 2, colours, tolerance)
    labels = [OWN if swatch.label.casefold() == OWN else swatch.label for swatch in swatches]
    whole = ClassMap.from_weights([*labels, OWN], weights)  # adds up the colours of one class
    kept = [index for index, label in enumerate(whole.labels) if label != OWN]
    return ClassMap(tuple(whole.labels[index] for index in kept), whole.weights[:, kept])


@dataclass
class _Fit:
    """The best explanation of each pixel so far: a mixture of two colours. Weights come last; palettes can be large."""

    distance: Tensor
    """(N, H, W): from the pixel's colour to it."""
    entries: Tensor
    """(N, 2, H, W): numbers of the two colours, twice the same for a single one."""
    place: Tensor
    """(N, H, W): 0 at the first colour, 1 at the second."""

    def offer(self, entries: tuple[int, int], distance: Tensor, place: Tensor) -> None:
        """Take a mixture wherever it fits better than what is there."""
        better = distance < self.distance
        pair = torch.tensor(entries, device=place.device).view(1, 2, 1, 1)
        self.distance = torch.where(better, distance, self.distance)
        self.entries = torch.where(better[:, None], pair, self.entries)
        self.place = torch.where(better, place, self.place)

    def weights(self, count: int) -> Tensor:
        """(N, count, H, W), summing to one."""
        shares = torch.stack([1 - self.place, self.place], dim=1)
        weights = shares.new_zeros(len(shares), count, *shares.shape[2:])
        return weights.scatter_add_(1, self.entries, shares)


def _weights(image: Tensor, colours: Tensor, tolerance: float) -> Tensor:
    """(N, K + 1, H, W) from an image (N, 3, H, W) and colours (K, 3), both 0 to 1; the last is the own label."""
    own = len(colours)
    distances = torch.stack([_distance(image, colour.view(3, 1, 1)) for colour in colours], dim=1)  # (N, K, H, W)
    smallest, nearest = distances.min(1)
    fit = _Fit(smallest - SLACK, nearest[:, None].expand(-1, 2, -1, -1), torch.zeros_like(smallest))
    # Each colour is at home where it is the nearest and near enough; a mixture needs both its colours close by.
    numbers = torch.arange(own, device=image.device).view(1, -1, 1, 1)
    home = ((nearest[:, None] == numbers) & (distances <= tolerance + SLACK)).float()
    near = max_pool2d(home, 2 * REACH + 1, stride=1, padding=REACH).bool()  # (N, K, H, W)
    for entries, distance, place in _mixtures(image, colours, near):
        fit.offer(entries, distance, place)
    fit.entries = torch.where((fit.distance <= tolerance + SLACK)[:, None], fit.entries, own)
    return fit.weights(own + 1)


def _mixtures(image: Tensor, colours: Tensor, near: Tensor) -> Iterator[tuple[tuple[int, int], Tensor, Tensor]]:
    """For every two colours that meet: each pixel's distance from the line between them, and its place on it."""
    for first, second in combinations(range(len(colours)), 2):
        both = near[:, first] & near[:, second]
        if not both.any():  # most pairs of a large palette
            continue
        start, step = colours[first].view(3, 1, 1), (colours[second] - colours[first]).view(3, 1, 1)
        along = ((image - start) * step).sum(1) / step.square().sum()
        place = along.clamp(0, 1)  # (N, H, W)
        distance = _distance(image, start + place[:, None] * step)
        yield (first, second), torch.where(both, distance, torch.inf), place


def _distance(image: Tensor, other: Tensor) -> Tensor:
    """(N, H, W): Euclidean, 1 from black to white."""
    return (image - other).square().mean(1).sqrt()
