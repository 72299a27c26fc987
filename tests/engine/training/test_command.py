"""`neural-collage train` end to end, in miniature."""

import math
import os
import signal
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
import toy
from neural_collage import engine as nc
from neural_collage.__main__ import main as program
from neural_collage.engine.checkpoints import load, peek, save
from neural_collage.engine.errors import DataError, InputError, TrainingError
from neural_collage.engine.training import runs
from neural_collage.engine.training.command import main
from neural_collage.engine.training.presets import PRESETS
from neural_collage.engine.training.release import fingerprint, released, settle_statistics
from neural_collage.engine.training.settings import AuxiliarySettings, EncoderSettings, GanSettings, RunSettings
from neural_collage.engine.training.snapshot import load_snapshot
from neural_collage.engine.training.starting import adopt
from PIL import Image


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two classes of twelve noisy colours each, and a file that is no picture."""
    folder, random = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for channel, name in enumerate(("red", "green")):
        (folder / name).mkdir()
        for i in range(12):
            pixels = random.integers(0, 60, (20, 20, 3), dtype=np.uint8)
            pixels[..., channel] += 180
            Image.fromarray(pixels).save(folder / name / f"{i:02}.png")
    (folder / "red" / "broken.png").write_bytes(b"no picture")
    return folder


def train(*arguments):
    main([str(argument) for argument in arguments])


def test_gan_encoder_auxiliary_release(pictures, tmp_path, capsys):
    gan_run, part_run, pair_run, final = (tmp_path / name for name in ("gan", "encoder", "pair", "final.safetensors"))
    train("gan", pictures, "--out", gan_run, "--preset", "tiny-16", "--steps", 2)
    assert "1 files could not be decoded" in capsys.readouterr().out
    train("gan", pictures, "--out", gan_run, "--steps", 3)  # goes on, with the settings of the snapshot
    state = load_snapshot(gan_run / "snapshot.pt", "gan")
    assert (state["done"], state["settings"]["dim_z"]) == (3, 16)

    model = gan_run / "model.safetensors"
    train("encoder", pictures, "--out", part_run, "--model", model, "--channels", "4,8,8", "--steps", 2)
    model, small = part_run / "model.safetensors", ("--dim-a", 32, "--dim-b", 32, "--batch", 2)
    train("auxiliary", pictures, "--out", pair_run, "--model", model, *small, "--steps", 2)
    train("release", pair_run, "--model", model, "--to", final, "--half", "--fact", "licence=none")

    gan = load(final)
    assert gan.class_names == ("green", "red")
    assert gan.facts["licence"] == "none"
    assert (gan.facts["steps"], gan.facts["encoder_steps"], gan.facts["auxiliary_steps"]) == ("3", "2", "2")
    target = nc.render(gan, nc.Collage(gan.sample("red", seed=1)))
    *_, last = nc.project(gan, target, "red", steps=2, space="zeta")
    assert torch.isfinite(last.loss).all()


@pytest.mark.parametrize("kind", ["gan", "encoder", "auxiliary"])
def test_a_training_that_was_stopped_ends_with_130(pictures, tmp_path, monkeypatch, capsys, kind):
    gan = toy.gan(2)
    save(replace(gan, class_names=("green", "red")), tmp_path / "base.safetensors")
    flags = {"gan": "--preset tiny-16", "encoder": "--channels 4,8,8", "auxiliary": "--axes 0 --dim-zeta 10"}[kind]
    model = [] if kind == "gan" else ["--model", str(tmp_path / "base.safetensors")]
    call = ["train", kind, str(pictures), "--out", str(tmp_path / "run"), *flags.split(), *model]
    straight = runs.train

    def interrupted(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)  # handled: the step under way is finished
        return straight(*arguments)

    monkeypatch.setattr(runs, "train", interrupted)
    assert program([*call, "--steps", "3"]) == 130
    assert "1 of 3 steps" in (printed := capsys.readouterr()).out
    assert printed.err.endswith("neural-collage train: stopped.\n")
    assert load_snapshot(tmp_path / "run" / "snapshot.pt")["done"] == 1
    monkeypatch.setattr(runs, "train", straight)
    assert program([*call, "--steps", "2"]) == 0


def test_losses_that_are_not_finite_end_with_1(pictures, tmp_path, capsys):
    call = ["train", "gan", str(pictures), "--out", str(tmp_path), "--preset", "tiny-16", "--steps", "9"]
    assert program([*call, "--generator-rate", "1e30"]) == 1
    assert "must stay finite" in capsys.readouterr().err


def test_a_part_is_not_released_with_another_generator(pictures, tmp_path):
    models = [tmp_path / f"{seed}.safetensors" for seed in (0, 1)]
    for seed, path in enumerate(models):
        save(replace(toy.gan(2, seed=seed), class_names=("green", "red")), path)
    run = tmp_path / "run"
    train("encoder", pictures, "--out", run, "--model", models[0], "--channels", "4,8,8", "--steps", 1)
    train("release", run, "--model", models[0], "--to", tmp_path / "right.safetensors")
    with pytest.raises(TrainingError, match="trained on another generator"):
        train("release", run, "--model", models[1], "--to", tmp_path / "wrong.safetensors")
    assert not (tmp_path / "wrong.safetensors").exists()


def test_a_digest_is_that_of_the_weights_in_either_precision():
    one, other = toy.gan(seed=0).generator, toy.gan(seed=1).generator
    stored = toy.gan(seed=0).generator.half().float()
    assert fingerprint(one) == fingerprint(stored) != fingerprint(other)


def test_a_run_can_start_from_a_released_model_with_other_classes(pictures, tmp_path):
    base = toy.gan(2, dim_z=8)
    base = nc.Gan(base.generator, base.discriminator, class_names=("red", "daisy"))
    save(base, tmp_path / "base.safetensors")
    train(
        "gan", pictures, "--out", tmp_path / "run", "--from", tmp_path / "base.safetensors", "--steps", 1, "--batch", 2
    )
    state = load_snapshot(tmp_path / "run" / "snapshot.pt")
    table = state["generator"]["layers.0.norm1.gammas"]
    old = base.generator.state_dict()["layers.0.norm1.gammas"]
    wanted = torch.stack([old.mean(0), old[0]])  # green is new, red goes by name
    assert torch.allclose(table, wanted, atol=1e-3)  # after one step at rate 2e-4
    assert peek(tmp_path / "run" / "model.safetensors").class_names == ("green", "red")


def test_bad_arguments_are_refused(pictures, tmp_path):
    save(toy.gan(3), tmp_path / "three.safetensors")
    train("gan", pictures, "--out", tmp_path / "run", "--preset", "tiny-16", "--steps", 1)
    run = ("gan", pictures, "--out", tmp_path / "run")
    new = ("gan", pictures, "--out", tmp_path / "new", "--preset", "tiny-16")
    model = ("--model", tmp_path / "three.safetensors")
    table = [
        (TrainingError, "other networks", [*run, "--generator", "8,8,8"]),
        (TrainingError, "trained on green, red", [*run, "--classes", "red"]),
        (DataError, "no class blue", [*new, "--classes", "blue"]),
        (DataError, "neither", ["gan", tmp_path / "absent", "--out", tmp_path / "new"]),
        (DataError, "every second picture", [*new, "--hold-out", 1]),
        (DataError, "every second picture", [*new, "--hold-out", -3]),
        (InputError, "at least 1", [*new, "--batch", 0]),
        (InputError, "betas", [*new, "--beta2", 1]),
        (InputError, "Augmentations are", [*new, "--augment", "blur"]),
        (InputError, "precision", [*new, "--precision", "fp8"]),
        (
            InputError,
            "3 classes, the data 2",
            ["encoder", pictures, "--out", tmp_path / "e", *model, "--classes", "red,green"],
        ),
        (DataError, "no class daisy", ["encoder", pictures, "--out", tmp_path / "e", *model]),
        (TrainingError, "there is no", ["release", tmp_path / "e", "--to", tmp_path / "x.safetensors"]),
    ]
    for error, message, arguments in table:
        with pytest.raises(error, match=message):
            train(*arguments)


RUN = ["gan", "data", "--out", "run"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["gan"],
        ["nothing"],
        ["release", "run", "--to", "x", "--fact", "licence"],
        [*RUN, "--device", "foo"],
        [*RUN, "--threads", "-1"],
        [*RUN, "--workers", "-1"],
        [*RUN, "--workers", "two"],
    ],
)
def test_flags_that_do_not_parse_end_the_program(arguments, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["gan", "encoder", "auxiliary", "all"])
def test_help_tells_every_setting_and_the_papers_value(kind, capsys):
    with pytest.raises(SystemExit):
        main([kind, "--help"])
    told = " ".join(capsys.readouterr().out.split())
    own = {"gan": [GanSettings], "encoder": [EncoderSettings], "auxiliary": [AuxiliarySettings]}
    for settings in own.get(kind, [each for (each,) in own.values()]):
        for field in fields(settings):
            assert f"-{field.name.replace('_', '-')} X " in told
            assert field.metadata["paper"] is not None or field.name in ("channels", "r1_every")
    wanted = {"gan": "paper: 450000", "encoder": "paper: 5e-5; 2e-4 for birds", "auxiliary": "paper: 20,2,1"}
    assert all(text in told for name, text in wanted.items() if kind in (name, "all"))


def test_a_part_needs_the_model_it_was_made_for():
    with pytest.raises(TrainingError, match="give --model"):
        released({"kind": "encoder"})


def test_settled_statistics_are_those_of_the_generators_own_pictures():
    generator = toy.gan(3, resolution=16).generator
    generator.layers[0].norm1.mean.fill_(100.0)
    settle_statistics(generator, passes=150, batch=32)
    assert not generator.training
    z = torch.randn(3000, generator.dim_z, generator=torch.Generator().manual_seed(5))
    (first,) = generator.begin(nc.Latent(z, torch.zeros(3000, dtype=torch.int64)))
    norm = generator.layers[0].norm1
    assert torch.allclose(norm.mean, first.mean((0, 2, 3)), atol=0.1)
    assert torch.allclose(norm.var, first.var((0, 2, 3)), rtol=0.1)


def test_weights_for_other_layers_are_refused():
    gan = toy.gan(3)
    with pytest.raises(InputError, match="same layers"):
        adopt(gan.generator, gan.part("discriminator").state_dict(), gan.class_names, gan.class_names)
    with pytest.raises(InputError, match="must have shape"):
        adopt(gan.generator, toy.gan(3, dim_z=5).generator.state_dict(), gan.class_names, gan.class_names)


def test_the_papers_presets_have_its_values():
    for name, size, ch, batch in (("paper-128", 128, 64, 16), ("paper-256", 256, 48, 8)):
        preset = PRESETS[name].gan
        assert (preset.resolution, preset.batch, preset.fakes) == (size, batch, 2 * batch)
        assert (preset.generator[-1], preset.discriminator[0]) == (ch, ch)
        assert (preset.discriminator_steps, preset.generator_rate, preset.discriminator_rate) == (5, 2e-4, 2e-4)
        assert (preset.beta1, preset.beta2, preset.steps, preset.average) == (0.0, 0.9, 450_000, 0.0)
        assert preset.rate_factor(400_000) == 1
        assert preset.rate_factor(425_000) == pytest.approx(0.5)


def test_every_preset_builds_its_networks():
    for preset in (table.gan for table in PRESETS.values()):
        assert {config.resolution for config in preset.configs(5)} == {preset.resolution}


def test_settings_out_of_range_are_refused():
    with pytest.raises(InputError, match="decay_from"):
        RunSettings(decay_from=2.0)
    for make in (
        lambda: EncoderSettings(rate=math.nan),
        lambda: EncoderSettings(pixel_weight=math.inf),
        lambda: AuxiliarySettings(inner_rate=math.nan),
        lambda: AuxiliarySettings(loss_weights=(1.0, -2.0)),
        lambda: AuxiliarySettings(loss_weights=(1.0, math.nan)),
    ):
        with pytest.raises(InputError, match="finite and at least 0"):
            make()
    with pytest.raises(InputError, match="finite and at least 0"):
        replace(PRESETS["tiny-16"].gan, discriminator_rate=float("nan"))
    with pytest.raises(InputError, match="code_steps and axes exclude"):
        AuxiliarySettings(code_steps=1)
    assert AuxiliarySettings(code_steps=1, axes=0, dim_zeta=8).code_steps == 1
    with pytest.raises(InputError, match="hidden"):
        GanSettings(generator=(4, 4), discriminator=(4, 4), shrinking=1, hidden="both")
