"""What the networks descend on."""

import math

import pytest
import torch
from neural_collage.engine.training.losses import LOSSES, r1_penalty


def logits(*values):
    return torch.tensor(values).reshape(-1, 1)


def test_hinge_stops_pushing_where_the_discriminator_is_sure():
    loss = LOSSES["hinge"]
    assert loss.generator(logits(2.0, -4.0)) == 1
    assert loss.discriminator(logits(3.0, 0.5), logits(-2.0, 1.0)) == 0.25 + 1.0


def test_non_saturating_loss_is_cross_entropy():
    loss, real, made = LOSSES["softplus"], logits(0.3, -1.2), logits(-0.7, 2.0)
    wanted = torch.nn.functional.binary_cross_entropy_with_logits
    assert torch.isclose(loss.generator(made), wanted(made, torch.ones(2, 1)))
    both = wanted(real, torch.ones(2, 1)) + wanted(made, torch.zeros(2, 1))
    assert torch.isclose(loss.discriminator(real, made), both)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_keep_double_precision_and_leave_half(name):
    close = logits(1 + 1e-10, 1.0).double()
    assert LOSSES[name].generator(close).dtype == torch.float64
    assert LOSSES[name].discriminator(close.bfloat16(), close.bfloat16()).dtype == torch.float32


def test_r1_is_the_squared_slope_and_can_be_descended_on():
    slope = torch.tensor([0.5, -2.0, 1.0], requires_grad=True)
    images = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    found = r1_penalty((images * slope[:, None, None]).sum((1, 2, 3)).reshape(-1, 1), images)
    assert math.isclose(found.item(), 4 * (0.25 + 4 + 1), rel_tol=1e-6)
    found.backward()
    assert slope.grad is not None
    assert torch.allclose(slope.grad, 8 * slope.detach())
