"""Spectral normalisation divided out of the weights while a file is read, by the rule of the code that wrote it.

Files hold the raw weight W and vectors; what the network multiplies by is W / sigma, with W as a matrix (rows, rest).

`fold_by_step`     one power step from the stored u (ajbrock/BigGAN-PyTorch, `layers.py`, class SN; Chainer)
`fold_by_vectors`  u and v as they are stored (torch's hook `torch.nn.utils.spectral_norm`, in evaluation)
"""

from __future__ import annotations

from torch import Tensor

from ..networks.spectral import power_step

__all__ = ["fold_by_step", "fold_by_vectors"]


def fold_by_step(weight: Tensor, u: Tensor) -> Tensor:
    """W / sigma, sigma after one power step from u, which need not be of unit length (an average never is).

    Args:
        weight: (rows, ...), as read from a file and wanted by nobody else: it is divided in place.
        u: (1, rows) or (rows,).
    """
    return weight.div_(power_step(weight, u.reshape(1, -1))[0])


def fold_by_vectors(weight: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """W / (u W v), without a power step.

    Args:
        weight: (rows, ...), as read from a file and wanted by nobody else: it is divided in place.
        u: (rows,).
        v: (rest,).
    """
    return weight.div_(u @ weight.flatten(1) @ v)
