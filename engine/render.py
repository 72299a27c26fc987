"""render(gan, collage): run the generator with the edits, a pure function.

References run as batch-mates of the target, in one pass of the one loop: at every feature map the target's features are
blended with those of its references (paper eq. 3), and a reference leaves the batch after the last layer that uses it.

Shapes: N images of a stream, C channels, h w size of a feature map, R picture size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from .batches import count_pictures
from .collage import Collage, FeatureEdit
from .difference import difference
from .errors import InputError
from .gan import Gan
from .label_styles import LabelStyles, check_aspect, repeat
from .layers import parse_layers
from .networks.generator import Generator, State, frame
from .ranges import expect
from .style import Style

__all__ = ["changes", "render"]


@torch.no_grad()
def render(gan: Gan, collage: Collage) -> Tensor:
    """Draw a collage.

    Args:
        gan: the model.
        collage: a latent and its edits; latents, masks and references of batch one are repeated to the longest batch.

    Returns:
        (N, 3, R, R) in [-1, 1], on the model's device.

    Raises:
        InputError: a label, layer, mask, unit or batch that does not fit the model or the picture.
        ModelError: the generator is in training mode.
    """
    if not isinstance(collage, Collage):
        raise InputError(
            f"Only a Collage can be rendered; got {type(collage).__name__}. Wrap a latent: Collage(latent)."
        )
    expect(gan, Gan, "The model to draw with")
    generator, streams = gan.drawing(), _plan(gan, collage)
    styles = [
        _together([s.styles.at(norm) for s in streams if s.last >= layer]) for norm, layer in _norm_layers(generator)
    ]
    latents = [stream.styles.latent for stream in streams]
    first = _joined([generator.begin(latent) for latent in latents])
    return generator.end(generator.run(first, styles, partial(_edit, generator, streams)), latents[0])


def changes(gan: Gan, collage: Collage, images: Tensor) -> Tensor:
    """Where its edits changed a collage's picture. Without edits there is nothing to draw again, and nothing changed.

    Args:
        gan: the model that drew the images.
        collage: what they were drawn from.
        images: (N, 3, R, R) in [-1, 1]: what `render` gave.

    Returns:
        (N, 1, R, R): half of the largest channel's difference from the unedited picture, as `difference` gives it.

    Raises:
        InputError, ModelError: as `render` and `difference`.
    """
    expect(collage, Collage, "What the images were drawn from")
    return difference(images, render(gan, Collage(collage.latent)) if collage.edits else images)


@dataclass(eq=False)
class _Stream:
    """One collage that runs in the batch: the target, or a reference."""

    collage: Collage
    styles: LabelStyles
    blends: list[tuple[FeatureEdit, frozenset[int], _Stream]]
    """Feature edits, the feature maps at which each acts, and the stream of its reference."""
    depth: int
    """How deep references nest below it."""
    last: int = -1
    """The last feature map at which this stream is needed; it leaves the batch after it."""

    @property
    def count(self) -> int:
        return self.styles.count


def _plan(gan: Gan, collage: Collage) -> list[_Stream]:
    """All streams that must run, the target first, then by how long they are needed."""
    found: dict[int, _Stream] = {}
    target = _stream(gan, collage, found)
    # Users come after their references in `found` (they are entered when complete), so reversed order sees users first.
    target.last = len(gan.generator.feature_sizes)
    for stream in reversed(found.values()):
        for _, maps, reference in stream.blends:
            reference.last = max([reference.last, *(index for index in maps if index <= stream.last)])
    running = [stream for stream in found.values() if stream.last >= 0]
    return sorted(running, key=lambda stream: -stream.last)


def _stream(gan: Gan, collage: Collage, found: dict[int, _Stream]) -> _Stream:
    """The stream of a collage, made once however often it is used, after those of its references."""
    if id(collage) not in found:
        edits = [edit for edit in collage.edits if isinstance(edit, FeatureEdit)]
        for edit in edits:
            check_aspect(edit.mask, "mask of a feature collage")
        sizes = gan.generator.feature_sizes
        # An edit without weight is dropped before the run: "no mask" changes no bit of the picture.
        chosen = [(edit, parse_layers(edit.layers, sizes)) for edit in edits]
        active = [(edit, maps) for edit, maps in chosen if edit.strength * edit.mask.max() > 0]
        blends = [(edit, maps, _stream(gan, edit.reference, found)) for edit, maps in active]
        depth = 1 + max((reference.depth for _, _, reference in blends), default=0)
        found[id(collage)] = _Stream(collage, LabelStyles(gan, collage, count_pictures(collage)), blends, depth)
    return found[id(collage)]


def _norm_layers(generator: Generator) -> list[tuple[int, int]]:
    """(norm, layer) for every conditional norm: layer i makes feature map i."""
    numbered = enumerate(generator.layers, start=generator.first_map())
    return list(enumerate([layer for layer, module in numbered for _ in range(module.n_norms)]))  # type: ignore[call-overload]


def _joined(states: list[State]) -> State:
    """The states of several streams as one batch."""
    return tuple(torch.cat(tensors) for tensors in zip(*states, strict=True))


def _together(styles: list[Style]) -> Style:
    """The styles of several streams as one batch: streams with fewer labels get more, of weight zero."""
    if len(styles) == 1:
        return styles[0]
    most = max(style.vectors.shape[1] for style in styles)
    size = max((style.weights.shape[-2:] for style in styles), key=lambda hw: hw[0])
    padded = [_pad(style, most, size) for style in styles]
    vectors, weights = (torch.cat([getattr(style, name) for style in padded]) for name in ("vectors", "weights"))
    return Style(vectors, weights, _joined_noise(padded))


def _joined_noise(styles: list[Style]) -> Tensor | None:
    """Each stream's noise, repeated to its pictures: (N, 1, h, w). A layer has noise for all streams or for none."""
    noises = [style.noise.expand(len(style.vectors), -1, -1, -1) for style in styles if style.noise is not None]
    return torch.cat(noises) if noises else None


