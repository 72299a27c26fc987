"""What the worked workflows are: one function each, from an empty page to a whole one."""

from __future__ import annotations

from typing import Any

from page import Output, Page, Placed
from pieces import (
    CANVAS,
    PHOTO,
    combine,
    edit,
    finish,
    masks,
    model,
    not_white,
    octagon,
    painting,
    random_collages,
    rectangle,
    render,
    rendered,
    save,
    sheet,
)
from worked_studies import studies


def label_collage(page: Page) -> None:
    """The main job: several classes painted over one picture."""
    gan = model(
        page,
        "# Label collage\nPaint classes over parts of a picture; the generator redraws the whole, so that it stays "
        "one thing. This needs no photo: the picture is drawn from a seed. Press Run; the picture and a sheet of "
        "every stage are saved.",
    )
    picture = page.add("NeuralCollageRandomCollage", gan=gan, label="mango", seed=2)
    page.group(
        "Where: masks",
        "Any mask will do: these are rectangles from ComfyUI's own nodes. To paint by hand, open *paint regions*, or "
        "use the Mask Editor of a Load Image node.",
    )
    canvas = page.add("SolidMask", "Empty canvas", value=0.0, width=CANVAS, height=CANVAS)
    left = rectangle(page, canvas, "Left half", (0, 0, 128, 256))
    centre = rectangle(page, canvas, "Centre", (80, 80, 96, 96))
    page.group(
        "What: the class map",
        "Each Paint Class is painted over the one before it, as in any paint program. Strength below 1 lets what lies"
        " below shine through; feather softens the edge.",
    )
    regions = page.add("NeuralCollagePaintClass", "Paint left", mask=left, label="apple-golden", feather=6.0)
    centred = {"label": "tomato-beefsteak", "strength": 0.8, "feather": 6.0}
    regions = page.add("NeuralCollagePaintClass", "Paint centre", mask=centre, class_map=regions, **centred)
    shown = page.add("NeuralCollagePreviewClassMap", class_map=regions, gan=gan)
    page.group(
        "The edit",
        "Label Collage adds the edit to the picture; nothing is drawn before Render Collage. Try the layers `4`, `8-`"
        " or `16-`: coarse layers hold shape, fine ones colour and texture.",
    )
    edited = render(page, gan, edit(page, picture, regions), "Render edited")
    plain = render(page, gan, picture, "Render unedited")
    page.group("The result", "The picture is saved by itself and as the last stage of the sheet.")
    save(page, "label_collage", edited)
    grey = page.add("MaskToImage", "What changed", mask=edited[1])
    sheet(
        page, "label_collage", {"unedited": plain, "class map": shown, "edited": edited, "what changed": grey}, size=384
    )


def edit_photo(page: Page) -> None:
    """A real photo edited end to end."""
    gan = model(
        page,
        "# Edit a photo\nA part of your own photo becomes another class, and goes back into the photo. **First choose "
        f"your photo in *Load Image***, or copy {PHOTO} from this pack's workflows folder into ComfyUI's input folder. "
        'Without ComfyUI: neural-collage run workflows/edit_photo.json --set "Load Image.image=photo.jpg"',
    )
    photo = page.add("LoadImage", image=PHOTO)
    page.group(
        "Cut a square",
        "A GAN draws squares: Crop for Collage cuts one around what you painted in the Mask Editor (right click on "
        "Load Image), or the largest in the middle if you painted nothing.",
    )
    crop = page.add("NeuralCollageCropForCollage", image=photo, mask=photo[1], size=CANVAS)
    where = painted_or_middle(page, crop[1])
    page.group(
        "Find it in the model",
        "Manifold projection looks for the latent that draws the square; `auto` tries every class. The starter knows "
        "fruits on white alone, so what is not edited is made white first; other models want the square itself. Few "
        "steps keep a picture that the model never saw easy to edit.",
    )
    white = page.add("EmptyImage", "White", width=CANVAS, height=CANVAS, color=0xFFFFFF)
    target = page.add("ImageCompositeMasked", "Fruit on white", destination=white, source=crop, mask=where)
    projected = page.add("NeuralCollageProjectImage", gan=gan, image=target, steps=10)
    page.add("PreviewImage", "Loss curve", images=projected[2])
    page.group("The edit", "What the part is to become: put any of the model's classes into *Paint Class*.")
    regions = page.add("NeuralCollagePaintClass", mask=where, label="lemon", feather=6.0)
    shown = page.add("NeuralCollagePreviewClassMap", class_map=regions, gan=gan)
    edited = render(page, gan, edit(page, projected, regions))
    drawn = blend_mask(page, where, edited)
    parts = {"photo": photo, "edited": edited, "mask": drawn, "crop": crop[2], "unedited": projected[1]}
    stitched = back_into_the_photo(page, parts)
    stages = {"photo": photo, "crop": crop, "reconstruction": projected[1], "class map": shown, "edited crop": edited}
    sheet(page, "edit_photo", {**stages, "stitched photo": stitched}, size=384)


