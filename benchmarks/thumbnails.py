"""Pictures for the worked workflows: those they load, and their thumbnails. All are drawn by the model.

Shapes: S side of a square in pixels.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from neural_collage import engine as nc
from neural_collage.engine.crop import resize_picture
from neural_collage.engine.sheet import contact_sheet
from neural_collage.workflows.run import Results, run
from pieces import CANVAS, PHOTO
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

WIDTH = 400
"""Pixels of a thumbnail."""
SHEET_RATIO = 1.45
"""What is longer than this is a sheet of several pictures, and no photograph."""
PHOTO_SIZE, FRUIT = (480, 360), 288
FRUIT_CLASS, FRUIT_SEED = "apple-red-delicious", 4
SHEET = "NeuralCollageContactSheet"


def draw_pictures(folder: Path, model: Path) -> None:
    """Write the photo that a workflow loads."""
    _save(_photo(nc.load(model)), folder / PHOTO)


def draw_thumbnail(workflow: Path, model: Path) -> None:
    """Run a workflow, and write the stages of its sheet as a small picture of the same name."""
    with tempfile.TemporaryDirectory() as place:
        results = run(workflow, {"Load GAN.file": str(model.absolute())}, output_dir=place)
    grid = _grid(_stages(workflow, results))
    picture = Image.fromarray(contact_sheet(grid, gap=4)[0].permute(1, 2, 0).numpy())
    height = round(picture.height * WIDTH / picture.width)
    _save(picture.resize((WIDTH, height), Image.Resampling.LANCZOS), workflow.with_suffix(".jpg"))


def _stages(workflow: Path, results: Results) -> list[Tensor]:
    """What went into the sheet, (N, 3, CELL, CELL) in [-1, 1] for each column."""
    document = json.loads(workflow.read_text("utf-8"))
    links = {link[0]: link for link in document["links"]}
    (sheet,) = (node for node in document["nodes"] if node["type"] == SHEET)
    wired = [links[socket["link"]] for socket in sheet["inputs"] if socket["link"] is not None]
    images = [results.outputs[str(origin)][slot] for _, origin, slot, *_ in wired]
    return [_square(image.movedim(-1, 1) * 2 - 1) for image in images]


def _square(stage: Tensor, side: int = CANVAS) -> Tensor:
    """The middle of a picture, (N, 3, side, side); a class map without its legend; all of a sheet, on white."""
    height, width = stage.shape[-2:]
    shorter, longer = sorted((height, width))
    if longer > SHEET_RATIO * shorter:
        across, down = (longer - width) // 2, (longer - height) // 2
        around = (across, longer - width - across, down, longer - height - down)
        return resize_picture(F.pad(stage, around, value=1.0), (side, side))
    top = 0 if height > shorter else (height - shorter) // 2
    left = (width - shorter) // 2
    return resize_picture(stage[..., top : top + shorter, left : left + shorter], (side, side))


def _grid(stages: list[Tensor]) -> list[Tensor]:
    """Batches are rows already; a single row is broken into rows of two or three."""
    longest = max(len(stage) for stage in stages)
    if longest > 1:
        return list(torch.stack([stage.expand(longest, -1, -1, -1) for stage in stages], dim=1))
    across = 2 if len(stages) <= 4 else 3
    return list(torch.cat(stages).split(across))


def _photo(gan: nc.Gan) -> Image.Image:
    """A fruit that the model made up, on a table of one colour, with a soft shadow."""
    fruit = nc.render(gan, nc.Collage(gan.sample(FRUIT_CLASS, seed=FRUIT_SEED, truncation=0.7)))
    large = ((resize_picture(fruit, (FRUIT, FRUIT)).clamp(-1, 1)[0] + 1) * 127.5).permute(1, 2, 0).byte().numpy()
    white = (fruit.amin(1, keepdim=True) > 0.8).float()
    alpha = (255 * (1 - resize_picture(white, (FRUIT, FRUIT)).clamp(0, 1)))[0, 0].byte().numpy()
    cut = Image.fromarray(alpha).filter(ImageFilter.MinFilter(5)).filter(ImageFilter.GaussianBlur(1.5))
    table = _table()
    corner = (PHOTO_SIZE[0] - FRUIT) // 2, (PHOTO_SIZE[1] - FRUIT) // 2
    table.paste(Image.fromarray(large), corner, cut)
    return table


def _table() -> Image.Image:
    """Light grey, brighter above, with the shadow of something round."""
    width, height = PHOTO_SIZE
    rows = np.linspace(225, 190, height)[:, None, None] * np.array([1.0, 0.98, 0.94])
    table = Image.fromarray(np.broadcast_to(rows, (height, width, 3)).astype(np.uint8))
    shadow = Image.new("L", PHOTO_SIZE)
    ImageDraw.Draw(shadow).ellipse((120, 270, 370, 336), fill=90)
    table.paste((90, 86, 80), None, shadow.filter(ImageFilter.GaussianBlur(14)))
    return table


def _save(picture: Image.Image, path: Path) -> None:
    partial = path.with_name(f".{path.name}.part")
    picture.save(partial, format={".jpg": "JPEG", ".png": "PNG"}[path.suffix], quality=85, optimize=True)
    os.replace(partial, path)
