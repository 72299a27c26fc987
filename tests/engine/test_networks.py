import numpy as np
import oracles
import pytest
import torch
import torch.nn.functional as F
import toy
from neural_collage.engine.errors import InputError
from neural_collage.engine.networks.auxiliary import Auxiliary, AuxiliaryConfig
from neural_collage.engine.networks.generator import State
from neural_collage.engine.networks.sngan import (
    GENERATOR_CHANNELS,
    ConditionalBatchNorm,
    GeneratorConfig,
    SNGANGenerator,
)
from neural_collage.engine.networks.sngan_discriminator import (
    DISCRIMINATOR_CHANNELS,
    DiscriminatorConfig,
    FlatBlock,
    ShrinkingBlock,
    SNGANDiscriminator,
    discriminator_config,
)
from neural_collage.engine.networks.sngan_encoder import ENCODER_CHANNELS, EncoderConfig, SNGANEncoder
from neural_collage.engine.networks.spectral import SpectralConv2d, SpectralEmbedding, SpectralLinear, power_step
from neural_collage.engine.style import Style

# The loop.


def test_the_loop_calls_the_edit_with_every_feature_map():
    gan, seen = toy.gan(resolution=32, bare=True), []

    def edit(index: int, state: State) -> State:
        seen.append((index, state[0].shape[-1]))
        return state

    latent = gan.sample(1)
    image = gan.generator(latent, edit=edit)
    assert seen == list(enumerate(gan.generator.feature_sizes)) == [(0, 4), (1, 8), (2, 16), (3, 32)]
    assert torch.equal(image, gan.generator(latent))


def test_feature_maps_equal_the_oracle():
    gan, seen = toy.gan(bare=True), []
    latent = gan.sample(2, seed=4)
    gan.generator(latent, edit=lambda index, state: seen.append(state[0][0].numpy()) or state)
    expected, _ = oracles.generate(gan.generator, latent.z[0], oracles.everywhere(gan.generator, 2))
    for ours, theirs in zip(seen, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("layout", GENERATOR_CHANNELS)
def test_layouts_of_generators(layout: str):
    config = GeneratorConfig(GENERATOR_CHANNELS[layout], n_classes=2, dim_z=3)
    generator = SNGANGenerator(config).eval()
    size = int(layout.split("-")[0])
    assert config.resolution == size
    assert generator.feature_sizes == tuple(2**i for i in range(2, size.bit_length()))
    twice = [s for s in generator.feature_sizes for _ in range(2)]  # norm 1 works before the doubling, norm 2 after it
    assert generator.norm_sizes == tuple(twice[1:-1])
    assert generator.generate(torch.zeros(1, 3), torch.tensor([1])).shape == (1, 3, size, size)


@pytest.mark.parametrize("layout", DISCRIMINATOR_CHANNELS)
def test_layouts_of_discriminators(layout: str):
    discriminator = SNGANDiscriminator(discriminator_config(layout, 1, n_classes=2)).eval()
    blocks = discriminator.blocks
    size = int(layout.split("-")[0])
    final = 2 if layout == "64" else 4  # the 64 px one shrinks in every block
    assert discriminator.feature_map(torch.zeros(1, 3, size, size)).shape[-2:] == (final, final)
    assert isinstance(blocks[-1], ShrinkingBlock if layout == "64" else FlatBlock)
    for block in list(blocks)[1:]:
        hidden, width_in = block.conv1.weight.shape[:2]  # type: ignore[union-attr]
        assert hidden == (block.conv2.weight.shape[0] if layout == "256" else width_in)  # type: ignore[union-attr]


@pytest.mark.parametrize("layout", ENCODER_CHANNELS)
def test_layouts_of_encoders(layout: str):
    encoder = SNGANEncoder(EncoderConfig(ENCODER_CHANNELS[layout], n_classes=2, dim_z=3)).eval()
    assert encoder.resolution == int(layout)
    assert encoder(torch.zeros(2, 3, int(layout), int(layout)), torch.tensor([0, 1])).shape == (2, 3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GeneratorConfig((8,), 3), "two or more widths"),
        (lambda: GeneratorConfig((8, 0), 3), "positive sizes"),
        (lambda: EncoderConfig((8,), 3), "two or more widths"),
        (lambda: DiscriminatorConfig((4, 8), (4,), 1, 0, 16), "one hidden width for each"),
        (lambda: DiscriminatorConfig((4, 8), (4, 4), 3, 0, 16), "1 to all of them shrinking"),
        (lambda: DiscriminatorConfig((4, 0), (4, 4), 2, 0, 16), "positive"),
        (lambda: DiscriminatorConfig((4, 8), (4, 4), 1, 0, 16), "keep its width"),
        (lambda: AuxiliaryConfig(8, 0, 8, 8), "positive widths"),
    ],
)
def test_configurations_that_make_no_network_are_refused(make: object, words: str):
    with pytest.raises(InputError, match=words):
        make()  # type: ignore[operator]


