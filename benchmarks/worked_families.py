"""The worked workflows of the model families: what to do with a model that you bring, one function each."""

from __future__ import annotations

from page import Page, Placed
from pieces import CANVAS, PHOTO, combine, edit, finish, masks, rectangle, render, rendered, save, sheet

IMAGENET = "The classes are ImageNet's: type part of a name, such as *siamese*."


def biggan(page: Page) -> None:
    """Label collage with a BigGAN."""
    gan = model(
        page,
        "biggan-256.pth",
        "# BigGAN\nA class painted over half of a picture, with a BigGAN of your own: `G_ema.pth` as its training "
        "code writes it, or weights converted from TF-Hub. Put the file into ComfyUI's models/gan folder "
        "and choose it here.",
    )
    picture = drawn(page, gan, ("golden retriever", 3), truncation=0.5)
    left = rectangle(page, masks(page), "Left half", (0, 0, 128, 256))
    page.group("The edit", IMAGENET)
    regions = page.add("NeuralCollagePaintClass", mask=left, label="siamese", feather=8.0)
    finish(page, "biggan", rendered(page, gan, {"unedited": picture, "edited": edit(page, picture, regions)}))


def biggan_deep(page: Page) -> None:
    """Both kinds of collage with a BigGAN-deep."""
    gan = model(
        page,
        "biggan-deep-256/pytorch_model.bin",
        "# BigGAN-deep\nThe folder of `pytorch-pretrained-biggan`, with its config.json, goes into models/gan."
        " Truncation chooses the batch statistics that the file keeps for it.",
    )
    picture = drawn(page, gan, ("daisy", 1), truncation=0.4)
    reference = drawn(page, gan, ("daisy", 7), truncation=0.4, title="Another daisy")
    canvas = masks(page)
    left = rectangle(page, canvas, "Left half", (0, 0, 128, 256))
    centre = rectangle(page, canvas, "Centre", (72, 72, 112, 112))
    page.group("Label collage", IMAGENET)
    regions = page.add("NeuralCollagePaintClass", mask=left, label="cardoon", feather=8.0)
    labelled = edit(page, picture, regions)
    page.group("Feature collage", "The middle of the other daisy, at the maps from 8 to 32 pixels.")
    how = {"reference": reference, "mask": centre, "layers": "8-32"}
    both = page.add("NeuralCollageFeatureCollage", collage=labelled, **how)
    stages = {"picture": picture, "label collage": labelled, "both": both}
    finish(page, "biggan_deep", rendered(page, gan, stages))


def stylegan(page: Page) -> None:
    """Another picture's style over half of a picture, with a StyleGAN."""
    gan = model(
        page,
        "karras2019stylegan-ffhq-1024x1024.pkl",
        "# StyleGAN\nA StyleGAN without classes has other pictures' styles in their place. NVIDIA's TensorFlow pickles "
        "and the PyTorch ports are read; nothing in them is run.",
    )
    picture = drawn(page, gan, ("0", 1), truncation=0.7)
    other = drawn(page, gan, ("0", 2), truncation=0.7, title="Whose style")
    left = rectangle(page, masks(page), "Left half", (0, 0, 128, 256))
    page.group(
        "The edit", "Paint Class takes a collage in place of a class. The coarse layers `4-8` hold pose and shape."
    )
    regions = page.add("NeuralCollagePaintClass", "Paint a style", mask=left, style=other, feather=16.0)
    edited = edit(page, picture, regions, "16-")
    stages = {"picture": picture, "whose style": other, "edited": edited}
    finish(page, "stylegan", rendered(page, gan, stages))


def stylegan2(page: Page) -> None:
    """A photo into a StyleGAN2, features of another picture into it, and back into the photo."""
    gan = model(
        page,
        "ffhq.pkl",
        "# StyleGAN2: your own photo\nA photo is projected to the styles w, another picture's features are blended "
        "into it, and the result goes back into the photo.",
    )
    photo = page.add("LoadImage", image=PHOTO)
    page.group(
        "Find it in the model",
        "The square around what you painted in the Mask Editor, or the largest in the middle. `w` comes nearer to a "
        "photo than `z`. The last output says by which distance it was measured.",
    )
    crop = page.add("NeuralCollageCropForCollage", image=photo, mask=photo[1], size=CANVAS)
    projected = page.add("NeuralCollageProjectImage", gan=gan, image=crop, label="0", space="w", steps=300)
    other = drawn(page, gan, ("0", 4), truncation=0.7, title="Whose features")
    where = rectangle(page, masks(page), "Lower middle", (72, 128, 112, 96))
    page.group("The edit", "The features of the other picture, where the mask is, at the maps from 8 to 32 pixels.")
    how = {"reference": other, "mask": where, "layers": "8-32"}
    blended = page.add("NeuralCollageFeatureCollage", collage=projected, **how)
    edited = render(page, gan, blended)
    page.group(
        "Back into the photo",
        "`transfer` adds to the photo what the edit changed, so that its own detail stays.",
    )
    changed = page.add("ThresholdMask", "Where it changed", mask=edited[1], value=0.02)
    grown = page.add("GrowMask", mask=changed, expand=8)
    parts = {"photo": photo, "edited": edited, "mask": grown, "crop": crop[2], "unedited": projected[1]}
    stitched = page.add("NeuralCollageStitch", mode="transfer", feather=8.0, **parts)
    save(page, "stylegan2", stitched)
    stages = {"photo": photo, "reconstruction": projected[1], "edited": edited, "stitched": stitched}
    sheet(page, "stylegan2", stages, size=384)


def stylegan3(page: Page) -> None:
    """Features of one picture into another, with a StyleGAN3."""
    gan = model(
        page,
        "stylegan3-t-afhqv2-512x512.pkl",
        "# StyleGAN3\nFeatures of another picture in one half, its style in the other. StyleGAN3's layers count in the "
        "pixels of their own grids: write a wrong one, and the message lists them.",
    )
    picture = drawn(page, gan, ("0", 1), truncation=0.7)
    other = drawn(page, gan, ("0", 2), truncation=0.7, title="The other")
    canvas = masks(page)
    left = rectangle(page, canvas, "Left half", (0, 0, 128, 256))
    right = combine(page, page.add("InvertMask", mask=canvas), left, "subtract", "Right half")
    page.group("The edits", "Features at all maps but the last four, style at all layers.")
    blended = page.add("NeuralCollageFeatureCollage", collage=picture, reference=other, mask=left, layers="#1-6")
    regions = page.add("NeuralCollagePaintClass", "Paint a style", mask=right, style=other, feather=16.0)
    stages = {"picture": picture, "other": other, "features": blended, "both": edit(page, blended, regions)}
    finish(page, "stylegan3", rendered(page, gan, stages))


FAMILIES = (biggan, biggan_deep, stylegan, stylegan2, stylegan3)


def model(page: Page, file: str, note: str) -> Placed:
    """Open the first group: a model that the user brings."""
    page.group("Start here", note)
    return page.add("NeuralCollageLoadGAN", file=file)


def drawn(page: Page, gan: Placed, what: tuple[str, int], truncation: float, title: str = "") -> Placed:
    """A random collage of a class and a seed."""
    label, seed = what
    return page.add("NeuralCollageRandomCollage", title, gan=gan, label=label, seed=seed, truncation=truncation)
