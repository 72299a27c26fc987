"""Inception v3 as it was published for TensorFlow in 2015: in its features Frechet distances are quoted.

Architecture after Szegedy et al. 2015 (arXiv 1512.00567, table 1 and figures 5 to 7). Where that leaves a choice, it is
the graph's that Heusel et al. 2017 measured in: average poolings leave padding out of the mean, the last block takes
maxima where the one before takes means, and pictures are stretched to 299 px as TensorFlow 1 did. The classifier behind
the features is left out. The weights are the user's to bring.

Shapes: N pictures, C channels, h w space, S side.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Convolution", "InceptionV3"]

SIDE = 299
"""What pictures are stretched to, in pixels."""
ALONG, ACROSS = (1, 7), (7, 1)

Size = int | tuple[int, int]


class Convolution(nn.Module):
    """A convolution without bias, batch norm with stored statistics, ReLU."""

    def __init__(self, width_in: int, width_out: int, size: Size, stride: int = 1, padded: bool = True) -> None:
        super().__init__()
        height, width = (size, size) if isinstance(size, int) else size
        padding = (height // 2, width // 2) if padded and stride == 1 else 0
        self.conv = nn.Conv2d(width_in, width_out, (height, width), stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(width_out, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C', h', w')."""
        return F.relu(self.norm(self.conv(x)))


class Block(nn.Module):
    """Several paths from the same input, side by side in the channels."""

    def __init__(self, *paths: nn.Module) -> None:
        super().__init__()
        self.paths = nn.ModuleList(paths)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, sum of the paths' C, h', w')."""
        return torch.cat([path(x) for path in self.paths], dim=1)


class InceptionV3(nn.Module):
    """8-bit pictures to 2048 features, always in evaluation."""

    num_features = 2048
    """Under the name by which torchmetrics asks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_stem(), *(_sizes(192, 32), _sizes(256, 64), _sizes(288, 64), _halved(288)),
            *(_lines(width) for width in (128, 160, 160, 192)), _halved_by_lines(768),
            _forks(1280, nn.AvgPool2d(3, 1, 1, count_include_pad=False)), _forks(2048, nn.MaxPool2d(3, 1, 1)),
        )  # fmt: skip
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> InceptionV3:
        """Stay in evaluation, whatever is asked: its statistics are part of the measure."""
        return super().train(False)

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 3, S, S) uint8 -> (N, 2048) in float32."""
        return self.layers((stretched(pictures.float()) - 128) / 128).mean((2, 3))


def stretched(pictures: Tensor, side: int = SIDE) -> Tensor:
    """(N, C, S, S) -> (N, C, side, side), linear; the first pixels' corners fall together, as in TensorFlow 1."""
    weights = _stretch(pictures.shape[-1], side).to(pictures)
    return weights @ pictures @ weights.T


def _stretch(size: int, side: int) -> Tensor:
    """(side, size): what each pixel takes from the pixels of a row. Beyond the last, that is repeated."""
    places = torch.arange(side) * (size / side)
    lower, rows = places.floor().long(), torch.arange(side)
    weights = torch.zeros(side, size)
    weights[rows, lower] = 1 - (places - lower)
    weights[rows, (lower + 1).clamp(max=size - 1)] += places - lower
    return weights


def _path(width: int, *steps: tuple[int, Size] | tuple[int, Size, int]) -> nn.Sequential:
    """Convolutions one after the other, each (width, size) or (width, size, stride)."""
    widths = [width, *(step[0] for step in steps[:-1])]
    strides = [step[2] if len(step) == 3 else 1 for step in steps]
    rows = zip(widths, steps, strides, strict=True)
    return nn.Sequential(*(Convolution(before, step[0], step[1], stride) for before, step, stride in rows))


def _pooled(width: int, width_out: int) -> nn.Sequential:
    return nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), Convolution(width, width_out, 1))


def _stem() -> list[nn.Module]:
    """299 px to 192 channels at 35 x 35."""
    return [
        Convolution(3, 32, 3, stride=2),
        Convolution(32, 32, 3, padded=False),
        Convolution(32, 64, 3),
        nn.MaxPool2d(3, 2),
        Convolution(64, 80, 1),
        Convolution(80, 192, 3, padded=False),
        nn.MaxPool2d(3, 2),
    ]


def _sizes(width: int, pooled: int) -> Block:
    """Figure 5: 1, 3 and 5 pixels wide."""
    fives, threes = _path(width, (48, 1), (64, 5)), _path(width, (64, 1), (96, 3), (96, 3))
    return Block(_path(width, (64, 1)), fives, threes, _pooled(width, pooled))


def _halved(width: int) -> Block:
    return Block(_path(width, (384, 3, 2)), _path(width, (64, 1), (96, 3), (96, 3, 2)), nn.MaxPool2d(3, 2))


def _lines(inner: int, width: int = 768) -> Block:
    """Figure 6: 7 x 7 taken apart into lines."""
    one = _path(width, (inner, 1), (inner, ALONG), (192, ACROSS))
    two = _path(width, (inner, 1), (inner, ACROSS), (inner, ALONG), (inner, ACROSS), (192, ALONG))
    return Block(_path(width, (192, 1)), one, two, _pooled(width, 192))


def _halved_by_lines(width: int) -> Block:
    lines = _path(width, (192, 1), (192, ALONG), (192, ACROSS), (192, 3, 2))
    return Block(_path(width, (192, 1), (320, 3, 2)), lines, nn.MaxPool2d(3, 2))


def _forks(width: int, pooling: nn.Module) -> Block:
    """Figure 7: 3 x 3 taken apart into lines side by side."""
    once = nn.Sequential(*_path(width, (384, 1)), _fork(384))
    twice = nn.Sequential(*_path(width, (448, 1), (384, 3)), _fork(384))
    return Block(_path(width, (320, 1)), once, twice, nn.Sequential(pooling, Convolution(width, 192, 1)))


def _fork(width: int) -> Block:
    return Block(Convolution(width, width, (1, 3)), Convolution(width, width, (3, 1)))
