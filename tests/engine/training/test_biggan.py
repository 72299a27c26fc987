"""BigGAN in training: its code's own numbers, spectral norm, and a run from pictures to a model that edits them."""

from dataclasses import replace
from typing import Any

import numpy as np
import parity
import pytest
import torch
from neural_collage import engine as nc
from neural_collage.engine.networks.biggan import BigGANConfig, BigGANGenerator
from neural_collage.engine.networks.biggan_discriminator import BigGANDiscriminator, BigGANDiscriminatorConfig
from neural_collage.engine.networks.biggan_training import trainable_discriminator, trainable_generator
from neural_collage.engine.networks.spectral import find_vectors, fold, raw_weights
from neural_collage.engine.training.adversarial import AdversarialTask
from neural_collage.engine.training.average import update_average
from neural_collage.engine.training.command import main
from neural_collage.engine.training.data import load_images
from neural_collage.engine.training.families import networks
from neural_collage.engine.training.losses import LOSSES, add_orthogonality
from neural_collage.engine.training.presets import PRESETS
from neural_collage.engine.training.release import released
from neural_collage.engine.training.settings import GanSettings
from neural_collage.engine.training.snapshot import load_snapshot
from states import equal
from torch.nn.utils import parametrize

BOUND = 1e-5
"""Of the largest value. The recorded numbers were computed in float64 and stored in float32."""
TINY = replace(
    PRESETS["biggan-128"].gan,
    **{"generator": (16, 16, 8), "discriminator": (8, 16, 16), "shrinking": 2, "dim_z": 12, "shared_dim": 5},
    **{"attention": (8,), "batch": 8, "fakes": 8, "accumulate": 2, "steps": 4, "average_from": 2},
)
FLAGS = (
    *("--preset", "biggan-128", "--generator", "16,16,8", "--discriminator", "8,16,16", "--shrinking", 2),
    *("--dim-z", 12, "--shared-dim", 5, "--attention", 8, "--batch", 8, "--fakes", 8, "--accumulate", 2),
    *("--average-from", 1, "--hold-out", 4),
)
PARTS = (
    *("--encoder-channels", "4,8,8", "--encoder-batch", 4, "--encoder-steps", 2, "--auxiliary-dim-a", 4),
    *("--auxiliary-dim-zeta", 6, "--auxiliary-dim-b", 4, "--auxiliary-batch", 4, "--auxiliary-steps", 2),
)


def train(*arguments):
    main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def recorded():
    """What ajbrock's code did in one step at 64 px, under our names; the places of our networks' weights."""
    with np.load(parity.TESTS / "golden" / "biggan_training" / "step.npz", allow_pickle=False) as arrays:
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


def as_recorded(case):
    """Both networks in training mode, in float64, with the weights and vectors that the step began with."""
    generator = trainable_generator(BigGANConfig((16, 16, 8, 4, 2), 3, 20, 6, True, (1,), 1e-5, 1e-5))
    widths = (1, 2, 4, 8, 16)
    discriminator = trainable_discriminator(BigGANDiscriminatorConfig(widths, widths, 4, (3, 4), 3, 64))
    for part, network in (("generator", generator), ("discriminator", discriminator)):
        network.double().load_state_dict(
            {
                name: value if name.endswith(("means", "vars", "merge")) else case[f"start.{part}.{plain(name)}"]
                for name, value in network.state_dict().items()
            }
        )
    return generator, discriminator


def plain(name):
    """The recorded name of an entry of a network's state."""
    return name.replace("parametrizations.weight.original", "weight").replace("parametrizations.weight.0.u", "u")


def close(found, wanted):
    wanted = wanted.double()
    assert (found - wanted).abs().max() <= BOUND * max(wanted.abs().max().item(), 1e-3)


