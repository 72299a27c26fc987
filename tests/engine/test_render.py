"""A render against slow oracles, and the promises that hold whatever the weights of the model are."""

from collections.abc import Callable

import numpy as np
import oracles
import pytest
import torch
import toy
from neural_collage.engine.class_map import ClassMap
from neural_collage.engine.collage import Collage
from neural_collage.engine.gan import Gan
from neural_collage.engine.latent import Latent
from neural_collage.engine.render import changes, render

LEFT = torch.zeros(16, 16)
LEFT[:, :8] = 1
SOFT = torch.linspace(0, 1, 64).expand(64, 64)
HIDDEN = torch.zeros(16, 16)
ALL = torch.ones(16, 16)


@pytest.fixture(scope="module")
def gan() -> Gan:
    return toy.gan(4)


def one(gan: Gan, label: int = 0, seed: int = 0) -> Collage:
    return Collage(gan.sample(label, seed=seed))


def plain(gan: Gan, collage: Collage) -> torch.Tensor:
    return gan.generator.generate(collage.latent.point, collage.latent.labels)


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return (a - b).abs().max().item()


def composed(layers: list[tuple[int, torch.Tensor]], own: int, size: int, at: int = 64) -> tuple[list[int], np.ndarray]:
    """Labels and weights (K, size, size): painted at the size of the largest mask, then resized."""
    coats = [(label, oracles.resize(mask.double().numpy(), (at, at))) for label, mask in layers]
    shares = oracles.paint(coats, (at, at))
    labels = [own if label == -1 else label for label in shares]
    return labels, np.stack([oracles.resize(share, (size, size)) for share in shares.values()])


# Against oracles.


def test_a_plain_picture_equals_the_oracle(gan: Gan):
    collage = one(gan, 1)
    _, expected = oracles.generate(gan.generator, collage.latent.point[0], oracles.everywhere(gan.generator, 1))
    np.testing.assert_allclose(render(gan, collage)[0].numpy(), expected, atol=1e-5)


def test_a_label_collage_equals_the_oracle(gan: Gan):
    collage = one(gan, 1).label(ClassMap().paint(2, SOFT, 0.7).paint(3, SOFT.T)).label(ClassMap().paint(0, LEFT), "8-")
    maps = []
    for size in gan.generator.norm_sizes:
        layers = [(2, SOFT * 0.7), (3, SOFT.T)] + [(0, LEFT)] * (size >= 8)
        maps.append(composed(layers, own=1, size=size))
    _, expected = oracles.generate(gan.generator, collage.latent.point[0], maps)
    np.testing.assert_allclose(render(gan, collage)[0].numpy(), expected, atol=1e-5)


def test_feature_collages_equal_streams_run_one_by_one(gan: Gan):
    """Two references, one with labels and a reference of its own; different layers, strengths, shifts and units."""
    deepest = one(gan, 3, seed=3)
    first = one(gan, 1, seed=1).label(ClassMap().paint(2, SOFT)).feature(deepest, SOFT, "4", 0.8)
    second = one(gan, 2, seed=2)
    collage = (
        one(gan, 0).feature(first, LEFT, "4-8", 0.6, shift=(0.3, -0.15)).feature(second, SOFT.T, "8-", units=[1, 3])
    )
    g = gan.generator

    def weight(mask: torch.Tensor, features: np.ndarray) -> np.ndarray:
        return oracles.resize(mask.double().numpy(), features.shape[1:])  # type: ignore[arg-type]

    def run(
        of: Collage, maps: oracles.Maps, edit: Callable = lambda index, h: h
    ) -> tuple[list[np.ndarray], np.ndarray]:
        return oracles.generate(g, of.latent.point[0], maps, edit)

    h3, _ = run(deepest, oracles.everywhere(g, 3))

    def edit_first(index: int, h: np.ndarray) -> np.ndarray:
        return oracles.blend(h, h3[0], 0.8 * weight(SOFT, h)) if index == 0 else h

    maps = [composed([(2, SOFT)], own=1, size=size) for size in g.norm_sizes]
    h1, _ = run(first, maps, edit_first)
    h2, _ = run(second, oracles.everywhere(g, 2))

    def edit_target(index: int, h: np.ndarray) -> np.ndarray:
        if index <= 1:  # feature maps of 4 and 8 pixels
            h = oracles.blend(h, oracles.shift(h1[index], 0.3, -0.15), 0.6 * weight(LEFT, h))
        if index >= 1:
            mixed = oracles.blend(h, h2[index], weight(SOFT.T, h))
            h = np.stack([mixed[c] if c in (1, 3) else h[c] for c in range(len(h))])
        return h

    _, expected = run(collage, oracles.everywhere(g, 0), edit_target)
    np.testing.assert_allclose(render(gan, collage)[0].numpy(), expected, atol=1e-5)