# Norms.


def test_training_norms_use_the_batch_and_move_the_running_statistics():
    norm = ConditionalBatchNorm(3, 2).train()
    norm.gammas.data.normal_()
    norm.betas.data.normal_()
    x, labels = torch.randn(4, 3, 5, 5) * 2 + 1, torch.tensor([0, 1, 1, 0])
    out = norm(x, Style.uniform(labels))
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    normal = (x - mean[:, None, None]) / (var[:, None, None] + 2e-5).sqrt()
    expected = norm.gammas[labels][:, :, None, None] * normal + norm.betas[labels][:, :, None, None]
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(norm.mean, 0.1 * mean)  # new = 0.9 old + 0.1 batch, the variance unbiased
    torch.testing.assert_close(norm.var, 0.9 + 0.1 * x.var((0, 2, 3), unbiased=True))


def test_one_norm_of_several_vectors_is_their_mixture():
    norm = ConditionalBatchNorm(3, 5).eval()
    norm.gammas.data.normal_()
    norm.betas.data.normal_()
    norm.mean.normal_()
    norm.var.uniform_(0.5, 2)
    x, weights = torch.randn(2, 3, 4, 4), torch.rand(2, 3, 4, 4).softmax(1)
    labels = torch.tensor([[0, 3, 4], [2, 2, 1]])
    singles = torch.stack([norm(x, Style.uniform(labels[:, k])) for k in range(3)], dim=1)  # (N, K, C, h, w)
    mixed = (singles * weights[:, :, None]).sum(1)
    torch.testing.assert_close(norm(x, Style(labels, weights)), mixed, atol=1e-5, rtol=0)


# Spectral norm.


def test_sigma_takes_one_power_step_from_the_stored_vector():
    weight, u = torch.randn(4, 3, 2, 2, dtype=torch.float64), torch.randn(1, 4, dtype=torch.float64)
    matrix, v = weight.numpy().reshape(4, 12), None
    v = u.numpy() @ matrix
    v /= np.linalg.norm(v)
    next_u = v @ matrix.T
    next_u /= np.linalg.norm(next_u)
    sigma, after = power_step(weight, u)
    np.testing.assert_allclose(sigma.item(), (next_u @ matrix @ v.T).item(), rtol=1e-9)
    np.testing.assert_allclose(after.numpy(), next_u, rtol=1e-9)


@pytest.mark.parametrize(
    ("module", "x"),
    [
        (SpectralConv2d(3, 4, 3), torch.ones(1, 3, 4, 4)),
        (SpectralLinear(3, 4), torch.ones(1, 3)),
        (SpectralEmbedding(4, 3), torch.tensor([0])),
    ],
)
def test_only_training_moves_the_stored_vector(
    module: SpectralConv2d | SpectralLinear | SpectralEmbedding, x: torch.Tensor
):
    before = module.u.clone()
    module.eval()
    first = module(x)
    assert torch.equal(module(x), first)
    assert torch.equal(module.u, before)
    module.train()
    for _ in range(100):
        module(x)
    assert not torch.equal(module.u, before)
    sigma, _ = power_step(module.weight, module.u)
    torch.testing.assert_close(sigma, torch.linalg.matrix_norm(module.weight.flatten(1), 2), rtol=1e-3, atol=0)


# Discriminator, encoder, auxiliary pair.