def test_a_step_is_that_of_its_own_code(recorded):
    generator, discriminator = as_recorded(recorded)
    z, real, labels = recorded["z"].double(), recorded["real"].double(), recorded["labels"]
    loss = LOSSES["hinge"]
    with torch.no_grad():
        made = generator.generate(z, labels)
    on_real, on_made = discriminator(real, labels), discriminator(made, labels)
    loss.discriminator(on_real, on_made).backward()
    slopes = {f"discriminator.{plain(name)}": slope.clone() for name, slope in gradients(discriminator)}
    logits = discriminator(generator.generate(z, labels), labels)
    loss.generator(logits).backward()
    slopes |= {f"generator.{plain(name)}": slope.clone() for name, slope in gradients(generator)}

    for name, value in (("on_real", on_real), ("on_made", on_made), ("logits", logits)):
        close(value, recorded[name])
    assert {f"gradient.{name}" for name in slopes} == {name for name in recorded if name.startswith("gradient.")}
    for name, slope in slopes.items():
        close(slope, recorded[f"gradient.{name}"])
    for part, network in (("generator", generator), ("discriminator", discriminator)):
        for name, value in network.named_buffers():
            if not name.endswith("merge"):
                wanted = recorded[f"end.{part}.{plain(name)}"].view_as(value)
                # Its own norm keeps the batch's biased variance, torch's and ours the unbiased one: below one percent.
                assert torch.allclose(value, wanted.double(), rtol=1e-2 if name.endswith("vars") else 1e-5, atol=1e-7)

    add_orthogonality(generator, 1e-2)
    added = {
        plain(name): (slope - slopes[f"generator.{plain(name)}"]).square().sum() for name, slope in gradients(generator)
    }
    for name, value in added.items():
        wanted = recorded.get(f"orthogonal.generator.{name}", torch.zeros(()))
        assert value.item() == pytest.approx(wanted.item(), rel=1e-4), name


def gradients(network) -> list[tuple[str, Any]]:
    return [(name, parameter.grad) for name, parameter in network.named_parameters()]


def test_every_matrix_in_use_has_one_for_its_largest_singular_value():
    generator, discriminator = networks(TINY, 3)
    free = {"generator": {"shared"}, "discriminator": set()}
    for part, network in (("generator", generator), ("discriminator", discriminator)):
        for weight, _ in raw_weights(network):
            torch.nn.init.normal_(weight, std=0.3)
        find_vectors(network, steps=500)
        network.eval()
        for name, module in network.named_modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear, torch.nn.Embedding)):
                assert parametrize.is_parametrized(module, "weight") == (name not in free[part]), name
                if name not in free[part]:
                    matrices = module.weight.chunk(2 if name.endswith("affine") else 1)
                    sigmas = [torch.linalg.svdvals(matrix.flatten(1))[0].item() for matrix in matrices]
                    assert sigmas == pytest.approx([1.0] * len(sigmas), abs=1e-3), name


def test_weights_start_orthogonal():
    generator, _ = networks(TINY, 3)
    for weight, matrices in raw_weights(generator):
        for matrix in weight.detach().chunk(matrices):
            values = torch.linalg.svdvals(matrix.flatten(1))
            assert torch.allclose(values, torch.ones_like(values), atol=1e-5)
    before = [weight.clone() for weight, _ in raw_weights(generator)]
    for weight, _ in raw_weights(generator):
        weight.grad = torch.zeros_like(weight)
    add_orthogonality(generator, 1.0)
    for weight, value in zip((w for w, _ in raw_weights(generator)), before, strict=True):
        if weight.flatten(1).shape[0] <= weight.flatten(1).shape[1]:  # rows can be orthogonal to one another
            assert weight.grad is not None
            assert weight.grad.abs().max() < 1e-4 * value.abs().max()


def test_folded_it_draws_and_judges_the_same(coloured):
    task = AdversarialTask(TINY, load_images(coloured, 16))
    for _ in range(3):
        task.step()
    z, labels = torch.randn(4, 12, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 1, 0])
    with torch.no_grad():
        drawn = task.average.generate(z, labels)
        task.discriminator.eval()
        judged = task.discriminator(drawn, labels)
        plain_generator, plain_discriminator = fold(task.average), fold(task.discriminator)
        assert (plain_generator.generate(z, labels) - drawn).abs().max() < 1e-5
        assert (plain_discriminator(drawn, labels) - judged).abs().max() < 1e-5
    assert drawn.std() > 0.01
    assert type(plain_generator.first) is torch.nn.Linear
    assert not [name for name in plain_generator.state_dict() if "parametrizations" in name]


