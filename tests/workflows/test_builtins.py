"""ComfyUI's own nodes as they run here, against slow and obvious versions of what ComfyUI 0.3.64 computes."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from neural_collage.engine.errors import InputError
from neural_collage.workflows.builtins import NODES, builtins_catalogue
from neural_collage.workflows.folders import Folders


def call(kind, **inputs):
    """Run a node as ComfyUI does; the inputs must come back unchanged."""
    before = {name: value.clone() for name, value in inputs.items() if isinstance(value, torch.Tensor)}
    with torch.inference_mode():
        cls = NODES[kind]
        (result,) = getattr(cls(), cls.FUNCTION)(**inputs)
    for name, value in before.items():
        assert torch.equal(inputs[name], value), f"{kind} wrote into {name}"
    return result


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


# What ComfyUI 0.3.64 declares: inputs in the page's order, then outputs.
DECLARED = {
    "LoadImage": (["image"], ("IMAGE", "MASK")),
    "LoadImageMask": (["image", "channel"], ("MASK",)),
    "SaveImage": (["images", "filename_prefix"], ()),
    "PreviewImage": (["images"], ()),
    "ImageToMask": (["image", "channel"], ("MASK",)),
    "MaskToImage": (["mask"], ("IMAGE",)),
    "ImageColorToMask": (["image", "color"], ("MASK",)),
    "SolidMask": (["value", "width", "height"], ("MASK",)),
    "InvertMask": (["mask"], ("MASK",)),
    "ThresholdMask": (["mask", "value"], ("MASK",)),
    "MaskComposite": (["destination", "source", "x", "y", "operation"], ("MASK",)),
    "GrowMask": (["mask", "expand", "tapered_corners"], ("MASK",)),
    "FeatherMask": (["mask", "left", "top", "right", "bottom"], ("MASK",)),
    "ImageScale": (["image", "upscale_method", "width", "height", "crop"], ("IMAGE",)),
    "ImageScaleBy": (["image", "upscale_method", "scale_by"], ("IMAGE",)),
    "ImageBatch": (["image1", "image2"], ("IMAGE",)),
    "ImageCrop": (["image", "width", "height", "x", "y"], ("IMAGE",)),
    "EmptyImage": (["width", "height", "batch_size", "color"], ("IMAGE",)),
    "ImageCompositeMasked": (["destination", "source", "x", "y", "resize_source", "mask"], ("IMAGE",)),
}


def test_declarations_are_comfyuis(tmp_path):
    catalogue = builtins_catalogue(Folders((tmp_path,), tmp_path))
    declared = {kind: catalogue.declaration(kind, "") for kind in catalogue.classes}
    assert {kind: (list(entry.inputs), entry.outputs) for kind, entry in declared.items()} == DECLARED
    assert [kind for kind, entry in declared.items() if entry.is_output] == ["SaveImage", "PreviewImage"]


def test_threshold():
    mask = torch.tensor([[[0.0, 0.5, 0.51, 1.0]]])
    assert call("ThresholdMask", mask=mask, value=0.5).tolist() == [[[0, 0, 1, 1]]]


def test_image_to_mask_and_back():
    image = noise(2, 4, 5, 4)
    for place, channel in enumerate(("red", "green", "blue", "alpha")):
        assert torch.equal(call("ImageToMask", image=image, channel=channel), image[..., place])
    with pytest.raises(InputError, match="alpha"):
        call("ImageToMask", image=image[..., :3], channel="alpha")
    back = call("MaskToImage", mask=image[..., 0])
    assert torch.equal(back, image[..., :1].repeat(1, 1, 1, 3))
    assert call("MaskToImage", mask=image[0, ..., 0]).shape == (1, 4, 5, 3)


def test_color_to_mask_is_exact_at_8_bits():
    image = torch.tensor([[0x12, 0x34, 0x56], [0x12, 0x34, 0x57], [0x12, 0x34, 0x56]]).float().reshape(1, 1, 3, 3) / 255
    image[0, 0, 2] += 0.4 / 255
    assert call("ImageColorToMask", image=image, color=0x123456).tolist() == [[[1.0, 0.0, 1.0]]]


def test_solid_and_inverted():
    solid = call("SolidMask", value=0.25, width=3, height=2)
    assert torch.equal(solid, torch.full((1, 2, 3), 0.25))
    assert torch.equal(call("InvertMask", mask=solid), torch.full((1, 2, 3), 0.75))


COMBINE = {
    "multiply": lambda a, b: a * b,
    "add": lambda a, b: min(a + b, 1.0),
    "subtract": lambda a, b: max(a - b, 0.0),
    "and": lambda a, b: float(round(a) and round(b)),
    "or": lambda a, b: float(bool(round(a) or round(b))),
    "xor": lambda a, b: float(round(a) != round(b)),
}


@pytest.mark.parametrize("operation", COMBINE)
@pytest.mark.parametrize(("x", "y"), [(0, 0), (2, 1), (5, 4), (9, 0)])
def test_mask_composite(operation, x, y):
    destination, source = noise(1, 5, 6), noise(1, 3, 4, seed=1)
    expected = destination[0].clone()
    for row in range(y, min(y + 3, 5)):
        for column in range(x, min(x + 4, 6)):
            a, b = destination[0, row, column].item(), source[0, row - y, column - x].item()
            expected[row, column] = COMBINE[operation](a, b)
    result = call("MaskComposite", destination=destination, source=source, x=x, y=y, operation=operation)
    torch.testing.assert_close(result, expected[None])


def test_mask_composite_of_other_batches():
    with pytest.raises(InputError, match="one mask or 2"):
        call("MaskComposite", destination=noise(2, 3, 3), source=noise(3, 3, 3), x=0, y=0, operation="add")


@pytest.mark.parametrize("expand", [-3, -1, 0, 1, 2, 40])
@pytest.mark.parametrize("tapered", [True, False])
def test_grow_mask_is_morphology(expand, tapered):
    mask = noise(2, 9, 7)
    corner = 0 if tapered else 1
    kernel = np.array([[corner, 1, corner], [1, 1, 1], [corner, 1, corner]])
    morph = scipy.ndimage.grey_erosion if expand < 0 else scipy.ndimage.grey_dilation
    expected = mask.numpy()
    for _ in range(abs(expand)):
        expected = np.stack([morph(item, footprint=kernel) for item in expected])
    result = call("GrowMask", mask=mask, expand=expand, tapered_corners=tapered)
    np.testing.assert_array_equal(result.numpy(), expected)


@pytest.mark.parametrize("sides", [(0, 0, 0, 0), (3, 0, 2, 1), (1, 4, 0, 3), (6, 5, 6, 5), (50, 50, 50, 50)])
def test_feather_mask(sides):
    left, top, right, bottom = sides
    mask = noise(2, 5, 6)
    expected = mask.clone()
    for index in range(min(left, 6)):
        expected[:, :, index] *= (index + 1) / min(left, 6)
    for index in range(min(right, 6)):
        expected[:, :, -index] *= (index + 1) / min(right, 6)  # index 0 is the first column: ComfyUI's own
    for index in range(min(top, 5)):
        expected[:, index] *= (index + 1) / min(top, 5)
    for index in range(min(bottom, 5)):
        expected[:, -index] *= (index + 1) / min(bottom, 5)
    result = call("FeatherMask", mask=mask, left=left, top=top, right=right, bottom=bottom)
    torch.testing.assert_close(result, expected)


def scale(image, method="bilinear", width=4, height=4, crop="disabled"):
    return call("ImageScale", image=image, upscale_method=method, width=width, height=height, crop=crop)


def test_scale_by_area_is_the_mean():
    image = noise(1, 4, 8, 3)
    expected = image.reshape(1, 2, 2, 4, 2, 3).mean((2, 4))
    torch.testing.assert_close(scale(image, "area", 4, 2), expected)


def test_scale_nearest_repeats_pixels():
    image = noise(1, 2, 3, 3)
    assert torch.equal(scale(image, "nearest-exact", 6, 4), image.repeat_interleave(2, 1).repeat_interleave(2, 2))
    by = call("ImageScaleBy", image=image, upscale_method="nearest-exact", scale_by=2.0)
    assert torch.equal(by, scale(image, "nearest-exact", 6, 4))


@pytest.mark.parametrize("method", ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"])
def test_every_method_keeps_one_colour(method):
    image = torch.tensor([0.2, 0.4, 0.8]).expand(2, 7, 5, 3)
    scaled = scale(image, method, 9, 3)
    assert scaled.shape == (2, 3, 9, 3)
    torch.testing.assert_close(scaled, image[:, :1, :1].expand_as(scaled), atol=1 / 255, rtol=0)


def test_a_side_of_zero_follows_the_other():
    image = noise(1, 10, 20, 3)
    assert scale(image, width=0, height=5).shape == (1, 5, 10, 3)
    assert scale(image, width=30, height=0).shape == (1, 15, 30, 3)
    assert torch.equal(scale(image, width=0, height=0), image)


def test_centre_crop_keeps_the_ratio():
    image = noise(1, 4, 10, 3)
    assert torch.equal(scale(image, "nearest-exact", 4, 4, "center"), image[:, :, 3:7])
    tall = image.movedim(1, 2)
    assert torch.equal(scale(tall, "nearest-exact", 4, 4, "center"), tall[:, 3:7])


def test_scale_to_nothing():
    with pytest.raises(InputError, match="At least one pixel"):
        call("ImageScaleBy", image=noise(1, 3, 3, 3), upscale_method="area", scale_by=0.1)


def test_batch_takes_the_first_size():
    first, second = noise(1, 4, 4, 3), noise(2, 4, 8, 3, seed=1)
    both = call("ImageBatch", image1=first, image2=second)
    assert torch.equal(both, torch.cat([first, second[:, :, 2:6]]))
    with pytest.raises(InputError, match="got 3 and 4"):
        call("ImageBatch", image1=first, image2=noise(1, 4, 4, 4))


def test_crop():
    image = noise(1, 6, 8, 3)
    assert torch.equal(call("ImageCrop", image=image, width=3, height=2, x=4, y=1), image[:, 1:3, 4:7])
    assert torch.equal(call("ImageCrop", image=image, width=9, height=9, x=99, y=99), image[:, 5:, 7:])
