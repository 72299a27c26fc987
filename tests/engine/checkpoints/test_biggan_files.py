"""BigGAN's files: folders, discriminators alone, what training leaves beside the weights, and damaged ones."""

import json
from typing import Any

import pytest
import torch
import toy_biggan
from neural_collage import engine as nc
from neural_collage.engine.networks.biggan_discriminator import (
    BigGANDeepDiscriminator,
    BigGANDeepDiscriminatorConfig,
    BigGANDiscriminator,
    BigGANDiscriminatorConfig,
)
from toy_biggan import LAYOUTS


def test_a_folder_stands_for_the_files_in_it(tmp_path):
    gan = nc.load(damaged(tmp_path, "ajbrock", lambda raw: None))
    discriminator = BigGANDiscriminator(
        BigGANDiscriminatorConfig((8, 8, 8, 8), (8, 8, 8, 8), 2, (), toy_biggan.CLASSES, 32)
    )
    torch.save(ajbrock_discriminator(discriminator), tmp_path / "D.pth")
    whole: Any = nc.load(tmp_path)
    assert nc.peek(tmp_path).parts == ("generator",)
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(whole.discriminator(x), discriminator(x))
    start = nc.Collage(gan.sample(0))
    assert torch.equal(nc.render(whole, start), nc.render(gan, start))


def ajbrock_discriminator(network):
    """Its state under ajbrock's names, without spectral norm."""
    deep = hasattr(network.config, "stem")
    raw = {}
    for name, tensor in network.state_dict().items():
        part, _, rest = name.partition(".")
        if part != "blocks":
            raw[name] = tensor
            continue
        number, _, leaf = rest.partition(".")
        index = int(number)
        if deep and index == 0:
            raw[f"input_conv.{leaf}"] = tensor
            continue
        stage, block = divmod(index - 1, network.config.depth) if deep else (index, 0)
        if leaf.startswith("attention"):
            raw[f"blocks.{stage}.{block + 1}.{leaf.removeprefix('attention.')}"] = tensor
        else:
            raw[f"blocks.{stage}.{block}.{leaf.replace('side', 'conv_sc')}"] = tensor
    return raw


DISCRIMINATORS = {
    "narrow": (BigGANDiscriminator, BigGANDiscriminatorConfig((8, 8, 8, 8), (8, 8, 8, 8), 2, (1,), 3, 32)),
    "64 px": (BigGANDiscriminator, BigGANDiscriminatorConfig((8, 8, 16, 16, 16), (8, 8, 8, 16, 16), 4, (), 3, 64)),
    "deep": (
        BigGANDeepDiscriminator,
        BigGANDeepDiscriminatorConfig((8, 16, 16), (2, 4, 4), 2, (1,), 3, 32, stem=8, depth=2),
    ),
}


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_a_discriminator_alone(name, tmp_path):
    kind, config = DISCRIMINATORS[name]
    network = kind(config).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    torch.save(ajbrock_discriminator(network), tmp_path / "D.pth")
    gan: Any = nc.load(discriminator=tmp_path / "D.pth")
    assert gan.discriminator.config == config
    x, y = torch.rand(2, 3, config.resolution, config.resolution), torch.tensor([0, 2])
    assert torch.equal(gan.discriminator(x, y), network(x, y))
    with pytest.raises(nc.ModelError, match="Load a generator"):
        gan.sample(0)
    with pytest.raises(nc.CheckpointError, match=r"Add the generator's file, or load it by `discriminator=`"):
        nc.load(tmp_path / "D.pth")
    for folder in ({"path": tmp_path}, {"discriminator": tmp_path}):
        assert torch.equal(nc.load(**folder).discriminator(x, y), network(x, y))  # type: ignore[misc]
    assert nc.peek(tmp_path).parts == ("discriminator",)
    with pytest.raises(nc.CheckpointError, match=r"without a generator is not saved: .* Load it together"):
        nc.save(gan, tmp_path / "own.safetensors")


def damaged(tmp_path, name, change):
    layout = LAYOUTS[name]
    raw = toy_biggan.generator(layout)
    change(raw)
    return toy_biggan.write(tmp_path, layout, raw)


