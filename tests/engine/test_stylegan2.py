"""StyleGAN2 against a slow generator made of the file's raw numbers, and what must hold of its collages."""

import numpy as np
import oracle_stylegan2 as oracle
import oracles
import pytest
import torch
import toy_stylegan2 as toy
from neural_collage import engine as nc
from neural_collage.engine.networks import stylegan2
from neural_collage.engine.style import Style

BOUND = 1e-5
"""Of the largest value."""
ARCHITECTURES = ("skip", "resnet", "orig")


@pytest.fixture(scope="module", params=ARCHITECTURES)
def model(request, tmp_path_factory):
    """A snapshot's raw modules, and the model loaded from its file."""
    raw = toy.snapshot(request.param)
    return raw, nc.load(toy.write(tmp_path_factory.mktemp("toy") / "toy.pkl", raw))


@pytest.fixture(scope="module")
def skip(tmp_path_factory):
    raw = toy.snapshot()
    return raw, nc.load(toy.write(tmp_path_factory.mktemp("toy") / "toy.pkl", raw))


@pytest.fixture(params=["weights", "features"])
def path(request, monkeypatch):
    """Both ways to apply a single style: to the weights, as for large maps, and to the features, as for small ones."""
    monkeypatch.setattr(stylegan2, "HEAVY", {"weights": 1, "features": 10**6}[request.param])


def latent(seed=0, label=0, count=1, **more):
    z = torch.randn(count, toy.DIM_Z, generator=torch.Generator().manual_seed(seed))
    return nc.Latent(z, torch.full((count,), label), **more)


def w_of(raw, point, psi=1.0):
    """The first picture's style (V,), by the oracle."""
    return oracle.mapped(raw["mapping"], point.z[0].numpy(), int(point.labels[0]), psi)


def close(found, wanted, bound=BOUND):
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= bound * np.abs(wanted).max()


def states_of(gan, point):
    """Every state of a plain latent."""
    found = []

    def keep(index, state):
        found.append(state)
        return state

    gan.generator(point, edit=keep)
    return found


def soft(side=16, seed=5):
    """A mask (side, side) that is 0, 1 and in between."""
    draw = np.random.default_rng(seed)
    return np.clip(oracles.resize(draw.uniform(-0.5, 1.5, size=(5, 5)), (side, side)), 0, 1).astype(np.float32)


