"""From a snapshot to a model: what a run leaves behind for others to use or to go on from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import nn

from ..errors import TrainingError
from ..gan import Gan
from ..networks.auxiliary import Auxiliary
from ..networks.generator import Generator
from ..networks.sngan_encoder import SNGANEncoder
from ..networks.spectral import fold
from .families import networks
from .hold_out import kept_facts
from .settings import AuxiliarySettings, EncoderSettings, GanSettings

__all__ = ["fingerprint", "released", "settle_statistics"]

Network = TypeVar("Network", bound=nn.Module)


def released(state: Mapping[str, Any], base: Gan | None = None, device: str = "cpu") -> Gan:
    """The model in a snapshot.

    Args:
        state: a snapshot. Of a GAN run: its averaged generator, with settled statistics, and its discriminator.
        base: for an encoder or auxiliary run, the model that it was trained on, which gets the part; for a GAN run, the
            model that it started from, whose facts (licence, provenance) are kept.
        device: where the statistics are settled.

    Raises:
        TrainingError: a part without the model that it belongs to, or with another one.
    """
    kind = state["kind"]
    if kind == "gan":
        return _adversarial(state, kept_facts(base.facts if base else None, state), device)
    if base is None:
        raise TrainingError(
            f"A run of `train {kind}` makes one part of a model; give --model, the one it was made for."
        )
    if state.get("model") != fingerprint(base.generator):
        raise TrainingError(
            f"The {kind} in the snapshot was trained on another generator than the model's. Give --model the file that "
            f"`train {kind}` was given."
        )
    try:
        part = _encoder(state, base) if kind == "encoder" else _auxiliary(state, base)
    except RuntimeError as error:  # torch's word for shapes that do not fit
        raise TrainingError(f"The {kind} in the snapshot must fit the model, and does not: {error}.") from error
    facts = {**kept_facts(base.facts, state), f"{kind}_steps": str(state["done"])}
    return replace(base, facts=facts, **{kind: part})


def fingerprint(generator: nn.Module) -> str:
    """A digest of the weights, the same whether they were stored in 32 or in 16 bits."""
    digest = hashlib.sha256()
    for name, weight in sorted(generator.state_dict().items()):
        digest.update(name.encode())
        digest.update(weight.detach().cpu().half().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _adversarial(state: Mapping[str, Any], facts: Mapping[str, str], device: str) -> Gan:
    settings, names = GanSettings(**state["settings"]), tuple(state["class_names"])
    generator, discriminator = networks(settings, len(names))
    generator = fold(_filled(generator, state["average"]))
    discriminator = fold(_filled(discriminator, state["discriminator"]))
    settle_statistics(generator.to(device))
    generator.cpu()
    facts = {**facts, "steps": str(state["done"]), "batch": str(settings.batch)}
    return Gan(generator, discriminator, class_names=names, facts=facts)


def _encoder(state: Mapping[str, Any], base: Gan) -> SNGANEncoder:
    config = EncoderSettings(**state["settings"]).config(base.resolution, base.n_classes, base.dim_z)
    return _filled(SNGANEncoder(config), state["encoder"])


def _auxiliary(state: Mapping[str, Any], base: Gan) -> Auxiliary:
    return _filled(Auxiliary(AuxiliarySettings(**state["settings"]).config(base.dim_z)), state["auxiliary"])


def _filled(network: Network, weights: Mapping[str, torch.Tensor]) -> Network:
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


@torch.no_grad()
def settle_statistics(generator: Generator, passes: int = 40, batch: int = 64) -> None:
    """Replace the batch norms' running statistics by those of the generator's own pictures, in place.

    Averaged weights have no statistics of their own until they have been run: here, `passes` times on `batch` random
    latents of every class in turn, the last twenty or so counting most (momentum 0.1). Always the same latents.
    """
    random = torch.Generator().manual_seed(0)
    device = next(generator.parameters()).device
    generator.train()
    for _ in range(passes):
        z = torch.randn(batch, generator.dim_z, generator=random)
        labels = torch.randint(generator.n_classes, (batch,), generator=random)
        generator.generate(z.to(device), labels.to(device))
    generator.eval()
