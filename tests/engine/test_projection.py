from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
import toy
from neural_collage.engine.errors import InputError, ModelError
from neural_collage.engine.gan import Gan
from neural_collage.engine.latent import Latent
from neural_collage.engine.networks.auxiliary import Auxiliary, AuxiliaryConfig
from neural_collage.engine.projection import SEEDS, TOGETHER, ProjectionStep, project
from neural_collage.engine.reconstruction import reconstruction_loss
from neural_collage.engine.spaces import RATES

STARTS = ["encoder", "seeds", "zeros", Latent(torch.full((1, toy.DIM_Z), 0.5), torch.tensor([0]))]


@pytest.fixture(scope="module")
def gan() -> Gan:
    return toy.gan(4)


def picture(gan: Gan, label: int = 1, seed: int = 100, count: int = 1) -> torch.Tensor:
    latent = gan.sample(label, seed=seed, count=count)
    return gan.generator.generate(latent.point, latent.labels)


def loss_of(gan: Gan, latent: Latent, target: torch.Tensor, weight: float = 0.2) -> torch.Tensor:
    return reconstruction_loss(gan, gan.generator.generate(latent.point, latent.labels), target, weight)


def names(value: object) -> str:
    return value if isinstance(value, str) else "latent"


@pytest.mark.parametrize("space", ["z", "zeta"])
@pytest.mark.parametrize("start", STARTS, ids=names)
def test_what_a_step_says_belongs_to_one_point(gan: Gan, space: str, start: str | Latent):
    target = picture(gan, count=2)
    steps = list(project(gan, target, 1, steps=4, space=space, start=start))
    assert [step.index for step in steps] == [0, 1, 2, 3, 4]
    assert {step.steps for step in steps} == {4}
    for step in steps:
        drawn = gan.generator.generate(step.latent.point, step.latent.labels)
        torch.testing.assert_close(step.images, drawn, atol=1e-5, rtol=0)
        torch.testing.assert_close(step.loss, loss_of(gan, step.latent, target), atol=1e-5, rtol=0)
        torch.testing.assert_close(step.best_loss, loss_of(gan, step.best, target), atol=1e-5, rtol=0)
        assert step.latent.labels.tolist() == [1, 1]
        leave = (lambda z: z) if space == "z" else gan.auxiliary.to_z  # type: ignore[union-attr]
        torch.testing.assert_close(leave(step.point), step.latent.point)
    assert not torch.equal(steps[0].latent.point, steps[4].latent.point)


@pytest.mark.parametrize("rate", [None, 2.0], ids=["default rate", "far too high"])
@pytest.mark.parametrize("space", ["z", "zeta"])
def test_the_best_never_gets_worse_and_is_no_worse_than_the_start(gan: Gan, space: str, rate: float | None):
    target = picture(gan, count=3)
    start = gan.sample(1, seed=5, count=3)
    last = loss_of(gan, start, target)
    for step in project(gan, target, 1, steps=15, space=space, rate=rate, start=start):
        assert (step.best_loss <= last + 1e-6).all()
        assert (step.best_loss <= step.loss).all()
        last = step.best_loss


@pytest.mark.parametrize(("space", "rate"), [("z", None), ("zeta", 0.3)])  # the toy's random pair is a weak lever
def test_it_descends(gan: Gan, space: str, rate: float | None):
    target = picture(gan, count=4)
    steps = list(project(gan, target, 1, steps=60, space=space, rate=rate, start="zeros"))
    assert steps[-1].best_loss.mean() < 0.7 * steps[0].loss.mean()


def test_the_first_yield_is_the_start_itself(gan: Gan):
    target, start = picture(gan, count=2), gan.sample(1, seed=5, count=2)
    assert gan.encoder is not None
    given = next(project(gan, target, 1, start=start))
    assert torch.equal(given.latent.point, start.point)
    assert torch.equal(next(project(gan, target, 1, start="zeros")).latent.point, torch.zeros(2, toy.DIM_Z))
    encoded = gan.encoder(target, torch.tensor([1, 1]))
    assert torch.equal(next(project(gan, target, 1)).latent.point, encoded)
    assert gan.auxiliary is not None
    zeta = next(project(gan, target, 1, space="zeta"))
    torch.testing.assert_close(zeta.point, gan.auxiliary.to_zeta(encoded))
    torch.testing.assert_close(zeta.latent.point, gan.auxiliary(encoded))


