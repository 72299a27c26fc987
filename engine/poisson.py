"""Gradient-domain blending: Perez, Gangnet and Blake, "Poisson Image Editing" (SIGGRAPH 2003).

The blend f equals the target outside the mask and, inside it, is the picture whose gradients are
nearest to a guidance field v (their eq. 7): for each pixel p of the domain, over its neighbours q in the image,

    sum_q (f_p - f_q) = sum_q v_pq

Each plane of each picture is one such linear system, solved for the correction x = f - target, which is zero
outside the domain. The solver is conjugate gradients preconditioned by one multigrid V-cycle
(McAdams, Sifakis and Teran 2010). It runs on the CPU, in float32, on the mask's bounding box only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event

import cv2
import numpy as np
import torch
from torch import Tensor

from .errors import InputError, MaskError, NeuralCollageError
from .pictures import as_mask, as_picture, repeat_batches

__all__ = ["MODES", "poisson_blend"]

MODES = ("normal", "mixed", "monochrome")

TOLERANCE = 1 / 255 / 128
"""Largest estimated error at which the solver stops, in parts of the plane's value range: 1/128 of an 8-bit step."""
MAX_ITERATIONS = 200
"""Ten are usual, for the oddest masks fifteen; more than this is a defect."""
STEPS = tuple(1 / (5 + side * 3 / 2**0.5) for side in (1, -1))
"""The stencil's eigenvalues lie in [0, 8]; relaxing at the Chebyshev roots of [2, 8] damps their rough part."""
WATCH_EVERY = 0.1
"""Seconds between two reports of how far the solver is."""
LUMINANCE = np.array([0.299, 0.587, 0.114])
"""Of red, green and blue: Rec. ITU-R BT.601."""


Watch = Callable[[float], object]


def poisson_blend(
    target: Tensor, source: Tensor, mask: Tensor, mode: str = "normal", watch: Watch | None = None
) -> Tensor:
    """Blend `source` into `target` where `mask` > 0.5, without a seam.

    The target's pixels just outside that domain are boundary values; the image's own border is left free (no gradient
    across it). A domain without boundary values is the whole image: there each plane keeps the source's mean.

    Args:
        target: (N, C, H, W) of any float type and range.
        source: the same C, H and W. A batch of one is repeated to the longest of the three.
        mask: (H, W), (N, H, W) or (N, 1, H, W), 0 to 1.
        mode: the guidance v, each plane on its own unless said otherwise:
            "normal"      the source's gradients (eq. 9);
            "mixed"       between each two neighbours the stronger of both gradients, the source's if equal (eq. 12-13);
            "monochrome"  the gradients of the source's luminance (Rec. 601) on every plane, so that all colour comes
                          from the target's boundary; C is 3, or 1 (its own luminance).
        watch: told, ten times a second while there is work, how much of it is done, 0 to 1, as far as one can tell.
            What it raises stops the work.

    Returns:
        (N, C, H, W) of the target's type and device, bit-identical to the target where mask <= 0.5; elsewhere within
        1/255 of the value range from the exact solution (about 1e-4 in practice). Like the exact solution, it can leave
        the range of the inputs.

    Raises:
        InputError: an unknown mode, pictures that are not finite, sizes, channels or batches that do not match.
        MaskError: a mask of another size or shape, or not 0 to 1.
        NeuralCollageError: the solver did not converge.
    """
    if mode not in MODES:
        raise InputError(f"The mode of Poisson blending must be one of {', '.join(MODES)}; got {mode!r}.")
    target, source, mask = _checked(target, source, mask)
    if mode == "monochrome" and target.shape[1] not in (1, 3):
        raise InputError(f"Monochrome blending needs 1 or 3 channels; got {target.shape[1]}. Drop the others first.")
    domain = mask > 0.5
    items = list(zip(_to_numpy(target), _to_numpy(source), domain[:, 0].cpu().numpy(), strict=True))
    told = watch or (lambda done: None)
    corrections = np.stack(
        [
            _correction(*item, mode, lambda done, before=before: told((before + done) / len(items)))
            for before, item in enumerate(items)
        ]
    )
    blended = target + torch.from_numpy(corrections).to(target.device)
    return torch.where(domain.to(target.device), blended.to(target.dtype), target)


def _checked(target: Tensor, source: Tensor, mask: Tensor) -> list[Tensor]:
    target, source, mask = as_picture(target, "target"), as_picture(source, "source"), as_mask(mask)
    if target.shape[1:] != source.shape[1:]:
        raise InputError(
            f"Target and source must have the same channels, height and width; got {tuple(target.shape[1:])} and "
            f"{tuple(source.shape[1:])}. Resize or convert the source."
        )
    height, width = mask.shape[-2:]
    if mask.shape[-2:] != target.shape[-2:]:
        raise MaskError(
            f"The mask must be as large as the picture, {target.shape[-2]} x {target.shape[-1]} (height x width); "
            f"got {height} x {width}. Resize it."
        )
    return repeat_batches(target=target, source=source, mask=mask)


