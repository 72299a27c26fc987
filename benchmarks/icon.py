"""The pack's icon (400 px) and banner (21:9): a fruit that is three fruits, drawn by a model.

python benchmarks/icon.py models/fruits-64.safetensors     writes docs/icon.png and docs/banner.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from neural_collage import engine as nc
from neural_collage.engine.sheet import save_png
from torch import Tensor

DOCS = Path(__file__).parents[1] / "docs"
CLASSES = ("lemon", "tomato-beefsteak", "apple-granny-smith")
PICTURE, LATENT = "apple-golden", 8


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="the model that draws")
    gan = nc.load(parser.parse_args().model)
    seeds = [LATENT + place for place in range(4)]
    pictures = torch.cat([large(nc.render(gan, sliced(gan, seed)), 360) for seed in seeds])
    save_png(DOCS / "icon.png", F.pad(pictures[-1], (20,) * 4, value=1.0))
    row = F.pad(torch.cat(list(pictures), dim=2), (6, 6, 130, 130), value=1.0)
    save_png(DOCS / "banner.png", row)


def sliced(gan: nc.Gan, seed: int) -> nc.Collage:
    """A fruit whose thirds, from the left, are of three classes."""
    regions, side = nc.ClassMap(), gan.resolution
    for place, label in enumerate(CLASSES):
        mask = torch.zeros(side, side)
        mask[:, side * place // 3 : side * (place + 1) // 3] = 1
        regions = regions.paint(label, mask)
    return nc.Collage(gan.sample(PICTURE, seed=seed)).label(regions)


def large(picture: Tensor, side: int) -> Tensor:
    """(N, 3, R, R) smoothly enlarged to (N, 3, side, side)."""
    return F.interpolate(picture, size=(side, side), mode="bicubic", align_corners=False, antialias=True).clamp(-1, 1)


if __name__ == "__main__":
    main()
