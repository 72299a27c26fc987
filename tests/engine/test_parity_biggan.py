"""BigGAN and BigGAN-deep: pictures, maps, class maps and blends of three code bases, from their own files (golden)."""

import re
from dataclasses import replace
from typing import Any

import parity
import pytest
import torch
from neural_collage import engine as nc
from recorded import blended, close, compare, facts, plain, read, spatial

BOUND = 1e-4
"""Of the largest value."""
LOOSE = 1e-3
"""Where the case's own page says that float32 and float64 differ by more than a quarter of BOUND: forty norms, whose
variances shrink with the truncation, magnify the rounding of the layers before them."""
PEERS = ("biggan_ajbrock", "biggan_deep_ajbrock", "biggan_deep_hf", "biggan_studiogan")
CASES = [case for peer in PEERS for case in parity.peer(peer) if facts(case)["config"].get("backbone") != "resnet"]
GENERATORS = [case for case in CASES if "logit" not in read(case, "base")]
DISCRIMINATORS = [case for case in CASES if case not in GENERATORS]
TRUNCATED = [case for case in GENERATORS if "truncations" in facts(case)]
ABSENT = pytest.param(None, marks=pytest.mark.skip(reason=f"weights too large for this copy; set {parity.VARIABLE}"))
by_truncation = pytest.mark.parametrize("case", TRUNCATED or [ABSENT], ids=lambda case: getattr(case, "name", "none"))
drawing = pytest.mark.parametrize("case", GENERATORS, ids=lambda case: f"{case.parent.name}-{case.name}")


def load(case) -> Any:
    """The folder as its users have it; statistics between two truncations as the package has them."""
    gan: Any = nc.load(case)
    if case in TRUNCATED:
        gan = nc.choose_statistics(gan, "package")
    return gan


def bound(case, kind="base", truncation=None):
    floor = facts(case)["float32_vs_float64_max_abs"][kind]
    if isinstance(floor, dict):
        floor = floor[f"{truncation:g}"]
    return BOUND if floor < BOUND / 4 else LOOSE


def ordered(names):
    """Names by the numbers in them."""
    return sorted(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])


def norms(case):
    """Names of the conditional norms, from the input on."""
    return ordered(facts(case)["spatial"]["all_layers"])


def numbers(names, chosen):
    """Places of names in a list of names, from 1."""
    return [names.index(name) + 1 for name in chosen]


def map_of(gan, name):
    """(number of a feature map, from 0, whether it is the one before that block's attention), of a recorded name."""
    if re.fullmatch(r"linear0?|gen_z", name):
        return 0, False
    entry = int(re.findall(r"\d+", name)[0])
    attended = sorted(gan.generator.config.attention)
    if "ajbrock" in gan.facts["provenance"]:  # attention is inside its block, whose residual part is number 0
        return entry + 1, name.endswith(".0") and entry in attended
    for behind, block in enumerate(attended):  # attention is an entry of its own
        if entry == block + behind:
            return block + 1, True
        if entry < block + behind:
            return entry - behind + 1, False
    return entry - len(attended) + 1, False


def watch(gan, name, found):
    """Keep what a recorded name stands for, the target's alone, when next it is computed; returns the hook."""
    index, before = map_of(gan, name)
    layers = gan.generator.layers
    if before:
        return layers[index - 1].attention.register_forward_pre_hook(lambda _, inputs: found.update({name: inputs[0]}))
    if index == len(layers):
        return gan.generator.last_norm.register_forward_pre_hook(lambda _, inputs: found.update({name: inputs[0]}))
    return layers[index].register_forward_pre_hook(lambda _, inputs: found.update({name: inputs[0][0]}))


def check(gan, collage, data, prefix, bound):
    """A picture and all maps recorded with it."""
    features = {
        re.sub("@.*", "", key).removeprefix(f"{prefix}feat.") for key in data if key.startswith(f"{prefix}feat.")
    }
    found: dict[str, torch.Tensor] = {}
    hooks = [watch(gan, name, found) for name in features]
    picture = nc.render(gan, collage)
    for hook in hooks:
        hook.remove()
    assert found.keys() == features
    for name, maps in found.items():
        compare(maps, data, f"{prefix}feat.{name}", bound)
    if any(re.fullmatch(rf"{prefix}image(@stride\d+)?", key) for key in data):
        compare(picture, data, f"{prefix}image", bound)


def truncated(collage, truncation):
    """The collage, and the references of its edits, at a truncation."""
    edits = tuple(
        replace(edit, reference=truncated(edit.reference, truncation)) if hasattr(edit, "reference") else edit
        for edit in collage.edits
    )
    return replace(collage, latent=replace(collage.latent, truncation=truncation), edits=edits)


def at(data, collage):
    """The collage at the truncation recorded beside it, where there is one."""
    return truncated(collage, float(data["truncation"].flatten()[0])) if "truncation" in data else collage


@drawing
def test_sizes(case):
    gan, config = load(case), facts(case)["config"]
    assert gan.n_classes == config.get("n_classes", config.get("num_classes"))
    assert gan.dim_z == facts(case).get("effective_dim_z", config.get("z_dim"))
    assert gan.resolution == config.get("resolution", config.get("img_size", config.get("output_dim")))
    described = facts(case)
    sizes = described["cbn_resolution"] if "cbn_resolution" in described else described["norm_resolution"]
    assert gan.generator.norm_sizes == tuple(sizes[name] for name in norms(case))
    assert nc.peek(case).resolution == gan.resolution