def _to_numpy(value: Tensor) -> np.ndarray:
    """Single or double precision: numpy has no bfloat16, and half is too coarse to take differences in."""
    return (value if value.dtype == torch.float64 else value.float()).cpu().numpy()


# ---- one picture ----


def _correction(target: np.ndarray, source: np.ndarray, domain: np.ndarray, mode: str, watch: Watch) -> np.ndarray:
    """What to add to the target, (C,H,W) float32: zero outside the domain (H,W)."""
    correction = np.zeros(target.shape, np.float32)
    if not domain.any():
        return correction
    rows, columns = _stretch(domain, 0), _stretch(domain, 1)
    masks = _pyramid(domain[rows, columns].astype(np.float32))
    target, source = target[:, rows, columns], source[:, rows, columns]
    guide = source
    if mode == "monochrome" and len(source) == 3:
        guide = np.broadcast_to(np.tensordot(LUMINANCE.astype(source.dtype), source, 1), source.shape)
    solved = _solve_planes(target, guide, masks, mode, watch)
    if domain.all():
        means = (source - target).mean((1, 2), dtype=np.float64) - solved.mean((1, 2), dtype=np.float64)
        solved += means[:, None, None].astype(np.float32)
    correction[:, rows, columns] = solved
    return correction


def _stretch(domain: np.ndarray, axis: int) -> slice:
    """The part of an axis that the domain occupies, and one pixel more each way (if the image goes on) for its edge."""
    places = np.flatnonzero(domain.any(axis=1 - axis))
    return slice(max(0, int(places.min()) - 1), int(places.max()) + 2)


@dataclass(eq=False)
class _Way:
    """How far the solver of one plane is, and whether it shall go on."""

    stop: Event
    done: float = 0.0

    def reached(self, error: float) -> None:
        """The error falls by about the same factor in every iteration, so its logarithm tells how much is done."""
        self.done = max(self.done, min(1.0, math.log(max(error, TOLERANCE)) / math.log(TOLERANCE)))


def _solve_planes(
    target: np.ndarray, guide: np.ndarray, masks: list[np.ndarray], mode: str, watch: Watch
) -> np.ndarray:
    """Solve all planes (C,H,W) at once; `watch` is called here, in the caller's thread, and may end it by an error."""
    stop = Event()
    ways = [_Way(stop) for _ in target]
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # numpy and OpenCV release the interpreter's lock
        try:
            planes = [
                pool.submit(_solve_plane, f, g, masks, mode, way) for f, g, way in zip(target, guide, ways, strict=True)
            ]
            while wait(planes, WATCH_EVERY).not_done:
                watch(sum(way.done for way in ways) / len(ways))
        finally:
            stop.set()
    return np.stack([plane.result() for plane in planes])


def _solve_plane(target: np.ndarray, guide: np.ndarray, masks: list[np.ndarray], mode: str, way: _Way) -> np.ndarray:
    """Solve one plane in units of its value range, so that float32 and one tolerance suit every range."""
    unit = max(float(plane.max()) - float(plane.min()) for plane in (target, guide))
    if unit == 0:
        return np.zeros(target.shape, np.float32)
    if mode == "mixed":
        excess = _mixed_divergence(target, guide, unit)
    else:
        excess = _laplacian(((guide - target) / unit).astype(np.float32))
    return _conjugate_gradients(excess * masks[0], masks, way) * np.float32(unit)


def _mixed_divergence(target: np.ndarray, source: np.ndarray, unit: float) -> np.ndarray:
    """Divergence of (mixed guidance - target's gradients), in units of the range: zero where the target's win."""
    divergence = np.zeros(target.shape, np.float32)
    for axis in (0, 1):
        ours, theirs = np.diff(target, axis=axis), np.diff(source, axis=axis)
        excess = np.where(np.abs(ours) > np.abs(theirs), 0, (theirs - ours) / unit).astype(np.float32)
        along = np.moveaxis(divergence, axis, 0)  # a view
        along[1:] += np.moveaxis(excess, axis, 0)
        along[:-1] -= np.moveaxis(excess, axis, 0)
    return divergence


# ---- the solver ----