def painted_or_middle(page: Page, mask: Output) -> Placed:
    """The mask to edit: what was painted, or the middle of the square."""
    page.group(
        "Where to edit",
        "What you painted in the Mask Editor: best one fruit, just inside its edge. If you painted nothing, an "
        "octagon in the middle: a mask grown over everything is empty only if it was empty before.",
    )
    painted = page.add("GrowMask", "Anything painted?", mask=mask, expand=CANVAS, tapered_corners=False)
    default = combine(page, octagon(page), painted, "subtract", "Octagon, if not")
    return combine(page, default, mask, "add", "Mask to edit")


def blend_mask(page: Page, where: Placed, edited: Placed) -> Placed:
    """What of the mask to edit the drawn fruit covers."""
    page.group(
        "What was drawn",
        "The drawn fruit can be smaller than yours: the white around it is no part of the edit. What is white is "
        "found, the rest is grown and shrunk to close bright spots, and counts inside the mask to edit alone.",
    )
    return combine(page, where, not_white(page, edited), "multiply", "Blend mask")


def back_into_the_photo(page: Page, parts: dict[str, Any]) -> Placed:
    """Stitch, and save what it gives."""
    page.group(
        "Back into the photo",
        "`paste` puts the drawn pixels in; `transfer` adds to the photo what the edit changed, so that its own detail"
        " stays, if the reconstruction is good; the others are Poisson blending. Outside the mask the photo stays as "
        "it is, to the last bit.",
    )
    stitched = page.add("NeuralCollageStitch", mode="paste", feather=3.0, **parts)
    save(page, "edit_photo", stitched)
    return stitched


def feature_collage(page: Page) -> None:
    """Parts of two other pictures."""
    gan = model(
        page,
        "# Feature collage\nCopy what other pictures show into regions of one: their feature maps are blended in, and"
        " the later layers make one picture of it. References are collages, too: with their own class, and edits if "
        "you like.",
    )
    picture, *references = random_collages(page, gan, ("tomato-beefsteak", 4), ("papaya", 0), ("cherry-wax-black", 3))
    canvas = masks(page)
    left = rectangle(page, canvas, "Left half", (0, 0, 128, 256))
    right = rectangle(page, canvas, "Right half", (128, 0, 128, 256))
    page.group(
        "Two references",
        "Coarse layers (`4-8`) carry shape and place, fine ones colour and texture. The shift moves the reference "
        "before it is blended: right and down, in widths and heights of the picture.",
    )
    first = {"mask": left, "layers": "4-16", "strength": 1.0}
    second = {"mask": right, "layers": "8-16", "strength": 0.7, "shift_x": 0.1}
    edit = page.add("NeuralCollageFeatureCollage", "From the first", collage=picture, reference=references[0], **first)
    edit = page.add("NeuralCollageFeatureCollage", "From the second", collage=edit, reference=references[1], **second)
    shown = {"picture": picture, "first reference": references[0], "second reference": references[1]}
    finish(page, "feature_collage", rendered(page, gan, {**shown, "collage": edit}))