# No edit, no change.


@pytest.mark.parametrize("layers", ["all", "4", "8-", "#2"])
def test_a_mask_of_zeros_gives_the_plain_picture_to_the_bit(gan: Gan, layers: str):
    base = Collage(gan.sample([0, 1, 2], seed=5))
    reference = one(gan, 3, seed=9)
    edited = base.label(ClassMap().paint(3, HIDDEN).paint("rose", SOFT, 0.0), layers)
    edited = edited.feature(reference, HIDDEN, layers).feature(reference, ALL, layers, strength=0)
    assert torch.equal(render(gan, edited), plain(gan, base))


def test_an_empty_class_map_gives_the_plain_picture_to_the_bit(gan: Gan):
    assert torch.equal(render(gan, one(gan).label(ClassMap())), plain(gan, one(gan)))


@pytest.mark.parametrize("mask", [LEFT, SOFT, ALL, torch.rand(33, 33)], ids=["left", "soft", "all", "noise"])
def test_the_same_class_under_any_mask_is_the_plain_picture(gan: Gan, mask: torch.Tensor):
    base = one(gan, 2)
    for label in (2, "2", "tulip", one(gan, 2, seed=8)):  # number, text, name, a picture of that class
        assert difference(render(gan, base.label(ClassMap().paint(label, mask, 0.8))), plain(gan, base)) < 1e-6
    mixed = Collage(gan.sample([2, 1], seed=0)).label(ClassMap().paint(2, mask))
    assert difference(render(gan, mixed)[:1], plain(gan, base)) < 1e-5  # as one of a batch


# The ends of a mask and of a strength.


def test_a_mask_of_ones_is_the_other_class(gan: Gan):
    base = one(gan, 0)
    other = Collage(Latent(base.latent.point, torch.tensor([2])))
    assert difference(plain(gan, base), plain(gan, other)) > 0.1  # or the test below would show nothing
    assert torch.equal(render(gan, base.label(ClassMap().paint(2, ALL))), plain(gan, other))
    exact = ClassMap.from_weights([2], torch.ones(1, 1, 5, 5))
    assert torch.equal(render(gan, base.label(exact)), plain(gan, other))
    assert torch.equal(render(gan, base.label(ClassMap().paint(one(gan, 2, seed=4), ALL))), plain(gan, other))


def test_the_first_map_of_a_reference_alone_is_a_picture_of_its_latent(gan: Gan):
    base, reference = one(gan, 0), one(gan, 1, seed=1)
    expected = Collage(Latent(reference.latent.point, base.latent.labels))  # its z under our class
    assert difference(render(gan, base.feature(reference, ALL, "#1")), plain(gan, expected)) < 1e-5


def test_the_whole_state_of_a_reference_at_the_last_layer_is_the_reference(gan: Gan):
    reference = one(gan, 1, seed=1).label(ClassMap().paint(3, SOFT))
    edited = one(gan, 0).label(ClassMap().paint(2, LEFT)).feature(reference, ALL, "16")
    assert difference(render(gan, edited), render(gan, reference)) < 1e-5


def test_strength_is_the_mask_times_a_number(gan: Gan):
    base, reference = one(gan), one(gan, 1, seed=1)
    by_strength = base.feature(reference, SOFT, "8", strength=0.5).label(ClassMap().paint(3, LEFT, 0.25))
    by_mask = base.feature(reference, SOFT * 0.5, "8").label(ClassMap().paint(3, LEFT * 0.25))
    assert difference(render(gan, by_strength), render(gan, by_mask)) < 1e-6


def test_a_mask_of_one_pixel_is_a_strength(gan: Gan):
    pixel, base, reference = torch.full((1, 1), 0.3), one(gan), one(gan, 1, seed=1)
    assert difference(
        render(gan, base.label(ClassMap().paint(1, pixel)).feature(reference, pixel, "8")),
        render(gan, base.label(ClassMap().paint(1, ALL, 0.3)).feature(reference, ALL, "8", strength=0.3)),
    ) < 1e-6  # fmt: skip


# What changed.