def _laplacian(values: np.ndarray) -> np.ndarray:
    """Sum over the neighbours q in the image of (u_p - u_q); a replicated border adds nothing, which leaves it free."""
    return cv2.Laplacian(values, cv2.CV_32F, ksize=1, scale=-1, borderType=cv2.BORDER_REPLICATE)


def _conjugate_gradients(right: np.ndarray, masks: list[np.ndarray], way: _Way) -> np.ndarray:
    """Solve mask * laplacian(x) = right for x, zero outside the mask.

    The preconditioned residual is itself an estimate of the error, so its largest value decides when to stop.
    Each direction is made conjugate to the last one explicitly (flexible conjugate gradients, Notay 2000), because
    the V-cycle is not quite symmetric: it restricts and prolongs by different kernels.
    """
    x, direction, image, curvature = np.zeros_like(right), np.zeros_like(right), np.zeros_like(right), 1.0
    residual, worst, whole = right, np.inf, bool(masks[0].all())
    for _ in range(MAX_ITERATIONS):
        estimate = _cycle(residual, masks)
        if whole:  # the stencil cannot see a constant
            estimate -= estimate.mean()
        worst = cv2.norm(estimate, cv2.NORM_INF)
        way.reached(worst)
        if worst <= TOLERANCE or way.stop.is_set():  # nobody waits for what a stopped one returns
            return x + estimate
        direction = cv2.scaleAdd(direction, -float(np.vdot(estimate, image)) / curvature, estimate)
        image = _laplacian(direction)
        image *= masks[0]
        curvature = float(np.vdot(direction, image))
        step = float(np.vdot(direction, residual)) / curvature
        x, residual = cv2.scaleAdd(direction, step, x), cv2.scaleAdd(image, -step, residual)
    raise NeuralCollageError(
        f"Poisson blending must converge within {MAX_ITERATIONS} iterations, but an error of {worst:.1g} of the value "
        "range was left: simplify the mask, or paste instead."
    )


def _pyramid(mask: np.ndarray) -> list[np.ndarray]:
    """The domain at half the size, and half that, down to 2x2 or nothing left.

    A coarse cell belongs to the domain if all of its pixels do. A domain that is too generous makes corrections that
    are too large (combs and salt-and-pepper masks then fail to converge); what a strict one leaves out lies
    next to boundary values, where relaxation alone is quick.
    """
    masks = [mask]
    while max(mask.shape) > 2:
        bottom, right = _padding(mask)
        mask = _halve(cv2.copyMakeBorder(mask, 0, bottom, 0, right, cv2.BORDER_REPLICATE))
        mask = (mask == 1).astype(np.float32)
        if not mask.any():
            break
        masks.append(mask)
    return masks


def _padding(values: np.ndarray) -> tuple[int, int]:
    """Rows and columns that make the sizes even; a strip one pixel wide stays one."""
    height, width = values.shape
    return height % 2 * (height > 1), width % 2 * (width > 1)


def _halve(values: np.ndarray) -> np.ndarray:
    height, width = values.shape
    return cv2.resize(values, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)


def _cycle(residual: np.ndarray, masks: list[np.ndarray]) -> np.ndarray:
    """One V-cycle: an estimate of the x for which mask * laplacian(x) = residual."""
    # From zero, both relaxation steps are one filter: x = (step_1 + step_2 - step_1 step_2 laplacian) residual.
    x = _filter(residual, sum(STEPS), math.prod(STEPS))
    x *= masks[0]
    if len(masks) > 1:
        # What is left outside the mask does no harm: it lies in no coarse cell of the domain.
        coarse = _coarse_correction(residual - _laplacian(x), masks[1:])
        cv2.accumulateProduct(coarse, masks[0], x)
    for step in STEPS:
        x = _filter(x, 1, step)
        x = cv2.scaleAdd(residual, step, x, dst=x)
        x *= masks[0]
    return x


def _filter(values: np.ndarray, own: float, step: float) -> np.ndarray:
    """own * values - step * laplacian(values), in one pass."""
    kernel = np.array([[0, step, 0], [step, own - 4 * step, step], [0, step, 0]], np.float32)
    return cv2.filter2D(values, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE)


def _coarse_correction(residual: np.ndarray, masks: list[np.ndarray]) -> np.ndarray:
    """Solve at half the size, where the same stencil spans twice the distance: the equations gain a factor of four."""
    height, width = residual.shape
    bottom, right = _padding(residual)
    padded = cv2.copyMakeBorder(residual, 0, bottom, 0, right, cv2.BORDER_CONSTANT) if bottom or right else residual
    coarse = _cycle(_halve(padded) * masks[0] * np.float32(4), masks)
    return cv2.resize(coarse, padded.shape[::-1], interpolation=cv2.INTER_LINEAR)[:height, :width]