def label_and_feature(page: Page) -> None:
    """Both kinds of edit on one picture."""
    gan = model(
        page,
        "# Label and feature collage\nBoth kinds of edit on one picture: a class painted over the left half, and the "
        "features of another picture in the centre. Edits are a list that belongs to the picture; their order counts.",
    )
    picture, reference = random_collages(page, gan, ("orange", 3), ("tomato-two-tone", 4))
    canvas = masks(page)
    left = rectangle(page, canvas, "Left half", (0, 0, 128, 256))
    centre = rectangle(page, canvas, "Centre", (72, 72, 112, 112))
    page.group("Label collage", "The class of a region: spatial conditional batch norm at the layers that you choose.")
    regions = page.add("NeuralCollagePaintClass", mask=left, label="apple-granny-smith", feather=6.0)
    labelled = page.add("NeuralCollageLabelCollage", collage=picture, class_map=regions)
    page.group("Feature collage", "The content of a region, from the reference, at the layers from 4 to 16 pixels.")
    both = page.add("NeuralCollageFeatureCollage", collage=labelled, reference=reference, mask=centre)
    stages = rendered(page, gan, {"picture": picture, "reference": reference, "label collage": labelled, "both": both})
    finish(page, "label_and_feature", stages)


def layers_and_strengths(page: Page) -> None:
    """The same class map at several layers and strengths."""
    gan = model(
        page,
        "# Layers and strengths\nThe same class over the same region, at all layers, at the first (`4`) and at all "
        "but the first (`8-`), and at two strengths. Rows and columns of the sheet: batches are rows.",
    )
    (picture,) = random_collages(page, gan, ("apple-red-delicious", 3))
    left = rectangle(page, masks(page), "Left half", (0, 0, 128, 256))
    plain = render(page, gan, picture, "Render unedited")
    columns = {"unedited": plain}
    for strength in (0.5, 1.0):
        page.group(f"Strength {strength:g}", "One Label Collage for each choice of layers.")
        painted = {"mask": left, "label": "lemon", "strength": strength}
        regions = page.add("NeuralCollagePaintClass", **painted)
        pictures = [render(page, gan, edit(page, picture, regions, layers)) for layers in ("all", "4", "8-")]
        two = page.add("ImageBatch", image1=pictures[0], image2=pictures[1])
        columns[f"strength {strength:g}"] = page.add("ImageBatch", image1=two, image2=pictures[2])
    page.group("The result", "Each batch is a column of three rows; the single unedited picture stands in all of them.")
    sheet(page, "layers_and_strengths", columns, "all layers\n4\n8-")


