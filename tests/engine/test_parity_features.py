"""The original's feature blending (golden case c).

The original carries the collage as a stream of its own that starts as zeros. Where the weights of the first map sum to
one without that stream, this is our feature collage; where they do not (`three_inputs*`), its recorded arithmetic is
repeated here with the generator's own loop.
"""

import parity
import pytest
import torch
from neural_collage import engine as nc
from neural_collage.engine.style import Style
from parity import case, labels, worst

IMAGE, MAP = 1e-4, 1e-4


def numbered(data, letter):
    """Arrays w00, w01, ... or m00, m01, ... in order."""
    return [data[key] for key in sorted(data) if key[0] == letter and key[1:].isdigit()]


def collage(data, z):
    """One input under the recorded class maps, which all inputs share."""
    made = nc.Collage(nc.Latent(z, labels(data["classes"][:1]).expand(len(z))))
    for number, weights in enumerate(numbered(data, "w"), start=1):
        maps = nc.ClassMap.from_weights(data["classes"].tolist(), weights.permute(0, 3, 1, 2))
        made = made.label(maps, layers=f"#{number}")
    return made


@pytest.mark.parametrize("name", ["two_inputs", "two_inputs_first_map", "two_inputs_with_class_maps"])
def test_two_inputs(name):
    data = case(f"c_feature_blending/{name}")
    source, reference = (collage(data, z) for z in data["zs"])
    for number, weights in enumerate(numbered(data, "m"), start=1):
        # Columns: source, reference, collage so far. What the reference does not get stays.
        source = source.feature(reference, weights[..., 1].clamp(0, 1), layers=f"#{number}")
    assert worst(nc.render(parity.gan(), source), data["x"]) < IMAGE


@pytest.mark.parametrize("name", ["three_inputs", "three_inputs_with_class_maps"])
def test_three_inputs(name):
    data, generator = case(f"c_feature_blending/{name}"), parity.gan().generator
    inputs = len(data["zs"])
    blends = [weights.permute(3, 0, 1, 2)[:, :, None] for weights in numbered(data, "m")]  # (inputs + 1, 1, 1, h, w)
    carried = []

    def blend(index, state):
        (h,) = state
        streams = h.clone() if index else torch.cat([h, torch.zeros_like(h[:1])])  # inputs, then the collage
        streams[-1:] = (blends[index] * streams[:, None]).sum(0)
        carried.append(streams[-1:])
        return (streams,)

    styles = [style(data["classes"], weights, inputs + 1) for weights in numbered(data, "w")]
    found = generator(nc.Latent(data["zs"][:, 0], labels(torch.zeros(inputs))), styles, blend)[-1:]
    assert worst(found, data["x"]) < IMAGE
    recorded = sorted(key for key in data if key.startswith("stage_carry"))
    assert all(worst(carried[int(key[-2:])], data[key]) < MAP for key in recorded)


def style(classes, weights, streams):
    """What a norm is told: the recorded maps (1, h, w, K), the same for every stream."""
    maps = weights.permute(0, 3, 1, 2)
    return Style(labels(classes).expand(streams, -1), maps.expand(streams, -1, -1, -1))


def test_several_references_at_once_are_overs_in_a_row():
    """From the second map on, the recorded weights are what painting one reference after another gives."""
    data = case("c_feature_blending/three_inputs_with_class_maps")
    gan, blends = parity.gan(), numbered(data, "m")
    first, *references = (collage(data, z) for z in data["zs"])
    made, expected = first, {}
    for number, weights in enumerate(blends, start=1):
        last, before = weights[..., 2], weights[..., 1]
        made = made.feature(references[0], before / (1 - last), layers=f"#{number}")
        made = made.feature(references[1], last, layers=f"#{number}")
        expected[number - 1] = torch.stack([1 - before - last, before, last])[:, :, None]  # (3, 1, 1, h, w)

    def blend(index, state):
        (h,) = state
        streams = h.clone()
        streams = torch.cat([(expected[index] * streams[:, None]).sum(0), streams[1:]])
        return (streams,)

    styles = [style(data["classes"], weights, len(data["zs"])) for weights in numbered(data, "w")]
    z = data["zs"][:, 0]
    wanted = gan.generator(nc.Latent(z, labels(torch.zeros(len(z)))), styles, blend)[:1]
    assert worst(nc.render(gan, made), wanted) < IMAGE
