"""StyleGAN3 T and R and StyleGAN-XL against a slow generator made of the file's raw numbers, and what must hold."""

import numpy as np
import oracle_stylegan3 as oracle
import oracles
import pytest
import torch
import toy_stylegan3 as toy
from neural_collage import engine as nc

BOUND = 1e-5
"""Of the largest value."""
KINDS = ("T", "R", "XL")
CLASSES = {"T": 3, "R": 0, "XL": 3}


@pytest.fixture(scope="module", params=KINDS)
def model(request, tmp_path_factory):
    """A snapshot's raw modules, and the model loaded from its file."""
    raw = toy.snapshot(request.param, classes=CLASSES[request.param])
    return raw, nc.load(toy.write(tmp_path_factory.mktemp("toy") / "toy.pkl", raw))


@pytest.fixture(scope="module")
def classed(tmp_path_factory):
    raw = toy.snapshot("T")
    return raw, nc.load(toy.write(tmp_path_factory.mktemp("toy") / "toy.pkl", raw))


def latent(seed=0, label=0, count=1, **more):
    z = torch.randn(count, toy.DIM_Z, generator=torch.Generator().manual_seed(seed))
    return nc.Latent(z, torch.full((count,), label), **more)


def w_of(raw, point, psi=1.0):
    """The first picture's style (V,), by the oracle."""
    return oracle.mapped(raw["mapping"], point.z[0].numpy(), int(point.labels[0]), psi)


def size(layer):
    return int(layer["in_size"][0])


def plainly(raw, w):
    """One style everywhere, for every layer."""
    return [([w], np.ones((1, size(layer), size(layer)))) for layer in oracle.layers(raw)]


