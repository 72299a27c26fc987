"""Pictures of StyleGAN from the files of genforce, TensorFlow (the same weights) and rosinality (golden cases)."""

import shutil
from typing import Any

import parity
import pytest
import torch
import torch.nn.functional as F
from neural_collage import engine as nc
from recorded import close, compare, facts, read
from torch import nn

BOUND = 1e-4
"""Of the largest value."""
GENFORCE, ROSINALITY = parity.peer("stylegan1_genforce"), parity.peer("stylegan1_rosinality")
SUFFIXES = {".pth", ".pkl", ".model", ".pt"}
FILES = [path for case in GENFORCE + ROSINALITY for path in sorted(case.iterdir()) if path.suffix in SUFFIXES]
every = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
genforce = pytest.mark.parametrize("path", [p for p in FILES if p.parent in GENFORCE], ids=lambda path: path.name)
rosinality = pytest.mark.parametrize("path", [p for p in FILES if p.parent in ROSINALITY], ids=lambda path: path.name)


def load(path) -> Any:
    return nc.load(path)


def noise(path) -> Any:
    """The noise of the recorded runs: an argument in rosinality's code, a part of the others' files."""
    base = read(path.parent, "base")
    maps = {name: maps for name, maps in base.items() if name.startswith("noise.") and "@" not in name}
    return tuple(maps[f"noise.{number}"] for number in range(len(maps))) or None


def start(path, z=None, **more):
    count = len(z if z is not None else more["w"])
    return nc.Latent(z, torch.zeros(count, dtype=torch.long), noise=noise(path), **more)


def names(path):
    """What the feature maps are called in the recorded data."""
    described = facts(path.parent)
    layers = described.get("style_resolution") or described["adain_resolution"]
    return list(dict.fromkeys(_block(name) for name in layers))


def _block(name):
    if name.startswith("progression"):
        return name.rpartition(".")[0]
    return f"layer{int(name.partition('.')[0].removeprefix('layer')) // 2 * 2 + 1}"


def norms(path):
    described = facts(path.parent)
    return described.get("style_resolution") or described["adain_resolution"]


def watched(gan, draw):
    """What each block gives on to the next, after edits; the picture."""
    found: list[torch.Tensor] = []
    following = [*gan.generator.layers[1:], gan.generator.picture]
    handles = [
        module.register_forward_pre_hook(
            lambda _, inputs: found.append(inputs[0].clone() if torch.is_tensor(inputs[0]) else inputs[0][0].clone())
        )
        for module in following
    ]
    picture = draw()
    for handle in handles:
        handle.remove()
    return found, picture


def compare_maps(found, data, path, prefix):
    compared = 0
    for name, features in zip(names(path), found, strict=True):
        if any(key == f"{prefix}{name}" or key.startswith(f"{prefix}{name}@stride") for key in data):
            compare(features[:1], data, f"{prefix}{name}", BOUND)
            compared += 1
    assert compared


@every
def test_sizes(path):
    gan, config = load(path), facts(path.parent)["config"]
    assert gan.resolution == config["resolution"]
    assert gan.dim_z == config.get("z_space_dim", config.get("code_dim"))
    assert gan.generator.norm_sizes == tuple(norms(path).values())
    assert gan.generator.w_shape == (len(norms(path)), config.get("w_space_dim", config.get("code_dim")))


@every
def test_pictures_and_maps(path):
    gan, data = load(path), read(path.parent, "base")
    compare(nc.render(gan, nc.Collage(start(path, data["z"]))), data, "image", BOUND)
    found, _ = watched(gan, lambda: nc.render(gan, nc.Collage(start(path, data["z"][:1]))))
    compare_maps(found, data, path, "feat.")


@every
def test_styles(path):
    gan, data = load(path), read(path.parent, "base")
    mapped = gan.mapped(start(path, data["z"]))
    for layer in range(len(norms(path))):
        close(mapped.w[:, layer], data["w"], BOUND)
    for name, told in zip(norms(path), gan.generator.vectors(start(path, data["z"])), strict=True):
        close(told, torch.cat([data[f"gamma.{name}"], data[f"beta.{name}"]], dim=1), BOUND)


@genforce
def test_maps_inside_blocks(path):
    gan, data = load(path), read(path.parent, "base")
    found: list[torch.Tensor] = []
    for block in gan.generator.layers:
        block.norm1.register_forward_hook(lambda module, inputs, output: found.append(output.clone()))
    nc.render(gan, nc.Collage(start(path, data["z"][:1])))
    for block, features in enumerate(found):
        compare(features, data, f"feat.layer{2 * block}", BOUND)


@genforce
def test_truncation_and_mixing(path):
    gan, data, described = load(path), read(path.parent, "base"), facts(path.parent)
    truncation = described["truncation"]
    if truncation["layers"] == 8:  # what the published models are drawn with
        latent = start(path, data["z"][:1], truncation=truncation["psi"])
        close(gan.mapped(latent).w, data["wp_truncated"], BOUND)
        compare(nc.render(gan, nc.Collage(latent)), data, "image.truncated", BOUND)
        given = start(path, w=data["w"][:1], truncation=truncation["psi"])  # w is truncated as z is
        compare(nc.render(gan, nc.Collage(given)), data, "image.truncated", BOUND)
    for name in ("truncated", "mixed"):
        drawn = nc.render(gan, nc.Collage(start(path, w=data[f"wp_{name}"])))
        compare(drawn, data, f"image.{name}", BOUND)


