"""Pictures and maps of NVIDIA's StyleGAN2-ADA and of StyleGAN3's code with --cfg=stylegan2, from their snapshots."""

from functools import lru_cache
from typing import Any

import parity
import pytest
import torch
from neural_collage import engine as nc
from recorded import close, compare, facts, read

BOUND = 1e-4
"""Of the largest value."""
CASES = [
    case
    for case in parity.peer("stylegan2ada_nvlabs") + parity.peer("stylegan3_nvlabs")
    if facts(case)["generator_class"] in ("training.networks.Generator", "training.networks_stylegan2.Generator")
]
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@lru_cache
def load(case) -> Any:
    (file,) = case.glob("*.pkl")
    return nc.load(file)


def first(data, w=None, **more):
    """The first picture, from z or from styles w."""
    return nc.Latent(data["z"][:1] if w is None else None, data["class_idx"][:1], w=w, **more)


def draw(gan, latent):
    return nc.render(gan, nc.Collage(latent))


def test_there_are_cases():
    assert CASES


@each
def test_sizes(case):
    gan, told = load(case), facts(case)["init_kwargs"]
    assert (gan.resolution, gan.dim_z) == (told["img_resolution"], told["z_dim"])
    assert gan.n_classes == max(told["c_dim"], 1)
    assert gan.generator.w_shape == (facts(case)["num_ws"], told["w_dim"])


@each
def test_pictures(case):
    data = read(case, "base")
    compare(draw(load(case), nc.Latent(data["z"], data["class_idx"])), data, "image", BOUND)


@each
def test_no_noise(case):
    data = read(case, "base")
    compare(draw(load(case), first(data, noise=())), data, "image.no_noise", BOUND)


@each
def test_styles(case):
    data, generator = read(case, "base"), load(case).generator
    close(generator.ws(nc.Latent(data["z"], data["class_idx"]))[:, 0], data["w"], BOUND)


@each
def test_mixed_styles(case):
    gan, data, start = load(case), read(case, "base"), facts(case)["mix_from_ws"]
    ws = gan.generator.ws(first(data))
    other = gan.generator.ws(nc.Latent(data["z_mix"], data["class_idx"][:1]))
    mixed = torch.cat([ws[:, :start], other[:, start:]], dim=1)
    close(mixed, data["ws_mixed"], BOUND)
    compare(draw(gan, first(data, mixed)), data, "image.mixed", BOUND)


@each
def test_truncation(case):
    gan, data, told = load(case), read(case, "base"), facts(case)["truncation"]
    cutoff, whole = told["cutoff"], first(data, truncation=told["psi"])
    pulled = gan.generator.ws(whole)
    if cutoff is not None:  # truncation acts on all layers here; a cutoff is said in the styles of each layer
        pulled = torch.cat([pulled[:, :cutoff], gan.generator.ws(first(data))[:, cutoff:]], dim=1)
    close(pulled, data["ws_truncated"], BOUND)
    compare(draw(gan, whole if cutoff is None else first(data, pulled)), data, "image.truncated", BOUND)


@each
def test_maps(case):
    """Features and picture so far of every block, and the first layer of the second block."""
    gan, data, found = load(case), read(case, "base"), {}

    def keep(index, state):
        size = gan.generator.feature_sizes[index]
        found.update({f"feat.b{size}.{name}": tensor for name, tensor in zip(("x", "img"), state, strict=False)})
        return state

    handle = gan.generator.layers[1].conv0.register_forward_hook(
        lambda module, inputs, output: found.update({"feat.b8.conv0": output})
    )
    gan.generator(first(data), edit=keep)
    handle.remove()
    recorded = {name.partition("@")[0] for name in data if name.startswith("feat.")}
    assert recorded <= found.keys()
    for name in recorded:
        compare(found[name], data, name, BOUND)


@each
def test_the_whole_file_is_used(case):
    gan = load(case)
    assert gan.discriminator is not None
    judged = gan.discriminator(torch.zeros(2, 3, gan.resolution, gan.resolution), torch.zeros(2, dtype=torch.long))
    assert torch.isfinite(judged).all()
