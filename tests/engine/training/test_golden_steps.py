"""One update of each kind of training against the numbers of the original's training code."""

import parity
import pytest
import torch
from neural_collage.engine.checkpoints import chainer_names
from neural_collage.engine.reconstruction import Reconstruction
from neural_collage.engine.training.adversarial import AdversarialTask
from neural_collage.engine.training.data import ImageSet
from neural_collage.engine.training.inversion import (
    EncoderTask,
    Objective,
    auxiliary_objective,
    decay_and_clip,
    fast_update,
    inner_loss,
)
from neural_collage.engine.training.losses import discriminator_loss, generator_loss
from neural_collage.engine.training.settings import EncoderSettings, GanSettings

LOSS, GRADIENT, STATISTICS = 1e-4, 1e-3, 1e-4
"""Bounds: losses absolute; gradients relative to the largest entry; running statistics absolute."""


@pytest.fixture(autouse=True)
def one_thread():
    """Sums in one order: these steps follow one another, and Adam's first turns rounding into signs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def blocks() -> int:
    return len(parity.gan().generator.layers) + 1


def names_of(part):
    """The original's name -> ours, for a part of the golden model."""
    last = blocks()
    if part == "discriminator":
        known = chainer_names.discriminator_names(last, flat=True, classes=True)
    elif part == "encoder":
        known = chainer_names.encoder_names(last, chainer_names.CLASS_NORM, first="l1", linear="l{}")
    else:
        known = chainer_names.auxiliary_names(last, chainer_names.CLASS_NORM)
    return {theirs: ours for theirs, (owner, ours) in known.items() if owner == part}


def below(case, prefix):
    return {key.removeprefix(prefix): value for key, value in case.items() if key.startswith(prefix)}


def astray(case, prefix, network, part):
    """How far the gradients are from the recorded ones, in units of the largest entry of each, at worst."""
    names, parameters = names_of(part), dict(network.named_parameters())
    wanted = below(case, prefix)
    # A bias ahead of a batch norm has no gradient but rounding: measure it against the others.
    floor = 1e-2 * max(value.abs().max() for value in wanted.values())
    errors = {
        theirs: parity.worst(parameters[names[theirs]].grad, value) / max(value.abs().max(), floor)
        for theirs, value in wanted.items()
    }
    return max(errors.values())


def assert_gradients(case, prefix, network, part):
    assert astray(case, prefix, network, part) < GRADIENT


def assert_state(case, prefix, network, part, bound):
    names, state = names_of(part), network.state_dict()
    wanted = below(case, prefix)
    assert wanted
    for theirs, value in wanted.items():
        assert parity.worst(state[names[theirs]], value) < bound, theirs


def empty_set(n_classes):
    size = parity.gan().resolution
    images = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    return ImageSet(images, torch.zeros(1, dtype=torch.long), tuple(map(str, range(n_classes))))


def test_adversarial_steps():
    case, gan = parity.case("i_training/gan_step"), parity.gan()
    assert gan.discriminator is not None
    settings = GanSettings(
        generator=gan.generator.config.channels,
        discriminator=gan.discriminator.config.channels,
        shrinking=gan.discriminator.config.shrinking,
        dim_z=gan.dim_z,
        generator_rate=2e-4,
        discriminator_rate=2e-4,
        augment="none",
        precision="fp32",
    )
    task = AdversarialTask(settings, empty_set(gan.n_classes))
    task.generator.load_state_dict(gan.generator.state_dict())
    task.discriminator.load_state_dict(gan.discriminator.state_dict())

    logits = task.generator_step(case["z_gen"], case["y_gen"].long())
    assert parity.worst(logits, case["gen_step_logits"]) < LOSS
    assert abs(generator_loss(logits) - case["loss_gen"]) < LOSS
    assert_gradients(case, "grad_gen/", task.generator, "generator")

    real, real_y = parity.images(case["real_u8"]).split(2), case["real_y"].long().split(2)
    for i in range(2):
        found = task.discriminator_step(real[i], real_y[i], case["z_dis"][i], case["y_dis"][i].long())
        assert parity.worst(found[0], case["dis_real"][i]) < LOSS
        assert parity.worst(found[1], case["dis_fake"][i]) < LOSS
        assert abs(discriminator_loss(*found) - case["loss_dis"][i]) < LOSS
        if i == 0:
            assert_gradients(case, "grad_dis/", task.discriminator, "discriminator")
    # Adam's first step is the rate times the sign of the gradient, and the sign of a gradient of zero is rounding: the
    # biases ahead of a batch norm go one way or the other, and the statistics of the later passes with them.
    assert_state(case, "after_gen/", task.generator, "generator", 10 * 2e-4)
    assert_state(case, "after_dis/", task.discriminator, "discriminator", STATISTICS)