def test_changes_are_the_difference_from_the_unedited_picture(gan: Gan):
    collage = Collage(gan.sample([0, 1], seed=3)).label(ClassMap().paint(2, LEFT))
    images = render(gan, collage)
    expected = (images - plain(gan, collage)).abs().amax(1, keepdim=True) / 2
    assert expected.max() > 0.05
    torch.testing.assert_close(changes(gan, collage, images), expected, atol=1e-5, rtol=0)


def test_changes_of_an_unedited_picture_are_none_and_draw_nothing(gan: Gan, monkeypatch: pytest.MonkeyPatch):
    collage = one(gan)
    images = render(gan, collage)
    monkeypatch.setattr(gan.generator, "forward", None)
    assert torch.equal(changes(gan, collage, images), torch.zeros(1, 1, 16, 16))


# References.


def test_feature_edits_on_one_layer_paint_over_one_another(gan: Gan):
    base, first, second = one(gan), one(gan, 1, seed=1), one(gan, 2, seed=2)
    edited = base.feature(first, LEFT).feature(second, ALL)
    assert difference(render(gan, edited), render(gan, base.feature(second, ALL))) < 1e-5


def test_shared_and_nested_references_equal_copies_of_them(gan: Gan):
    """One reference used by the target and by another reference, at different layers, runs once and serves both."""

    def shared(copy: Callable[[Collage], Collage]) -> Collage:
        inner = one(gan, 3, seed=3).label(ClassMap().paint(1, LEFT))
        outer = one(gan, 2, seed=2).feature(copy(inner), SOFT, "8-")
        return one(gan).feature(copy(inner), LEFT, "4").feature(outer, SOFT.T, "4-8").feature(copy(inner), SOFT, "16")

    once = render(gan, shared(lambda collage: collage))
    copied = render(gan, shared(lambda collage: Collage(collage.latent, collage.edits)))
    assert difference(once, copied) < 1e-6


def test_deep_nests_of_references_that_are_used_twice_are_quick(gan: Gan):
    """Every collage uses the one below twice: 2^30 ways lead to the innermost, and each runs once."""
    collage = innermost = one(gan, 1)
    for seed in range(30):
        collage = one(gan, seed % 4, seed=seed).feature(collage, LEFT, "16").feature(collage, 1 - LEFT, "16")
    assert difference(render(gan, collage), plain(gan, innermost)) < 1e-5


def test_a_picture_may_refer_to_its_own_base(gan: Gan):
    base = one(gan)
    assert difference(render(gan, base.feature(base, SOFT)), plain(gan, base)) < 1e-5
    moved = render(gan, base.feature(base, LEFT, shift=(0.5, 0)))
    assert difference(moved, plain(gan, base)) > 1e-3


def test_a_reference_that_only_serves_later_layers_is_not_run(gan: Gan, monkeypatch: pytest.MonkeyPatch):
    """`outer` leaves after the 4 px map, and what it would take from `inner` at 8 px is never needed."""
    inner = one(gan, 3, seed=3)
    outer = one(gan, 2, seed=2).feature(inner, ALL, "8-")
    counts: list[int] = []
    for layer in [gan.generator.first, *gan.generator.layers]:  # type: ignore[list-item]
        forward = layer.forward
        monkeypatch.setattr(layer, "forward", lambda x, *a, f=forward: counts.append(len(x[0] if a else x)) or f(x, *a))
    image = render(gan, one(gan).feature(outer, ALL, "4"))
    assert counts == [1, 1, 1, 1]  # the first maps of the target and of `outer`, then the target alone
    monkeypatch.undo()
    assert difference(image, render(gan, one(gan).feature(one(gan, 2, seed=2), ALL, "4"))) < 1e-6


def test_a_shift_by_whole_pixels_moves_the_features(gan: Gan):
    """At the last layer everything after is a 3x3 convolution: away from the border the picture itself moves."""
    reference = one(gan, 1, seed=1)
    moved = render(gan, one(gan).feature(reference, ALL, "16", shift=(0.25, -0.125)))
    expected = render(gan, reference)
    assert difference(moved[..., 1:13, 6:15], expected[..., 3:15, 2:11]) < 1e-5


def test_units_restrict_a_feature_collage(gan: Gan):
    base, reference = one(gan), one(gan, 1, seed=1)
    every = base.feature(reference, SOFT, "4-8", units=range(8))
    assert difference(render(gan, every), render(gan, base.feature(reference, SOFT, "4-8"))) < 1e-6
    some, rest = base.feature(reference, SOFT, "4-8", units=[0, 5]), [1, 2, 3, 4, 6, 7]
    assert difference(render(gan, some.feature(reference, SOFT, "4-8", units=rest)), render(gan, every)) < 1e-5
    assert difference(render(gan, some), render(gan, every)) > 1e-3