def test_the_average_follows_the_weights_until_its_step():
    average, model = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    update_average(average, model, 19, 0.9, start=20)
    assert torch.equal(average.weight, model.weight)
    model.weight.data.add_(1.0)
    before = average.weight.clone()
    update_average(average, model, 20, 0.9, start=20)
    assert torch.allclose(average.weight, before + 0.1)


@pytest.fixture(scope="module")
def finished(coloured, tmp_path_factory):
    """The folder of `train all`, of four steps."""
    out = tmp_path_factory.mktemp("biggan") / "run"
    train("all", coloured, "--out", out, *FLAGS, *PARTS, "--steps", 4, "--metrics-every", 2)
    return out


def test_a_whole_training_ends_in_a_model_that_edits(finished):
    gan = nc.load(finished / "model.safetensors")
    assert gan.facts["family"] == "biggan"
    assert (gan.resolution, gan.class_names, gan.dim_z) == (16, ("green", "red"), 12)
    start = nc.Collage(gan.sample("red", seed=1))
    before = nc.render(gan, start)
    region = nc.ClassMap().paint("green", torch.ones(16, 16))
    after = nc.render(gan, start.label(region))
    assert torch.allclose(after, nc.render(gan, nc.Collage(replace(start.latent, labels=torch.tensor([0])))), atol=1e-5)
    assert not torch.equal(before, after)
    *_, last = nc.project(gan, before, "red", steps=2, space="zeta")
    assert torch.isfinite(last.loss).all()
    assert (finished / "gan" / "metrics.csv").read_text().count("\n") == 3


def test_what_is_released_draws_as_the_average_does(finished):
    state = load_snapshot(finished / "gan" / "snapshot.pt")
    generator, discriminator = networks(GanSettings(**state["settings"]), 2)
    generator.load_state_dict(state["average"])
    discriminator.load_state_dict(state["discriminator"])
    gan, again = nc.load(finished / "gan" / "model.safetensors"), released(state)
    for name, buffer in gan.generator.named_buffers():  # settled anew on release: the weights are compared
        generator.get_buffer(name).copy_(buffer)
    z, labels = torch.randn(4, 12, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 1, 0])
    with torch.no_grad():
        drawn = generator.eval().generate(z, labels)
        assert (gan.generator.generate(z, labels) - drawn).abs().max() < 1e-5
        assert (again.generator.generate(z, labels) - drawn).abs().max() < 1e-5
        judged = discriminator.eval()(drawn, labels)
        assert (gan.part("discriminator")(drawn, labels) - judged).abs().max() < 1e-5


def test_a_resumed_run_ends_as_one_that_was_never_stopped(coloured, finished, tmp_path):
    train("gan", coloured, "--out", tmp_path, *FLAGS, "--steps", 2)
    train("gan", coloured, "--out", tmp_path, "--hold-out", 4, "--steps", 4)  # the settings are the snapshot's
    assert equal(load_snapshot(tmp_path / "snapshot.pt"), load_snapshot(finished / "gan" / "snapshot.pt"))


def test_a_run_starts_from_a_released_model_for_other_classes(coloured, finished, tmp_path):
    base = nc.load(finished / "gan" / "model.safetensors")
    nc.save(replace(base, class_names=("red", "daisy")), tmp_path / "base.safetensors")
    small = ("--batch", 2, "--fakes", 2, "--steps", 1, "--generator-rate", 0)
    train("gan", coloured, "--out", tmp_path / "run", "--from", tmp_path / "base.safetensors", *small)
    state = load_snapshot(tmp_path / "run" / "snapshot.pt")
    assert (state["settings"]["family"], state["settings"]["attention"]) == ("biggan", (8,))
    old = base.generator.state_dict()
    wanted = torch.stack([old["shared.weight"].mean(0), old["shared.weight"][0]])  # green is new, red goes by name
    assert torch.equal(state["generator"]["shared.weight"], wanted)
    assert torch.equal(
        state["generator"]["layers.0.conv1.parametrizations.weight.original"], old["layers.0.conv1.weight"]
    )
    # The vectors, which no released model has, are found before the first step: the weights in use are those released.
    again = nc.load(tmp_path / "run" / "model.safetensors").generator.state_dict()
    assert torch.allclose(again["layers.0.conv1.weight"], old["layers.0.conv1.weight"], atol=1e-3)


