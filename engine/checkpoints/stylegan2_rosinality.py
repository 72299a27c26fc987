"""rosinality/stylegan2-pytorch: `stylegan2-ffhq-config-f.pt` as its converter writes it, and checkpoints of training.

A dict with `g_ema`, the averaged generator, which is used, and beside it `latent_avg` (converted files) or the networks
and optimizers of a training. The repository is under the MIT licence. Facts: `model.py`, `convert_weight.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from .contents import Contents
from .outline import Outline
from .records import Stored
from .stylegan2_weights import FlatLayout, Place, flat_config, flat_state, smoothing
from .trees import tensors_of

__all__ = ["MARKS", "outline", "states"]

MARKS = ("*style.1.weight", "*convs.0.conv.modulation.weight", "*to_rgb1.conv.weight")

LANDMARK, AVERAGED, MEAN = "convs.0.conv.modulation.weight", "g_ema.", "latent_avg"
LEAVES = {
    "weight": "conv.weight",
    "bias": "activate.bias",
    "affine.weight": "conv.modulation.weight",
    "affine.bias": "conv.modulation.bias",
    "strength": "noise.weight",
}
DEAD = r".*\.(blur|upsample)\.kernel"
"""The smoothing filter, which every layer that doubles has once more; one of them is read."""
FILTER = "convs.0.conv.blur.kernel"


def outline(contents: Contents) -> Outline:
    """What the file holds.

    Raises:
        CheckpointError: weights that are missing or nobody knows, or shapes that contradict one another.
    """
    facts = {"provenance": f"rosinality's layout: {contents.path.name}"}
    return Outline("stylegan2", {"generator": flat_config(_layout(contents))}, facts=facts)


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names.

    Raises:
        CheckpointError: as `outline`; or damaged data.
    """
    layout = _layout(contents)
    return {"generator": flat_state(layout, flat_config(layout))}


def _layout(contents: Contents) -> FlatLayout:
    found = tensors_of(contents.tree)
    entries = [name.removesuffix(LANDMARK) for name in found if name.endswith(LANDMARK)]
    entry = next((entry for entry in entries if entry.startswith(AVERAGED)), entries[0])
    values: dict[str, Stored | float] = {
        name.removeprefix(entry): tensor for name, tensor in found.items() if name.startswith(entry)
    }
    if MEAN in found:
        values[MEAN] = found[MEAN]
    return FlatLayout(
        title="rosinality",
        path=contents.path,
        values=values,
        place=_place,
        dense=lambda number, leaf: Place(f"style.{number + 1}.{leaf}"),
        constant="input.input",
        mean=MEAN,
        dead=DEAD,
        taps=lambda: _taps(found.get(entry + FILTER)),
    )


def _taps(stored: Stored | None) -> Tensor:
    """The smoothing filter, which lies in the file with the gain of four that doubling has."""
    return smoothing((1, 3, 3, 1)) if stored is None else stored.read() / 4


def _place(block: int, module: str, leaf: str) -> Place:
    if leaf == "noise":
        return Place(f"noises.noise_{2 * block - (module == 'conv0')}")
    if module == "to_picture":
        name = f"to_rgbs.{block - 1}" if block else "to_rgb1"
        return Place(f"{name}.{'bias' if leaf == 'bias' else LEAVES[leaf]}", CHANGES.get(f"picture.{leaf}", _kept))
    name = f"convs.{2 * block - 1 - (module == 'conv0')}" if block else "conv1"
    return Place(f"{name}.{LEAVES.get(leaf, leaf)}", CHANGES.get(leaf, _kept))


def _kept(tensor: Tensor) -> Tensor:
    return tensor


CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "weight": lambda weight: weight.squeeze(0),  # (1, out, in, k, k)
    "picture.weight": lambda weight: weight.squeeze(0),
    "picture.bias": lambda bias: bias.flatten(),  # (1, 3, 1, 1)
    "strength": lambda strength: strength.squeeze(),  # (1,)
}
