"""The original's discriminator, encoder, auxiliary pair and spectral norm (golden cases d, e, f, h)."""

import parity
import pytest
import torch
from neural_collage import engine as nc
from neural_collage.engine.networks.spectral import power_step, spectral_weight
from parity import case, images, labels, worst


def module(name):
    """A spectrally normalised layer of the golden discriminator by its name in the original: block2/c_sc, l7, l_y."""
    discriminator = parity.gan().discriminator
    block, _, layer = name.partition("/")
    if not layer:
        return discriminator.embed if name == "l_y" else discriminator.linear
    attribute = {"c1": "conv1", "c2": "conv2", "c_sc": "side"}[layer]
    return getattr(discriminator.blocks[int(block.removeprefix("block")) - 1], attribute)


def test_logits_and_features():
    data, discriminator = case("d_discriminator/logits"), parity.gan().discriminator
    x, y = images(data["image_u8"]), labels(data["y"])
    first = discriminator(x, y)
    assert worst(first, data["logits"]) < 1e-5
    assert worst(discriminator(x), data["logits_no_class"]) < 1e-5
    assert worst(discriminator.features(x), data["features"]) < 1e-6
    # The original's vectors move on at each call, so that its second call differs; ours is stateless.
    assert torch.equal(discriminator(x, y), first)
    assert worst(first, data["logits_second_call"]) > worst(first, data["logits"])


def test_the_class_table_moves_as_recorded():
    data, embed = case("d_discriminator/logits"), module("l_y")
    assert worst(embed.u, data["l_y_u_saved"]) == 0
    first = power_step(embed.weight, embed.u)[1]
    assert worst(first, data["l_y_u_after_first"]) < 1e-6
    assert worst(power_step(embed.weight, first)[1], data["l_y_u_after_second"]) < 1e-6


def test_reconstruction_loss():
    data, gan = case("d_discriminator/loss"), parity.gan()
    recon, truth = images(data["recon_u8"]), images(data["gt_u8"])
    cosine = nc.reconstruction_loss(gan, recon, truth, pixel_weight=0) - 1  # ours is 1 - cosine, never negative
    pixel = nc.reconstruction_loss(gan, recon, truth, pixel_weight=1) - 1 - cosine
    assert worst(cosine, data["loss_cosine_each"]) < 1e-4
    assert worst(cosine.sum(), data["loss_cosine"]) < 1e-4
    assert worst(pixel.mean(), data["loss_pixel"]) < 1e-4
    assert worst(cosine.sum() + 0.2 * pixel.mean(), data["loss_total"]) < 1e-4


def test_gradient_of_the_loss():
    data, gan = case("d_discriminator/loss"), parity.gan()
    recon, truth = images(data["recon_u8"]).requires_grad_(), images(data["gt_u8"])
    # The original adds up cosines over the batch but averages the pixel term.
    nc.reconstruction_loss(gan, recon, truth, pixel_weight=0.2 / len(recon)).sum().backward()
    top, bottom, left, right = data["crop"].tolist()
    wanted = data["grad_recon_crop"]
    assert recon.grad is not None
    assert worst(recon.grad[:, :, top:bottom, left:right], wanted) < 1e-3 * wanted.abs().max()
    assert torch.allclose(recon.grad.flatten(1).norm(dim=1), data["grad_recon_l2"], rtol=1e-3)
    # A sum of terms of both signs is judged by their size.
    scale = recon.grad.abs().flatten(1).sum(1)
    assert ((recon.grad.flatten(1).sum(1) - data["grad_recon_sum"]).abs() < 1e-3 * scale).all()


def test_encoder():
    data = case("e_encoder/encode")
    assert worst(parity.gan().encoder(images(data["image_u8"]), labels(data["y"])), data["z"]) < 1e-4


def test_auxiliary_pair():
    data, gan = case("f_auxiliary/ab"), parity.gan()
    zeta = gan.auxiliary.to_zeta(data["z"])
    assert worst(zeta, data["zeta"]) < 1e-5
    assert worst(gan.auxiliary.to_z(zeta), data["z_prime"]) < 1e-5
    assert worst(gan.auxiliary(data["z"]), data["z_prime"]) < 1e-5
    for z, name in ((data["z_prime"], "x"), (data["z"], "x_without_ab")):
        if name in data:
            assert worst(nc.render(gan, nc.Collage(nc.Latent(z[:1], labels(data["y"][:1])))), data[name]) < 1e-4


def test_step_sizes_are_read():
    """The inner loop itself belongs to training; here only what the file gives it."""
    data = case("f_auxiliary/fast_update")
    assert worst(parity.gan().auxiliary.rates, data["fast_alpha"]) == 0


def test_spectral_norm():
    data = case("h_spectral_norm/sigma")
    with torch.no_grad():
        steps = {name: power_step(module(name).weight, module(name).u) for name in names()}
        weights = {name: spectral_weight(module(name)) for name in names()}
    found = torch.stack([sigma for sigma, _ in steps.values()])
    assert worst(found, data["sigma"]) < 1e-6 * data["sigma"].max().clamp(min=1)
    for name in names():
        assert worst(steps[name][1], data[f"u_next/{name}"]) < 1e-6
        if f"W_bar/{name}" in data:
            assert worst(weights[name], data[f"W_bar/{name}"]) < 1e-6


def test_one_step_is_not_the_exact_norm():
    data = case("h_spectral_norm/sigma")
    exact = torch.stack([torch.linalg.matrix_norm(module(name).weight.flatten(1), 2) for name in names()])
    assert worst(exact, data["sigma_svd"]) < 1e-5
    assert worst(exact, data["sigma"]) > 1e-3


def names():
    """The layers of the case, in its order."""
    import numpy as np

    path = parity.FOLDER / "h_spectral_norm" / "sigma.npz"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return np.load(path, allow_pickle=False)["names"].tolist()