BAD = {
    "a missing weight": (lambda raw: raw.pop("blocks.1.0.conv2.bias"), r"blocks\.1\.0\.conv2\.bias is missing"),
    "missing statistics": (lambda raw: raw.pop("blocks.2.0.bn1.stored_var"), r"bn1\.stored_var is missing"),
    "no statistics": (
        lambda raw: [raw.pop(f"blocks.0.0.bn2.stored_{end}") for end in ("mean", "var")],
        "statistics of blocks.0.0.bn2 are missing",
    ),
    "an unknown weight": (lambda raw: raw.update({"blocks.0.0.conv9.weight": torch.ones(1)}), "the unknown .*conv9"),
    "another slot": (lambda raw: raw.update({"linear.weight": torch.ones(256, 9)}), "should have shape"),
    "no square map": (
        lambda raw: raw.update({"linear.weight": torch.ones(250, 4), "linear.bias": torch.ones(250)}),
        "square map",
    ),
    "a width": (lambda raw: raw.update({"blocks.1.0.conv1.weight": torch.ones(8, 9, 3, 3)}), "should have shape"),
    "a number of axes": (lambda raw: raw.update({"shared.weight": torch.ones(3)}), "should have 2 axes"),
    "not a number": (lambda raw: raw["shared.weight"].fill_(torch.nan), "finite"),
}


@pytest.mark.parametrize("case", BAD)
def test_damaged_files_are_refused_by_name(case, tmp_path):
    change, message = BAD[case]
    with pytest.raises(nc.CheckpointError, match=message):
        nc.load(damaged(tmp_path, "ajbrock", change))


def misshapen(tensor, number):
    """Tensors of other shapes: an axis less, one more, longer, shorter, transposed."""
    flat = tensor.flatten()
    return (flat[:1].reshape(()), tensor[None], torch.cat([tensor, tensor]) if tensor.dim() else flat, flat[:1])[number]


@pytest.mark.parametrize("name", LAYOUTS)
def test_misshapen_tensors_are_refused(name, tmp_path):
    """Or harmless: an axis of one too many, more rows in the table of classes. Never another error."""
    layout = LAYOUTS[name]
    raw = toy_biggan.generator(layout)
    chosen = torch.randperm(len(raw), generator=torch.Generator().manual_seed(1))[:12].tolist()
    refused = 0
    for turn, index in enumerate(chosen):
        key = list(raw)[index]
        path = toy_biggan.write(tmp_path, layout, raw | {key: misshapen(raw[key], turn % 4)})
        try:
            nc.load(path)
        except nc.CheckpointError:
            refused += 1
    assert refused >= len(chosen) // 3


def test_files_that_training_leaves_beside_the_weights_are_told(tmp_path):
    torch.save({"state": {}, "param_groups": []}, tmp_path / "G_optim.pth")
    with pytest.raises(nc.CheckpointError, match="state of an optimizer"):
        nc.load(tmp_path / "G_optim.pth")
    torch.save({"itr": 3, "epoch": 0, "config": {}, "best_IS": 0.0}, tmp_path / "state_dict.pth")
    with pytest.raises(nc.CheckpointError, match=r"bookkeeping .* best G_ema\.pth"):
        nc.load(tmp_path / "state_dict.pth")


CONFIGS = {
    "none": (None, r"config\.json.* Put it beside pytorch_model\.bin"),
    "no JSON": ("{", "Put it beside"),
    "a list": ("[]", "must hold layers, eps"),
    "without layers": ('{"eps": 0.0001, "attention_layer_position": 2}', "must hold layers"),
    "another model's": (
        '{"layers": [[false, 2, 2]], "eps": 0.0001, "attention_layer_position": 2, "channel_width": 8, '
        '"output_dim": 8}',
        "blocks",
    ),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_configuration_must_be_the_models_own(case, tmp_path):
    path = damaged(tmp_path, "Hugging Face", lambda raw: None)
    text, message = CONFIGS[case]
    (tmp_path / "config.json").unlink()
    if text is not None:
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(nc.CheckpointError, match=message):
        nc.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: found.update(output_dim=64), "of 64 px, and layers that make 32 px"),
        (lambda found: found["layers"][0].__setitem__(0, True), "of 32 px, and layers that make 64 px"),
    ],
)
def test_a_configuration_whose_layers_make_another_size(change, message, tmp_path):
    path, place = damaged(tmp_path, "Hugging Face", lambda raw: None), tmp_path / "config.json"
    settings = json.loads(place.read_text(encoding="utf-8"))
    change(settings)
    place.write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(nc.CheckpointError, match=message):
        nc.load(path)


def test_the_configuration_is_called_as_its_weights_are(tmp_path):
    path = damaged(tmp_path, "Hugging Face", lambda raw: None)
    path = path.rename(tmp_path / "biggan-deep-32-pytorch_model.bin")
    (tmp_path / "config.json").rename(tmp_path / "biggan-deep-32-config.json")
    assert nc.load(path).resolution == 32