def test_auto_moves_on_zeta_where_the_pair_may_be_on_axes(gan: Gan):
    target, own = picture(gan, count=2), toy.DIM_Z
    pair = Auxiliary(AuxiliaryConfig(own, dim_a=2 * own, dim_zeta=own, dim_b=2 * own))
    pair.align(torch.linalg.qr(torch.randn(own, own))[0])
    fast = replace(gan, auxiliary=pair.eval())
    chosen, zeta, z = (next(project(fast, target, 1, space=space)) for space in ("auto", "zeta", "z"))
    assert torch.equal(chosen.point, zeta.point)
    assert not torch.allclose(chosen.point, z.point)
    for slow in (gan, replace(gan, auxiliary=None)):
        chosen, z = (next(project(slow, target, 1, space=space)) for space in ("auto", "z"))
        assert torch.equal(chosen.point, z.point)


def test_seeds_takes_the_best_of_its_draws_for_each_image(gan: Gan):
    target = picture(gan, count=3)
    losses = torch.stack([loss_of(gan, gan.sample(1, seed=seed, count=1), target[i : i + 1])
                          for i in range(3) for seed in range(SEEDS)]).reshape(3, SEEDS)  # fmt: skip
    first = next(project(gan, target, 1, start="seeds"))
    torch.testing.assert_close(first.loss, losses.min(1).values, atol=1e-5, rtol=0)
    for i, seed in enumerate(losses.argmin(1).tolist()):
        assert torch.equal(first.latent.point[i], gan.sample(1, seed=seed).point[0])


def test_the_descent_is_adam_on_each_image_by_itself(gan: Gan):
    """Written out from Kingma & Ba's algorithm 1, with epsilon as at the end of their section 2, on our loss."""
    target, start = picture(gan, count=2), gan.sample(1, seed=5, count=2)
    z, m, v = start.point.clone(), torch.zeros(2, toy.DIM_Z), torch.zeros(2, toy.DIM_Z)
    for step in project(gan, target, 1, steps=5, start=start):
        torch.testing.assert_close(step.latent.point, z, atol=2e-4, rtol=0)
        z = z.detach().requires_grad_()
        (g,) = torch.autograd.grad(loss_of(gan, Latent(z, start.labels), target).sum(), z)
        m, v, t = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g, step.index + 1
        z = z.detach() - RATES["z"] * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t) * m / (v.sqrt() + 1e-8)


@pytest.mark.parametrize("space", ["z", "zeta"])
def test_images_of_a_batch_do_not_touch_one_another(space: str):
    """In double precision, since Adam's first steps go by the sign of a gradient and blow rounding up."""
    gan = toy.gan(4)
    for part in (gan.generator, gan.discriminator, gan.encoder, gan.auxiliary):
        assert part is not None
        part.double()
    target = torch.cat([picture(gan, label, seed=200 + label) for label in (0, 1, 2)])
    together = list(project(gan, target, [0, 1, 2], steps=4, space=space, start="seeds"))
    for i in range(3):
        alone = list(project(gan, target[i : i + 1], i, steps=4, space=space, start="seeds"))
        for a, b in zip(together, alone, strict=True):
            torch.testing.assert_close(a.loss[i : i + 1], b.loss, atol=1e-8, rtol=0)
            torch.testing.assert_close(a.latent.point[i : i + 1], b.latent.point, atol=1e-6, rtol=0)
            torch.testing.assert_close(a.best.point[i : i + 1], b.best.point, atol=1e-6, rtol=0)


