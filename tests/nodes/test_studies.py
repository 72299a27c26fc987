import pytest
import torch
from neural_collage import engine as nc
from neural_collage.nodes.class_maps import PaintClass
from neural_collage.nodes.collage import RenderCollage
from neural_collage.nodes.sources import RandomCollage
from neural_collage.nodes.studies import StudyEveryClass, StudyLayers, StudyMix, StudyPixels, StudyStrengths

MASK = torch.zeros(1, 16, 16)
MASK[..., :8] = 1


@pytest.fixture
def rose(gan):
    return RandomCollage().draw(gan, "rose", 1, 1.0, 1)[0]


@pytest.fixture
def tulip(gan):
    return RandomCollage().draw(gan, "tulip", 2, 1.0, 1)[0]


@pytest.fixture
def regions():
    return PaintClass().paint(MASK, "tulip", 1.0, 0, 0.0)[0]


def check(gan, found, count, first):
    """A sheet of one picture, and a batch of `count` whose first is the plain picture."""
    sheet, images = found
    assert sheet.shape[0] == 1
    assert images.shape == (count, 16, 16, 3)
    assert torch.equal(images[0], RenderCollage().render(gan, first)[0][0])


def test_each_study_gives_a_sheet_and_its_pictures(gan, rose, tulip, regions):
    check(gan, StudyStrengths().study(gan, rose, regions, "all", 32), 5, rose)
    check(gan, StudyLayers().study(gan, rose, 32, class_map=regions), 4, rose)
    check(gan, StudyLayers().study(gan, rose, 32, reference=tulip, mask=MASK), 9, rose)
    check(gan, StudyLayers().study(gan, rose, 32, regions, tulip, MASK), 13, rose)
    check(gan, StudyEveryClass().study(gan, rose, "rose\ntulip\n", 8, 32), 2, rose)
    check(gan, StudyMix().study(gan, rose, tulip, "4-8", 32, MASK), 10, rose)
    check(gan, StudyPixels().study(gan, rose, tulip, MASK, "4-8", 32), 6, rose)


def test_pictures_that_no_network_draws_are_shown_too(gan, comfy, rose, tulip):
    sheet, images = StudyPixels().study(gan, rose, tulip, MASK, "all", 32)
    assert sheet.shape[2] == 6 * (32 + 4) + 4
    assert torch.equal(images[4], torch.cat([images[1, :, :8], images[0, :, 8:]], dim=1))
    assert torch.equal(images[5, :, 8:], images[0, :, 8:])
    assert {total for _, total, _ in comfy.reports} == {4}


def test_progress_counts_the_pictures_of_the_whole_sheet(gan, comfy, rose, regions):
    StudyStrengths().study(gan, rose, regions, "all", 32)
    assert [done for done, *_ in comfy.reports] == [0, 1, 2, 3, 4, 5]
    assert {total for _, total, _ in comfy.reports} == {5}


def test_what_is_no_model_is_refused(rose, regions):
    with pytest.raises(nc.InputError, match="gan must be a Gan"):
        StudyStrengths().study("gan", rose, regions, "all", 32)  # pyright: ignore[reportArgumentType]