# Batches, modes, precision.


def test_pictures_do_not_depend_on_their_batch_mates(gan: Gan):
    latent, others = gan.sample([0, 1, 2], seed=7), gan.sample([3, 2, 1], seed=70)
    masks = torch.rand(3, 1, 16, 16)

    def edited(pick: slice) -> Collage:
        reference = Collage(Latent(others.point[pick], others.labels[pick])).label(ClassMap().paint(0, SOFT))
        target = Collage(Latent(latent.point[pick], latent.labels[pick]))
        return target.label(ClassMap().paint(1, masks[pick]).paint(3, LEFT)).feature(reference, masks[pick], "8")

    together = render(gan, edited(slice(None)))
    for i in range(3):
        assert difference(together[i : i + 1], render(gan, edited(slice(i, i + 1)))) < 1e-5


def test_single_latents_masks_references_and_styles_are_repeated(gan: Gan):
    masks = torch.rand(3, 1, 16, 16)
    drawn = gan.sample([1, 2, 3], seed=1)
    references = Collage(drawn)
    singles = [Collage(Latent(drawn.point[i : i + 1], drawn.labels[i : i + 1])) for i in range(3)]
    by_masks = render(gan, one(gan).label(ClassMap().paint(1, masks)))
    by_references = render(gan, one(gan).feature(references, SOFT))
    by_style = render(gan, one(gan).label(ClassMap().paint(references, SOFT)))
    assert len(by_masks) == len(by_references) == len(by_style) == 3
    for i in range(3):
        single = render(gan, one(gan).label(ClassMap().paint(1, masks[i])))
        assert difference(by_masks[i : i + 1], single) < 1e-5
        assert difference(by_references[i : i + 1], render(gan, one(gan).feature(singles[i], SOFT))) < 1e-5
        assert difference(by_style[i : i + 1], render(gan, one(gan).label(ClassMap().paint(i + 1, SOFT)))) < 1e-5


def test_a_render_is_a_pure_function(gan: Gan):
    collage = one(gan).label(ClassMap().paint(1, SOFT)).feature(one(gan, 1, seed=1), SOFT, shift=(0.1, 0.2))
    tensors = [collage.latent.point, *gan.generator.state_dict().values()]
    before = [tensor.clone() for tensor in tensors]
    assert torch.equal(render(gan, collage), render(gan, collage))
    assert all(torch.equal(a, b) for a, b in zip(before, tensors, strict=True))


def test_it_works_in_inference_mode_on_tensors_made_there(gan: Gan):
    with torch.inference_mode():
        mask = SOFT * 0.5
        inside = render(gan, one(gan).label(ClassMap().paint(1, mask)).feature(one(gan, 1, seed=1), mask))
    outside = render(gan, one(gan).label(ClassMap().paint(1, SOFT * 0.5)).feature(one(gan, 1, seed=1), SOFT * 0.5))
    assert torch.equal(inside, outside)
    assert not outside.requires_grad


def test_autocast_to_bfloat16_stays_close(gan: Gan):
    collage = one(gan).label(ClassMap().paint(1, SOFT)).feature(one(gan, 1, seed=1), SOFT)
    with torch.autocast("cpu", torch.bfloat16):
        rough = render(gan, collage)
    assert 0 < difference(rough.float(), render(gan, collage)) < 0.1


def test_a_model_in_double_precision_draws_the_same():
    gan, double = toy.gan(3, bare=True), toy.gan(3, bare=True)
    double.generator.double()
    collage = one(gan).label(ClassMap().paint(1, SOFT.double())).feature(one(gan, 1, seed=1), SOFT, shift=(0.1, 0))
    precise = render(double, collage)
    assert precise.dtype == torch.float64
    assert difference(precise, render(gan, collage).double()) < 1e-5


def test_a_model_without_classes_draws_and_blends():
    gan = toy.gan(1, bare=True)
    assert torch.equal(render(gan, one(gan)), plain(gan, one(gan)))
    assert torch.equal(render(gan, one(gan).label(ClassMap().paint(0, SOFT))), plain(gan, one(gan)))
    assert difference(render(gan, one(gan).feature(one(gan, seed=1), SOFT)), plain(gan, one(gan))) > 1e-3
