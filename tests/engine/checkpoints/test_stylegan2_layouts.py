"""StyleGAN2 in TensorFlow's and rosinality's layouts: the same network as in a snapshot draws the same."""

from typing import Any

import numpy as np
import oracle_stylegan2 as oracle
import pytest
import torch
import toy_stylegan2 as toy
import toy_stylegan2_layouts as layouts
from neural_collage import engine as nc

BOUND = 1e-5
ARCHITECTURES = ("skip", "resnet", "orig")


def latent(label=0, **more):
    return nc.Latent(
        torch.randn(1, toy.DIM_Z, generator=torch.Generator().manual_seed(3)), torch.tensor([label]), **more
    )


def picture(raw, label=0, psi=1.0):
    w = oracle.mapped(raw["mapping"], latent().point[0].numpy(), label, psi)
    return oracle.draw(raw, oracle.plainly(raw, w))[-1][1]


def close(found, wanted):
    assert np.abs(found[0].numpy() - wanted).max() <= BOUND * np.abs(wanted).max()


def draw(gan: Any, label=0, **more):
    return nc.render(gan, nc.Collage(latent(label, **more)))


def check_judge(gan: Any, raw):
    """Features and logits against the oracle."""
    image = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    features, logit = oracle.judged(raw, image[0].double().numpy(), 0)
    close(gan.discriminator.features(image), features.reshape(-1))
    assert abs(gan.discriminator(image).item() - logit) < BOUND * max(abs(logit), 1)


def unbounded(raw):
    """The same without a bound."""
    for block in (raw["synthesis"] if "synthesis" in raw.parts else raw).parts.values():
        for part in block.parts.values():
            part.settings["conv_clamp"] = 1e9
    return raw


def load(path) -> Any:
    return nc.load(path)


def refused(path, match):
    with pytest.raises(nc.CheckpointError, match=match):
        nc.load(path)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_tensorflow(tmp_path, architecture):
    raw = toy.snapshot(architecture, usual=True)
    path = layouts.tensorflow_file(tmp_path / "a.pkl", layouts.tensorflow(raw), conv_clamp=toy.CLAMP)
    gan = load(path)
    assert (gan.generator.config.architecture, gan.n_classes) == (architecture, toy.CLASSES)
    close(draw(gan, 2), picture(raw, 2))
    close(draw(gan, 1, truncation=0.7), picture(raw, 1, 0.7))
    snapshot = load(toy.write(tmp_path / "b.pkl", raw))
    assert torch.allclose(draw(gan, noise=torch.tensor([4])), draw(snapshot, noise=torch.tensor([4])), atol=1e-5)


def test_tensorflow_without_classes_and_bound(tmp_path):
    raw = unbounded(toy.snapshot(classes=0, usual=True))
    gan = load(layouts.tensorflow_file(tmp_path / "a.pkl", layouts.tensorflow(raw)))
    assert (gan.n_classes, gan.generator.config.clamp) == (1, 0)
    close(draw(gan), picture(raw))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_tensorflow_discriminator(tmp_path, architecture):
    raw = toy.discriminator(architecture, classes=0, usual=True)
    variables = {**layouts.tensorflow(toy.snapshot(usual=True)), "D": layouts.tensorflow_judge(raw)}
    gan = load(layouts.tensorflow_file(tmp_path / "a.pkl", variables, conv_clamp=toy.CLAMP))
    check_judge(gan, raw)
    del variables["D"]["8x8/Conv0/bias"]
    refused(layouts.tensorflow_file(tmp_path / "b.pkl", variables), "StyleGAN2 discriminator")


def test_tensorflow_discriminator_of_classes_is_left_out_and_told(tmp_path):
    gan = load(layouts.tensorflow_file(tmp_path / "a.pkl", layouts.tensorflow(toy.snapshot(usual=True))))
    assert gan.discriminator is None
    assert "is not read" in gan.facts["provenance"]


def test_tensorflow_classes_of_the_first_stylegan2(tmp_path):
    """A class is a row, joined to z before both are normalised as one."""
    raw, table = toy.snapshot(usual=True), np.random.default_rng(5).normal(size=(toy.CLASSES, toy.DIM_W))
    variables = layouts.tensorflow(raw)
    for leaf in ("weight", "bias"):
        del variables["mapping"][f"LabelEmbed/{leaf}"]
    variables["mapping"]["LabelConcat/weight"] = table
    gan = load(layouts.tensorflow_file(tmp_path / "a.pkl", variables, conv_clamp=toy.CLAMP))
    joined = np.concatenate([latent().point[0].numpy(), table[2]])
    del raw["mapping"].parts["embed"]
    w = oracle.mapped(raw["mapping"], joined, 2)
    close(draw(gan, 2), oracle.draw(raw, oracle.plainly(raw, w))[-1][1])


