"""The discriminator in NVIDIA's snapshots: StyleGAN2's, which StyleGAN3 was trained with too."""

from __future__ import annotations

from torch import Tensor

from ..errors import InputError
from ..networks.stylegan2_discriminator import StyleGAN2DiscriminatorConfig
from .contents import some
from .nvlabs import Module, check_used, clamp, convolution, dense, mapping_config, mapping_state

__all__ = ["discriminator_config", "discriminator_state"]

DEAD = {"resample_filter": "every layer keeps the same one; that of conv1 is read"}
"""Last part of the names of tensors that nobody needs, and why."""
PARTS = {"conv0": "conv0", "conv1": "conv1", "skip": "side"}
"""Convolutions of a block, and what they are called here."""
DENSE = {"b4.fc": "last_dense", "b4.out": "out"}
"""Dense layers, and what they are called here."""


def discriminator_config(network: Module) -> StyleGAN2DiscriminatorConfig:
    """What fixes the shape of a Discriminator.

    Raises:
        CheckpointError: settings or shapes that are not there or contradict one another.
    """
    blocks, last = _blocks(network), network.part("b4")
    widths = [block.shape("conv0.weight", 4)[1] for block in blocks]
    classes = mapping_config(network.part("mapping")) if "mapping" in network.parts else {}
    try:
        return StyleGAN2DiscriminatorConfig(
            channels=(*widths, last.shape("conv.weight", 4)[0]),
            architecture=last.setting("architecture", str),
            clamp=clamp(last.part("conv")),
            taps=blocks[0].shape("conv1.resample_filter", 2)[0],
            n_classes=classes["n_classes"] if classes else 0,
            mapping_widths=(classes["dim_class"], *classes["mapping_widths"]) if classes else (),
            deviations=last.shape("conv.weight", 4)[1] - last.shape("conv.weight", 4)[0],
        )
    except InputError as error:
        raise network.error(f"the shapes are not those of a discriminator ({error})") from error


def discriminator_state(network: Module) -> dict[str, Tensor]:
    """Its weights under the names of `StyleGAN2Discriminator`.

    Raises:
        CheckpointError: attributes or tensors that are not there, or that nobody reads.
    """
    blocks, layers = _blocks(network), _convolutions(network)
    state = {
        f"{ours}.{leaf}": tensor
        for theirs, ours in layers.items()
        for leaf, tensor in convolution(network.part(theirs)).items()
    }
    for number, block in enumerate(blocks):
        state[f"blocks.{number}.taps"] = block.part("conv1").tensor("resample_filter", 2)
    for theirs, ours in DENSE.items():
        state[f"{ours}.weight"], state[f"{ours}.bias"] = dense(network.part(theirs))
    used = {f"{theirs}.{leaf}" for theirs in (*layers, *DENSE) for leaf in ("weight", "bias")}
    if "mapping" in network.parts:
        mapping = network.part("mapping")
        state |= {f"mapping.{name}": tensor for name, tensor in mapping_state(mapping).items()}
        used |= {f"mapping.{name}" for name, _ in mapping.stored()}
    check_used(network, used, DEAD)
    return state


def _convolutions(network: Module) -> dict[str, str]:
    """All convolutions but those of the dense layers: their names, and what they are called here."""
    blocks = [*_blocks(network), network.part("b4")]
    layers = {"b4.conv": "last_conv"}
    for number, block in enumerate(blocks):
        ours = {"fromrgb": f"from_picture.{number}", **{name: f"blocks.{number}.{PARTS[name]}" for name in PARTS}}
        layers |= {f"b{4 << len(blocks) - 1 - number}.{name}": ours[name] for name in ours if name in block.parts}
    return layers


def _blocks(network: Module) -> list[Module]:
    """The blocks from the picture down, without the last: b64, b32, b16, b8."""
    names = {name for name in network.parts if name[1:].isdecimal()}
    wanted = [f"b{4 << number}" for number in reversed(range(len(names)))]
    if len(names) < 2 or names != set(wanted):
        raise network.error(f"its blocks should be {some(wanted) or 'b8, b4'}, and are {some(names) or 'none'}")
    return [network.part(name) for name in wanted[:-1]]
