import pytest
import torch
import toy
from neural_collage import engine as nc
from neural_collage.nodes.collage import RenderCollage
from neural_collage.nodes.sources import MixCollages, ProjectImage, RandomCollage

HOW = {"steps": 6, "rate": 0.0, "space": "z", "start": "encoder", "pixel_weight": 0.2}


def _draw(gan, seed=0, batch=1, label="rose"):
    return RandomCollage().draw(gan, label, seed, 1.0, batch)[0]


def _photo(gan, seed=7, batch=1):
    """A picture that the model can draw: IMAGE."""
    return RenderCollage().render(gan, _draw(gan, seed, batch))[0]


def test_item_i_of_a_batch_is_a_single_one_with_seed_plus_i(gan):
    batch, single = _draw(gan, 5, 3), _draw(gan, 7)
    assert torch.equal(batch.latent.point[2:], single.latent.point)
    assert batch.latent.labels.tolist() == [1, 1, 1]


@pytest.mark.parametrize("label", ["rose", " Rose ", "1", "ros"])
def test_a_class_is_a_name_a_number_or_part_of_a_name(gan, label):
    assert _draw(gan, label=label).latent.labels.item() == 1


@pytest.mark.parametrize(
    ("label", "told"), [("3", "from 0 to 2"), ("rosa", "rose"), ("", "must be a name"), ("-1", "0 to 2")]
)
def test_an_unknown_class_is_refused(gan, label, told):
    with pytest.raises(nc.LabelError, match=told):
        _draw(gan, label=label)


@pytest.mark.parametrize(("truncation", "batch"), [(0.0, 1), (1.5, 1), (float("nan"), 1), (1.0, 0)])
def test_numbers_out_of_range_are_refused(gan, truncation, batch):
    with pytest.raises(nc.InputError):
        RandomCollage().draw(gan, "rose", 0, truncation, batch)


def test_truncation_reaches_the_latent(gan):
    assert RandomCollage().draw(gan, "rose", 0, 0.5, 8)[0].latent.point.abs().max() <= 1.0


def test_mixing_ends_at_the_two_collages_and_keeps_the_first_ones_edits(gan):
    regions = nc.ClassMap().paint("tulip", torch.ones(4, 4))
    first, second = _draw(gan, 1).label(regions), _draw(gan, 2, label="daisy")
    assert torch.equal(MixCollages().mix(first, second, 0.0)[0].latent.point, first.latent.point)
    mixed = MixCollages().mix(first, second, 1.0)[0]
    assert torch.equal(mixed.latent.point, second.latent.point)
    assert mixed.edits == first.edits
    assert mixed.latent.labels.item() == 1


def test_mixing_batches_that_do_not_fit_is_refused(gan):
    with pytest.raises(nc.InputError, match="2 and 3"):
        MixCollages().mix(_draw(gan, batch=2), _draw(gan, batch=3), 0.5)
    with pytest.raises(nc.InputError, match="second must be a Collage"):
        MixCollages().mix(_draw(gan), {"samples": torch.zeros(1)}, 0.5)  # pyright: ignore[reportArgumentType]


def test_projection_returns_the_best_latent_and_what_belongs_to_it(gan):
    photo = _photo(gan)
    collage, reconstruction, curve, failure, loss, distance = ProjectImage().project(gan, photo, "rose", **HOW)
    drawn = nc.render(gan, collage)
    assert torch.equal(reconstruction, ((drawn + 1) / 2).movedim(1, -1))
    assert loss == pytest.approx(nc.reconstruction_loss(gan, drawn, photo.movedim(-1, 1) * 2 - 1).item(), abs=1e-5)
    assert torch.allclose(failure, (reconstruction - photo).abs().amax(-1), atol=1e-6)
    assert curve.shape == (1, 320, 512, 3)
    assert distance == "discriminator"
    assert collage.edits == ()


def test_projection_never_ends_worse_than_it_started(gan):
    start = ProjectImage().project(gan, _photo(gan), "rose", **{**HOW, "steps": 0})[4]
    assert ProjectImage().project(gan, _photo(gan), "rose", **HOW)[4] < start
    # A rate that throws the descent away: the best is then the start itself.
    assert ProjectImage().project(gan, _photo(gan), "rose", **{**HOW, "rate": 10.0})[4] <= start


def test_projection_starts_from_a_collage_where_one_is_connected(gan):
    origin = _draw(gan, 7)
    collage, *_, loss, _ = ProjectImage().project(gan, _photo(gan), "rose", **{**HOW, "steps": 0}, start_from=origin)
    assert torch.equal(collage.latent.point, origin.latent.point)
    assert loss < 1e-4  # the photo was drawn from it


def test_a_model_of_a_generator_alone_is_projected_by_pixels(gan):
    how = {**HOW, "start": "auto", "space": "auto", "steps": 20}
    *_, first, _ = ProjectImage().project(toy.gan(bare=True), _photo(gan), "rose", **{**how, "steps": 0})
    *_, loss, distance = ProjectImage().project(toy.gan(bare=True), _photo(gan), "rose", **how)
    assert distance == "pixels"
    assert loss < first