def test_other_models_are_no_start(coloured, finished, tmp_path):
    base = nc.load(finished / "gan" / "model.safetensors")
    base.generator.config = replace(base.generator.config, eps=1e-4)  # type: ignore[union-attr]
    nc.save(base, tmp_path / "other.safetensors")
    with pytest.raises(nc.InputError, match="Training makes other networks"):
        train("gan", coloured, "--out", tmp_path / "run", "--from", tmp_path / "other.safetensors")


def test_a_dry_run_writes_nothing(coloured, tmp_path, capsys):
    train("all", coloured, "--out", tmp_path / "run", *FLAGS, *PARTS, "--dry-run")
    told = capsys.readouterr().out
    assert all(word in told for word in ("family biggan", "attention (8,)", "train auxiliary"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("changes", [{"precision": "bf16"}, {"r1": 1.0, "r1_every": 1}, {"orthogonal": 1e-2}])
def test_options_that_meet_attention_and_norms_keep_numbers_finite(coloured, changes):
    task = AdversarialTask(replace(TINY, **changes), load_images(coloured, 16))
    with torch.no_grad():
        for network in (task.generator, task.discriminator):
            for name, parameter in network.named_parameters():
                if name.endswith("gamma"):
                    parameter.fill_(0.5)  # attention counts
    losses = [task.step() for _ in range(2)]
    assert all(np.isfinite(value) for step in losses for value in step.values())
    assert not task.faults()


def test_the_generator_learns_the_colours(coloured):
    data = load_images(coloured, 16)
    rates = {"generator_rate": 2e-3, "discriminator_rate": 4e-3, "average": 0.9, "average_from": 0}
    task = AdversarialTask(replace(TINY, steps=80, accumulate=1, **rates), data)
    wanted = torch.stack([data.images[data.labels == k].float().mean((0, 2, 3)) for k in range(2)]) / 127.5 - 1
    start = (task.samples().mean((1, 3, 4)) - wanted).square().mean()
    for _ in range(80):
        task.step()
    end = (task.samples().mean((1, 3, 4)) - wanted).square().mean()
    assert end < 0.5 * start


def test_the_preset_is_that_of_its_script():
    own = PRESETS["biggan-128"].gan
    generator, discriminator = own.configs(1000)
    assert (own.batch, own.accumulate, own.discriminator_steps, own.dim_z, own.shared_dim) == (2048, 8, 1, 120, 128)
    assert (own.generator_rate, own.discriminator_rate) == (1e-4, 4e-4)
    assert (own.beta1, own.beta2, own.adam_eps) == (0.0, 0.999, 1e-6)
    assert (own.average, own.average_from, own.rate_factor(own.steps - 1)) == (0.9999, 20_000, 1.0)
    assert generator.channels == (1536, 1536, 768, 384, 192, 96)
    assert discriminator.channels == discriminator.hidden == (96, 192, 384, 768, 1536, 1536)
    assert (generator.resolution, generator.attention, discriminator.attention) == (128, (3,), (0,))


def test_the_presets_networks_are_as_large_as_those_of_its_code():
    with torch.device("meta"):
        configs = PRESETS["biggan-128"].gan.configs(1000)
        both = [make(config) for make, config in zip((BigGANGenerator, BigGANDiscriminator), configs, strict=True)]
    # Counted in ajbrock's code with the script's flags and a thousand classes.
    assert [sum(p.numel() for p in network.parameters()) for network in both] == [70_433_988, 87_982_370]


def test_settings_that_make_no_network_are_refused():
    with pytest.raises(nc.InputError, match=r"one of 4, 8, 16 px in these networks; got 12"):
        networks(replace(TINY, attention=(8, 12)), 2)
    with pytest.raises(nc.InputError, match="neither attention nor"):
        networks(replace(TINY, family="sngan"), 2)
    with pytest.raises(nc.InputError, match="family is sngan or biggan; got 'stylegan'"):
        replace(TINY, family="stylegan")
    with pytest.raises(nc.InputError, match="equal slots"):
        networks(replace(TINY, dim_z=13), 2)
    with pytest.raises(nc.InputError, match="adam_eps"):
        replace(TINY, adam_eps=0.0)
    with pytest.raises(nc.InputError, match=r"average_from is below the 4 steps.*got average_from 4"):
        replace(TINY, average_from=4)
    assert replace(TINY, average_from=4, average=0.0)
