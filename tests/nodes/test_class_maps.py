import pytest
import torch
from neural_collage import engine as nc
from neural_collage.nodes.class_maps import ClassMapFromColours, PaintClass, PreviewClassMap


def _left(size=8):
    mask = torch.zeros(1, size, size)
    mask[..., : size // 2] = 1
    return mask


def _paint(mask, label="rose", strength=1.0, grow=0, feather=0.0, below=None):
    return PaintClass().paint(mask, label, strength, grow, feather, below)[0]


def test_a_mask_becomes_a_region_of_that_strength():
    regions = _paint(_left(), " rose ", 0.5)
    assert regions.labels == ("rose",)
    assert torch.equal(regions.weights[:, 0], _left() * 0.5)


def test_chained_regions_are_painted_over_each_other_and_the_first_stays_as_it_was():
    below = _paint(_left(), "rose")
    above = _paint(torch.ones(1, 8, 8), "tulip", 0.25, below=below)
    assert torch.equal(above.weights[:, 0], _left() * 0.75)
    assert torch.equal(above.weights[:, 1], torch.full((1, 8, 8), 0.25))
    assert torch.equal(below.weights[:, 0], _left())


def test_growing_and_feathering_shape_the_mask():
    assert torch.equal(_paint(_left(), grow=1).weights[0, 0, 0], torch.tensor([1.0, 1, 1, 1, 1, 0, 0, 0]))
    soft = _paint(_left(), feather=1.0).weights[0, 0, 0]
    assert torch.allclose(soft + soft.flip(0), torch.ones(8), atol=1e-5)
    assert 0 < soft[4] < soft[3] < 1


def test_load_images_empty_mask_paints_nothing():
    assert _paint(torch.zeros(1, 64, 64)).coverage.max() == 0


def test_masks_of_different_batches_are_repeated_or_refused():
    two = _paint(torch.zeros(2, 8, 8), below=_paint(_left()))
    assert len(two.weights) == 2
    with pytest.raises(nc.MaskError, match="2 and 3"):
        _paint(torch.zeros(3, 8, 8), below=two)


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        ({"mask": torch.zeros(1, 8, 8, 3)}, nc.MaskError, "MASK"),
        ({"mask": torch.full((8, 8), 3.0)}, nc.MaskError, "from 0 to 1"),
        ({"strength": 1.5}, nc.InputError, "[Ss]trength"),
        ({"grow": 0.5}, nc.InputError, "Grow"),
        ({"below": "red"}, nc.InputError, "class_map must be a ClassMap"),
        ({"mask": torch.zeros(4, 8), "below": _paint(_left())}, nc.MaskError, "aspect"),
    ],
)
def test_bad_paint_is_refused(wrong, error, told):
    with pytest.raises(error, match=told):
        _paint(**{"mask": _left(), **wrong})


def test_colours_become_exact_weights():
    image = torch.zeros(1, 4, 5, 4)  # with an alpha channel, which does not matter
    image[..., :2, 0] = 1
    image[..., 2, :3] = torch.tensor([0.75, 0.25, 0.0])
    image[..., 3:, 1] = 1
    regions = ClassMapFromColours().read(image, "#ff0000 = rose\n#00ff00 = 2", 0.15)[0]
    assert regions.labels == ("rose", "2")
    assert torch.allclose(regions.weights[0, :, 1], torch.tensor([[1, 1, 0.75, 0, 0], [0, 0, 0.25, 1, 1]]), atol=1e-6)
    assert torch.allclose(regions.weights.sum(1), torch.ones(1, 4, 5))


def test_a_palette_that_does_not_parse_is_refused():
    with pytest.raises(nc.InputError, match="line 2"):
        ClassMapFromColours().read(torch.zeros(1, 4, 4, 3), "red = 1\nrouge = 2", 0.15)


def test_the_preview_is_an_image_and_checks_the_names(gan):
    shown = PreviewClassMap().draw(_paint(_left()), gan)[0]
    assert shown.shape == (1, 384 + 40, 384, 3)
    assert torch.allclose(shown[0, 10, 380], torch.full((3,), 0.5))
    with pytest.raises(nc.LabelError, match="thistle"):
        PreviewClassMap().draw(_paint(_left(), "thistle"), gan)