@pytest.mark.parametrize("case", [case for case in GENERATORS if case not in TRUNCATED], ids=lambda case: case.name)
def test_pictures_and_maps(case):
    data = read(case, "base")
    check(load(case), plain(data), data, "", bound(case))


@by_truncation
def test_pictures_of_truncations(case):
    gan, data = load(case), read(case, "base")
    for truncation in data["truncation"].tolist():
        latent = nc.Latent(float(truncation) * data["z"], data["class_idx"], truncation=truncation)
        compare(nc.render(gan, nc.Collage(latent)), data, f"image.t{truncation:g}", bound(case, "base", truncation))
    truncation = facts(case)["feature_truncation"]
    latent = nc.Latent(truncation * data["z"], data["class_idx"], truncation=truncation)
    check(gan, nc.Collage(latent), data, "", bound(case, "base", truncation))


@drawing
def test_gains_and_offsets(case):
    """Recorded as they multiply the normalised value; ours have the statistics in them."""
    gan, data = load(case), read(case, "base")
    truncation = facts(case).get("feature_truncation", 1.0)
    latent = nc.Latent(truncation * data["z"], data["class_idx"], truncation=truncation)
    generator = gan.generator
    modules = [m for layer in generator.layers for m in layer.children() if hasattr(m, "project")]
    with torch.no_grad():
        for name, norm, found in zip(norms(case), modules, generator.vectors(latent), strict=True):
            recorded = norm.folded(data[f"gamma.{name}"], data[f"beta.{name}"], generator.shares(latent))
            close(found, torch.cat(recorded, dim=1), BOUND)
        if "y" in data:
            close(generator.shared(data["class_idx"]), data["y"], BOUND)


@drawing
def test_class_maps(case):
    gan, data, described = load(case), read(case, "spatial"), facts(case)["spatial"]
    for kind in ("all", "subset"):
        collage = at(data, spatial(data, numbers(norms(case), described[f"{kind}_layers"])))
        check(gan, collage, data, f"{kind}.", bound(case, "spatial_all"))
    check(gan, at(data, plain(data)), data, "plain.", bound(case, "spatial_all"))


@drawing
def test_class_maps_of_each_layer(case):
    """The recorded weights of each size, given to the norms of that size: what resizing has to give."""
    gan, data = load(case), read(case, "spatial")
    collage = plain(data)
    for size in sorted(set(gan.generator.norm_sizes)):
        regions = nc.ClassMap.from_weights(data["class_idx"].tolist(), data[f"W.{size}"][None])
        collage = collage.label(regions, layers=str(size))
    check(gan, at(data, collage), data, "all.", bound(case, "spatial_all"))


@drawing
def test_blended_features(case):
    gan, data, described = load(case), read(case, "blend"), facts(case)["blend"]
    for kind in ("single", "multi"):
        places = [map_of(gan, name) for name in described[kind]]
        assert not any(before for _, before in places)
        collage = at(data, blended(data, [index + 1 for index, _ in places]))
        check(gan, collage, data, f"{kind}.", bound(case, "spatial_all"))
    for source in "01":
        check(gan, at(data, plain(data, source)), data, f"source{source}.", bound(case, "spatial_all"))


COMBINED = [case for case in GENERATORS if "combined" in facts(case)["blend"]]


@pytest.mark.parametrize("case", COMBINED, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_class_maps_and_blended_features_together(case):
    gan, maps, data = load(case), read(case, "spatial"), read(case, "blend")
    regions = nc.ClassMap.from_weights(maps["class_idx"].tolist(), maps["mask"][None])
    collage = nc.Collage(nc.Latent(data["z0"], maps["class_idx"][:1])).label(regions)
    for name in facts(case)["blend"]["multi"]:
        layers = f"#{map_of(gan, name)[0] + 1}"
        collage = collage.feature(plain(data, "1"), data["blend_mask"][0], layers=layers)
    check(gan, at(data, collage), data, "combined.", BOUND)


@pytest.mark.parametrize("case", DISCRIMINATORS, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_discriminators(case):
    gan: Any = nc.load(discriminator=case / "D.pth")
    discriminator, data = gan.discriminator, read(case, "base")
    assert discriminator.resolution == facts(case)["config"]["resolution"]
    close(discriminator(data["x"], data["class_idx"]), data["logit"], BOUND)
    close(discriminator(data["x"]), data["logit_uncond"], BOUND)
    close(discriminator.feature_map(data["x"]).sum((2, 3)), data["pooled"], BOUND)
    close(discriminator.features(data["x"]), discriminator.feature_map(data["x"]).flatten(1), 0)
    h, found = data["x"], []
    for block in discriminator.blocks:
        h = block(h)
        found.append(h)
    depth = getattr(discriminator.config, "depth", 1)
    ends = found[depth::depth] if hasattr(discriminator.config, "stem") else found
    for number, maps in enumerate(ends):
        compare(maps, data, f"feat.blocks.{number}", BOUND)


@by_truncation
def test_statistics_between_two_truncations_are_interpolated(case):
    """By default, and not as the package does, which swaps the two shares."""
    ours: Any = nc.load(case)
    rows = ours.generator.config.statistics
    latent = nc.Latent(torch.zeros(1, ours.dim_z), torch.tensor([0]), truncation=0.413)
    step = 1 / (rows - 1)
    shares = ours.generator.shares(latent)
    assert torch.isclose((shares * torch.arange(rows) * step).sum(), torch.tensor(0.413))
    package: Any = nc.choose_statistics(ours, "package")
    swapped = package.generator.shares(latent)
    low = int(0.413 / step)
    assert torch.equal(swapped[[low, low + 1]], shares[[low + 1, low]])