def encoder_step(case, images):
    """The encoder's task after one step on these pictures, and their eq. 4 loss."""
    gan = parity.gan()
    encoder = gan.part("encoder")
    settings = EncoderSettings(channels=encoder.config.channels, rate=5e-5, pixel_weight=0.0, precision="fp32")
    task = EncoderTask(settings, gan, empty_set(gan.n_classes))
    task.encoder.load_state_dict(encoder.state_dict())
    cosine, _ = task.learn(images, case["y"].long())
    return task, (cosine - 1).sum()  # the original sums minus the cosine; ours is a distance, 1 - cosine


def test_encoder_step():
    case = parity.case("i_training/encoder_step")
    images, random = parity.images(case["image_u8"]), torch.Generator().manual_seed(0)
    task, loss = encoder_step(case, images)
    assert abs(loss - case["loss"]) < LOSS
    assert_state(case, "after/", task.encoder, "encoder", STATISTICS)
    # Some ReLU's input lies within rounding of zero: the gradient jumps there, and float32 falls to either side, as the
    # number of threads has it. On one side, here or beside the pictures in their last digits, it is the recorded one.
    beside = [images + 1e-5 * torch.randn(images.shape, generator=random) for _ in range(8)]
    steps = [task, *(encoder_step(case, moved)[0] for moved in beside)]
    errors = [astray(case, "grad/", step.encoder, "encoder") for step in steps]
    assert min(errors) < GRADIENT, errors


def auxiliary_parameters(gan):
    """Everything that the original's auxiliary generator holds: A, B and, frozen, the generator."""
    gan.part("auxiliary").requires_grad_(True)
    gan.generator.requires_grad_(True)
    return [*gan.part("auxiliary").parameters(), *gan.generator.parameters()]


@pytest.fixture
def fresh():
    """A copy of the golden model of the test's own, to take gradients in."""
    parity.gan.cache_clear()
    yield parity.gan()
    parity.gan.cache_clear()


def test_auxiliary_step(fresh):
    case = parity.case("i_training/auxiliary_step")
    auxiliary, parameters = fresh.part("auxiliary"), auxiliary_parameters(fresh)
    images, labels, z = parity.images(case["image_u8"]), case["y"].long(), case["z"]
    measure = Reconstruction(fresh, images, Objective().pixel)

    objective, losses, code = auxiliary_objective(fresh, auxiliary, measure, z, labels)
    count = len(z)  # ours are distances: 1 - cosine, so one more for each picture
    for k, loss in enumerate(losses, start=1):
        assert abs(loss - count - case[f"loss{k}"]) < LOSS
    assert abs(count * code - case["loss_ae"]) < LOSS
    assert abs(inner_loss(measure, fresh.generator.generate(z, labels)) - count - case["loss_noab"]) < LOSS
    wanted = 20 * case["loss1"] + 2 * case["loss2"] + case["loss3"] + Objective().code * case["loss_ae"]
    assert abs(objective - 23 * count - wanted) < 1e-5 * abs(wanted)

    objective.backward()
    assert_gradients(case, "grad/", auxiliary, "auxiliary")

    # The original takes the norm over the frozen generator's gradients too, and leaves the step sizes as they are. Ours
    # does neither; given the parameters that it took, the rule gives its numbers.
    total = torch.stack([p.grad.norm() for p in parameters if p.grad is not None]).norm()
    assert abs(total - case["grad_norm_all_parameters"]) < GRADIENT * total
    decay_and_clip(parameters, float(case["weight_decay"]), float(case["clip_norm"]))
    assert_gradients(case, "grad_after_hooks/", auxiliary, "auxiliary")
    frozen = auxiliary.rates.detach().clone()
    learning = [p for p in auxiliary.parameters() if p is not auxiliary.rates]
    torch.optim.Adam(learning, 5e-5, (0.0, 0.9)).step()
    assert_state(case, "after/", auxiliary, "auxiliary", LOSS)
    assert torch.equal(auxiliary.rates, frozen)


@pytest.mark.parametrize("name", ["fast_update", "fast_update_scalar"])
def test_fast_update(name):
    case, gan = parity.case(f"f_auxiliary/{name}"), parity.gan()
    auxiliary, labels = gan.part("auxiliary"), case["y"].long()
    measure = Reconstruction(gan, parity.images(case["gt_u8"]), Objective().pixel)
    start = auxiliary.to_zeta(case["z"]).requires_grad_()

    zetas, losses = fast_update(
        lambda zeta: inner_loss(measure, gan.generator.generate(auxiliary.to_z(zeta), labels)),
        start,
        case["fast_alpha"],
    )
    wanted = [*case["losses"], case["loss_after"]]
    for found, loss in zip(losses, wanted, strict=True):
        assert abs(found - len(labels) - loss) < 1e-5
    for k in (1, 2):
        assert parity.worst(zetas[k], case[f"zeta_{k}"]) < 1e-3
    if "zeta_0" in case:
        assert parity.worst(zetas[0], case["zeta_0"]) < 1e-5