def colours_to_class_map(page: Page) -> None:
    """A coloured picture and a palette."""
    gan = model(
        page,
        "# Colours to class map\nA picture in flat colours says where, a palette says what. Paint it in any program, "
        "or take another tool's segmentation, and put Load Image in the place of the three nodes that draw it here.",
    )
    (picture,) = random_collages(page, gan, ("cherry-rainier", 3))
    page.group("A coloured picture", "Grey with a red left and a blue circle-like centre, drawn with ComfyUI's nodes.")
    grey = page.add("EmptyImage", "Grey", width=CANVAS, height=CANVAS, color=0x808080)
    red = page.add("EmptyImage", "Red", width=CANVAS // 2, height=CANVAS, color=0xFF0000)
    blue = page.add("EmptyImage", "Blue", width=96, height=96, color=0x0000FF)
    drawn = page.add("ImageCompositeMasked", "Red on the left", destination=grey, source=red)
    drawn = page.add("ImageCompositeMasked", "Blue in the middle", destination=drawn, source=blue, x=80, y=80)
    page.group(
        "The palette",
        "One line for each colour. `own`, and colours that are not listed, keep the picture's own class. Tolerance "
        "forgives soft edges and compressed files.",
    )
    palette = "#ff0000 = tomato-beefsteak\n#0000ff = lemon\n#808080 = own"
    regions = page.add("NeuralCollageClassMapFromColours", image=drawn, palette=palette)
    shown = page.add("NeuralCollagePreviewClassMap", class_map=regions, gan=gan)
    labelled = edit(page, picture, regions)
    stages = {"colours": drawn, "class map": shown}
    finish(page, "colours_to_class_map", stages | rendered(page, gan, {"unedited": picture, "edited": labelled}))


def paint_regions(page: Page) -> None:
    """Regions painted by hand on the node's canvas."""
    gan = model(
        page,
        "# Paint regions\nPaint classes by hand, over the picture itself. Press Run once: the picture then lies under "
        "the canvas of *Paint Regions*. Change the painting, and run again.",
    )
    (picture,) = random_collages(page, gan, ("lemon", 1))
    plain = render(page, gan, picture, "Render unedited")
    page.group(
        "Paint",
        "A brush for each class: choose one below the canvas and paint. Click a brush's class to choose another, by "
        "typing part of its name; its slider is its strength. The drawing is kept in the workflow.",
    )
    drawn = page.add("NeuralCollagePaintRegions", drawing=painting(), image=plain)
    shown = page.add("NeuralCollagePreviewClassMap", class_map=drawn, gan=gan)
    page.group("The edit", "What is painted becomes another class, at all layers; the rest follows it.")
    edited = render(page, gan, edit(page, picture, drawn), "Render edited")
    page.group("The result", "The picture is saved by itself and as the last stage of the sheet.")
    save(page, "paint_regions", edited)
    sheet(page, "paint_regions", {"unedited": plain, "class map": shown, "edited": edited}, size=384)


def mask_from_another_tool(page: Page) -> None:
    """Masks that came from elsewhere."""
    gan = model(
        page,
        "# A mask from another tool\nSegmentation nodes and paint programs give masks as pictures. One colour of a "
        "picture, or one channel, becomes a mask; it is grown a little, for tools cut close.",
    )
    (picture,) = random_collages(page, gan, ("apple-golden", 8))
    page.group(
        "The other tool",
        "A white shape on blue, drawn with ComfyUI's own nodes. Put your segmentation node, or a Load Image, in their "
        "place. A grey mask comes in by Load Image (as Mask).",
    )
    blue = page.add("EmptyImage", "Blue", width=CANVAS, height=CANVAS, color=0x2040A0)
    bright = page.add("EmptyImage", "White", width=CANVAS, height=CANVAS, color=0xFFFFFF)
    given = {"destination": blue, "source": bright, "mask": octagon(page)}
    loaded = page.add("ImageCompositeMasked", "From the tool", **given)
    page.group("The mask", "White is edited: `color` is 0xffffff as a number.")
    white = page.add("ImageColorToMask", image=loaded, color=0xFFFFFF)
    grown = page.add("GrowMask", mask=white, expand=4)
    page.group("The edit", "The mask decides where, *Paint Class* what. The mask must be square, as the picture is.")
    regions = page.add("NeuralCollagePaintClass", mask=grown, label="apple-red-delicious", feather=4.0)
    labelled = edit(page, picture, regions)
    shown = {"from the tool": loaded, "mask": page.add("MaskToImage", mask=grown)}
    finish(page, "mask_from_another_tool", shown | rendered(page, gan, {"unedited": picture, "edited": labelled}))


def mix(page: Page) -> None:
    """From one picture to another, with an edit that stays."""
    gan = model(
        page,
        "# Mix\nGo from one latent to another along the great circle. Class and edits of the first stay, so an edit "
        "can be looked at on many pictures between two. The first is a batch of three: each makes a row of the sheet.",
    )
    first = page.add("NeuralCollageRandomCollage", "Three mangos", gan=gan, label="mango", seed=4, batch=3)
    (second,) = random_collages(page, gan, ("mango", 12))
    left = rectangle(page, masks(page), "Left half", (0, 0, 128, 256))
    page.group("The edit", "Made once, on the first picture.")
    first = edit(page, first, page.add("NeuralCollagePaintClass", mask=left, label="tomato-beefsteak", feather=6.0))
    page.group(
        "Between them", "Amount 0 is the first picture; 1 is the second one's latent, with the first one's edit."
    )
    stages = {"first": first}
    for amount in (0.33, 0.67, 1.0):
        title = f"amount {amount:g}"
        stages[title] = page.add("NeuralCollageMixCollages", title, first=first, second=second, amount=amount)
    finish(page, "mix", rendered(page, gan, {**stages, "second": second}))


WORKFLOWS = (
    label_collage,
    edit_photo,
    feature_collage,
    label_and_feature,
    layers_and_strengths,
    colours_to_class_map,
    paint_regions,
    mask_from_another_tool,
    mix,
    studies,
)
