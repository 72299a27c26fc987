"""The region of the object in a photograph, found by GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004).

GrabCut must be told where to begin, usually by a rectangle that a person draws. Here the photograph says it: what
differs from its border is taken for the object at first, the rectangle around that bounds the search, and GrabCut
learns the colours of both sides and finds the outline. Nothing is assumed of the background but that it makes up most
of the border.

Shapes: N photographs, H W their size.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

RING = 2
"""Pixels at the border that say what the background looks like."""
LEAST, TIMES = 10.0, 2.0
"""A pixel differs whose distance from the border's median colour is above so many units of 8-bit Lab (JPEG noise is
below), and above so many times the distance that is usual in the border itself."""
ROOM = 2
"""Pixels around what differs in which GrabCut may still find some of the object."""
ROUNDS = 5


def find_regions(photos: Tensor) -> Tensor:
    """Where the object of each photograph is.

    Args:
        photos: (N, 3, H, W) in [-1, 1].

    Returns:
        (N, 1, H, W): one in the object, highlights included, zero elsewhere; zero everywhere where there is none to
        be found: nothing differs from the border, or all does.
    """
    pixels = (photos * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    found = np.array([_region(np.ascontiguousarray(one)) for one in pixels], np.float32)
    return torch.from_numpy(found.reshape(photos[:, :1].shape))  # of no photographs, none


def _region(photo: np.ndarray) -> np.ndarray:
    """(H, W) of ones and zeros for (H, W, 3) in uint8."""
    differing = _largest(_differing(photo))
    if differing.all() or not differing.any():
        return np.zeros_like(differing)
    believed = np.where(differing, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(differing)
    outside = np.ones(differing.shape, bool)
    outside[max(0, y - ROOM) : y + height + ROOM, max(0, x - ROOM) : x + width + ROOM] = False
    believed[outside] = cv2.GC_BGD
    cv2.setRNGSeed(0)  # its colour models begin with a random clustering
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(photo[..., ::-1].copy(), believed, (x, y, width, height), *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = _largest(believed & 1)  # foreground, sure or probable, has odd numbers
    return _filled(found if found.any() else differing)


def _differing(photo: np.ndarray) -> np.ndarray:
    """(H, W): one where the colour is not the border's."""
    colours = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB).astype(np.float32)
    border = np.ones(photo.shape[:2], bool)
    border[RING:-RING, RING:-RING] = False
    usual = np.median(colours[border], axis=0)
    away = np.linalg.norm(colours - usual, axis=2)
    return (away > max(LEAST, TIMES * float(np.median(away[border])))).astype(np.uint8)


def _largest(mask: np.ndarray) -> np.ndarray:
    """The largest connected piece of a mask."""
    count, pieces, figures, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        return mask
    return (pieces == 1 + figures[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)


def _filled(mask: np.ndarray) -> np.ndarray:
    """A mask without holes."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros_like(mask), outlines, -1, 1, cv2.FILLED)
