import pytest
import torch
import toy
from neural_collage import engine as nc
from neural_collage.engine.gan import Gan

LEFT = torch.zeros(16, 16)
LEFT[:, :8] = 1
REGIONS = nc.ClassMap().paint("tulip", LEFT)


@pytest.fixture(scope="module")
def gan() -> Gan:
    return toy.gan()


def drawn(gan: Gan, study: nc.Study) -> list[list[torch.Tensor]]:
    return [[nc.render(gan, cell) for cell in row] for row in study.cells]


def of(gan: Gan, label: str = "daisy", seed: int = 1, count: int = 1) -> nc.Collage:
    return nc.Collage(gan.sample(label, seed=seed, count=count))


def test_strengths_go_from_the_plain_picture_to_the_whole_edit(gan):
    collage = of(gan)
    study = nc.study_strengths(collage, REGIONS, "8-")
    (row,) = drawn(gan, study)
    assert study.column_titles == ("0%", "25%", "50%", "75%", "100%")
    assert torch.equal(row[0], nc.render(gan, collage))
    half = nc.ClassMap().paint("tulip", LEFT, 0.5)
    torch.testing.assert_close(row[2], nc.render(gan, collage.label(half, "8-")))
    torch.testing.assert_close(row[4], nc.render(gan, collage.label(REGIONS, "8-")))
    far = [(picture - row[0]).abs().mean().item() for picture in row]
    assert far == sorted(far)


def test_layers_of_labels_and_of_features(gan):
    collage, reference = of(gan), of(gan, "rose", 2)
    labels, features = nc.study_layers(gan, collage, REGIONS, reference, LEFT)
    (row,) = drawn(gan, labels)
    assert labels.column_titles == ("unedited", "first (4 px)", "all but the first", "all")
    wanted = [collage, *(collage.label(REGIONS, layers) for layers in ("4", "8-", "all"))]
    assert all(torch.equal(a, nc.render(gan, b)) for a, b in zip(row, wanted, strict=True))
    rows = drawn(gan, features)
    assert features.row_titles == ("map 1", "map 1-2", "map 1-3")  # the toy has three
    assert all(torch.equal(row[0], nc.render(gan, collage)) for row in rows)
    assert torch.equal(rows[1][2], nc.render(gan, collage.feature(reference, LEFT, "#1-2")))


@pytest.mark.parametrize("given", [{}, {"reference": True}, {"mask": True}])
def test_a_study_of_layers_needs_something_to_study(gan, given):
    have = {"reference": of(gan), "mask": LEFT}
    with pytest.raises(nc.InputError, match="a class map, or a reference and a mask"):
        nc.study_layers(gan, of(gan), **{name: have[name] for name in given})


def test_every_class_of_the_picture_or_of_a_region(gan):
    collage = of(gan)
    whole, region = nc.study_classes(gan, collage), nc.study_classes(gan, collage, ["rose", 2], LEFT)
    assert whole.captions == (("daisy", "rose", "tulip"),)
    for number, picture in enumerate(drawn(gan, whole)[0]):
        latent = nc.Latent(collage.latent.z, torch.tensor([number]))
        assert torch.equal(picture, nc.render(gan, nc.Collage(latent)))
    assert region.captions == (("rose", "tulip"),)
    assert torch.equal(drawn(gan, region)[0][1], nc.render(gan, collage.label(REGIONS)))
    rows = nc.study_classes(gan, collage, columns=2)
    assert [len(row) for row in rows.cells] == [2, 1]
    assert rows.captions == (("daisy", "rose"), ("tulip",))
    sheet = nc.draw_study(rows, [picture for row in drawn(gan, rows) for picture in row], side=64)
    below = sheet[0, :, 4 + 64 : 4 + 64 + 14, 4 : 4 + 64]  # under the first cell: ink on paper
    assert below.max() == 1
    assert below.min() < -0.5
    with pytest.raises(nc.LabelError, match="tulp"):
        nc.study_classes(gan, collage, ["tulp"])


def test_mix_above_features_below(gan):
    first, second = of(gan), of(gan, "rose", 2)
    above, below = drawn(gan, nc.study_mix(first, second))
    assert torch.equal(above[0], below[0])
    assert torch.equal(above[4], nc.render(gan, nc.mix(first, second, 1.0)))
    torch.testing.assert_close(below[4], nc.render(gan, second), atol=1e-5, rtol=0)


def test_a_region_of_another_picture_comes_four_ways(gan):
    first, second = of(gan, count=2), of(gan, "rose", 2, count=2)
    study = nc.study_pixels(first, second, LEFT, "#1-2")
    (row,) = drawn(gan, study)
    picture, reference, labels, features, pasted, blended = nc.with_pixel_collages(study, row)
    assert torch.equal(picture, nc.render(gan, first))
    assert torch.equal(reference, nc.render(gan, second))
    of_its_class = nc.ClassMap().paint("rose", LEFT)
    torch.testing.assert_close(labels, nc.render(gan, first.label(of_its_class)))
    torch.testing.assert_close(features, nc.render(gan, first.feature(second, LEFT, "#1-2")))
    assert torch.equal(pasted, torch.cat([reference[..., :8], picture[..., 8:]], dim=-1))
    wanted = nc.poisson_blend(picture, reference, LEFT).clamp(-1, 1)
    torch.testing.assert_close(blended, wanted)
    sheet = nc.draw_study(study, [picture, reference, labels, features, pasted, blended], side=32)
    assert sheet.shape[3] == 6 * (32 + 4) + 4
    with pytest.raises(nc.InputError, match="one batch of pictures for each cell"):
        nc.draw_study(study, row)


def test_pictures_are_complete_without_a_pixel_collage_and_too_few_are_refused(gan):
    pictures = [torch.zeros(1, 3, 16, 16)]
    assert nc.with_pixel_collages(nc.study_strengths(of(gan), REGIONS), pictures) == pictures
    with pytest.raises(nc.InputError, match="two pictures in each row; got 1"):
        nc.with_pixel_collages(nc.study_pixels(of(gan), of(gan), LEFT), pictures)
    with pytest.raises(nc.InputError, match="reference"):
        nc.study_pixels(of(gan), "rose", LEFT)  # pyright: ignore[reportArgumentType]


def test_a_sheet_has_a_row_for_each_picture_of_a_batch(gan):
    study = nc.study_strengths(of(gan, count=2), REGIONS)
    pictures = [picture for row in drawn(gan, study) for picture in row]
    sheet = nc.draw_study(study, pictures, side=32)
    assert sheet.shape[0] == 1
    assert sheet.shape[2] >= 2 * 32
    assert 5 * 32 <= sheet.shape[3] <= 8 * 32
    assert sheet.min() >= -1
    assert sheet.max() == 1
    with pytest.raises(nc.InputError, match="one batch of pictures for each cell"):
        nc.draw_study(study, pictures[1:], side=32)


def test_sheets_are_stacked_on_white():
    stacked = nc.stack_sheets([torch.zeros(1, 3, 4, 6), torch.zeros(1, 3, 2, 9)])
    assert stacked.shape == (1, 3, 6, 9)
    assert (stacked[0, :, :4, 6:] == 1).all()
    assert (stacked[0, :, 4:] == 0).all()
