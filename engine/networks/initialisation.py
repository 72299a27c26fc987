"""How the original initialises its networks (sngan_projection, `gen_models` and `dis_models`)."""

from __future__ import annotations

from torch import nn

__all__ = ["initialise"]


def initialise(module: nn.Module) -> None:
    """Glorot uniform, biases zero: gain sqrt(2) for the two 3x3 convolutions of a block, 1 elsewhere.

    To be used as `network.apply(initialise)`, which comes to a block after its convolutions.
    """
    pair = [conv for name, conv in module.named_children() if name in ("conv1", "conv2")]
    if pair:
        for conv in pair:
            nn.init.xavier_uniform_(conv.get_parameter("weight"), gain=2**0.5)
    elif isinstance(module, (nn.Conv2d, nn.Linear, nn.Embedding)):
        nn.init.xavier_uniform_(module.weight)
        if not isinstance(module, nn.Embedding) and module.bias is not None:
            nn.init.zeros_(module.bias)
