"""The original's projection (golden case g).

Adam divides by the size of the gradient, so that rounding grows along a free run. So each recorded step is compared at
the recorded point: loss and gradient there; then Adam is replayed from the recorded gradients; and a free run must
reach the recorded losses.
"""

from types import SimpleNamespace

import parity
import pytest
import torch
from neural_collage import engine as nc
from neural_collage.engine import projection
from neural_collage.engine.networks.auxiliary import Auxiliary, AuxiliaryConfig
from parity import case, images, labels, worst
from torch import nn

SPACES = {"z": "noaux", "zeta": "aux"}


def recorded(space):
    """The case of a space, its points before each step (20, P), and the way from a point to z."""
    data = case(f"g_projection/{SPACES[space]}")
    points = torch.cat([data["start"], data["target"][:-1]])
    leave = parity.gan().auxiliary.to_z if space == "zeta" else lambda point: point
    return data, points, leave


@pytest.mark.parametrize("space", SPACES)
def test_losses_at_recorded_points(space):
    data, points, leave = recorded(space)
    gan, y = parity.gan(), labels(data["y"]).expand(len(points))
    truth = images(data["gt_u8"]).expand(len(points), -1, -1, -1)
    (state,) = nc.project(gan, truth, y.tolist(), steps=0, start=nc.Latent(leave(points), y))
    cosine = nc.reconstruction_loss(gan, state.images, truth, pixel_weight=0)
    assert worst(state.loss - 1, data["loss"]) < 1e-5  # ours is 1 - cosine, theirs minus cosine
    assert worst(cosine - 1, data["loss_cosine"]) < 1e-5
    assert worst(state.loss - cosine, data["loss_pixel"]) < 1e-5


@pytest.mark.parametrize("space", SPACES)
def test_gradients_at_recorded_points(space):
    """Where a ReLU's input lies within rounding of zero the gradient jumps, and float32 may fall to either side.

    There it is also taken beside the point, moved in its last digits, and one of these must be the recorded one.
    """
    data, points, leave = recorded(space)
    gan, truth, y = parity.gan(), images(data["gt_u8"]), labels(data["y"])
    noise = 1e-6 * torch.randn(8, points.shape[1], generator=torch.Generator().manual_seed(0))

    def astray(point, wanted):
        """How far the gradient at each point (M, P) is from the recorded one, in units of its largest entry."""
        point = point.clone().requires_grad_()
        z = leave(point)
        pictures = gan.generator.generate(z, y.expand(len(z)))
        nc.reconstruction_loss(gan, pictures, truth.expand(len(z), -1, -1, -1)).sum().backward()
        assert point.grad is not None
        return (point.grad - wanted).abs().amax(1) / wanted.abs().max()

    direct = 0
    for point, wanted in zip(points, data["grad"], strict=True):
        agrees = astray(point[None], wanted).item() < 1e-3
        assert agrees or astray(point + noise, wanted).min() < 1e-3
        direct += agrees
    assert direct >= 0.8 * len(points)


@pytest.mark.parametrize("space", SPACES)
def test_recorded_latents(space):
    """The original saves z after the step in direct mode, and B of zeta before the step in auxiliary mode."""
    data, points, leave = recorded(space)
    found = leave(points) if space == "zeta" else data["target"]
    assert worst(found, data["z"]) < 1e-5


def test_the_auxiliary_run_starts_at_a_of_z():
    data, _, _ = recorded("zeta")
    assert worst(parity.gan().auxiliary.to_zeta(data["z0"]), data["start"]) < 1e-5


class Replay(nn.Module):
    """A generator and a measure in one, whose loss has the recorded gradients, step by step, wherever the point is."""

    def __init__(self, grads):
        super().__init__()
        self.grads, self.steps = grads, 0
        self.anchor = nn.Parameter(torch.zeros(()))  # gives the model a device
        self.resolution, self.dim_z, self.n_classes = 4, grads.shape[1], 1
        self.targets, self.name, self.w_shape = torch.zeros(1, 3, 4, 4), "recorded", None

    def forward(self, latent):
        return latent.z

    def loss(self, z):
        # Measured without gradients before the descent, and once more after its last step.
        grad = self.grads[min(self.steps, len(self.grads) - 1)]
        self.steps += torch.is_grad_enabled()
        return (z * grad).sum(1)


class Identity(Auxiliary):
    """A pair whose zeta is z."""

    def to_zeta(self, z):
        return z

    def to_z(self, zeta):
        return zeta


@pytest.mark.parametrize("space", SPACES)
def test_adam_replayed_from_recorded_gradients(space, monkeypatch):
    data, _, _ = recorded(space)
    replay = Replay(data["grad"]).eval()
    monkeypatch.setattr(projection, "Reconstruction", lambda *_: replay)
    size = data["grad"].shape[1]
    model = nc.Gan(replay, SimpleNamespace(), None, Identity(AuxiliaryConfig(size, 1, size, 1)))  # type: ignore[arg-type]
    start = nc.Latent(data["start"], torch.zeros(1, dtype=torch.long))
    states = list(nc.project(model, replay.targets, 0, steps=len(data["grad"]), space=space, start=start))
    assert worst(states[0].point, data["start"]) == 0
    assert worst(torch.cat([state.point for state in states[1:]]), data["target"]) < 1e-5


@pytest.mark.parametrize("space", SPACES)
def test_a_free_run_reaches_the_recorded_losses(space):
    data, _, _ = recorded(space)
    start = nc.Latent(data["z0"], labels(data["y"]))
    steps = len(data["loss"])
    run = nc.project(parity.gan(), images(data["gt_u8"]), data["y"].tolist(), steps=steps, space=space, start=start)
    losses = torch.cat([state.loss for state in run]) - 1
    assert worst(losses[:-1], data["loss"]) < 1e-4
    assert losses[-1] < losses[0]
