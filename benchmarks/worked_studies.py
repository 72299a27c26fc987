"""The worked workflow of the studies: what an edit does, as sheets."""

from __future__ import annotations

from typing import Any

from page import Page, Placed
from pieces import masks, model, random_collages, rectangle, save, sheet


def studies(page: Page) -> None:
    """The study nodes on one picture."""
    gan = model(
        page,
        "# Studies\nBefore an edit is made: what does it do on this model? Five nodes draw the sheets of the paper's "
        "figures, each from one picture and what is to be done to it. Press Run; every sheet is saved.",
    )
    picture, reference = random_collages(page, gan, ("apple-golden", 3), ("tomato-two-tone", 6))
    canvas = masks(page)
    left = rectangle(page, canvas, "Left half", (0, 0, 128, 256))
    centre = rectangle(page, canvas, "Centre", (72, 72, 112, 112))
    regions = page.add("NeuralCollagePaintClass", mask=left, label="tomato-beefsteak", feather=6.0)
    both = {"gan": gan, "collage": picture}
    page.group("How strongly?", "The class map at five strengths, at the layers that you choose.")
    sheets = {"strengths": _saved(page, "strengths", "NeuralCollageStudyStrengths", class_map=regions, **both)}
    page.group(
        "At which layers?",
        "A class map at the first layer, at all but the first, at all; and the features of a reference in the mask, at "
        "the first one to four maps.",
    )
    features = {"class_map": regions, "reference": reference, "mask": centre}
    sheets["layers"] = _saved(page, "layers", "NeuralCollageStudyLayers", **features, **both)
    page.group("Which class?", "One region under every class. Without the mask, the whole picture changes its class.")
    classes = {"mask": centre, "columns": 5}
    sheets["every class"] = _saved(page, "classes", "NeuralCollageStudyEveryClass", **classes, **both)
    page.group(
        "Mix or collage?",
        "Two ways from the picture to the reference: latents mixed above, which moves everything, and features blended"
        " under the mask below, which leaves the rest in place.",
    )
    ways = {"first": picture, "second": reference, "mask": left, "layers": "4-16"}
    sheets["mix and collage"] = _saved(page, "mix", "NeuralCollageStudyMix", gan=gan, **ways)
    page.group(
        "Collage or pixels?",
        "The same region four ways: the reference's class, its features, its pixels pasted, its pixels with Poisson "
        "blending. Pixels know nothing of the picture that they land in.",
    )
    four = {"reference": reference, "mask": centre, "layers": "4-16"}
    sheets["collage and pixels"] = _saved(page, "pixels", "NeuralCollageStudyPixels", **four, **both)
    page.group("All of them", "The sheets side by side. Their second outputs are the pictures alone, as batches.")
    sheet(page, "studies", sheets, size=512)


def _saved(page: Page, name: str, kind: str, **inputs: Any) -> Placed:
    """Add a study, and save its sheet."""
    study = page.add(kind, **inputs)
    save(page, f"studies_{name}", study)
    return study