def hard(side=16):
    """The left half."""
    mask = torch.zeros(side, side)
    mask[:, : side // 2] = 1
    return mask


def test_every_state(model, path):
    raw, gan = model
    point = latent(1, 2)
    wanted = oracle.draw(raw, oracle.plainly(raw, w_of(raw, point)))
    for found, (features, picture) in zip(states_of(gan, point), wanted, strict=True):
        close(found[0][0].numpy(), features)
        assert len(found) == (1 if picture is None else 2)
        if picture is not None:
            close(found[1][0].numpy(), picture)


def test_sizes(model):
    raw, gan = model
    assert gan.generator.norm_sizes == tuple(size for _, size in oracle.numbers(raw))
    assert gan.generator.feature_sizes == (4, 8, 16)
    assert gan.generator.w_shape == (6, toy.DIM_W)
    assert (gan.resolution, gan.n_classes, gan.dim_z) == (16, toy.CLASSES, toy.DIM_Z)


def test_without_classes(tmp_path):
    raw = toy.snapshot(classes=0)
    gan = nc.load(toy.write(tmp_path / "toy.pkl", raw))
    assert gan.n_classes == 1
    (*_, (_, picture)) = oracle.draw(raw, oracle.plainly(raw, w_of(raw, latent())))
    close(nc.render(gan, nc.Collage(latent()))[0].numpy(), picture)


def test_made_without_noise(tmp_path):
    raw = toy.snapshot(noisy=False)
    gan = nc.load(toy.write(tmp_path / "toy.pkl", raw))
    (*_, (_, picture)) = oracle.draw(raw, oracle.plainly(raw, w_of(raw, latent())))
    for noise in (None, (), torch.tensor([3])):
        close(nc.render(gan, nc.Collage(latent(noise=noise)))[0].numpy(), picture)


def test_no_noise_and_seeded_noise(skip):
    raw, gan = skip
    (*_, (_, picture)) = oracle.draw(raw, oracle.plainly(raw, w_of(raw, latent())), noise=False)
    close(nc.render(gan, nc.Collage(latent(noise=())))[0].numpy(), picture)
    seeds = torch.tensor([7, 8])
    both = nc.render(gan, nc.Collage(latent(count=2, noise=seeds)))
    again = nc.render(gan, nc.Collage(latent(count=2).at(latent(count=2).point)))
    assert (both - again).abs().max() > 0.01
    first = nc.Latent(latent(count=2).point[1:], torch.tensor([0]), noise=seeds[1:])
    close(nc.render(gan, nc.Collage(first)).numpy(), both[1:].numpy())


def test_truncation(model):
    raw, gan = model
    (*_, (_, picture)) = oracle.draw(raw, oracle.plainly(raw, w_of(raw, latent(2, 1), psi=0.6)))
    close(nc.render(gan, nc.Collage(latent(2, 1, truncation=0.6)))[0].numpy(), picture)


def test_styles_of_each_layer(model):
    raw, gan = model
    ws = torch.randn(1, *gan.generator.w_shape, generator=torch.Generator().manual_seed(3))
    (*_, (_, picture)) = oracle.draw(raw, oracle.plainly(raw, ws[0].double().numpy()))
    close(nc.render(gan, nc.Collage(nc.Latent(None, torch.tensor([0]), w=ws)))[0].numpy(), picture)


@pytest.mark.parametrize("layers", ["all", "#2-4", "8"])
def test_label_collage_of_other_latents(model, layers):
    """Three styles, mixed by soft masks at every layer."""
    raw, gan = model
    points = [latent(seed) for seed in (4, 5, 6)]
    weights = np.stack([soft(seed=seed) + 0.01 for seed in (7, 8, 9)])
    weights /= weights.sum(0)
    regions = nc.ClassMap.from_weights([nc.Collage(point) for point in points], torch.from_numpy(weights)[None])
    ws = [w_of(raw, point) for point in points]
    told = oracle.plainly(raw, ws[0])
    for place, (_, size) in enumerate(oracle.numbers(raw)):
        if layers == "all" or (layers == "8" and size == 8) or (layers == "#2-4" and 1 <= place <= 3):
            told[place] = (ws, np.stack([oracles.resize(one, (size, size)) for one in weights]))
    (*_, (_, picture)) = oracle.draw(raw, told)
    close(nc.render(gan, nc.Collage(points[0]).label(regions, layers=layers))[0].numpy(), picture)


def test_a_painted_class_maps_the_same_z_again(skip):
    raw, gan = skip
    point, mask = latent(4), soft()
    ws = [w_of(raw, point), w_of(raw, latent(4, 2))]
    told = [
        (ws, np.stack([oracles.resize(one, (size, size)) for one in (1 - mask, mask)]))
        for _, size in oracle.numbers(raw)
    ]
    (*_, (_, picture)) = oracle.draw(raw, told)
    regions = nc.ClassMap().paint(2, torch.from_numpy(mask))
    close(nc.render(gan, nc.Collage(point).label(regions))[0].numpy(), picture)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_feature_collage_blends_features_and_picture(model, place):
    raw, gan = model
    points, mask = [latent(4), latent(5)], soft()
    first, second = (w_of(raw, point) for point in points)
    theirs = oracle.draw(raw, oracle.plainly(raw, second))[place]
    weight = oracles.resize(mask, (4 << place, 4 << place))

    def blended(mine, other):
        return None if other is None else oracles.blend(mine, oracles.shift(other, 0.1, -0.05), weight)

    def edit(index, x, picture):
        return (blended(x, theirs[0]), blended(picture, theirs[1])) if index == place else (x, picture)

    (*_, (_, picture)) = oracle.draw(raw, oracle.plainly(raw, first), edit)
    collage = nc.Collage(points[0]).feature(
        nc.Collage(points[1]), torch.from_numpy(mask), layers=f"#{place + 1}", shift=(0.1, -0.05)
    )
    close(nc.render(gan, collage)[0].numpy(), picture)


def test_constant_maps_are_the_mixture_of_styles_at_one_layer(skip):
    """Weights that are the same everywhere: input and output factors are constants, and go into the weights."""
    _, gan = skip
    conv = gan.generator.layers[1].conv0
    styles = [gan.generator.vectors(latent(seed))[2] for seed in (1, 2)]
    x = torch.randn(1, conv.weight.shape[1], 4, 4, generator=torch.Generator().manual_seed(0))
    shares = torch.tensor([0.25, 0.75])
    found = conv(x, Style(torch.stack(styles, dim=1), shares.view(1, 2, 1, 1).expand(1, 2, 8, 8)))
    units = [style[0] / style.square().mean().sqrt() for style in styles]
    back = [(conv.weight * unit[:, None, None]).square().sum((1, 2, 3)).rsqrt() for unit in units]
    mixed, restore = ((shares[:, None] * torch.stack(each)).sum(0) for each in (units, back))
    weight = conv.weight * mixed[:, None, None] * restore[:, None, None, None] * stylegan2.GAIN
    wanted = stylegan2.activate(conv._convolved(x, weight, conv.bias), conv.clamp)
    close(found.numpy(), wanted.numpy())


def test_the_same_style_twice_under_any_map_is_the_plain_network(model):
    """Another collage of the same latent: the spread of two equal styles, and no shortcut."""
    _, gan = model
    regions = nc.ClassMap().paint(nc.Collage(latent(1)), torch.from_numpy(soft()))
    close(nc.render(gan, nc.Collage(latent(1)).label(regions)).numpy(), nc.render(gan, nc.Collage(latent(1))).numpy())


def test_one_layer_inside_a_region_is_that_styles_own(skip):
    """Away from the border by the kernel (here of an upsampling: 3x3, then 4x4 taps)."""
    _, gan = skip
    conv = gan.generator.layers[1].conv0
    styles = [gan.generator.vectors(latent(seed))[2] for seed in (1, 2)]
    x = torch.randn(1, conv.weight.shape[1], 16, 16, generator=torch.Generator().manual_seed(0))
    left = hard(32)
    found = conv(x, Style(torch.stack(styles, dim=1), torch.stack([left, 1 - left])[None]))
    alone = [conv(x, Style.uniform(style)) for style in styles]
    for columns, wanted in ((slice(0, 12), alone[0]), (slice(20, 32), alone[1])):
        close(found[..., columns].numpy(), wanted[..., columns].numpy())
    assert (found[..., 15:17] - alone[0][..., 15:17]).abs().max() > 0.01


def test_styles_that_differ_in_size_leave_no_seam(tmp_path):
    raw = toy.snapshot(classes=0)
    for block in raw["synthesis"].parts.values():
        for name in ("conv0", "conv1"):
            if name in block.parts:
                block[name]["affine"].parameters["bias"] *= 0  # a style of thrice the size is a w of thrice the size
    gan = nc.load(toy.write(tmp_path / "linear.pkl", raw))
    w = torch.from_numpy(w_of(raw, latent(1))).float()[None]
    own, thrice = (nc.Latent(None, torch.tensor([0]), w=each) for each in (w, 3 * w))
    regions = nc.ClassMap().paint(nc.Collage(thrice), torch.from_numpy(soft()))
    for layers in ("#1", "#3-4", "#6-7"):  # the others make pictures, where size counts
        found = nc.render(gan, nc.Collage(own).label(regions, layers=layers))
        close(found.numpy(), nc.render(gan, nc.Collage(own)).numpy())
    assert (nc.render(gan, nc.Collage(own).label(regions)) - found).abs().max() > 0.01


def test_the_same_label_under_any_mask_changes_no_bit(model, path):
    _, gan = model
    point = latent(1, count=2)
    plain = nc.render(gan, nc.Collage(point))
    assert torch.equal(nc.render(gan, nc.Collage(point).label(nc.ClassMap().paint(0, torch.from_numpy(soft())))), plain)
    nothing = nc.ClassMap().paint(nc.Collage(latent(9)), torch.zeros(8, 8))
    assert torch.equal(nc.render(gan, nc.Collage(point).label(nothing)), plain)


def test_another_class_everywhere_is_that_class(model):
    _, gan = model
    everywhere = nc.ClassMap().paint(2, torch.ones(8, 8))
    found = nc.render(gan, nc.Collage(latent(1)).label(everywhere))
    close(found.numpy(), nc.render(gan, nc.Collage(latent(1, 2))).numpy())


def test_pictures_do_not_depend_on_their_batch(model, path):
    _, gan = model
    z = latent(1, count=3).point
    point, one = (nc.Latent(each, torch.zeros(len(each), dtype=torch.long)) for each in (z, z[1:2]))
    regions = nc.ClassMap().paint(nc.Collage(latent(7)), torch.from_numpy(soft()))
    for edited in (lambda each: nc.Collage(each), lambda each: nc.Collage(each).label(regions)):
        together, alone = (nc.render(gan, edited(each)) for each in (point, one))
        close(together[1:2].numpy(), alone.numpy())


def test_copying_the_whole_last_state_gives_the_reference(model):
    _, gan = model
    reference = nc.Collage(latent(2)).label(nc.ClassMap().paint(1, torch.from_numpy(soft())))
    collage = nc.Collage(latent(1)).feature(reference, torch.ones(8, 8), layers="16")
    close(nc.render(gan, collage).numpy(), nc.render(gan, reference).numpy())


def test_saved_and_loaded_again_it_draws_the_same(model, tmp_path):
    _, gan = model
    nc.save(gan, tmp_path / "model.safetensors")
    again = nc.load(tmp_path / "model.safetensors")
    assert again.generator.config == gan.generator.config
    assert torch.equal(again.generator(latent(1)), gan.generator(latent(1)))


def test_gradients_reach_z_and_w_of_a_model_loaded_in_inference_mode(tmp_path, path):
    file = toy.write(tmp_path / "toy.pkl", toy.snapshot("resnet"))
    with torch.inference_mode():
        gan = nc.load(file)
        assert gan.generator.w_shape
        assert torch.isfinite(nc.render(gan, nc.Collage(latent()))).all()
    for point in (latent(), nc.Latent(None, torch.tensor([0]), w=torch.randn(1, *gan.generator.w_shape))):
        numbers = point.point.clone().requires_grad_()
        gan.generator(point.at(numbers)).square().sum().backward()
        assert numbers.grad is not None
        assert (numbers.grad != 0).any()


def test_gradients_are_those_of_differences(tmp_path, path):
    gan = nc.load(toy.write(tmp_path / "toy.pkl", toy.snapshot()))
    gan.generator.double()
    z = latent(3).point.double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z: gan.generator(nc.Latent(z, torch.tensor([1]))).flatten()[::97], (z,), eps=1e-6, atol=1e-5
    )


def test_painting_a_class_on_styles_is_refused(skip):
    _, gan = skip
    collage = nc.Collage(nc.Latent(None, torch.tensor([0]), w=torch.randn(1, toy.DIM_W)))
    with pytest.raises(nc.LabelError, match="must start from z"):
        nc.render(gan, collage.label(nc.ClassMap().paint(1, torch.from_numpy(soft()))))