def _pad(style: Style, most: int, size: torch.Size) -> Style:
    missing = most - style.vectors.shape[1]
    weights = style.weights.expand(-1, -1, *size)
    if missing:
        weights = torch.cat([weights, weights.new_zeros(len(weights), missing, *size)], dim=1)
    return Style(torch.cat([style.vectors, *[style.vectors[:, :1]] * missing], dim=1), weights, style.noise)


def _edit(generator: Generator, streams: list[_Stream], index: int, state: State) -> State:
    """Blend at feature map `index`, then drop the streams that are not needed any more."""
    running = [stream for stream in streams if stream.last >= index]
    staying = [stream for stream in running if stream.last > index]
    blending = [stream for stream in running if any(index in maps for _, maps, _ in stream.blends)]
    if not blending and len(staying) == len(running):
        return state
    counts = [stream.count for stream in running]
    parts = dict(zip(running, zip(*(tensor.split(counts) for tensor in state), strict=True), strict=True))
    place = generator.feature_sizes[index], generator.feature_margins[index] if generator.feature_margins else 0
    # References first: what a picture takes from its reference includes the reference's own edits.
    for stream in sorted(blending, key=lambda stream: stream.depth):
        here = [(edit, reference) for edit, maps, reference in stream.blends if index in maps]
        for edit, reference in here:
            parts[stream] = _blend(parts[stream], parts[reference], edit, stream.count, place)
    return parts[staying[0]] if len(staying) == 1 else _joined([parts[stream] for stream in staying])


def _blend(own: State, reference: State, edit: FeatureEdit, count: int, place: tuple[int, int]) -> State:
    """`h <- h + m s (shifted reference - h)` for every tensor of a state (paper eq. 3), all of one size and margin."""
    mask = repeat(edit.mask.to(own[0].device), count, "masks of a feature collage") * edit.strength
    weight_everywhere = frame(mask, *place)  # (N, 1, h, w)
    blended = []
    for h, r in zip(own, reference, strict=True):
        r = repeat(_shift(r, edit.shift, place[0]), count, "pictures of a reference")
        weight = weight_everywhere.to(h.dtype)
        if edit.units is not None:
            weight = weight * _unit_mask(edit.units, h)
        blended.append(torch.lerp(h, r.to(h.dtype), weight))  # exact at weight 0 and at weight 1
        if edit.units is not None:  # units are channels of the features; whatever else the state carries stays
            return (*blended, *own[1:])
    return tuple(blended)


def _unit_mask(units: tuple[int, ...], features: Tensor) -> Tensor:
    """(1, C, 1, 1): one for the chosen channels."""
    channels = features.shape[1]
    if units[-1] >= channels:
        raise InputError(
            f"Units must be channels of every chosen layer; the layer at {features.shape[-1]} px has {channels} "
            f"(0 to {channels - 1}), and unit {units[-1]} was asked for. Choose coarser layers or other units."
        )
    mask = torch.zeros(1, channels, 1, 1, device=features.device, dtype=features.dtype)
    mask[:, list(units)] = 1
    return mask


def _shift(features: Tensor, shift: tuple[float, float], unit: int) -> Tensor:
    """Move (N, C, h, w) by fractions of `unit` pixels, (right, down): bilinear, the exposed border replicated."""
    for dimension, fraction in ((3, shift[0]), (2, shift[1])):
        size = features.shape[dimension]
        if fraction == 0:
            continue
        source = (torch.arange(size, dtype=torch.float64) - fraction * unit).clamp(0, size - 1)
        low = source.floor().long().clamp(max=max(size - 2, 0))
        part = (source - low).to(features.dtype).to(features.device)
        part = part.view([-1 if d == dimension else 1 for d in range(4)])
        low = low.to(features.device)
        after = (low + 1).clamp(max=size - 1)
        features = torch.lerp(features.index_select(dimension, low), features.index_select(dimension, after), part)
    return features