def test_auto_finds_the_class(gan):
    collage = ProjectImage().project(gan, _photo(gan), "auto", **{**HOW, "steps": 0}, start_from=_draw(gan, 7))[0]
    assert collage.latent.labels.item() == 1


def test_projection_on_zeta_runs_under_inference_mode(gan):
    assert ProjectImage().project(gan, _photo(gan), "rose", **{**HOW, "space": "zeta", "steps": 2})[4] > 0


def test_a_batch_is_projected_item_by_item(gan):
    both = ProjectImage().project(gan, _photo(gan, batch=2), "rose", **HOW)
    alone = ProjectImage().project(gan, _photo(gan)[:1], "rose", **HOW)
    assert torch.allclose(both[0].latent.point[:1], alone[0].latent.point, atol=1e-4)
    assert both[1].shape == (2, 16, 16, 3)
    assert both[3].shape == (2, 16, 16)


def test_projection_reports_every_step_with_a_preview(gan, comfy):
    photo = _photo(gan)
    comfy.reports.clear()
    ProjectImage().project(gan, photo, "rose", **HOW)
    steps = [(done, total) for done, total, _ in comfy.reports]
    assert list(dict.fromkeys(steps)) == [(i, 7) for i in range(8)] + [(i, 1) for i in (0, 1)]
    assert steps.count((1, 7)) == 1
    kind, preview, _ = comfy.reports[steps.index((1, 7))][2]
    assert (kind, preview.size) == ("JPEG", (16, 16))


def test_pictures_that_do_not_fit_into_memory_together_are_projected_in_halves(gan, comfy, monkeypatch, caplog):
    photos, origin = _photo(gan, batch=3), _draw(gan, 3, batch=3)
    together = ProjectImage().project(gan, photos, "rose", **HOW, start_from=origin)
    project = nc.project

    def short_of_memory(gan, targets, label, **how):
        if len(targets) > 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return project(gan, targets, label, **how)

    monkeypatch.setattr(nc, "project", short_of_memory)
    halved = ProjectImage().project(gan, photos, "rose", **HOW, start_from=origin)
    assert torch.allclose(halved[0].latent.point, together[0].latent.point, atol=1e-4)
    assert all(torch.allclose(ours, theirs, atol=1e-3) for ours, theirs in zip(halved[1:4], together[1:4], strict=True))
    assert halved[4] == pytest.approx(together[4], abs=1e-5)
    assert "out of memory; going on with 1 at a time" in caplog.text


def test_an_interrupt_stops_the_projection_within_a_step(gan, comfy):
    comfy.interrupt_after = 3
    with pytest.raises(Exception) as caught:  # noqa: PT011 - it is the host's, a plain Exception
        ProjectImage().project(gan, _photo(gan), "rose", **{**HOW, "steps": 5000})
    assert type(caught.value).__name__ == "Interrupted"
    assert len(comfy.reports) == 3


def test_an_interrupt_stops_the_search_for_a_class_before_the_first_step(comfy):
    many = toy.gan(40)
    photo = _photo(many)
    comfy.reports.clear()
    comfy.interrupt_after = 3
    with pytest.raises(Exception) as caught:  # noqa: PT011 - it is the host's, a plain Exception
        ProjectImage().project(many, photo, "auto", **HOW)
    assert type(caught.value).__name__ == "Interrupted"
    assert [done for done, _, _ in comfy.reports] == [0, 0, 0]


def test_what_comes_in_is_not_written_to(gan):
    photo, origin = _photo(gan), _draw(gan, 3)
    before, z = photo.clone(), origin.latent.point.clone()
    ProjectImage().project(gan, photo, "rose", **HOW, start_from=origin)
    assert torch.equal(photo, before)
    assert torch.equal(origin.latent.point, z)


BAD_PROJECTIONS = {
    "not square": (lambda gan: (gan, torch.rand(1, 16, 24, 3), "rose"), {}, nc.InputError, "square"),
    "nan": (lambda gan: (gan, torch.full((1, 16, 16, 3), float("nan")), "rose"), {}, nc.InputError, "NaN"),
    "class": (lambda gan: (gan, _photo(gan), "thistle"), {}, nc.LabelError, "thistle"),
    "rate": (lambda gan: (gan, _photo(gan), "rose"), {"rate": -1.0}, nc.InputError, "rate"),
    "start": (lambda gan: (gan, _photo(gan), "rose"), {"start": "ones"}, nc.InputError, "start"),
    "space": (lambda gan: (gan, _photo(gan), "rose"), {"space": "w"}, nc.ModelError, "no styles"),
    "gan": (lambda gan: ("gan", _photo(gan), "rose"), {}, nc.InputError, "gan must be a Gan"),
    "start_from": (lambda gan: (gan, _photo(gan), "rose"), {"start_from": "x"}, nc.InputError, "start_from"),
    "bare": (lambda gan: (toy.gan(bare=True), _photo(gan), "rose"), {}, nc.ModelError, "encoder"),
}


@pytest.mark.parametrize(("given", "how", "error", "told"), BAD_PROJECTIONS.values(), ids=BAD_PROJECTIONS)
def test_bad_projections_are_refused(gan, given, how, error, told):
    with pytest.raises(error, match=told):
        ProjectImage().project(*given(gan), **{**HOW, **how})
