"""StyleGAN on toy files: a slow oracle, the invariants of collages, styles, truncation, noise, gradients."""

from typing import Any

import numpy as np
import oracle_stylegan as oracle
import oracles
import pytest
import torch
import toy_stylegan as toy
from neural_collage import engine as nc
from neural_collage.engine.networks.stylegan import StyleGANConfig, centred

SIZE = 16
PLAIN, CONDITIONAL = toy.raw(), toy.raw(classes=3, seed=1)
FUSED = 8  # of the toy files with fused layers: from 8 px on
FILES = {
    # name: numbers, how they are drawn, what the file holds
    "genforce": (PLAIN, {}, toy.genforce(PLAIN)),
    "classes": (CONDITIONAL, {}, toy.genforce(CONDITIONAL)),
    "tensorflow": (PLAIN, {"fused_from": FUSED}, toy.tensorflow(PLAIN, fused_scale=True)),
    "rosinality": (PLAIN, {"official": False, "fused_from": SIZE}, toy.rosinality(PLAIN)),
}
every = pytest.mark.parametrize("name", FILES)
Z = torch.randn(4, toy.DIM_Z, generator=torch.Generator().manual_seed(1))
MASK = torch.rand(1, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
STORED = tuple(layer["noise"] for layer in PLAIN.layers)


@pytest.fixture
def load(tmp_path):
    def load(name) -> Any:
        return nc.load(toy.save(FILES[name][2], tmp_path / f"{name}-{SIZE}px.pth"))

    return load


def latent(row=0, label=0, **more):
    noise = more.pop("noise", STORED)  # rosinality's files have none
    return nc.Latent(Z[row : row + 1], torch.tensor([label]), noise=noise, **more)


def collage(row=0, label=0, **more):
    return nc.Collage(latent(row, label, **more))


def near(found, wanted, bound: Any = 1e-5):
    wanted = torch.as_tensor(wanted)
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() < bound * max(1, wanted.abs().max())


def shares(size):
    """The weights of two styles at a layer: the painted one's are the mask's area means."""
    painted = oracles.resize(MASK[0, 0].double().numpy(), (size, size))
    return np.stack([1 - painted, painted])


def wanted(name, told, mixed=oracle.everywhere, **more):
    """The oracle's features and picture for (row of Z, label) of each style."""
    numbers, how, _ = FILES[name]
    ws = [oracle.mapped(numbers, Z[row], label) for row, label in told]
    return oracle.draw(numbers, ws, mixed, noise=STORED, **how, **more)


@every
def test_plain_pictures_and_maps(load, name):
    gan, found = load(name), []
    picture = gan.generator(latent(), edit=lambda index, state: found.append(state[0]) or state)
    features, image = wanted(name, [(0, 0)])
    for one, other in zip(found, features, strict=True):
        near(one[0], other)
    near(picture[0], image)
    near(gan.mapped(latent()).w[0, 0], oracle.mapped(FILES[name][0], Z[0]))


@every
def test_another_collage_painted_into_a_region(load, name):
    """The styles of a model without classes are other latents."""
    painted = collage().label(nc.ClassMap().paint(collage(1), MASK))
    near(nc.render(load(name), painted)[0], wanted(name, [(0, 0), (1, 0)], shares)[1])


def test_a_painted_class_maps_the_same_z_again(load):
    painted = collage().label(nc.ClassMap().paint(2, MASK))
    near(nc.render(load("classes"), painted)[0], wanted("classes", [(0, 0), (0, 2)], shares)[1])


def test_chosen_layers_only(load):
    gan = load("genforce")
    painted = collage().label(nc.ClassMap().paint(collage(1), torch.ones(1, 1, 4, 4)), layers="8-")
    w = gan.mapped(latent()).w.clone()
    w[:, 2:] = gan.mapped(latent(1)).w[:, 2:]
    near(nc.render(gan, painted), nc.render(gan, nc.Collage(nc.Latent(None, latent().labels, w=w))))


@every
def test_feature_collage(load, name):
    other = wanted(name, [(1, 0)])[0]

    def blend(block, features):
        size = features.shape[-1]
        weight = 0.5 * oracles.resize(MASK[0, 0].double().numpy(), (size, size))
        return oracles.blend(features, other[block], weight) if size >= 8 else features

    edited = collage().feature(collage(1), MASK, layers="8-", strength=0.5)
    near(nc.render(load(name), edited)[0], wanted(name, [(0, 0)], edit=blend)[1])


@every
def test_the_same_style_painted_changes_nothing(load, name):
    gan = load(name)
    plain = nc.render(gan, collage())
    assert torch.equal(nc.render(gan, collage().label(nc.ClassMap().paint(0, MASK))), plain)
    near(nc.render(gan, collage().label(nc.ClassMap().paint(collage(), MASK))), plain)
    assert torch.equal(nc.render(gan, collage().feature(collage(1), 0 * MASK)), plain)


@every
def test_a_mask_of_ones_is_the_other_picture(load, name):
    gan, ones = load(name), torch.ones_like(MASK)
    other = nc.render(gan, collage(1))
    near(nc.render(gan, collage().label(nc.ClassMap().paint(collage(1), ones))), other)
    near(nc.render(gan, collage().feature(collage(1), ones, layers="16")), other)


@every
def test_no_picture_depends_on_its_batch_mates(load, name):
    gan = load(name)
    batch = nc.render(gan, nc.Collage(nc.Latent(Z, torch.zeros(4, dtype=torch.long), noise=torch.arange(4))))
    for row in range(4):
        near(nc.render(gan, collage(row, noise=torch.tensor([row]))), batch[row : row + 1])


def test_each_collage_has_its_own_truncation(load):
    gan = load("genforce")
    mean = PLAIN.mean.double().numpy()
    w, other = (oracle.mapped(PLAIN, Z[row]) for row in range(2))
    ws = [mean + 0.5 * (w - mean), mean + 0.2 * (other - mean)]
    painted = nc.ClassMap().paint(collage(1, truncation=0.2), MASK)
    found = nc.render(gan, collage(truncation=0.5).label(painted))
    near(found[0], oracle.draw(PLAIN, ws, shares)[1])


def test_only_the_first_layers_are_truncated(tmp_path):
    gan: Any = nc.load(toy.save(toy.tensorflow(PLAIN, truncation_cutoff=3), tmp_path / "model.pkl"))
    w = gan.mapped(latent()).w
    truncated = gan.mapped(latent(truncation=0.0))
    assert truncated.truncation == 1
    near(truncated.w[:, :3], PLAIN.mean.expand(1, 3, -1))
    assert torch.equal(truncated.w[:, 3:], w[:, 3:])
    free: Any = nc.load(toy.save(toy.tensorflow(PLAIN, truncation_cutoff=None), tmp_path / "model.pkl"))
    near(free.mapped(latent(truncation=0.0)).w, PLAIN.mean.expand(1, 6, -1))


@every
def test_pictures_start_from_styles_as_from_z(load, name):
    gan = load(name)
    start = latent(truncation=0.7)
    picture = nc.render(gan, nc.Collage(start))
    mapped = gan.mapped(start)
    assert mapped.z is None
    assert mapped.w.shape == (1, *gan.generator.w_shape)
    assert torch.equal(nc.render(gan, nc.Collage(mapped)), picture)
    w = gan.mapped(latent()).w[:, 0]  # one style for all layers, truncated when it is drawn
    near(nc.render(gan, nc.Collage(nc.Latent(None, start.labels, 0.7, w=w, noise=STORED))), picture)


def test_a_class_painted_over_styles_is_refused(load):
    gan = load("classes")
    styles = nc.Collage(gan.mapped(latent()))
    with pytest.raises(nc.LabelError, match="must start from z"):
        nc.render(gan, styles.label(nc.ClassMap().paint(2, MASK)))
    painted = styles.label(nc.ClassMap().paint(collage(1), MASK))
    near(nc.render(gan, painted), nc.render(gan, collage().label(nc.ClassMap().paint(collage(1), MASK))))


def test_a_file_without_mean_gets_one(load):
    gan = load("rosinality")
    z = torch.randn(20_000, toy.DIM_Z, generator=torch.Generator().manual_seed(9))
    w = gan.generator.mapping(z, torch.zeros(len(z), dtype=torch.long))
    assert ((gan.generator.mapping.w_avg - w.mean(0)).abs() < 6 * w.std(0) / 10_000**0.5).all()
    assert torch.equal(load("rosinality").generator.mapping.w_avg, gan.generator.mapping.w_avg)


@every
def test_a_model_of_ours_draws_the_same(load, name, tmp_path):
    gan = load(name)
    nc.save(gan, tmp_path / "model.safetensors")
    again = nc.load(tmp_path / "model.safetensors")
    assert again.generator.config == gan.generator.config
    assert torch.equal(nc.render(again, collage(truncation=0.7)), nc.render(gan, collage(truncation=0.7)))


@every
def test_under_inference_mode(load, name):
    plain = nc.render(load(name), collage())
    with torch.inference_mode():
        gan = load(name)
        assert torch.equal(nc.render(gan, collage()), plain)
        painted = collage().label(nc.ClassMap().paint(collage(1), MASK)).feature(collage(2), MASK, layers="8")
        drawn = nc.render(gan, painted)
    near(drawn, nc.render(gan, painted))


@every
def test_gradients_reach_z_and_w(load, name):
    """The slope along a direction is that of small steps, in double precision."""
    gan = load(name).generator.double()
    source = torch.Generator().manual_seed(3)
    noise = tuple(maps.double() for maps in STORED)
    told = {"labels": torch.tensor([0]), "noise": noise}
    for point in (Z[:1].double(), gan.mapped(nc.Latent(Z[:1].double(), **told)).w.clone()):
        kind = "z" if point.dim() == 2 else "w"

        def height(at, kind=kind):
            return gan(nc.Latent(**{"z": None, **{kind: at}}, **told)).square().mean()

        direction = torch.randn(point.shape, generator=source, dtype=torch.double)
        moving = point.clone().requires_grad_()
        slope = (torch.autograd.grad(height(moving), moving)[0] * direction).sum()
        step = 1e-6
        with torch.no_grad():
            rise = (height(point + step * direction) - height(point - step * direction)) / (2 * step)
        assert abs(slope - rise) < 1e-4 * abs(rise) + 1e-6


def test_what_is_given_is_not_written_to(load):
    gan = load("genforce")
    state = gan.generator.begin(latent())
    before = state[0].clone()
    gan.generator.run(state, gan.generator.styles(latent()))
    assert torch.equal(state[0], before)
    assert torch.equal(nc.render(gan, collage()), nc.render(gan, collage()))


def test_maps_are_centred_exactly_far_from_zero():
    """In one piece and in several, in both orders of memory, with and without gradients."""
    for shape in ((2, 3, 5, 7), (1, 600, 32, 32)):
        x = 100 + torch.randn(shape, generator=torch.Generator().manual_seed(0))
        precise = x.double() - x.double().mean((2, 3), keepdim=True)
        for order in (torch.contiguous_format, torch.channels_last):
            for graph in (False, True):
                with torch.set_grad_enabled(graph):
                    found, var = centred(x.clone(memory_format=order))
                near(found, precise)
                near(var, precise.square().mean((2, 3)))


def test_a_constant_map_is_only_shifted(tmp_path):
    """Of a network that was never trained: its constant is one everywhere, without bias and noise."""
    numbers = toy.raw()
    numbers.constant = torch.ones_like(numbers.constant)
    for name in ("bias", "strength"):
        numbers.layers[0][name] = torch.zeros_like(numbers.layers[0][name])
    gan: Any = nc.load(toy.save(toy.genforce(numbers), tmp_path / "model.pth"))
    near(nc.render(gan, collage())[0], oracle.draw(numbers, [oracle.mapped(numbers, Z[0])])[1])


def test_impossible_shapes_are_refused():
    shape = {"dim_z": 4, "mapping_widths": (4,), "n_classes": 1, "dim_class": 0, "joint_norm": True, "n_means": 1}
    rest = {"truncated_layers": 8, "channels": (4,), "eps": 1e-8, "bias_before_blur": False, "shared_noise": False}
    assert StyleGANConfig(**shape, **rest).resolution == 4
    for wrong in (
        {"mapping_widths": ()},
        {"channels": ()},
        {"eps": 0.0},
        {"n_classes": 3},
        {"n_means": 2},
        {"dim_z": 0},
    ):
        with pytest.raises(nc.InputError):
            StyleGANConfig(**{**shape, **rest, **wrong})


@pytest.mark.parametrize("space", ["z", "w", "w+"])
def test_projection(load, space):
    """Without discriminator and encoder: from the mean style (or the best of some draws) towards a picture."""
    gan = load("genforce")
    target = nc.render(gan, collage()).clamp(-1, 1)
    start = "seeds" if space == "z" else "mean"
    *_, last = nc.project(gan, target, 0, steps=20, space=space, start=start, rate=0.05)
    (first,) = nc.project(gan, target, 0, steps=0, space=space, start=start)
    assert last.best_loss < 0.8 * first.loss
    assert (last.best.w is None) == (space == "z")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_in_half_precision_draw_nearly_the_same(load, dtype):
    gan = load("genforce")
    edited = collage(truncation=0.7).label(nc.ClassMap().paint(collage(1), MASK)).feature(collage(2), MASK, layers="8")
    picture = nc.render(gan, edited)
    gan.generator.to(dtype)
    found = nc.render(gan, edited)
    assert found.dtype == dtype
    near(found.float(), picture, 20 * torch.finfo(dtype).eps)
