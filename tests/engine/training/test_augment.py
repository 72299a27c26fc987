"""Differentiable augmentation."""

import pytest
import torch
from neural_collage.engine.errors import InputError
from neural_collage.engine.training.augment import AUGMENTATIONS, augment, parse_augmentations
from neural_collage.engine.training.draws import Draws


def pictures(count=4):
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def seeded():
    return Draws(torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_strength_zero_changes_nothing(name):
    assert torch.equal(AUGMENTATIONS[name](pictures(), 0.0, seeded()), pictures())


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_changes_each_picture_in_its_own_way_and_repeats_with_the_seed(name):
    same = pictures(1).expand(8, 3, 16, 16)
    found = AUGMENTATIONS[name](same, 1.0, seeded())
    assert torch.equal(found, AUGMENTATIONS[name](same, 1.0, seeded()))
    assert len({tuple(one.flatten().tolist()) for one in found}) > 4


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_gradients_flow_through(name):
    small = (pictures(2)[..., :8, :8]).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: AUGMENTATIONS[name](x, 1.0, seeded()), small)


def test_colour_keeps_grey_pictures_grey():
    grey = pictures()[:, :1].expand(4, 3, 16, 16)
    found = AUGMENTATIONS["colour"](grey, 1.0, seeded())
    assert torch.allclose(found[:, 0], found[:, 2], atol=1e-6)


def test_translation_moves_by_whole_pixels_within_reach():
    found = AUGMENTATIONS["translation"](pictures(1), 1.0, seeded())[0]
    padded = torch.nn.functional.pad(pictures(1), (2, 2, 2, 2), mode="replicate")[0]
    shifts = [padded[:, y : y + 16, x : x + 16] for y in range(5) for x in range(5)]
    assert any(torch.equal(found, shifted) for shifted in shifts)


def test_cutout_blanks_a_square_of_at_most_half_the_side():
    found = AUGMENTATIONS["cutout"](torch.ones(50, 3, 16, 16), 1.0, seeded())
    blank = (found == 0).all(1)
    assert torch.equal(blank, (found == 0).any(1))
    assert blank.any(1).sum(1).max() == 8
    assert blank.sum((1, 2)).max() == 64


def test_text_names_the_augmentations():
    assert parse_augmentations("colour:0.5,translation") == {"colour": 0.5, "translation": 1.0}
    assert parse_augmentations("none") == {}
    for text in ("color", "colour:2", "colour:much", "", "none,colour"):
        with pytest.raises(InputError):
            parse_augmentations(text)


def test_only_what_is_named_is_applied():
    assert torch.equal(augment(pictures(), {}, seeded()), pictures())
    alone = AUGMENTATIONS["cutout"](pictures(), 0.5, seeded())
    assert torch.equal(augment(pictures(), {"cutout": 0.5}, seeded()), alone)