def test_what_a_tensorflow_file_lacks_or_has_too_much_is_named(tmp_path):
    whole = layouts.tensorflow(toy.snapshot(usual=True))
    missing = {**whole, "synthesis": {k: v for k, v in whole["synthesis"].items() if k != "8x8/Conv1/mod_bias"}}
    refused(layouts.tensorflow_file(tmp_path / "a.pkl", missing), "8x8/Conv1/mod_bias is missing")
    more = {**whole, "synthesis": {**whole["synthesis"], "8x8/Conv1/extra": np.zeros(3)}}
    refused(layouts.tensorflow_file(tmp_path / "b.pkl", more), "8x8/Conv1/extra")
    for setting in ({"nonlinearity": "relu"}, {"resample_kernel": "wide"}, {"mapping_lrmul": None}):
        refused(layouts.tensorflow_file(tmp_path / "c.pkl", whole, **setting), f"made with {next(iter(setting))}=")
    wrong = {**whole, "synthesis": {**whole["synthesis"], "8x8/Conv1/weight": np.zeros((3, 3))}}
    refused(layouts.tensorflow_file(tmp_path / "d.pkl", wrong), r"8x8/Conv1/weight has the shape \(3, 3\)")


@pytest.fixture
def usual():
    """A generator such as rosinality's code makes: without classes, without a bound."""
    return unbounded(toy.snapshot(classes=0, usual=True))


def saved(path, content):
    torch.save(content, path)
    return path


def test_rosinality_converted(tmp_path, usual):
    state = layouts.rosinality(usual)
    mean = torch.from_numpy(usual["mapping"]["w_avg"]).float()
    gan = load(saved(tmp_path / "a.pt", {"g_ema": state, "latent_avg": mean}))
    close(draw(gan), picture(usual))
    close(draw(gan, truncation=0.6), picture(usual, psi=0.6))


def test_rosinality_checkpoint_of_a_training(tmp_path, usual):
    """The averaged network among others, its mean style computed."""
    state = layouts.rosinality(usual)
    other = {name: tensor + 1 for name, tensor in state.items()}
    optimizer = {"state": {0: {"step": 1}}, "param_groups": [{"lr": 0.1}]}
    judge = unbounded(toy.discriminator(classes=0, usual=True))
    content = {"g": other, "d": layouts.rosinality_judge(judge), "g_ema": state, "g_optim": optimizer}
    gan = load(saved(tmp_path / "a.pt", content))
    close(draw(gan), picture(usual))
    check_judge(gan, judge)
    z = torch.randn(4000, toy.DIM_Z, generator=torch.Generator().manual_seed(1))
    mean = gan.generator.mapping(z, torch.zeros(4000, dtype=torch.long)).mean(0)
    assert (gan.generator.mapping.w_avg[0] - mean).abs().max() < 0.1 * mean.abs().max()


def test_rosinality_bare_state_without_noise_maps(tmp_path, usual):
    """Files of the first months have no noise maps: fixed ones are drawn."""
    state = {name: tensor for name, tensor in layouts.rosinality(usual).items() if not name.startswith("noises.")}
    gan = load(saved(tmp_path / "a.pt", {f"module.{name}": tensor for name, tensor in state.items()}))
    noises = [layer.conv1.noise for layer in gan.generator.layers]
    assert all(0.5 < noise.std() < 1.5 for noise in noises)
    *_, (_, silent) = oracle.draw(
        usual, oracle.plainly(usual, oracle.mapped(usual["mapping"], latent().point[0].numpy(), 0)), noise=False
    )
    close(draw(gan, noise=()), silent)
    again = load(saved(tmp_path / "b.pt", state))
    assert torch.equal(draw(again), draw(gan))


def test_what_a_rosinality_file_lacks_or_has_too_much_is_named(tmp_path, usual):
    state = layouts.rosinality(usual)
    lacking = {name: tensor for name, tensor in state.items() if name != "convs.1.activate.bias"}
    refused(saved(tmp_path / "a.pt", {"g_ema": lacking}), r"convs\.1\.activate\.bias")
    refused(saved(tmp_path / "b.pt", {"g_ema": {**state, "extra": torch.ones(2)}}), "extra")
    bad = {**state, "convs.1.conv.weight": torch.ones(2, 4, 4, 3, 3)}
    refused(saved(tmp_path / "c.pt", {"g_ema": bad}), r"layers\.1\.conv1\.weight should have shape")
