"""BigGAN's networks as they start to be trained: plain ones with orthogonal weights, under spectral norm.

All that training needs beside the networks themselves: their forward pass is the same. `spectral.fold` makes plain ones
of them again. Facts: ajbrock/BigGAN-PyTorch, `BigGAN.py` (`init_weights`, and which layers are normalised) and
`layers.py` (`ccbn`, whose gain and shift are two layers, one matrix each); commit 98459431.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from .biggan import BigGANConfig, BigGANGenerator
from .biggan_discriminator import BigGANDiscriminator, BigGANDiscriminatorConfig
from .spectral import normalise

__all__ = ["trainable_discriminator", "trainable_generator"]

Network = TypeVar("Network", bound=nn.Module)


def trainable_generator(config: BigGANConfig) -> BigGANGenerator:
    """A generator of random weights; its embeddings are not normalised, which is said to cripple it at random."""
    return _started(BigGANGenerator(config), (nn.Conv2d, nn.Linear))


def trainable_discriminator(config: BigGANDiscriminatorConfig) -> BigGANDiscriminator:
    """A discriminator of random weights, all of which are normalised."""
    return _started(BigGANDiscriminator(config), (nn.Conv2d, nn.Linear, nn.Embedding))


@torch.no_grad()
def _started(network: Network, normalised: tuple[type[nn.Module], ...]) -> Network:
    """Orthogonal weights, and offsets as torch draws them; norms over the weights of these kinds of layers."""
    for name, module in list(network.named_modules()):
        if isinstance(module, (nn.Conv2d, nn.Linear, nn.Embedding)):
            # The gain and the shift of a norm: one layer here, two matrices.
            matrices = 2 if name.endswith(".affine") and isinstance(module, nn.Linear) else 1
            for matrix in module.weight.chunk(matrices):
                nn.init.orthogonal_(matrix)
            if isinstance(module, normalised):
                normalise(module, matrices)
    return network
