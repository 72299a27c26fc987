"""Pictures as the nodes draw them: on the host's device, in pieces, in the precision that it was started with."""

import pytest
import torch
import toy
from neural_collage import engine as nc
from neural_collage.engine.networks.sngan import SNGANGenerator
from neural_collage.nodes.pictures import draw, draw_with_changes

LEFT = torch.zeros(8, 8)
LEFT[:, :4] = 1
MANY = 20


@pytest.fixture
def collage(gan):
    return nc.Collage(gan.sample("rose", seed=1, count=MANY)).label(nc.ClassMap().paint("tulip", LEFT), "8-")


def _on_reports(monkeypatch, gan, act):
    """Call `act` with the size of each batch that is drawn."""
    render = nc.render

    def watched(gan, collage):
        act(len(collage))
        return render(gan, collage)

    monkeypatch.setattr(nc, "render", watched)


def test_a_long_batch_is_drawn_in_pieces_to_the_same_pictures(gan, collage, comfy):
    images, changed = draw_with_changes(gan, collage)
    whole = nc.render(gan, collage)
    torch.testing.assert_close(images, whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(changed, nc.changes(gan, collage, whole), atol=1e-5, rtol=0)
    assert changed.max() > 0.05
    assert [done for done, total, _ in comfy.reports if total == MANY] == [0, 8, 16, 20]
    torch.testing.assert_close(draw(gan, collage), images, atol=1e-6, rtol=0)


def test_pictures_leave_on_the_cpu_in_float32(gan, collage):
    double = nc.Gan(toy.gan().generator.double(), class_names=gan.class_names)
    for found in (draw(double, collage), *draw_with_changes(double, collage)):
        assert (found.device.type, found.dtype) == ("cpu", torch.float32)


def test_the_host_is_asked_for_room_for_a_piece_not_for_the_batch(gan, collage, comfy):
    draw(gan, collage)
    ((_, room),) = comfy.loads
    assert room == 8 * 16 * 16 * 1024


def test_an_interrupt_stops_before_the_next_piece(gan, collage, comfy):
    comfy.interrupt_after = 2
    with pytest.raises(Exception) as caught:  # noqa: PT011 - it is the host's, a plain Exception
        draw(gan, collage)
    assert type(caught.value).__name__ == "Interrupted"
    assert [done for done, _, _ in comfy.reports] == [0, 8]


def test_where_memory_runs_out_fewer_are_drawn_at_once(gan, collage, comfy, monkeypatch, caplog):
    whole, sizes = nc.render(gan, collage), []

    def act(size):
        sizes.append(size)
        if size > 4:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    _on_reports(monkeypatch, gan, act)
    torch.testing.assert_close(draw(gan, collage), whole, atol=1e-5, rtol=0)
    assert sizes == [8, 4, 4, 4, 4, 4]
    assert comfy.emptied == 1
    assert caplog.text.count("out of memory; going on with 4 at a time") == 1


@pytest.fixture
def right_in_half(monkeypatch):
    """As if the toy's family were one that float16 suits."""
    monkeypatch.setattr(SNGANGenerator, "half_is_right", True)


def test_half_precision_is_the_hosts_wish_and_is_near_the_full_one(gan, collage, comfy, monkeypatch, right_in_half):
    whole, seen = nc.render(gan, collage), []
    comfy.flags.fp16_unet = True
    _on_reports(monkeypatch, gan, lambda size: seen.append(torch.get_autocast_dtype("cpu")))
    images, changed = draw_with_changes(gan, collage)
    assert set(seen) == {torch.float16}
    assert images.dtype == changed.dtype == torch.float32
    assert 0 < (images - whole).abs().max() * 127.5 < 2
    assert not torch.is_autocast_enabled("cpu")


def test_families_that_float16_moves_visibly_are_drawn_in_full_and_that_is_said_once(gan, collage, comfy, caplog):
    comfy.flags.fp16_unet = True
    fresh = nc.Gan(gan.generator, class_names=gan.class_names)
    for _ in range(2):
        torch.testing.assert_close(draw(fresh, collage), nc.render(gan, collage), atol=1e-5, rtol=0)
    assert caplog.text.count("float16 would move") == 1


def test_bfloat16_is_too_coarse_and_says_so(gan, collage, comfy, caplog):
    comfy.flags.bf16_unet = True
    fresh = nc.Gan(gan.generator, class_names=gan.class_names)
    for _ in range(2):
        torch.testing.assert_close(draw(fresh, collage), nc.render(gan, collage), atol=1e-5, rtol=0)
    assert caplog.text.count("bfloat16 is too coarse") == 1


def test_without_an_edit_nothing_changed_in_half_precision_too(gan, comfy, right_in_half):
    comfy.flags.fp16_unet = True
    plain = nc.Collage(gan.sample("rose", seed=1))
    unseen = plain.label(nc.ClassMap().paint("tulip", torch.zeros(8, 8)))
    assert draw_with_changes(gan, unseen)[1].max() == 0


def test_a_model_that_does_not_fit_into_half_precision_is_drawn_in_full(collage, comfy, caplog, right_in_half):
    comfy.flags.fp16_unet = True
    large = toy.gan(bare=True)
    with torch.inference_mode(False):
        large.generator.last_conv.weight.mul_(1e6)  # beyond 65504, the largest number of float16
        large.generator.last_conv.bias.fill_(0)
    images = draw(large, collage)
    assert torch.isfinite(images).all()
    torch.testing.assert_close(images, nc.render(large, collage), atol=1e-5, rtol=0)
    assert "drawing in full precision" in caplog.text
