"""StyleGAN2 snapshots (.pkl) of NVIDIA's PyTorch code: StyleGAN2-ADA, and StyleGAN3's with --cfg=stylegan2.

The averaged generator `G_ema` is read, and the discriminator `D` beside it. Run-time factors of the original (equalised
learning rate) are multiplied into the weights.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InputError
from ..networks.stylegan2 import StyleGAN2Config
from .contents import Contents, some
from .nvlabs import Module, clamp, mapping_config, mapping_state, snapshot
from .nvlabs_discriminator import discriminator_config, discriminator_state
from .outline import Config, Outline
from .stylegan2_weights import scaled

__all__ = ["MARKS", "outline", "states"]

MARKS = ("G_ema.mapping.fc0.weight", "G_ema.synthesis.b4.const", "G_ema.synthesis.b8.conv0.weight")

PARTS = {"conv0": "conv0", "conv1": "conv1", "torgb": "to_picture", "skip": "side"}
"""Modules of a block, and what they are called here."""
LEAVES = {"noise_strength": "strength", "noise_const": "noise", "resample_filter": "taps"}
"""Tensors that are called otherwise here."""
MISSING_AXES = {"constant": 1, "noise": 2}
"""How many axes of length one these tensors lack."""


def outline(contents: Contents) -> Outline:
    """What a snapshot holds.

    Raises:
        CheckpointError: no generator, or settings or shapes that are not there or contradict one another.
    """
    configs: dict[str, Config] = {"generator": _config(_generator(contents))}
    if (discriminator := snapshot(contents, "D")) is not None:
        configs["discriminator"] = discriminator_config(discriminator)
    facts = {"provenance": f"NVIDIA's snapshot {contents.path.name}"}
    return Outline("stylegan2", configs, facts=facts)


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """For each part in the file, its weights under canonical names.

    Raises:
        CheckpointError: as `outline`; or damaged data.
    """
    generator = _generator(contents)
    mapping = {f"mapping.{name}": tensor for name, tensor in mapping_state(generator.part("mapping")).items()}
    found = {"generator": mapping | _synthesis(generator.part("synthesis"))}
    if (discriminator := snapshot(contents, "D")) is not None:
        found["discriminator"] = discriminator_state(discriminator)
    return found


def _generator(contents: Contents) -> Module:
    network = snapshot(contents, "G_ema")
    assert network is not None, "the format's marks are names in it"
    return network


def _blocks(synthesis: Module) -> list[Module]:
    """The blocks b4, b8, b16, ... as far as they go."""
    blocks = [synthesis.part("b4")]
    while f"b{4 << len(blocks)}" in synthesis.parts:
        blocks.append(synthesis.part(f"b{4 << len(blocks)}"))
    return blocks


def _config(generator: Module) -> StyleGAN2Config:
    blocks = _blocks(generator.part("synthesis"))
    first = blocks[0]
    try:
        return StyleGAN2Config(
            **mapping_config(generator.part("mapping")),
            truncated_layers=2 * len(blocks),
            channels=tuple(block.shape("conv1.weight", 4)[0] for block in blocks),
            architecture=first.setting("architecture", str),
            clamp=clamp(first.part("conv1")),
            taps=first.shape("resample_filter", 2)[0],
        )
    except InputError as error:
        raise generator.error(f"the shapes are not those of a generator ({error})") from error


def _synthesis(synthesis: Module) -> dict[str, Tensor]:
    """Weights of the blocks under canonical names. A tensor without one keeps its own, and is refused when built."""
    state: dict[str, Tensor] = {}
    blocks = _blocks(synthesis)
    if others := synthesis.parts.keys() - {f"b{4 << number}" for number in range(len(blocks))}:
        raise synthesis.error(f"these modules are not known: {some(others)}")
    adds_up = blocks[0].setting("architecture", str) == "skip"
    for number, block in enumerate(blocks):
        for name, stored in block.stored():
            canonical = _canonical(name, number, adds_up)
            if canonical is not None:
                state[canonical] = stored.read()
        state |= _silence(block, number)
        _check_slopes(block)
    return scaled({name: tensor[(None,) * MISSING_AXES.get(_leaf(name), 0)] for name, tensor in state.items()})


def _canonical(name: str, number: int, adds_up: bool) -> str | None:
    """Canonical name of a tensor in block `number`; None for one that is not needed."""
    if name == "const":
        return "constant"
    if name == "resample_filter":
        return f"layers.{number}.taps" if adds_up and number else None  # it doubles the picture so far
    if name == "conv1.resample_filter":
        return None  # this convolution keeps the size
    module, _, leaf = name.partition(".")
    return f"layers.{number}.{PARTS.get(module, module)}.{LEAVES.get(leaf, leaf)}"


def _silence(block: Module, number: int) -> dict[str, Tensor]:
    """Noise of strength zero for convolutions that were made without any."""
    found: dict[str, Tensor] = {}
    for name in ("conv0", "conv1"):
        if name in block.parts and block.parts[name].settings.get("use_noise") is False:
            found[f"layers.{number}.{name}.noise"] = torch.zeros(4 << number, 4 << number)
            found[f"layers.{number}.{name}.strength"] = torch.zeros(())
    return found


def _check_slopes(block: Module) -> None:
    for conv in (block.parts[name] for name in ("conv0", "conv1") if name in block.parts):
        if conv.setting("activation", str) != "lrelu":
            raise conv.error(f"its activation should be lrelu, and is {conv.setting('activation', str)[:40]!r}")


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]
