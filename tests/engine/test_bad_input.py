"""What the engine refuses: each case gets an error of our own that says what is required and what arrived."""
# ruff: noqa: E501 - a case a line reads best

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import toy
from neural_collage import engine as nc
from neural_collage.engine.gan import Gan

NAN, INF = float("nan"), float("inf")
M = torch.ones(16, 16)  # a good mask
P = torch.zeros(1, 3, 16, 16)  # a good picture


@pytest.fixture(scope="module")
def gan() -> Gan:
    return toy.gan()


def of(n: int = 1, *, labels: list[int] | None = None, length: int = toy.DIM_Z) -> nc.Latent:
    return nc.Latent(torch.zeros(n, length), torch.tensor(labels or [0] * n))


def base(n: int = 1, **other: Any) -> nc.Collage:
    return nc.Collage(of(n, **other))


def paint(mask: Any, label: Any = 1, strength: Any = 1.0) -> nc.ClassMap:
    return nc.ClassMap().paint(label, mask, strength)


def feature(**changed: Any) -> nc.Collage:
    return base().feature(**{"reference": base(), "mask": M, **changed})


def with_nan(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.full(shape, NAN)


Case = tuple[str, Callable[[Gan], object], type[Exception], str, str]
"""Name, call, error, words for what is required, words for what arrived."""

MASKS: list[Case] = [
    ("mask: an array", lambda g: paint(np.ones((4, 4))), nc.MaskError, "must be a tensor", "ndarray"),
    ("mask: nothing", lambda g: paint(None), nc.MaskError, "must be a tensor", "NoneType"),
    ("mask: complex", lambda g: paint(M.to(torch.complex64)), nc.MaskError, "numbers from 0 to 1", "complex64"),
    ("mask: one dimension", lambda g: paint(torch.ones(4)), nc.MaskError, "(N, 1, H, W)", "(4,)"),
    ("mask: five dimensions", lambda g: paint(torch.ones(1, 1, 1, 4, 4)), nc.MaskError, "(H, W)", "(1, 1, 1, 4, 4)"),
    ("mask: three channels", lambda g: paint(torch.ones(1, 3, 4, 4)), nc.MaskError, "(N, 1, H, W)", "(1, 3, 4, 4)"),
    ("mask: channels last", lambda g: paint(torch.ones(2, 4, 4, 1)), nc.MaskError, "(N, 1, H, W)", "(2, 4, 4, 1)"),
    ("mask: no pixels", lambda g: paint(torch.ones(0, 4)), nc.MaskError, "none of them 0", "(0, 4)"),
    ("mask: NaN", lambda g: paint(with_nan((4, 4))), nc.MaskError, "from 0 (untouched) to 1", "nan"),
    ("mask: infinite", lambda g: paint(M * INF), nc.MaskError, "from 0 (untouched) to 1", "inf"),
    ("mask: negative", lambda g: paint(M - 1.5), nc.MaskError, "from 0 (untouched) to 1", "-0.5"),
    ("mask: eight bits", lambda g: paint((M * 255).byte()), nc.MaskError, "Divide an 8-bit mask by 255", "255"),
    ("mask: wide", lambda g: nc.render(g, base().label(paint(torch.ones(8, 12)))), nc.MaskError, "square", "12 x 8"),
    ("mask: tall, feature", lambda g: nc.render(g, feature(mask=torch.ones(9, 4))), nc.MaskError, "square", "4 x 9"),
    ("mask: NaN, feature", lambda g: feature(mask=with_nan((4, 4))), nc.MaskError, "from 0 (untouched) to 1", "nan"),
    ("masks: two aspects", lambda g: paint(M).paint(2, torch.ones(8, 12)), nc.MaskError, "one aspect", "(8, 12)"),
    ("masks: two batches", lambda g: paint(torch.ones(2, 4, 4)).paint(2, torch.ones(3, 4, 4)), nc.MaskError, "one batch length, or singly", "2 and 3"),
]  # fmt: skip

WEIGHTS: list[Case] = [
    ("weights: one label as text", lambda g: nc.ClassMap.from_weights("rose", M[None, None]), nc.LabelError, "must be a list", "'rose'"),
    ("weights: too few maps", lambda g: nc.ClassMap.from_weights([0, 1], M[None, None]), nc.MaskError, "each of the 2 labels", "(1, 1, 16, 16)"),
    ("weights: no batch or labels", lambda g: nc.ClassMap.from_weights([0], M), nc.MaskError, "(N, K, H, W)", "(16, 16)"),
    ("weights: sums below one", lambda g: nc.ClassMap.from_weights([0, 1], torch.full((2, 4, 4), 0.4)), nc.MaskError, "sum to one", "0.2"),
    ("weights: negative", lambda g: nc.ClassMap.from_weights([0, 1], torch.stack([M + 0.25, -0.25 * M])), nc.MaskError, "non-negative", "-0.25"),
    ("weights: NaN", lambda g: nc.ClassMap.from_weights([0], with_nan((1, 4, 4))), nc.MaskError, "sum to one", "nan"),
    ("weights: an array", lambda g: nc.ClassMap.from_weights([0], np.ones((1, 4, 4))), nc.MaskError, "must be a tensor", "ndarray"),  # type: ignore[arg-type]
]  # fmt: skip

LABELS: list[Case] = [
    ("label: too high", lambda g: nc.render(g, base().label(paint(M, 3))), nc.LabelError, "from 0 to 2", "3"),
    ("label: negative", lambda g: nc.render(g, base().label(paint(M, -1))), nc.LabelError, "from 0 to 2", "-1"),
    ("label: misspelt", lambda g: nc.render(g, base().label(paint(M, "tulp"))), nc.LabelError, "Did you mean one of tulip", "'tulp'"),
    ("label: a float", lambda g: paint(M, 1.0), nc.LabelError, "class number, a class name or a Collage", "1.0"),
    ("label: a switch", lambda g: g.sample(True), nc.LabelError, "from 0 to 2 or a name", "True"),
    ("label: a list", lambda g: paint(M, [1]), nc.LabelError, "class number, a class name or a Collage", "[1]"),
    ("label: of another library", lambda g: nc.render(g, base().label(paint(M, object))), nc.LabelError, "a number from 0 to 2", "object"),
    ("labels: none", lambda g: g.sample([]), nc.LabelError, "At least one class", "empty"),
    ("latent: label of another model", lambda g: nc.render(g, base(labels=[7])), nc.LabelError, "from 0 to 2", "[7]"),
    ("latent: negative label", lambda g: nc.render(g, base(labels=[-1])), nc.LabelError, "from 0 to 2", "[-1]"),
    ("reference: label of another model", lambda g: nc.render(g, feature(reference=base(labels=[5]))), nc.LabelError, "from 0 to 2", "[5]"),
    ("painted style: label of another model", lambda g: nc.render(g, base().label(paint(M * 0.5, base(labels=[5])))), nc.LabelError, "of a painted collage must be", "[5]"),
]  # fmt: skip

LATENTS: list[Case] = [
    ("latent: one dimension", lambda g: nc.Latent(torch.zeros(8), torch.tensor([0])), nc.InputError, "(N, D)", "(8,)"),
    ("latent: whole numbers", lambda g: nc.Latent(torch.zeros(1, 8).long(), torch.tensor([0])), nc.InputError, "float tensor", "int64"),
    ("latent: a list", lambda g: nc.Latent([0.0] * 8, torch.tensor([0])), nc.InputError, "float tensor", "list"),  # type: ignore[arg-type]
    ("latent: NaN", lambda g: nc.Latent(with_nan((1, 8)), torch.tensor([0])), nc.InputError, "finite numbers", "NaN"),
    ("latent: labels of floats", lambda g: nc.Latent(torch.zeros(1, 8), torch.tensor([0.0])), nc.InputError, "whole class numbers", "float32"),
    ("latent: labels of switches", lambda g: nc.Latent(torch.zeros(1, 8), torch.tensor([True])), nc.InputError, "whole class numbers", "bool"),
    ("latent: labels missing", lambda g: nc.Latent(torch.zeros(2, 8), torch.tensor([0])), nc.InputError, "one label for each z", "2 z and 1 labels"),
    ("latent: of another model", lambda g: nc.render(g, base(length=9)), nc.InputError, "have 8 numbers", "have 9"),
    ("reference: of another model", lambda g: nc.render(g, feature(reference=base(length=9))), nc.InputError, "have 8 numbers", "have 9"),
    ("collage: of a tensor", lambda g: nc.Collage(torch.zeros(1, 8)), nc.InputError, "starts from a Latent", "(1, 8)"),  # type: ignore[arg-type]
    ("render: a latent", lambda g: nc.render(g, of()), nc.InputError, "Only a Collage", "Latent"),  # type: ignore[arg-type]
    ("mix: amount", lambda g: nc.mix(base(), base(), 1.5), nc.InputError, "from 0 to 1", "1.5"),
    ("mix: batches", lambda g: nc.mix(base(2), base(3), 0.5), nc.InputError, "one length, or one of them single", "2 and 3"),
    ("sample: seed below 0", lambda g: g.sample(0, seed=-1), nc.InputError, "seed must be a whole number from 0", "-1"),
    ("sample: seed too large", lambda g: g.sample(0, seed=2**64), nc.InputError, "seed must be a whole number from 0", str(2**64)),
    ("sample: seed a fraction", lambda g: g.sample(0, seed=1.5), nc.InputError, "seed must be a whole number", "1.5"),  # type: ignore[arg-type]
    ("sample: truncation 0", lambda g: g.sample(0, truncation=0), nc.InputError, "above 0 and at most 1", "got 0"),
    ("sample: truncation 2", lambda g: g.sample(0, truncation=2), nc.InputError, "above 0 and at most 1", "got 2"),
    ("sample: truncation text", lambda g: g.sample(0, truncation="1"), nc.InputError, "above 0 and at most 1", "'1'"),  # type: ignore[arg-type]
    ("sample: none", lambda g: g.sample(0, count=0), nc.InputError, "whole number of at least 1", "got 0"),
    ("sample: count and labels", lambda g: g.sample([0, 1], count=3), nc.InputError, "each of the 3 images", "got 2"),
]  # fmt: skip

EDITS: list[Case] = [
    ("label: no class map", lambda g: base().label(M), nc.InputError, "needs a ClassMap", "Tensor"),  # type: ignore[arg-type]
    ("feature: no collage", lambda g: feature(reference=of()), nc.InputError, "must be a Collage", "Latent"),
    ("strength: above 1", lambda g: paint(M, 1, 1.5), nc.InputError, "Strength must be a number from 0 to 1", "1.5"),
    ("strength: below 0", lambda g: feature(strength=-0.1), nc.InputError, "Strength must be a number from 0 to 1", "-0.1"),
    ("strength: NaN", lambda g: paint(M, 1, NAN), nc.InputError, "Strength must be a number from 0 to 1", "nan"),
    ("strength: text", lambda g: feature(strength="full"), nc.InputError, "Strength must be a number", "'full'"),
    ("shift: one number", lambda g: feature(shift=0.5), nc.InputError, "two fractions of the picture", "0.5"),
    ("shift: in pixels", lambda g: feature(shift=(0, 12)), nc.InputError, "Shift down must be a number from -1 to 1", "12"),
    ("shift: NaN", lambda g: feature(shift=(NAN, 0)), nc.InputError, "Shift to the right must be a number", "nan"),
    ("units: none", lambda g: feature(units=[]), nc.InputError, "at least one, or None for all", "[]"),
    ("units: negative", lambda g: feature(units=[-1]), nc.InputError, "unit must be a whole number of at least 0", "-1"),
    ("units: text", lambda g: feature(units="0-3"), nc.InputError, "list of channel numbers", "'0-3'"),
    ("units: more than there are", lambda g: nc.render(g, feature(units=[8])), nc.InputError, "has 8 (0 to 7)", "unit 8"),
    ("layers: labels", lambda g: nc.render(g, base().label(paint(M), "32")), nc.LayerError, "#1 (4 px)", "'32'"),
    ("layers: features", lambda g: nc.render(g, feature(layers="#4")), nc.LayerError, "#3 (16 px)", "'#4'"),
    ("layers: a number", lambda g: nc.render(g, feature(layers=4)), nc.LayerError, 'Layers are "all"', "4"),
    ("batch: latents and masks", lambda g: nc.render(g, base(2).label(paint(torch.ones(3, 4, 4)))), nc.InputError, "singly or 3 at a time", "got 2"),
    ("batch: masks of a label collage", lambda g: nc.render(g, base(3).label(paint(torch.ones(2, 4, 4)))), nc.InputError, "singly or 3 at a time", "got 2"),
    ("batch: masks of a feature collage", lambda g: nc.render(g, base(3).feature(base(), torch.ones(2, 4, 4))), nc.InputError, "singly or 3 at a time", "got 2"),
    ("batch: references", lambda g: nc.render(g, base(3).feature(base(2), M)), nc.InputError, "singly or 3 at a time", "got 2"),
    ("batch: painted styles", lambda g: nc.render(g, base(3).label(paint(M * 0.5, base(2)))), nc.InputError, "singly or 3 at a time", "got 2"),
]  # fmt: skip

PROJECTIONS: list[Case] = [
    ("project: an array", lambda g: nc.project(g, np.zeros((1, 3, 16, 16)), 0), nc.InputError, "(N, 3, H, W)", "ndarray"),  # type: ignore[arg-type]
    ("project: channels last", lambda g: nc.project(g, torch.zeros(1, 16, 16, 3), 0), nc.InputError, "(N, 3, H, W)", "(1, 16, 16, 3)"),
    ("project: alpha", lambda g: nc.project(g, torch.zeros(1, 4, 16, 16), 0), nc.InputError, "(N, 3, H, W)", "(1, 4, 16, 16)"),
    ("latent: truncation NaN", lambda g: nc.Latent(torch.zeros(1, 8), torch.tensor([0]), NAN), nc.InputError, "truncation must be a number", "nan"),
    ("latent: truncation text", lambda g: nc.Latent(torch.zeros(1, 8), torch.tensor([0]), "x"), nc.InputError, "truncation must be a number", "'x'"),  # type: ignore[arg-type]
    ("latent: z and w", lambda g: nc.Latent(torch.zeros(1, 8), torch.tensor([0]), w=torch.zeros(1, 4)), nc.InputError, "either z or w", "both"),
    ("latent: noise", lambda g: nc.Latent(torch.zeros(1, 8), torch.tensor([0]), noise=torch.zeros(2)), nc.InputError, "whole seeds", "(2,)"),
    ("render: w", lambda g: nc.render(g, nc.Collage(nc.Latent(None, torch.tensor([0]), w=torch.zeros(1, 4)))), nc.InputError, "has no styles w", "z"),
    ("project: no batch", lambda g: nc.project(g, P[0], 0), nc.InputError, "(N, 3, H, W)", "(3, 16, 16)"),
    ("project: no images", lambda g: nc.project(g, P[:0], 0), nc.InputError, "(N, 3, H, W)", "(0, 3, 16, 16)"),
    ("project: oblong", lambda g: nc.project(g, torch.zeros(1, 3, 16, 24), 0), nc.InputError, "must be square", "24 x 16"),
    ("project: NaN", lambda g: nc.project(g, with_nan((1, 3, 16, 16)), 0), nc.InputError, "finite numbers in [-1, 1]", "nan"),
    ("project: eight bits", lambda g: nc.project(g, P + 255, 0), nc.InputError, "finite numbers in [-1, 1]", "255"),
    ("project: class", lambda g: nc.project(g, P, "tulp"), nc.LabelError, "Did you mean one of tulip", "'tulp'"),
    ("project: classes", lambda g: nc.project(g, P, [0, 1]), nc.InputError, "each of the 1 images", "got 2"),
    ("project: steps below 0", lambda g: nc.project(g, P, 0, steps=-1), nc.InputError, "whole number of at least 0", "-1"),
    ("project: half a step", lambda g: nc.project(g, P, 0, steps=2.5), nc.InputError, "whole number of at least 0", "2.5"),  # type: ignore[arg-type]
    ("project: space", lambda g: nc.project(g, P, 0, space="y"), nc.InputError, "one of z, zeta, w, w+", "'y'"),
    ("project: no styles", lambda g: nc.project(g, P, 0, space="w"), nc.ModelError, "has no styles", "z"),
    ("project: no mean style", lambda g: nc.project(g, P, 0, start="mean"), nc.ModelError, "no mean of them", "zeros"),
    ("project: distance", lambda g: nc.project(g, P, 0, distance="far"), nc.InputError, "must be one of auto", "'far'"),
    ("project: rate 0", lambda g: nc.project(g, P, 0, rate=0), nc.InputError, "rate must be a number above 0", "got 0"),
    ("project: rate infinite", lambda g: nc.project(g, P, 0, rate=INF), nc.InputError, "rate must be a number above 0", "inf"),
    ("project: rate huge", lambda g: nc.project(g, P, 0, rate=1e38), nc.InputError, "at most 100", "1e+38"),
    ("project: rate text", lambda g: nc.project(g, P, 0, rate="fast"), nc.InputError, "rate must be a number above 0", "'fast'"),  # type: ignore[arg-type]
    ("project: start", lambda g: nc.project(g, P, 0, start="middle"), nc.InputError, "one of auto, encoder, seeds, zeros, mean or a Latent", "'middle'"),
    ("project: start of another batch", lambda g: nc.project(g, P, 0, start=of(3)), nc.InputError, "must be 1 or 1", "got 3"),
    ("project: start of another model", lambda g: nc.project(g, P, 0, start=of(length=9)), nc.InputError, "latents have 8 numbers", "have 9"),
    ("project: pixel weight", lambda g: nc.project(g, P, 0, pixel_weight=-1), nc.InputError, "of at least 0", "-1"),
    ("loss: another size", lambda g: nc.reconstruction_loss(g, P, torch.zeros(1, 3, 8, 8)), nc.InputError, "(N, 3, 16, 16)", "(1, 3, 8, 8)"),
    ("loss: images of another size", lambda g: nc.reconstruction_loss(g, torch.zeros(1, 3, 8, 8), P), nc.InputError, "(N, 3, 16, 16)", "(1, 3, 8, 8)"),
    ("loss: two for one", lambda g: nc.reconstruction_loss(g, P.expand(2, -1, -1, -1), P), nc.InputError, "one target for each image", "2 images, 1 targets"),
    ("loss: weight NaN", lambda g: nc.reconstruction_loss(g, P, P, NAN), nc.InputError, "of at least 0", "nan"),
    ("loss: no picture", lambda g: nc.reconstruction_loss(g, P, None), nc.InputError, "(N, 3, 16, 16)", "NoneType"),  # type: ignore[arg-type]
    ("loss: no discriminator", lambda g: nc.reconstruction_loss(replace(g, discriminator=None), P, P), nc.ModelError, "needs the model's discriminator", "not loaded"),
]  # fmt: skip

WHOLE: list[Case] = [
    ("render: a name", lambda g: nc.render("model", base()), nc.InputError, "must be a Gan", "str"),  # type: ignore[arg-type]
    ("changes: a latent", lambda g: nc.changes(g, of(), P), nc.InputError, "must be a Collage", "Latent"),  # type: ignore[arg-type]
    ("changes: no images", lambda g: nc.changes(g, base(), None), nc.InputError, "must be a Tensor", "NoneType"),  # type: ignore[arg-type]
    ("project: a name", lambda g: nc.project("model", P, 0), nc.InputError, "must be a Gan", "str"),  # type: ignore[arg-type]
    ("loss: a generator", lambda g: nc.reconstruction_loss(g.generator, P, P), nc.InputError, "must be a Gan", "SNGANGenerator"),  # type: ignore[arg-type]
    ("mix: a latent", lambda g: nc.mix(of(), base(), 0.5), nc.InputError, "first to mix must be a Collage", "Latent"),  # type: ignore[arg-type]
    ("mix: nothing", lambda g: nc.mix(base(), None, 0.5), nc.InputError, "second to mix must be a Collage", "NoneType"),  # type: ignore[arg-type]
    ("difference: an array", lambda g: nc.difference(P, P.numpy()), nc.InputError, "must be a Tensor", "ndarray"),  # type: ignore[arg-type]
    ("curve: a list", lambda g: nc.draw_curve([1.0, 0.5]), nc.InputError, "Losses must be a Tensor", "list"),  # type: ignore[arg-type]
    ("curve: title", lambda g: nc.draw_curve(torch.ones(2, 1), 5), nc.InputError, "title of a curve must be a text", "int"),  # type: ignore[arg-type]
    ("units: a list", lambda g: nc.parse_units([1, 2]), nc.InputError, "Units must be a text", "list"),  # type: ignore[arg-type]
    ("stitch: a mode", lambda g: nc.stitch(P, P, M, "normal"), nc.InputError, "must be a Blend", "str"),  # type: ignore[arg-type]
    ("stitch: a box", lambda g: nc.stitch(P, P, M, crop=(0, 0, 4)), nc.InputError, "must be a Crop", "tuple"),  # type: ignore[arg-type]
    ("palette: a table", lambda g: nc.class_map_from_colours(P, {"red": 1}), nc.InputError, "palette must be a text", "dict"),  # type: ignore[arg-type]
    ("class map: a name", lambda g: nc.draw_class_map("model", nc.ClassMap()), nc.InputError, "must be a Gan", "str"),  # type: ignore[arg-type]
    ("class map: a mask", lambda g: nc.draw_class_map(g, M), nc.InputError, "must be a ClassMap", "Tensor"),  # type: ignore[arg-type]
    ("stages: one picture", lambda g: nc.draw_stages(P), nc.InputError, "list of stages", "Tensor"),  # type: ignore[arg-type]
    ("load: a number", lambda g: nc.load(5), nc.InputError, "named by a path", "int"),  # type: ignore[arg-type]
    ("peek: nothing", lambda g: nc.peek(None), nc.InputError, "named by a path", "NoneType"),  # type: ignore[arg-type]
    ("save: nowhere", lambda g: nc.save(g, None), nc.InputError, "named by a path", "NoneType"),  # type: ignore[arg-type]
    ("save: a generator", lambda g: nc.save(g.generator, "never.safetensors"), nc.InputError, "must be a Gan", "SNGANGenerator"),  # type: ignore[arg-type]
]  # fmt: skip

TABLE = [*MASKS, *WEIGHTS, *LABELS, *LATENTS, *EDITS, *PROJECTIONS, *WHOLE]


@pytest.mark.parametrize(
    ("call", "error", "required", "arrived"), [case[1:] for case in TABLE], ids=[c[0] for c in TABLE]
)
def test_bad_input(gan: Gan, call: Callable[[Gan], object], error: type[Exception], required: str, arrived: str):
    with pytest.raises(nc.NeuralCollageError) as caught:
        call(gan)
    assert type(caught.value) is error
    assert required in str(caught.value)
    assert arrived in str(caught.value)


def test_the_table_is_long_enough_and_names_each_case_once():
    assert len(TABLE) >= 60
    assert len({case[0] for case in TABLE}) == len(TABLE)


def test_the_same_refusals_in_inference_mode(gan: Gan):
    for name, call, error, required, _ in TABLE:
        with torch.inference_mode(), pytest.raises(error) as caught:
            call(gan)
        assert required in str(caught.value), name