def test_side_paths_equal_the_original_order_of_operations():
    """Ours convolve at the smaller size, the original at the larger: a 1x1 convolution commutes with both resizings."""
    gan = toy.gan()
    block, x = gan.generator.layers[0], torch.randn(1, 8, 4, 4)
    side = block.side  # type: ignore[union-attr]
    up = F.interpolate(x, scale_factor=2)
    torch.testing.assert_close(F.interpolate(side(x), scale_factor=2), side(up), atol=1e-5, rtol=0)  # type: ignore[operator]
    assert gan.discriminator is not None
    shrinking = next(b for b in gan.discriminator.blocks if isinstance(b, ShrinkingBlock))
    image = torch.randn(1, shrinking.conv1.weight.shape[1], 8, 8)
    main = shrinking.conv2(F.relu(shrinking.conv1(F.relu(image))))
    expected = F.avg_pool2d(main, 2) + F.avg_pool2d(shrinking.side(image), 2)
    torch.testing.assert_close(shrinking(image), expected, atol=1e-5, rtol=0)


def test_the_logit_is_linear_plus_the_projection_on_the_class():
    gan = toy.gan()
    d = gan.discriminator
    assert d is not None
    assert d.embed is not None
    images, labels = torch.randn(3, 3, 16, 16), torch.tensor([2, 0, 1])
    h = d.features(images).unflatten(1, (-1, 4, 4)).sum((2, 3))  # features are (channel, row, column)
    plain = d(images)
    torch.testing.assert_close(plain, d.linear(h))
    torch.testing.assert_close(d(images, labels) - plain, (d.embed(labels) * h).sum(1, keepdim=True), atol=1e-5, rtol=0)
    assert d.features(images).min() >= 0


def test_the_encoder_reads_other_sizes_and_the_class():
    gan = toy.gan()
    assert gan.encoder is not None
    images, labels = torch.randn(2, 3, 16, 16), torch.tensor([0, 1])
    z = gan.encoder(images, labels)
    large = images.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(gan.encoder(large, labels), z, atol=1e-5, rtol=0)
    assert (gan.encoder(images, torch.tensor([2, 1]))[0] - z[0]).abs().max() > 1e-3
    torch.testing.assert_close(gan.encoder(images, torch.tensor([2, 1]))[1], z[1])


def test_the_auxiliary_pair_written_out():
    pair = Auxiliary(AuxiliaryConfig(dim_z=4, dim_a=3, dim_zeta=6, dim_b=5))
    torch.nn.init.uniform_(pair.a_prelu.weight)
    z = torch.randn(2, 4)
    hidden = (z @ pair.a1.weight.T + pair.a1.bias).clamp(min=0) @ pair.a2.weight.T + pair.a2.bias
    zeta = torch.where(hidden > 0, hidden, pair.a_prelu.weight * hidden)
    torch.testing.assert_close(pair.to_zeta(z), zeta)
    back = (zeta @ pair.b1.weight.T + pair.b1.bias).clamp(min=0) @ pair.b2.weight.T + pair.b2.bias
    torch.testing.assert_close(pair.to_z(zeta), torch.where(back > 0, back, pair.b_prelu.weight * back))
    torch.testing.assert_close(pair(z), pair.to_z(zeta))
    assert pair.rates.shape == (6,)


def test_an_aligned_pair_gives_z_back_and_moves_along_the_axes():
    pair = Auxiliary(AuxiliaryConfig(dim_z=4, dim_a=8, dim_zeta=4, dim_b=10))
    axes, _ = torch.linalg.qr(torch.randn(4, 4))
    pair.align(axes)
    z = torch.randn(3, 4)
    zeta = pair.to_zeta(z)
    torch.testing.assert_close(pair(z), z)
    torch.testing.assert_close(zeta, z @ axes / pair.GAIN)
    moved = zeta + 0.01 * (torch.arange(4) == 2)
    torch.testing.assert_close(pair.to_z(moved) - z, 0.01 * pair.GAIN * axes[:, 2].expand(3, 4))


def test_a_pair_of_other_widths_cannot_be_aligned():
    for widths in ((7, 4, 8), (8, 3, 8), (8, 5, 8), (8, 4, 7)):
        with pytest.raises(InputError, match=r"at least 8, twice the latent.*axes 0"):
            Auxiliary(AuxiliaryConfig(4, *widths)).align(torch.eye(4))
