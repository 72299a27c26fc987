import pytest
import torch
from neural_collage import engine as nc
from neural_collage.engine.collage import FeatureEdit, LabelEdit
from neural_collage.nodes.class_maps import PaintClass
from neural_collage.nodes.collage import FeatureCollage, LabelCollage, RenderCollage
from neural_collage.nodes.sources import RandomCollage

FEATURES = {"layers": "all", "strength": 1.0, "shift_x": 0.0, "shift_y": 0.0, "units": ""}


@pytest.fixture
def rose(gan):
    return RandomCollage().draw(gan, "rose", 1, 1.0, 1)[0]


@pytest.fixture
def tulip(gan):
    return RandomCollage().draw(gan, "tulip", 2, 1.0, 1)[0]


def _render(gan, collage):
    return RenderCollage().render(gan, collage)


def _label(collage, mask, label="tulip", layers="all", strength=1.0):
    return LabelCollage().edit(collage, PaintClass().paint(mask, label, strength, 0, 0.0)[0], layers)[0]


def _feature(collage, reference, mask, **how):
    return FeatureCollage().edit(collage, reference, mask, **{**FEATURES, **how})[0]


def test_an_unedited_collage_is_the_plain_picture_and_nothing_changed(gan, rose):
    image, changed = _render(gan, rose)
    plain = gan.generator.generate(rose.latent.z, rose.latent.labels)
    assert torch.equal(image, ((plain + 1) / 2).movedim(1, -1))
    assert torch.equal(changed, torch.zeros(1, 16, 16))


@pytest.mark.parametrize("empty", [torch.zeros(1, 64, 64), torch.zeros(16, 16), torch.zeros(1, 1, 5, 5)])
def test_an_empty_mask_changes_no_bit(gan, rose, tulip, empty):
    plain = _render(gan, rose)[0]
    for edited in (_label(rose, empty), _feature(rose, tulip, empty), _feature(_label(rose, empty), tulip, empty)):
        image, changed = _render(gan, edited)
        assert torch.equal(image, plain)
        assert changed.max() == 0


def test_a_full_mask_is_the_other_class(gan, rose):
    other = nc.Collage(nc.Latent(rose.latent.z, torch.tensor([2])))
    assert torch.allclose(_render(gan, _label(rose, torch.ones(16, 16)))[0], _render(gan, other)[0], atol=1e-6)


def test_its_own_class_under_any_mask_changes_nothing(gan, rose):
    assert _render(gan, _label(rose, torch.rand(16, 16), "rose"))[1].max() < 1e-6


def test_copying_the_last_feature_map_gives_the_reference(gan, rose, tulip):
    edited = _feature(rose, tulip, torch.ones(16, 16), layers="16")
    assert torch.allclose(_render(gan, edited)[0], _render(gan, tulip)[0], atol=1e-6)


def test_changed_is_how_far_each_pixel_is_from_the_unedited_picture(gan, rose):
    mask = torch.zeros(16, 16)
    mask[:, 8:] = 1
    image, changed = _render(gan, _label(rose, mask, layers="#4"))  # the last norm: no convolution but two after it
    plain = _render(gan, rose)[0]
    assert torch.allclose(changed, (image - plain).abs().amax(-1), atol=1e-6)
    assert torch.equal(changed[..., :4], torch.zeros(1, 16, 4))
    assert changed[..., 10:].min() > 0


def test_widgets_reach_the_edit(gan, rose, tulip):
    edit = _feature(rose, tulip, torch.ones(16, 16), strength=0.5, shift_x=0.25, shift_y=-0.5, units="0-2, 5").edits[0]
    assert isinstance(edit, FeatureEdit)
    assert (edit.strength, edit.shift, edit.units, edit.layers) == (0.5, (0.25, -0.5), (0, 1, 2, 5), "all")
    labelled = _label(rose, torch.ones(4, 4), layers="8-", strength=0.25).edits[0]
    assert isinstance(labelled, LabelEdit)
    assert (labelled.layers, labelled.class_map.weights.max().item()) == ("8-", 0.25)


def test_batches_of_masks_give_batches_of_pictures(gan, rose):
    masks = torch.stack([torch.zeros(16, 16), torch.ones(16, 16)])
    image, changed = _render(gan, _label(rose, masks))
    assert image.shape == (2, 16, 16, 3)
    assert torch.allclose(image[:1], _render(gan, rose)[0], atol=1e-5)
    assert changed[0].max() < 1e-5 < changed[1].max()


def test_an_edit_leaves_the_collage_it_was_made_from(gan, rose, tulip):
    before = _render(gan, rose)[0]
    _label(rose, torch.ones(16, 16))
    _feature(rose, tulip, torch.ones(16, 16))
    assert rose.edits == ()
    assert torch.equal(_render(gan, rose)[0], before)


BAD_EDITS = {
    "layers of labels": (lambda a, b: _label(a, torch.ones(4, 4), layers="7"), nc.LayerError, "7"),
    "layers of features": (lambda a, b: _feature(a, b, torch.ones(4, 4), layers="coarse"), nc.LayerError, "coarse"),
    "no layers": (lambda a, b: _feature(a, b, torch.ones(4, 4), layers=" "), nc.LayerError, "Layers"),
    "class": (lambda a, b: _label(a, torch.ones(4, 4), "thistle"), nc.LabelError, "thistle"),
    "class number": (lambda a, b: _label(a, torch.ones(4, 4), "99"), nc.LabelError, "0 to 2"),
    "aspect of labels": (lambda a, b: _label(a, torch.ones(4, 8)), nc.MaskError, "square"),
    "aspect of features": (lambda a, b: _feature(a, b, torch.ones(4, 8)), nc.MaskError, "square"),
    "unit text": (lambda a, b: _feature(a, b, torch.ones(4, 4), units="x"), nc.InputError, "Units"),
    "unit number": (lambda a, b: _feature(a, b, torch.ones(4, 4), units="900"), nc.InputError, "900"),
    "shift": (lambda a, b: _feature(a, b, torch.ones(4, 4), shift_x=2.0), nc.InputError, "[Ss]hift"),
    "reference": (lambda a, b: _feature(a, None, torch.ones(4, 4)), nc.InputError, "reference must be a Collage"),
    "collage": (lambda a, b: _label({"samples": 1}, torch.ones(4, 4)), nc.InputError, "collage must be a Collage"),
    "class map": (lambda a, b: LabelCollage().edit(a, b, "all")[0], nc.InputError, "class_map must be a ClassMap"),
    "batches": (lambda a, b: _label(_label(a, torch.ones(2, 4, 4)), torch.ones(3, 4, 4)), nc.InputError, "3"),
}


@pytest.mark.parametrize(("edit", "error", "told"), BAD_EDITS.values(), ids=BAD_EDITS)
def test_bad_edits_are_refused_at_the_latest_by_the_render(gan, rose, tulip, edit, error, told):
    with pytest.raises(error, match=told):
        _render(gan, edit(rose, tulip))


def test_a_collage_of_another_model_is_refused(gan):
    with pytest.raises(nc.InputError, match="8 numbers"):
        _render(gan, nc.Collage(nc.Latent(torch.zeros(1, 5), torch.tensor([0]))))
