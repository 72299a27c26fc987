"""Where collages come from: Random Collage, Project Image, Mix Collages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from .. import engine as nc
from . import host
from .class_names import CLASS_PICKER
from .pictures import draw
from .sockets import COLLAGE, GAN, expect, image_from_engine, image_to_engine, mask_from_engine, thumbnail

__all__ = ["MixCollages", "ProjectImage", "RandomCollage"]

CLASS_TIP = "Class by name or number, as Load GAN lists them; capitals do not matter, and part of a name will do."
AUTO_TIP = (
    "auto: the class that starts best. It draws every class once before the first step, about as much work as a third "
    "of a step for each class."
)

CPU = torch.device("cpu")
DESCENT_ROOM = 4096
"""Bytes for each pixel of a picture in a descent: every map of both networks is kept for its gradient."""


class RandomCollage:
    """A class and a seed to a collage without edits."""

    DESCRIPTION = "Draw random latents of one class: pictures that the GAN makes up, to edit or to take features from."
    SEARCH_ALIASES = ("random latent", "gan sample", "seed")
    CATEGORY = "neural collage/source"
    FUNCTION = "draw"
    RETURN_TYPES = (COLLAGE,)
    RETURN_NAMES = ("collage",)
    OUTPUT_TOOLTIPS = ("One latent for each picture of the batch, without edits yet.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        seed = "Picture i of a batch is the same as a single one with seed + i, on every device."
        truncation = "1 draws from all the model knows; below 1 pictures are more typical and more alike."
        return {
            "required": {
                "gan": (GAN, {"tooltip": "The model that the latents are meant for."}),
                "label": ("STRING", {"default": "0", "tooltip": CLASS_TIP, **CLASS_PICKER}),
                "seed": (
                    "INT",
                    {"default": 0, "min": 0, "max": 2**64 - 1, "control_after_generate": True, "tooltip": seed},
                ),
                "truncation": (
                    "FLOAT",
                    {"default": 1.0, "min": 0.05, "max": 1.0, "step": 0.05, "tooltip": truncation},
                ),
                "batch": ("INT", {"default": 1, "min": 1, "max": 64, "tooltip": "How many pictures."}),
            }
        }

    def draw(self, gan: nc.Gan, label: str, seed: int, truncation: float, batch: int) -> tuple[nc.Collage]:
        latent = expect(gan, nc.Gan, "gan").sample(label.strip(), seed=seed, truncation=truncation, count=batch)
        return (nc.Collage(latent.to(CPU, torch.float32)),)


class ProjectImage:
    """A real picture to the collage that is nearest to it."""

    DESCRIPTION = (
        "Find the latent whose picture is nearest to a real, square picture (manifold projection), as the model's "
        "discriminator sees it, or by another distance where it has none. Several pictures at once are projected "
        "independently of each other."
    )
    SEARCH_ALIASES = ("gan inversion", "manifold projection", "encode image", "reconstruct")
    CATEGORY = "neural collage/source"
    FUNCTION = "project"
    RETURN_TYPES = (COLLAGE, "IMAGE", "IMAGE", "MASK", "FLOAT", "STRING")
    RETURN_NAMES = ("collage", "reconstruction", "loss_curve", "failure", "loss", "distance")
    OUTPUT_TOOLTIPS = (
        "The best latents found, without edits yet.",
        "What the model draws from them: the picture as far as the model can see it.",
        "The loss at every step, one line for each picture.",
        "Where the reconstruction fails: 0 where it equals the picture, 1 where one is black and the other white.",
        "The loss of the best latents, averaged over the batch: distance + pixel_weight x squared error.",
        "Which distance was measured: discriminator, vgg16 or pixels. Connect Preview Any to read it.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "gan": (GAN, {"tooltip": "The model, best with its discriminator and encoder."}),
                "image": ("IMAGE", {"tooltip": "Square pictures; they are shrunk to the model's size."}),
                "label": (
                    "STRING",
                    {"default": "auto", "tooltip": f"{CLASS_TIP} {AUTO_TIP}", "class_picker": ["auto"]},
                ),
                **_descent_widgets(),
            },
            "optional": {
                "start_from": (COLLAGE, {"tooltip": "Start from this collage's latents instead; `start` is ignored."}),
            },
        }

    def project(
        self, gan: nc.Gan, image: torch.Tensor, label: str, start: str, start_from: nc.Collage | None = None, **how: Any
    ) -> tuple[nc.Collage, torch.Tensor, torch.Tensor, torch.Tensor, float, str]:
        gan, target = expect(gan, nc.Gan, "gan"), image_to_engine(image)
        begin = start if start_from is None else expect(start_from, nc.Collage, "start_from").latent
        how["rate"] = how["rate"] or None
        best, loss, losses, measured = _projected(gan, target, begin, {**how, "label": label.strip()})
        images = draw(gan, nc.Collage(best))
        curve = nc.draw_curve(losses, f"loss by {measured}, best {loss:.4f}")
        failure = nc.difference(images, target)
        pictures = image_from_engine(images), image_from_engine(curve), mask_from_engine(failure)
        return nc.Collage(best), *pictures, loss, measured


def _descent_widgets() -> dict[str, Any]:
    """The widgets of Project Image that `engine.project` takes as they are."""
    space = (
        "auto: w for a StyleGAN, zeta where the model has a pair on axes, else z. z: the latent itself. zeta: the "
        "auxiliary pair's space, made for a faster descent. w, w+: a StyleGAN's styles, one for all layers or one for "
        "each, which come nearer to a photo than z."
    )
    start = (
        "auto: the encoder, else the mean style, else seeds. encoder: the model's own guess. seeds: the best of 16 "
        "random draws. zeros: the middle of the latent space. mean: a StyleGAN's mean style."
    )
    distance = (
        "auto: the first that the model has. discriminator: the model's own features (the paper's). vgg16: a network "
        "that Load GAN was given for it. pixels: colours and edges at several sizes, for models without either."
    )
    weight = "Weight of the pixels' squared error beside the distance: more holds colours, less holds content."
    return {
        "steps": ("INT", {"default": 200, "min": 0, "max": 5000, "tooltip": "Steps of the descent; 0 for the start."}),
        "rate": (
            "FLOAT",
            {"default": 0.0, "min": 0.0, "max": 10.0, "step": 0.001, "round": False, "tooltip": (
                "Adam's rate. 0: the space's own default (0.075 for z, 0.015 for zeta, 0.05 for w)."
            )},
        ),
        "space": (["auto", *nc.RATES], {"default": "auto", "tooltip": space}),
        "start": (list(nc.STARTS), {"default": "auto", "tooltip": start}),
        "pixel_weight": (
            "FLOAT",
            {"default": 0.2, "min": 0.0, "max": 100.0, "step": 0.05, "round": False, "tooltip": weight},
        ),
        "distance": (list(nc.DISTANCES), {"default": "auto", "tooltip": distance}),
    }  # fmt: skip


def _projected(
    gan: nc.Gan, targets: torch.Tensor, start: str | nc.Latent, how: dict[str, Any]
) -> tuple[nc.Latent, float, torch.Tensor, str]:
    """All pictures at once, or in halves where memory runs out.

    Returns:
        The best latents, their mean loss, all losses (N, steps), and which distance was measured.
    """
    count = len(targets)
    host.place(gan, count * gan.resolution**2 * DESCENT_ROOM)

    def work(piece: slice) -> tuple[nc.ProjectionStep, torch.Tensor]:
        begin, bar = nc.cut_batch(start, count, piece), host.progress(how["steps"] + 1)
        bar.update(0)
        return _watched(nc.project(gan, targets[piece], start=begin, watch=lambda done: bar.update(0), **how), bar)

    parts = [part for _, part in nc.in_pieces(count, work, count, host.spare)]
    last, losses = zip(*parts, strict=True)
    loss = torch.cat([step.best_loss for step in last]).mean().item()
    best = nc.join_latents([step.best for step in last]).to(CPU, torch.float32)
    return best, loss, torch.cat(losses, dim=1), last[0].distance


def _watched(descent: Iterable[nc.ProjectionStep], bar: host.Progress) -> tuple[nc.ProjectionStep, torch.Tensor]:
    """Run a descent to its end, the host seeing each step and free to stop it: the last step, and all losses."""
    step, losses = None, []
    for step in descent:
        losses.append(step.loss)
        bar.update(len(losses), thumbnail(step.images))
    assert step is not None  # the start itself is always yielded
    return step, torch.stack(losses)


class MixCollages:
    """Two collages to one between them."""

    DESCRIPTION = "Go from one collage's latent towards another's. Class and edits of the first stay."
    SEARCH_ALIASES = ("interpolate", "slerp", "morph", "blend latents")
    CATEGORY = "neural collage/source"
    FUNCTION = "mix"
    RETURN_TYPES = (COLLAGE,)
    RETURN_NAMES = ("collage",)
    OUTPUT_TOOLTIPS = ("The first collage with its latent moved.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        amount = "0 is the first collage, 1 has the second one's latent; between them along the great circle."
        return {
            "required": {
                "first": (COLLAGE, {"tooltip": "Its class and edits are kept."}),
                "second": (COLLAGE, {"tooltip": "Only its latent is used; one picture, or as many as the first has."}),
                "amount": ("FLOAT", {"default": 0.5, "min": 0.0, "max": 1.0, "step": 0.01, "tooltip": amount}),
            }
        }

    def mix(self, first: nc.Collage, second: nc.Collage, amount: float) -> tuple[nc.Collage]:
        return (nc.mix(expect(first, nc.Collage, "first"), expect(second, nc.Collage, "second"), amount),)
