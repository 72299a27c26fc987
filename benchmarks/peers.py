"""The public implementations that `families.py` measures against: how each is built, saved, loaded and drawn with.

None of their code is here. Each comes from a folder that an environment variable names:

    BIGGAN_DIR                  a checkout of ajbrock/BigGAN-PyTorch
    PYTORCH_PRETRAINED_BIGGAN   a folder with huggingface's package pytorch_pretrained_biggan (and what it imports)
    GENFORCE_DIR                a checkout of genforce/genforce
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["PEERS", "Peer"]

CLASSES = 1000


@dataclass(frozen=True)
class Peer:
    """A model as its own code base has it."""

    variable: str
    """The environment variable with the folder of the code."""
    resolution: int
    """Side of its pictures, in pixels."""
    dim_z: int
    """Length of its latent."""
    file: str
    """What the weights file is called."""
    build: Callable[[], nn.Module]
    """A network of random weights."""
    save: Callable[[nn.Module, Path], None]
    """Write it as its users hold it."""
    restore: Callable[[nn.Module, Path], object]
    """Read it back."""
    draw: Callable[[Any, Tensor, Tensor], Tensor]
    """Pictures from z (N, D) and labels (N,)."""

    def importable(self) -> bool:
        """Put the peer's folder on the path; False where none is named."""
        folder = os.environ.get(self.variable)
        if folder:
            sys.path.insert(0, folder)
        return bool(folder)


def _biggan() -> nn.Module:
    from BigGAN import Generator  # type: ignore[import-not-found]

    # The sizes of biggan-256 (TFHub/biggan_v1.py); statistics are 0 and 1 in a fresh network, and cost the same.
    settings = {"G_ch": 96, "dim_z": 140, "resolution": 256, "G_attn": "128", "shared_dim": 128, "hier": True}
    return Generator(
        **settings, G_shared=True, n_classes=CLASSES, BN_eps=1e-5, SN_eps=1e-6, skip_init=True, no_optim=True
    )


def _biggan_deep() -> nn.Module:
    from pytorch_pretrained_biggan import BigGAN, BigGANConfig  # type: ignore[import-not-found]

    network = BigGAN(BigGANConfig.from_dict(DEEP_256))
    # The package leaves these two as they come out of memory, because it loads weights at once.
    nn.init.ones_(network.generator.bn.weight)
    nn.init.zeros_(network.generator.bn.bias)
    return network


DEEP_256: dict[str, Any] = {
    # config.json of biggan-deep-256
    "attention_layer_position": 8,
    "channel_width": 128,
    "class_embed_dim": 128,
    "eps": 1e-4,
    "layers": [
        [index % 2 == 1, *widths]
        for index, widths in enumerate(
            [(16, 16), (16, 16), (16, 16), (16, 8), (8, 8), (8, 8), (8, 8), (8, 4), (4, 4), (4, 2), (2, 2), (2, 1)]
        )
    ],
    "n_stats": 51,
    "num_classes": CLASSES,
    "output_dim": 256,
    "z_dim": 128,
}


@torch.no_grad()
def _save_deep(network: nn.Module, path: Path) -> None:
    network.train()
    for _ in range(2):  # fresh vectors of spectral norms belong to no matrix; in training they come to fit theirs
        _draw_deep(network, torch.randn(1, DEEP_256["z_dim"]), torch.tensor([0]))
    torch.save(network.state_dict(), path)
    path.with_name("config.json").write_text(json.dumps(DEEP_256), encoding="utf-8")


def _draw_deep(network: Any, z: Tensor, labels: Tensor) -> Tensor:
    return network(z, nn.functional.one_hot(labels, CLASSES).float(), 1.0)


def _stylegan(resolution: int) -> nn.Module:
    from models.stylegan_generator import StyleGANGenerator  # type: ignore[import-not-found]

    return StyleGANGenerator(resolution)


def _save(network: nn.Module, path: Path) -> None:
    torch.save(network.state_dict(), path)


def _restore(network: nn.Module, path: Path) -> None:
    network.load_state_dict(torch.load(path, weights_only=True))


def _stylegan_peer(resolution: int) -> Peer:
    return Peer(
        variable="GENFORCE_DIR",
        resolution=resolution,
        dim_z=512,
        file="stylegan.pth",
        build=lambda: _stylegan(resolution),
        save=lambda network, path: torch.save({"generator_smooth": network.state_dict()}, path),
        restore=lambda network, path: network.load_state_dict(torch.load(path, weights_only=True)["generator_smooth"]),
        draw=lambda network, z, labels: network(z)["image"],
    )


PEERS = {
    "BigGAN 256": Peer(
        variable="BIGGAN_DIR",
        resolution=256,
        dim_z=140,
        file="G_ema.pth",
        build=_biggan,
        save=_save,
        restore=_restore,
        draw=lambda network, z, labels: network(z, network.shared(labels)),
    ),
    "BigGAN-deep 256": Peer(
        variable="PYTORCH_PRETRAINED_BIGGAN",
        resolution=256,
        dim_z=128,
        file="pytorch_model.bin",
        build=_biggan_deep,
        save=_save_deep,
        restore=_restore,
        draw=_draw_deep,
    ),
    "StyleGAN 256": _stylegan_peer(256),
    "StyleGAN 1024": _stylegan_peer(1024),
}
