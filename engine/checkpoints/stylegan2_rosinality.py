"""rosinality/stylegan2-pytorch: `stylegan2-ffhq-config-f.pt` as its converter writes it, and checkpoints of training.

A dict with `g_ema`, the averaged generator, which is used, and beside it `latent_avg` (converted files) or the networks
and optimizers of a training. The repository is under the MIT licence. Facts: `model.py`, `convert_weight.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from .contents import Contents
from .flat_weights import Place, unchanged
from .outline import Config, Outline
from .records import Stored
from .stylegan2_judges import JUDGE, FlatJudge, judge_config, judge_state
from .stylegan2_weights import GENERATOR, FlatLayout, flat_config, flat_state, smoothing
from .trees import tensors_of

__all__ = ["MARKS", "outline", "states"]

MARKS = ("*style.1.weight", "*convs.0.conv.modulation.weight", "*to_rgb1.conv.weight")

TITLE = "rosinality"
LANDMARK, AVERAGED, MEAN = "convs.0.conv.modulation.weight", "g_ema.", "latent_avg"
LEAVES = {
    "weight": "conv.weight",
    "bias": "activate.bias",
    "affine.weight": "conv.modulation.weight",
    "affine.bias": "conv.modulation.bias",
    "strength": "noise.weight",
}
JUDGED = {
    "from_picture": "convs.0.0",
    "conv0": "convs.{n}.conv1.0",
    "conv1": "convs.{n}.conv2.1",
    "side": "convs.{n}.skip.1",
    "last_conv": "final_conv.0",
    "last_dense": "final_linear.0",
    "out": "final_linear.1",
}
"""Modules of the discriminator; those that shrink have a filter at 0 before their convolution."""
DEAD = r".*\.(blur|upsample)\.kernel"
"""The smoothing filter, which every layer that doubles has once more; one of them is read."""
FILTER = "convs.0.conv.blur.kernel"


def outline(contents: Contents) -> Outline:
    """What the file holds.

    Raises:
        CheckpointError: weights that are missing or nobody knows, or shapes that contradict one another.
    """
    configs: dict[str, Config] = {"generator": flat_config(_generator(contents))}
    if (judge := _judge(contents)) is not None:
        configs["discriminator"] = judge_config(judge)
    return Outline("stylegan2", configs, facts={"provenance": f"rosinality's layout: {contents.path.name}"})


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """For each part in the file, its weights under canonical names.

    Raises:
        CheckpointError: as `outline`; or damaged data.
    """
    generator, judge = _generator(contents), _judge(contents)
    found = {"generator": flat_state(generator, flat_config(generator))}
    return found | ({"discriminator": judge_state(judge, judge_config(judge))} if judge is not None else {})


def _generator(contents: Contents) -> FlatLayout:
    found = tensors_of(contents.tree)
    values = _entry(found, LANDMARK, AVERAGED)
    if MEAN in found:
        values[MEAN] = found[MEAN]
    kernel = values.get(FILTER)
    return FlatLayout(
        network=GENERATOR,
        title=TITLE,
        path=contents.path,
        values=values,
        dead=DEAD,
        place=_place,
        dense=lambda number, leaf: Place(f"style.{number + 1}.{leaf}"),
        constant="input.input",
        mean=MEAN,
        # It lies in the file with the gain of four that doubling has.
        taps=lambda: kernel.read() / 4 if isinstance(kernel, Stored) else smoothing((1, 3, 3, 1)),
    )


def _judge(contents: Contents) -> FlatJudge | None:
    """The discriminator, where the file has one."""
    values = _entry(tensors_of(contents.tree), JUDGED["last_conv"] + ".weight", "")
    kernel = values.get("convs.1.conv2.0.kernel")
    if not values:
        return None
    return FlatJudge(
        network=JUDGE,
        title=TITLE,
        path=contents.path,
        values=values,
        dead=r".*\.kernel",
        place=lambda module, number, leaf: Place(f"{_judged(module, number, leaf)}.{leaf}"),
        taps=lambda: kernel.read() if isinstance(kernel, Stored) else smoothing((1, 3, 3, 1)),
    )


def _entry(found: dict[str, Stored], landmark: str, averaged: str) -> dict[str, Stored | float]:
    """The tensors of the network that has the landmark, of several the averaged one's, without what precedes them."""
    entries = [name.removesuffix(landmark) for name in found if name.endswith(landmark)]
    entry = next((entry for entry in entries if entry.startswith(averaged)), entries[0] if entries else None)
    if entry is None:
        return {}
    return {name.removeprefix(entry): tensor for name, tensor in found.items() if name.startswith(entry)}


def _judged(module: str, number: int, leaf: str) -> str:
    """The module of a leaf: a convolution and the bias of its slope are two, one after the other."""
    if module in ("last_dense", "out"):
        return JUDGED[module]
    name, _, place = JUDGED[module].format(n=number + 1).rpartition(".")
    return f"{name}.{int(place) + (leaf == 'bias')}"


def _place(block: int, module: str, leaf: str) -> Place:
    if leaf == "noise":
        return Place(f"noises.noise_{2 * block - (module == 'conv0')}")
    if module == "to_picture":
        name = f"to_rgbs.{block - 1}" if block else "to_rgb1"
        return Place(f"{name}.{'bias' if leaf == 'bias' else LEAVES[leaf]}", CHANGES.get(f"picture.{leaf}", unchanged))
    name = f"convs.{2 * block - 1 - (module == 'conv0')}" if block else "conv1"
    return Place(f"{name}.{LEAVES.get(leaf, leaf)}", CHANGES.get(leaf, unchanged))


CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "weight": lambda weight: weight.squeeze(0),  # (1, out, in, k, k)
    "picture.weight": lambda weight: weight.squeeze(0),
    "picture.bias": lambda bias: bias.flatten(),  # (1, 3, 1, 1)
    "strength": lambda strength: strength.squeeze(),  # (1,)
}
