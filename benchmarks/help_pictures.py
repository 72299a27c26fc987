"""The pictures of the help pages, `web/docs/<node>.jpg`: what the worked workflow that a page names gives.

python benchmarks/help_pictures.py MODEL [--only NODE]

(That of Paint Regions is its canvas in the browser: `screenshots.py`.)
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import torch
from neural_collage import engine as nc
from neural_collage import workflows
from neural_collage.workflows.run import run
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

WORKFLOWS = Path(workflows.__file__).parent
PAGES = WORKFLOWS.parent / "web" / "docs"
SIDE, WIDTH, LIMIT = 176, 760, 60_000
"""Pixels of a stage's side and of the widest picture; bytes of the largest file."""


class Output(NamedTuple):
    """An output of a node, which is found by its title, or by its type where it has none."""

    node: str
    slot: int = 0


class Picture(NamedTuple):
    """Stages by their titles, from one workflow. A single one without a title is a sheet already."""

    workflow: str
    stages: dict[str, Output]


PICTURES = {
    "NeuralCollageLoadGAN": Picture(
        "feature_collage",
        {
            "tomato-beefsteak": Output("Render picture"),
            "papaya": Output("Render first reference"),
            "cherry-wax-black": Output("Render second reference"),
        },
    ),
    "NeuralCollageRandomCollage": Picture(
        "label_and_feature",
        {"orange, seed 3": Output("Render picture"), "tomato-two-tone, seed 4": Output("Render reference")},
    ),
    "NeuralCollageProjectImage": Picture(
        "edit_photo",
        {
            "image": Output("Fruit on white"),
            "reconstruction": Output("NeuralCollageProjectImage", 1),
            "loss_curve": Output("NeuralCollageProjectImage", 2),
            "failure": Output("NeuralCollageProjectImage", 3),
        },
    ),
    "NeuralCollageMixCollages": Picture(
        "mix",
        {
            "first": Output("Render first"),
            "amount 0.33": Output("Render amount 0.33"),
            "amount 0.67": Output("Render amount 0.67"),
            "amount 1": Output("Render amount 1"),
            "second": Output("Render second"),
        },
    ),
    "NeuralCollagePaintClass": Picture(
        "label_collage",
        {
            "first mask": Output("Left half"),
            "second mask": Output("Centre"),
            "class_map": Output("NeuralCollagePreviewClassMap"),
        },
    ),
    "NeuralCollageClassMapFromColours": Picture(
        "colours_to_class_map",
        {
            "image": Output("Blue in the middle"),
            "class_map": Output("NeuralCollagePreviewClassMap"),
            "unedited": Output("Render unedited"),
            "edited": Output("Render edited"),
        },
    ),
    "NeuralCollagePreviewClassMap": Picture("label_collage", {"": Output("NeuralCollagePreviewClassMap")}),
    "NeuralCollageLabelCollage": Picture(
        "label_collage",
        {
            "collage": Output("Render unedited"),
            "class_map": Output("NeuralCollagePreviewClassMap"),
            "edited": Output("Render edited"),
        },
    ),
    "NeuralCollageFeatureCollage": Picture(
        "label_and_feature",
        {
            "collage": Output("Render label collage"),
            "reference": Output("Render reference"),
            "mask": Output("Centre"),
            "edited": Output("Render both"),
        },
    ),
    "NeuralCollageRenderCollage": Picture(
        "label_collage",
        {
            "unedited": Output("Render unedited"),
            "image": Output("Render edited"),
            "changed": Output("Render edited", 1),
        },
    ),
    "NeuralCollageCropForCollage": Picture(
        "edit_photo",
        {"photo": Output("LoadImage"), "image": Output("NeuralCollageCropForCollage")},
    ),
    "NeuralCollageStitch": Picture(
        "edit_photo",
        {
            "photo": Output("LoadImage"),
            "edited": Output("NeuralCollageRenderCollage"),
            "mask": Output("Blend mask"),
            "image": Output("NeuralCollageStitch"),
        },
    ),
    "NeuralCollageContactSheet": Picture("layers_and_strengths", {"": Output("NeuralCollageContactSheet")}),
    "NeuralCollageStudyStrengths": Picture("studies", {"": Output("NeuralCollageStudyStrengths")}),
    "NeuralCollageStudyLayers": Picture("studies", {"": Output("NeuralCollageStudyLayers")}),
    "NeuralCollageStudyEveryClass": Picture("studies", {"": Output("NeuralCollageStudyEveryClass")}),
    "NeuralCollageStudyMix": Picture("studies", {"": Output("NeuralCollageStudyMix")}),
    "NeuralCollageStudyPixels": Picture("studies", {"": Output("NeuralCollageStudyPixels")}),
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="the model to draw with: the starter")
    parser.add_argument("--only", metavar="NODE", choices=PICTURES, help="the picture of this node's page alone")
    options = parser.parse_args()
    wanted = {kind: picture for kind, picture in PICTURES.items() if options.only in (None, kind)}
    for name in sorted({picture.workflow for picture in wanted.values()}):
        these = {kind: picture for kind, picture in wanted.items() if picture.workflow == name}
        draw(name, these, options.model, PAGES)


def draw(workflow: str, pictures: dict[str, Picture], model: Path, folder: Path) -> None:
    """Run a workflow with the model, and write the pictures that come from it: `folder/<node>.jpg`."""
    path = WORKFLOWS / f"{workflow}.json"
    with tempfile.TemporaryDirectory() as place:
        results = run(path, {"Load GAN.file": str(model.absolute())}, output_dir=place)
    for kind, picture in pictures.items():
        found = {title: results.outputs[number(path, node)][slot] for title, (node, slot) in picture.stages.items()}
        _save(_drawn(found), folder / f"{kind}.jpg")


def number(workflow: Path, name: str) -> str:
    """The number of the node of that title or type. Raises ValueError unless there is exactly one."""
    nodes = json.loads(workflow.read_text("utf-8"))["nodes"]
    (node,) = (node for node in nodes if name == (node.get("title") or node["type"]))
    return str(node["id"])


def _drawn(stages: dict[str, Tensor]) -> Image.Image:
    """The stages under their titles, class maps without their legends; or the only one, as it is."""
    pictures = [_picture(stage) for stage in stages.values()]
    squares = [picture[..., : picture.shape[-1], :] for picture in pictures]
    sheet = pictures[0] if "" in stages else nc.draw_stages(squares, list(stages), side=SIDE)
    return Image.fromarray(((sheet[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy())


def _picture(stage: Tensor) -> Tensor:
    """What ComfyUI calls an IMAGE (N, H, W, 3) or a MASK (N, H, W), in 0..1, as (N, 3, H, W) in [-1, 1].

    A mask gets a grey frame, which tells its white from the sheet's.
    """
    if stage.ndim == 4:
        return stage.movedim(-1, 1) * 2 - 1
    framed = pad(stage, [stage.shape[-1] // 64] * 4, value=0.5)
    return torch.stack([framed] * 3, dim=1) * 2 - 1


def _save(picture: Image.Image, path: Path) -> None:
    if picture.width > WIDTH:
        size = WIDTH, round(picture.height * WIDTH / picture.width)
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    partial = path.with_name(f".{path.name}.part")
    picture.save(partial, format="JPEG", quality=82, optimize=True)
    if partial.stat().st_size > LIMIT:
        raise SystemExit(f"{partial} is larger than {LIMIT} bytes")
    os.replace(partial, path)
    print(path)


if __name__ == "__main__":
    main()
