"""The tensors of one network in a torch file, taken one by one, each once: what is left over at the end is an error.

Taking them in turn keeps no more than one raw matrix in memory beside those already folded.
"""

from __future__ import annotations

import re
from math import isqrt

from torch import Tensor

from ..errors import CheckpointError
from .contents import Contents, some
from .spectral_fold import fold_by_step, fold_by_vectors

__all__ = ["TorchWeights", "square_side"]

COUNTERS = r".*num_batches_tracked"
"""Batch norms of torch count their updates; nothing reads the count."""


class TorchWeights:
    """The weights of one network, by their names in the file without the prefix."""

    def __init__(self, contents: Contents, landmark: str, title: str) -> None:
        """The network that has a weight called `landmark`; what stands before it in the file is everyone's prefix.

        Prefixes are the entries of a training checkpoint (`model_state_dict.`) and DataParallel's `module.`.

        Raises:
            CheckpointError: no such weight, in a file of the network called `title`.
        """
        self._contents, self._title = contents, title
        pattern = re.compile(rf"(.*\.)?{re.escape(landmark)}\.weight(_orig)?")
        found = next((match for name in contents.shapes if (match := pattern.fullmatch(name))), None)
        if found is None:
            raise self.error(f"it lacks {landmark}.weight")
        self._prefix = found.group(1) or ""
        own = (name for name in contents.shapes if name.startswith(self._prefix))
        self._left = {name.removeprefix(self._prefix) for name in own}

    def error(self, what: str) -> CheckpointError:
        """The error that says what is wrong with this file."""
        return CheckpointError(
            f"The weights of {self._title} are needed; in {self._contents.path.name}, {what}. "
            "Give the file as its training wrote it."
        )

    def __contains__(self, name: str) -> bool:
        """Whether the network has a tensor of this name; a weight may be there in pieces."""
        names = self._contents.shapes
        return self._prefix + name in names or self._prefix + f"{name}_orig" in names

    def shape(self, name: str, axes: int) -> tuple[int, ...]:
        """The shape of a tensor, which must have that many axes; a weight may be there in pieces.

        Raises:
            CheckpointError: it is missing, or has another number of axes.
        """
        shapes = self._contents.shapes
        shape = shapes.get(self._prefix + name, shapes.get(self._prefix + f"{name}_orig"))
        if shape is None:
            raise self.error(f"{name} is missing")
        if len(shape) != axes:
            raise self.error(f"{name} should have {axes} axes and its shape is {shape}")
        return shape

    def take(self, name: str) -> Tensor:
        """A tensor in float32.

        Raises:
            CheckpointError: it is missing.
        """
        if name not in self._left:
            raise self.error(f"{name} is missing")
        self._left.remove(name)
        return self._contents.tensors({self._prefix + name})[self._prefix + name]

    def folded(self, module: str) -> Tensor:
        """The weight of a module as it is used, its spectral norm, if it has any, divided out.

        torch's hook keeps `weight_orig`, `weight_u` and `weight_v`; mimicry's own layers `weight` and `sn_u`,
        ajbrock's `weight` and `u0`, from which they take a step at every use.

        Raises:
            CheckpointError: it is missing, or its vectors are of another size.
        """
        if f"{module}.weight_orig" in self._left:
            weight, u, v = (self.take(f"{module}.weight_{end}") for end in ("orig", "u", "v"))
            self._check(module, weight, u, v)
            return fold_by_vectors(weight, u.flatten(), v.flatten())
        weight = self.take(f"{module}.weight")
        if f"{module}.sn_u" in self._left:
            u = self.take(f"{module}.sn_u")
            self.take(f"{module}.sn_sigma")  # what the last step of training found
            self._check(module, weight, u)
            return fold_by_step(weight, u)
        if f"{module}.u0" in self._left:
            u = self.take(f"{module}.u0")
            if f"{module}.sv0" in self._left:  # what the last step of training found, or an average of it
                self.take(f"{module}.sv0")
            self._check(module, weight, u)
            return fold_by_step(weight, u)
        return weight

    def _check(self, module: str, weight: Tensor, *vectors: Tensor) -> None:
        """Refuse vectors that are not as long as the sides of the weight's matrix."""
        sides = weight.flatten(1).shape if weight.dim() > 1 else ()
        if len(sides) < 2 or any(vector.numel() != side for vector, side in zip(vectors, sides, strict=False)):
            raise self.error(f"the vectors of {module}'s spectral norm do not fit its weight {tuple(weight.shape)}")

    def finish(self, dead: str = r"(?!)") -> None:
        """Refuse a file of which something was not taken, but for what fits the pattern `dead` and counters.

        Raises:
            CheckpointError: names are left over.
        """
        if unknown := {name for name in self._left if not re.fullmatch(rf"{dead}|{COUNTERS}", name)}:
            raise self.error(f"there is also the unknown {some(unknown)}")


def square_side(rows: int, channels: int) -> int:
    """Side of the square map of `channels` channels that a linear layer of `rows` outputs makes; 0 where it is none."""
    side = isqrt(rows // max(channels, 1))
    return side if side * side * channels == rows else 0