def framed(weights, layer):
    """Maps (K, R, R) of the picture on the canvas of a layer's input."""
    rate = layer["in_sampling_rate"]
    return oracle.frame(np.array([oracles.resize(one, (rate, rate)) for one in weights]), (size(layer) - rate) // 2)


def maps_of(gan, point):
    """Every feature map and the picture of a plain latent."""
    found = []

    def keep(index, state):
        found.append(state[0])
        return state

    picture = gan.generator(point, edit=keep)
    return [*found, picture]


def close(found, wanted, bound=BOUND):
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= bound * np.abs(wanted).max()


def soft(side=32, seed=5):
    """A mask (side, side) that is 0, 1 and in between."""
    draw = np.random.default_rng(seed)
    return np.clip(oracles.resize(draw.uniform(-0.5, 1.5, size=(5, 5)), (side, side)), 0, 1).astype(np.float32)


def test_every_map_and_the_picture(model):
    raw, gan = model
    point = latent(1, min(1, gan.n_classes - 1))
    w = w_of(raw, point)
    maps, picture = oracle.draw(raw, w, plainly(raw, w))
    for found, wanted in zip(maps_of(gan, point), [*maps, picture], strict=True):
        close(found[0].numpy(), wanted)


def test_canvases(model):
    raw, gan = model
    layers, generator = oracle.layers(raw), gan.generator
    assert generator.norm_sizes == tuple(layer["in_sampling_rate"] for layer in layers)
    assert generator.feature_sizes[1:] == tuple(layer["out_sampling_rate"] for layer in layers)
    margins = zip(generator.norm_sizes, generator.norm_margins, strict=True)
    assert [rate + 2 * margin for rate, margin in margins] == [size(layer) for layer in layers]
    margins = zip(generator.feature_sizes, generator.feature_margins, strict=True)
    assert [rate + 2 * margin for rate, margin in margins] == [found.shape[-1] for found in maps_of(gan, latent())[:-1]]
    assert generator.w_shape == (len(layers) + 1, toy.DIM_W)
    assert (gan.resolution, gan.n_classes) == (32, max(raw["c_dim"], 1))


def test_the_transform_of_a_file_is_kept(tmp_path):
    """Turned, moved, and shrunk so far that the fastest waves fade."""
    raw = toy.snapshot("T")
    start = raw["synthesis"]["input"]
    start.buffers["transform"] = np.array([[4.0, 3.0, 0.2], [-3.0, 4.0, -0.1], [0, 0, 1]])
    gan = nc.load(toy.write(tmp_path / "turned.pkl", raw))
    w = w_of(raw, latent())
    (waves, *_), picture = oracle.draw(raw, w, plainly(raw, w))
    (unturned, *_), _ = oracle.draw(toy.snapshot("T"), w, plainly(raw, w))
    assert waves.std() < 0.8 * unturned.std()
    close(gan.generator(latent())[0].numpy(), picture)


def test_truncation_pulls_towards_the_mean_of_the_class(model):
    raw, gan = model
    label = gan.n_classes - 1
    w = w_of(raw, latent(2, label), psi=0.6)
    _, picture = oracle.draw(raw, w, plainly(raw, w))
    close(nc.render(gan, nc.Collage(latent(2, label, truncation=0.6)))[0].numpy(), picture)


def test_styles_of_each_layer(model):
    raw, gan = model
    ws = torch.randn(1, *gan.generator.w_shape, generator=torch.Generator().manual_seed(3))
    told = [([w], plain[1]) for w, plain in zip(ws[0, 1:].numpy(), plainly(raw, None), strict=True)]
    _, picture = oracle.draw(raw, ws[0, 0].numpy(), told)
    close(nc.render(gan, nc.Collage(nc.Latent(None, torch.tensor([0]), w=ws)))[0].numpy(), picture)


@pytest.mark.parametrize("layers", ["all", "#2-4"])
def test_label_collage_of_other_latents(model, layers):
    """Three styles, mixed by soft masks on every canvas; the waves stay the picture's own."""
    raw, gan = model
    points = [latent(seed) for seed in (4, 5, 6)]
    weights = np.stack([soft(seed=seed) + 0.01 for seed in (7, 8, 9)])
    weights /= weights.sum(0)
    regions = nc.ClassMap.from_weights([nc.Collage(point) for point in points], torch.from_numpy(weights)[None])
    own, *others = (w_of(raw, point) for point in points)
    told = plainly(raw, own)
    for number, layer in enumerate(oracle.layers(raw), start=1):
        if layers == "all" or 2 <= number <= 4:
            told[number - 1] = ([own, *others], framed(weights, layer))
    _, picture = oracle.draw(raw, own, told)
    found = nc.render(gan, nc.Collage(points[0]).label(regions, layers=layers))
    close(found[0].numpy(), picture)


def test_a_painted_class_maps_the_same_z_again(classed):
    raw, gan = classed
    point, mask = latent(4), soft()
    own, other = w_of(raw, point), w_of(raw, latent(4, 2))
    told = [([own, other], framed(np.stack([1 - mask, mask]), layer)) for layer in oracle.layers(raw)]
    _, picture = oracle.draw(raw, own, told)
    regions = nc.ClassMap().paint(2, torch.from_numpy(mask))
    close(nc.render(gan, nc.Collage(point).label(regions))[0].numpy(), picture)


@pytest.mark.parametrize("place", [0, 1, 3, 4])
def test_feature_collage_with_a_shift(model, place):
    """Blended on the canvas with its margin; the shift is in sizes of the picture."""
    raw, gan = model
    points, mask = [latent(4), latent(5)], soft()
    first, second = (w_of(raw, point) for point in points)
    theirs = oracle.draw(raw, second, plainly(raw, second))[0][place]
    rate, margin = gan.generator.feature_sizes[place], gan.generator.feature_margins[place]
    scale = rate / theirs.shape[-1]
    moved = oracles.shift(theirs, 0.1 * scale, -0.05 * scale)
    weight = oracle.frame(oracles.resize(mask, (rate, rate))[None], margin)[0]

    def edit(index, own):
        return oracles.blend(own, moved, weight) if index == place else own

    _, picture = oracle.draw(raw, first, plainly(raw, first), edit)
    collage = nc.Collage(points[0]).feature(
        nc.Collage(points[1]), torch.from_numpy(mask), layers=f"#{place + 1}", shift=(0.1, -0.05)
    )
    close(nc.render(gan, collage)[0].numpy(), picture)


def test_the_same_label_under_any_mask_changes_no_bit(model):
    _, gan = model
    point = latent(1, count=2)
    plain = nc.render(gan, nc.Collage(point))
    assert torch.equal(nc.render(gan, nc.Collage(point).label(nc.ClassMap().paint(0, torch.from_numpy(soft())))), plain)
    nothing = nc.ClassMap().paint(nc.Collage(latent(9)), torch.zeros(8, 8))
    assert torch.equal(nc.render(gan, nc.Collage(point).label(nothing)), plain)


def test_another_class_everywhere_keeps_the_waves_of_its_own(classed):
    _, gan = classed
    generator, everywhere = gan.generator, nc.ClassMap().paint(2, torch.ones(8, 8))
    found = nc.render(gan, nc.Collage(latent(1)).label(everywhere))
    state = generator.run(generator.begin(latent(1)), generator.styles(latent(1, 2)))
    close(found.numpy(), generator.end(state, latent(1)).numpy())


def test_styles_that_differ_in_size_leave_no_seam(tmp_path):
    raw = toy.snapshot("T", classes=0)
    for layer in oracle.layers(raw):
        layer["affine"].parameters["bias"] *= 0  # now a style of twice the size is a w of twice the size
    gan = nc.load(toy.write(tmp_path / "linear.pkl", raw))
    w = torch.from_numpy(w_of(raw, latent(1))).float()[None]
    own, twice = (nc.Latent(None, torch.tensor([0]), w=each) for each in (w, 2 * w))
    regions = nc.ClassMap().paint(nc.Collage(twice), torch.from_numpy(soft()))
    found = nc.render(gan, nc.Collage(own).label(regions, layers="#1-4"))  # #5 makes the picture: there size counts
    close(found.numpy(), nc.render(gan, nc.Collage(own)).numpy())


def test_pictures_do_not_depend_on_their_batch(model):
    _, gan = model
    z = latent(1, count=3).point
    point, one = (nc.Latent(each, torch.zeros(len(each), dtype=torch.long)) for each in (z, z[1:2]))
    regions = nc.ClassMap().paint(nc.Collage(latent(7)), torch.from_numpy(soft()))
    together, alone = (nc.render(gan, nc.Collage(each).label(regions)) for each in (point, one))
    close(together[1:2].numpy(), alone.numpy())


def test_copying_the_whole_last_map_gives_the_reference(model):
    _, gan = model
    reference = nc.Collage(latent(2))
    collage = nc.Collage(latent(1)).feature(reference, torch.ones(8, 8), layers=f"#{len(gan.generator.feature_sizes)}")
    close(nc.render(gan, collage).numpy(), nc.render(gan, reference).numpy())


def test_saved_and_loaded_again_it_draws_the_same(model, tmp_path):
    _, gan = model
    nc.save(gan, tmp_path / "model.safetensors")
    again = nc.load(tmp_path / "model.safetensors")
    assert again.generator.config == gan.generator.config
    assert torch.equal(again.generator(latent(1)), gan.generator(latent(1)))


def test_gradients_reach_z_and_w_of_a_model_loaded_in_inference_mode(tmp_path):
    path = toy.write(tmp_path / "toy.pkl", toy.snapshot("T"))
    with torch.inference_mode():
        gan = nc.load(path)
        assert gan.generator.w_shape
        assert torch.isfinite(nc.render(gan, nc.Collage(latent()))).all()
    for point in (latent(), nc.Latent(None, torch.tensor([0]), w=torch.randn(1, *gan.generator.w_shape))):
        numbers = point.point.clone().requires_grad_()
        gan.generator(point.at(numbers)).square().sum().backward()
        assert numbers.grad is not None
        assert (numbers.grad != 0).all()


def test_painting_a_class_on_styles_is_refused(classed):
    _, gan = classed
    collage = nc.Collage(nc.Latent(None, torch.tensor([0]), w=torch.randn(1, toy.DIM_W)))
    with pytest.raises(nc.LabelError, match="must start from z"):
        nc.render(gan, collage.label(nc.ClassMap().paint(1, torch.from_numpy(soft()))))