@genforce
def test_the_mixed_styles_are_those_of_two_latents(path):
    gan, data, described = load(path), read(path.parent, "base"), facts(path.parent)
    w = gan.mapped(start(path, data["z"][:1])).w.clone()
    at = described["mix_from_layer"]
    w[:, at:] = gan.mapped(start(path, data["z_mix"])).w[:, at:]
    close(w, data["wp_mixed"], BOUND)


@pytest.mark.parametrize("path", [case / "stylegan.pth" for case in GENFORCE], ids=lambda path: path.name)
def test_levels_of_detail(path, tmp_path):
    """A file that training left at a coarser level draws smaller pictures; recorded is a picture between two levels."""
    data, lod = read(path.parent, "base"), facts(path.parent)["lod"]
    size = facts(path.parent)["config"]["resolution"]
    coarse, fine = (
        F.interpolate(_at_level(path, tmp_path, level, data["z"][:1]), (size, size))
        for level in (int(lod) + 1, int(lod))
    )
    compare(torch.lerp(coarse, fine, int(lod) + 1 - lod), data, "image.lod", BOUND)


def _at_level(path, folder, level, z):
    content = torch.load(path, weights_only=True)
    content["generator_smooth"]["synthesis.lod"].fill_(level)
    torch.save(content, folder / "model.pth")
    return nc.render(load(folder / "model.pth"), nc.Collage(nc.Latent(z, torch.zeros(1, dtype=torch.long))))


@rosinality
def test_maps_inside_a_block(path):
    gan, data = load(path), read(path.parent, "base")
    block, noised = gan.generator.layers[1], []
    block.up.register_forward_hook(lambda module, inputs, output: noised.append(output.clone()))
    nc.render(gan, nc.Collage(start(path, data["z"][:1])))
    compare(noised[0], data, "feat.progression.1.conv1", BOUND)
    added = noised[0] + block.norm1.strength[:, None, None] * noise(path)[1]
    compare(F.leaky_relu(added, 0.2), data, "feat.progression.1.lrelu1", BOUND)


@rosinality
def test_truncation_and_mixing_by_styles(path):
    """The centre is not in the file, so the recorded one is used; all stages are truncated."""
    gan, data, described = load(path), read(path.parent, "base"), facts(path.parent)
    close(gan.generator.mapping.w_avg, data["mean_style"], 0.1)  # ours is the mean of other latents

    def pulled(z):
        return torch.lerp(data["mean_style"], gan.mapped(start(path, z)).w, described["truncation"])

    w = pulled(data["z"][:1])
    compare(nc.render(gan, nc.Collage(start(path, w=w))), data, "image.truncated", BOUND)
    first, last = described["mixing_range"]
    w = w.clone()
    w[:, 2 * first : 2 * last + 2] = pulled(data["z_mix"])[:, 2 * first : 2 * last + 2]
    compare(nc.render(gan, nc.Collage(start(path, w=w))), data, "image.mixed", BOUND)
    assert gan.generator.mapping.truncated_layers == gan.generator.w_shape[0]


@rosinality
def test_the_name_of_the_file_tells_its_size(path, tmp_path):
    data, described = read(path.parent, "base"), facts(path.parent)

    def at(step):
        copy = tmp_path / f"train_step-{step}.model"
        shutil.copyfile(path, copy)
        return nc.render(load(copy), nc.Collage(start(path, data["z"][:1])))

    for step in described["image_steps"]:
        compare(at(step), data, f"image.step{step}", BOUND)
    last = described["config"]["step"]
    coarse, fine = F.interpolate(at(last - 1), scale_factor=2.0), at(last)
    compare(torch.lerp(coarse, fine, described["alpha"]), data, "image.alpha", BOUND)


def painted(path, data, chosen):
    """Style 0 with all styles mixed by the recorded weights at the chosen norms."""
    styles = [nc.Collage(start(path, z[None])) for z in data["z"]]
    regions, collage = nc.ClassMap.from_weights(styles, data["mask"][None]), styles[0]
    for name in chosen:
        collage = collage.label(regions, layers=f"#{list(norms(path)).index(name) + 1}")
    return collage


@every
def test_styles_in_regions(path):
    gan, data, described = load(path), read(path.parent, "spatial"), facts(path.parent)["spatial"]
    assert described["base_style"] == 0
    found, picture = watched(gan, lambda: nc.render(gan, painted(path, data, described["all_layers"])))
    compare(picture, data, "all.image", BOUND)
    compare_maps(found, data, path, "all.feat.")
    for kind in ("subset", "plain"):
        chosen = described["subset_layers"] if kind == "subset" else ()
        compare(nc.render(gan, painted(path, data, chosen)), data, f"{kind}.image", BOUND)


@every
def test_blended_features(path):
    gan, data, described = load(path), read(path.parent, "blend"), facts(path.parent)["blend"]
    sources = [nc.Collage(start(path, data[f"z{number}"])) for number in range(2)]
    for kind in ("single", "multi"):
        collage = sources[0]
        for name in described[kind]:
            layer = f"#{names(path).index(name) + 1}"
            collage = collage.feature(sources[1], data["blend_mask"][0], layers=layer)
        found, picture = watched(gan, lambda edited=collage: nc.render(gan, edited))
        compare(picture, data, f"{kind}.image", BOUND)
        if kind == "multi":
            compare_maps(found, data, path, "multi.feat.")
    for number, source in enumerate(sources):
        compare(nc.render(gan, source), data, f"source{number}.image", BOUND)


def test_there_is_something_to_compare():
    assert GENFORCE
    assert isinstance(load(FILES[0]).generator.picture, nn.Module)
