"""StyleGAN3's own pictures and maps, from its snapshots as its training writes them (golden cases)."""

import re
from typing import Any

import parity
import pytest
import recorded
import torch
from neural_collage import engine as nc
from recorded import compare, facts, read

BOUND = 1e-4
"""Of the largest value."""
CASES = [case for case in parity.peer("stylegan3_nvlabs") if "networks_stylegan3" in facts(case)["generator_class"]]
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def load(case) -> Any:
    (snapshot,) = case.glob("*.pkl")
    return nc.load(snapshot)


def first(data, **more):
    """The first recorded picture."""
    return nc.Latent(data["z"][:1], data["class_idx"][:1], **more)


def styled(data, name):
    """A picture from recorded styles (1, L, V), of the first one's class."""
    return nc.Collage(nc.Latent(None, data["class_idx"][:1], w=data[name]))


@cases
def test_sizes(case):
    gan, told = load(case), facts(case)
    wanted = told["common_kwargs"] | told["G_kwargs"]
    assert gan.resolution == wanted["img_resolution"]
    assert gan.n_classes == max(wanted["c_dim"], 1)
    assert gan.dim_z == wanted["z_dim"]
    assert gan.generator.w_shape == (told["num_ws"], wanted["w_dim"])


@cases
def test_pictures(case):
    gan, data = load(case), read(case, "base")
    compare(nc.render(gan, recorded.plain(data)), data, "image", BOUND)
    compare(nc.render(gan, styled(data, "ws_mixed")), data, "image.mixed", BOUND)
    compare(nc.render(gan, styled(data, "ws_truncated")), data, "image.truncated", BOUND)


@cases
def test_styles_and_truncation(case):
    """Recorded with a cutoff, up to which layers are truncated, so layer by layer."""
    gan, data, told = load(case), read(case, "base"), facts(case)["truncation"]
    whole = gan.generator.ws(first(data))
    recorded.close(whole[:, 0], data["w"][:1], BOUND)
    assert torch.equal(whole, whole[:, :1].expand_as(whole))
    pulled, cut = gan.generator.ws(first(data, truncation=told["psi"])), told["cutoff"]
    recorded.close(torch.cat([pulled[:, :cut], whole[:, cut:]], dim=1), data["ws_truncated"], BOUND)
    mixed, from_layer = data["ws_mixed"], facts(case)["mix_from_ws"]
    other = gan.generator.ws(nc.Latent(data["z_mix"], data["class_idx"][:1]))
    recorded.close(torch.cat([whole[:, :from_layer], other[:, from_layer:]], dim=1), mixed, BOUND)


@cases
def test_every_map(case):
    gan, data = load(case), read(case, "base")
    found = recorded.maps(lambda edit: gan.generator(first(data), edit=edit))
    names = {re.split("[.@]", key)[1] for key in data if key.startswith("feat.")}
    numbers = {0 if name == "input" else 1 + int(re.findall(r"\d+", name)[0]): name for name in names}
    assert {0, len(found) - 1} <= numbers.keys() <= set(range(len(found)))
    for number, name in numbers.items():
        compare(found[number], data, f"feat.{name}", BOUND)


@cases
def test_a_transformed_picture(case):
    gan, data = load(case), read(case, "base")
    gan.generator.waves.transform.copy_(data["transform"])
    compare(nc.render(gan, nc.Collage(first(data))), data, "image.transformed", BOUND)


@cases
def test_its_discriminator_measures_pictures(case):
    """Nothing of it is recorded here; its numbers are those of the StyleGAN2 cases."""
    gan, data = load(case), read(case, "base")
    features = gan.discriminator.features(nc.render(gan, recorded.plain(data)))
    assert torch.isfinite(features).all()
    assert (features[0] - features[1]).abs().max() > 1e-3 * features.abs().max()