@pytest.mark.parametrize("start", [start for start in STARTS if start != "seeds"], ids=names)
def test_auto_finds_the_class_of_a_picture_that_the_model_made(gan: Gan, start: str | Latent):
    """Each image gets the class under which its own start is nearest: tried one by one here."""
    target = torch.cat([picture(gan, label, seed=30 + label) for label in range(4)])
    one_by_one = torch.stack([next(project(gan, target, c, start=start)).loss for c in range(4)])
    first = next(project(gan, target, "Auto", start=start))
    assert torch.equal(first.latent.labels, one_by_one.argmin(0))
    torch.testing.assert_close(first.loss, one_by_one.min(0).values, atol=1e-5, rtol=0)


def test_auto_draws_seeds_under_the_class_that_starts_best_from_the_first(gan: Gan):
    target = torch.cat([picture(gan, label, seed=30 + label) for label in range(4)])
    chosen = next(project(gan, target, "auto", start=gan.sample(0, seed=0))).latent.labels
    first = next(project(gan, target, "auto", start="seeds"))
    under = next(project(gan, target, chosen, start="seeds"))
    assert torch.equal(first.latent.labels, chosen)
    assert torch.equal(first.latent.point, under.latent.point)


@pytest.mark.parametrize(("start", "drawn"), [("encoder", 40), ("zeros", 40), ("seeds", 40 + SEEDS)])
def test_auto_tries_many_classes_in_few_forwards_none_of_them_before_the_first_step(
    monkeypatch: pytest.MonkeyPatch, start: str, drawn: int
):
    many, sizes = toy.gan(40, named=False), []
    forward = many.generator.forward
    monkeypatch.setattr(many.generator, "forward", lambda latent: (sizes.append(len(latent)), forward(latent))[1])
    descent = project(many, picture(toy.gan(40), count=2), "auto", start=start)
    assert sizes == []
    first = next(descent)
    assert sum(sizes[:-1]) == 2 * drawn
    assert sizes.pop() == len(first.images) == 2
    assert max(sizes) == TOGETHER
    assert len(sizes) == -(-2 * drawn // TOGETHER)


def test_the_search_is_told_of_and_changes_nothing(gan: Gan):
    told: list[float] = []
    target = picture(toy.gan(40), count=2)
    steps = project(toy.gan(40), target, "auto", steps=0, watch=told.append)
    assert told == []  # nothing happens before the first state is asked for
    found = next(steps)
    parts = -(-40 * 2 // TOGETHER)
    assert told == [done / parts for done in range(parts)] * 2  # the encoder's guesses, then what they draw
    alone = next(project(toy.gan(40), target, "auto", steps=0))
    assert torch.equal(found.latent.labels, alone.latent.labels)
    assert torch.equal(found.loss, alone.loss)


@pytest.mark.parametrize("start", STARTS, ids=names)
def test_what_the_watcher_raises_stops_the_search_before_its_next_forward(start: str | Latent):
    many, drawn = toy.gan(40), []
    many.generator.register_forward_hook(lambda *call: drawn.append(1))
    target = picture(many)
    drawn.clear()

    def stop(done: float) -> None:
        if drawn:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(project(many, target, "auto", start=start, watch=stop))
    assert len(drawn) == 1


def test_auto_goes_on_where_some_classes_draw_no_numbers():
    gan = toy.gan(4)
    gan.generator.layers[0].norm1.gammas[0] = torch.nan
    first = next(project(gan, picture(gan, 2), "auto", start="zeros"))
    assert first.latent.labels.tolist() != [0]
    assert torch.isfinite(first.loss).all()


def test_auto_is_right_where_the_start_is_the_very_latent(gan: Gan):
    for label in range(4):
        latent = gan.sample(label, seed=60 + label)
        first = next(project(gan, gan.generator.generate(latent.point, latent.labels), "auto", start=latent))
        assert first.latent.labels.tolist() == [label]
        assert first.loss.max() < 1e-5


def test_classes_may_be_names_numbers_or_one_for_each_image(gan: Gan):
    target = picture(gan, count=2)
    for label, numbers in (("rose", [1, 1]), (2, [2, 2]), (["rose", 3], [1, 3]), (torch.tensor([0, 2]), [0, 2])):
        assert next(project(gan, target, label)).latent.labels.tolist() == numbers  # type: ignore[arg-type]


def test_a_larger_image_is_brought_to_size_by_area(gan: Gan):
    target = picture(gan)
    large = target.repeat_interleave(3, 2).repeat_interleave(3, 3)
    small, big = (next(project(gan, image, 1, start="zeros")).loss for image in (target, large))
    torch.testing.assert_close(small, big, atol=1e-5, rtol=0)


def test_no_steps_yield_the_start_alone(gan: Gan):
    assert len(list(project(gan, picture(gan), 1, steps=0))) == 1


def test_the_weight_of_pixels_is_the_users(gan: Gan):
    target = picture(gan)
    for weight in (0.0, 3.0):
        step = next(project(gan, target, 1, start="zeros", pixel_weight=weight))
        torch.testing.assert_close(step.loss, loss_of(gan, step.latent, target, weight), atol=1e-5, rtol=0)


# Modes of the caller.


def run(gan: Gan, target: torch.Tensor, space: str = "z") -> Iterator[ProjectionStep]:
    return project(gan, target, 1, steps=3, space=space)


@pytest.mark.parametrize("space", ["z", "zeta"])
def test_it_works_inside_inference_mode_and_leaves_the_mode_alone(gan: Gan, space: str):
    outside = [step.latent.point for step in run(gan, picture(gan), space)]
    with torch.inference_mode():
        inside = []
        for step in run(gan, picture(gan), space):
            assert torch.is_inference_mode_enabled()
            assert not torch.is_grad_enabled()
            inside.append(step.latent.point)
    assert all(torch.equal(a, b) for a, b in zip(outside, inside, strict=True))


@pytest.mark.parametrize("enabled", [True, False])
def test_the_grad_mode_is_the_callers_between_steps(gan: Gan, enabled: bool):
    with torch.set_grad_enabled(enabled):
        for step in run(gan, picture(gan)):
            assert torch.is_grad_enabled() == enabled
            assert not torch.is_inference_mode_enabled()
            tensors = (step.loss, step.images, step.point, step.latent.point, step.best.point)
            assert not any(tensor.requires_grad for tensor in tensors)


def test_states_kept_by_the_caller_do_not_change_later(gan: Gan):
    states, copies = [], []
    for step in run(gan, picture(gan)):
        states.append(step)
        copies.append((step.latent.point.clone(), step.point.clone(), step.best.point.clone(), step.loss.clone()))
    for step, (z, point, best, loss) in zip(states, copies, strict=True):
        assert torch.equal(step.latent.point, z)
        assert torch.equal(step.point, point)
        assert torch.equal(step.best.point, best)
        assert torch.equal(step.loss, loss)


def test_weights_get_no_gradients_even_where_they_could(gan: Gan):
    trainable = toy.gan(4)
    trainable.generator.requires_grad_(True)
    list(run(trainable, picture(gan)))
    assert all(weight.grad is None for weight in trainable.generator.parameters())


# Refusals that need a model of their own; the others are in `test_bad_input.py`.


@pytest.mark.parametrize(
    ("part", "arguments"),
    [
        ("discriminator", {"start": "zeros", "distance": "discriminator"}),
        ("encoder", {"start": "encoder"}),
        ("auxiliary", {"space": "zeta", "start": "zeros"}),
        ("perception", {"start": "zeros", "distance": "vgg16"}),
    ],
)
def test_a_missing_part_is_named_at_once(gan: Gan, part: str, arguments: dict[str, str]):
    parts = {"discriminator": gan.discriminator, "encoder": gan.encoder, "auxiliary": gan.auxiliary, part: None}
    with pytest.raises(ModelError, match=f"needs the model's {part}"):
        project(Gan(gan.generator, **parts), picture(gan), 1, **arguments)  # type: ignore[arg-type]


def test_leaving_the_finite_numbers_is_said_so(gan: Gan):
    far = Latent(torch.full((1, toy.DIM_Z), 3e38), torch.tensor([0]))
    with pytest.raises(
        InputError, match=r"left the finite numbers at step 0; choose a rate below 0\.075 or another start"
    ):
        list(project(gan, picture(gan), 1, steps=3, start=far))
