"""StyleGAN's files: one set of numbers in five layouts, sizes told by names, and files that are not what they seem."""

import re
from typing import Any

import pytest
import torch
import toy_stylegan as toy
from neural_collage import engine as nc

LARGE = toy.raw((4, 3, 3, 2, 2, 2), seed=2)
"""Up to 128 px, where doubling is fused."""
SMALL, CLASSES = toy.raw(), toy.raw(classes=3)


@pytest.fixture
def load(tmp_path):
    def load(content, name="model-1024px.pth") -> Any:  # rosinality's files tell their size by their name
        return nc.load(toy.save(content, tmp_path / name))

    return load


def weights(gan, *without):
    state = gan.generator.state_dict()
    return {name: tensor for name, tensor in state.items() if not name.endswith(without)}


def same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.allclose(one[name], other[name], rtol=1e-6, atol=1e-7) for name in one)


def test_four_layouts_of_the_same_numbers(load):
    """Of the original's formulation; noise and mean are not in all of them."""
    gan = load(toy.genforce(LARGE))
    assert gan.resolution == 128
    tensorflow = load(toy.tensorflow(LARGE))
    assert tensorflow.generator.config == gan.generator.config
    same(weights(tensorflow, "?"), weights(gan, "?"))
    same(weights(load(toy.interfacegan(LARGE)), "w_avg"), weights(gan, "w_avg"))
    lernapparat = load(toy.lernapparat(LARGE))
    same(weights(lernapparat, "w_avg", "noise"), weights(gan, "w_avg", "noise"))
    assert lernapparat.generator.config.eps == 1e-5  # torch's own norm, as its code has it


def test_classes(load):
    gan = load(toy.genforce(CLASSES))
    assert gan.n_classes == 3
    assert gan.dim_z == toy.DIM_Z
    same(weights(load(toy.tensorflow(CLASSES)), "?"), weights(gan, "?"))


def test_a_file_without_noise_always_draws_the_same(load):
    picture = [nc.render(gan, nc.Collage(gan.sample(0))) for gan in (load(toy.lernapparat(SMALL)),) * 2]
    assert torch.equal(*picture)
    stored = load(toy.lernapparat(SMALL)).generator.layers[2].norm1.noise
    assert abs(stored.mean()) < 0.3
    assert abs(stored.std() - 1) < 0.3


@pytest.mark.parametrize(
    ("name", "trained", "size"),
    [
        ("train_step-1.model", 3, 8),
        ("train_step-2.model", 3, 16),
        ("train_step-6.model", 3, 16),
        ("stylegan-8px-new.model", 3, 8),
        ("stylegan-1024px-new.model", 3, 16),
        ("100000.model", 2, 8),
        ("faces.pt", 1, 4),
        ("train_step-2.model", 2, 8),  # named after the step that training would go on with
        ("train_step-0.model", 2, 4),
        ("train_step-1.model", 0, 8),  # nothing is trained: then the name alone tells
    ],
)
def test_the_size_of_rosinality_s_files(load, name, trained, size):
    """Blocks that training has not come to add no noise; the name may ask for fewer than are trained."""
    gan = load(untrained(trained), name)
    assert gan.resolution == size
    assert len(gan.generator.layers) == len(toy.CHANNELS) - (16 // size).bit_length() + 1
    assert gan.facts["size"].startswith(f"{size} px: ")


def untrained(trained):
    """A file of which so many blocks are trained."""
    content = toy.rosinality(SMALL)
    state = content["g_running"]
    for name, tensor in state.items():
        block = re.search(r"progression\.(\d)\.noise", name)
        state[name] = tensor * (block is None or int(block[1]) < trained)
    return content


@pytest.mark.parametrize("name", ["faces.pt", "100000.model"])
def test_a_size_that_nothing_tells_is_asked_for(load, name):
    with pytest.raises(nc.CheckpointError, match=rf'all 3 blocks.*got {name}\. .*"-16px"'):
        load(toy.rosinality(SMALL), name)


def test_the_average_alone(load):
    """rosinality's NNNNNN.model, and genforce's generator without the rest."""
    same(weights(load(toy.rosinality(SMALL)["g_running"]), "?"), weights(load(toy.rosinality(SMALL)), "?"))
    same(weights(load(toy.genforce(SMALL)["generator_smooth"]), "?"), weights(load(toy.genforce(SMALL)), "?"))


def test_prefixes_of_data_parallel(load):
    state = {f"module.{name}": tensor for name, tensor in toy.genforce(SMALL)["generator_smooth"].items()}
    same(weights(load({"generator_smooth": state}), "?"), weights(load(toy.genforce(SMALL)), "?"))


@pytest.mark.parametrize(("lod", "size"), [(0.0, 16), (0.4, 16), (1.0, 8), (2.0, 4)])
def test_the_level_at_which_training_stopped(load, lod, size):
    found = [load(toy.genforce(SMALL, lod=lod)), load(toy.tensorflow(SMALL, lod=lod))]
    assert [gan.resolution for gan in found] == [size] * 2
    same(*(weights(gan, "?") for gan in found))
    wanted = toy.raw()
    wanted.layers, wanted.pictures = wanted.layers[: len(wanted.layers) - 2 * int(lod)], wanted.pictures
    wanted.pictures = wanted.pictures[: len(wanted.layers) // 2]
    same(weights(found[0], "?"), weights(load(toy.genforce(wanted)), "?"))


@pytest.mark.parametrize(("fused", "differs"), [("auto", False), (False, False), (True, True)])
def test_the_setting_of_fused_layers(load, fused, differs):
    gan, plain = load(toy.tensorflow(SMALL, fused_scale=fused)), load(toy.tensorflow(SMALL))
    kernels = [found.generator.layers[1].up.weight for found in (gan, plain)]
    assert torch.equal(*kernels) != differs


def test_the_multiplier_of_the_mapping(load):
    gan, plain = load(toy.tensorflow(SMALL, mapping_lrmul=0.02)), load(toy.tensorflow(SMALL))
    assert torch.allclose(gan.generator.mapping.dense[0].weight, 2 * plain.generator.mapping.dense[0].weight)
    assert torch.allclose(gan.generator.mapping.dense[0].bias, 2 * plain.generator.mapping.dense[0].bias)


def test_settings_as_other_programs_write_them(load):
    """A tuple for a list, a whole number for a fraction, more layers than there are."""
    plain = load(toy.tensorflow(SMALL, mapping_lrmul=1.0))
    same(weights(load(toy.tensorflow(SMALL, mapping_lrmul=1, blur_filter=(1, 2, 1))), "?"), weights(plain, "?"))
    assert load(toy.tensorflow(SMALL, truncation_cutoff=2**70)).generator.mapping.truncated_layers == 6


WORDS = {"truncation_cutoff": "truncat", "mapping_lrmul": "mapping_lrmul|finite|bits"}
"""What the message says, where it is not the setting's name."""


@pytest.mark.parametrize(
    "settings",
    [
        {"mapping_lrmul": 2**300},
        {"const_input_layer": False},
        {"use_noise": False},
        {"use_pixel_norm": True},
        {"nonlinearity": "relu"},
        {"blur_filter": None},
        {"num_channels": 1},
        {"fused_scale": "sometimes"},
        {"fused_scale": []},
        {"mapping_lrmul": "much"},
        {"truncation_cutoff": 1.5},
        {"truncation_cutoff": -1},
    ],
)
def test_networks_of_other_settings_are_refused(load, settings):
    with pytest.raises(nc.CheckpointError, match=WORDS.get(next(iter(settings)), next(iter(settings)))):
        load(toy.tensorflow(SMALL, **settings))


TINY = toy.raw((3, 2))
WRITERS = {
    "genforce": lambda: toy.genforce(TINY)["generator_smooth"],
    "interfacegan": lambda: toy.interfacegan(TINY),
    "lernapparat": lambda: toy.lernapparat(TINY),
    "rosinality": lambda: toy.rosinality(TINY, fused_from=1)["g_running"],
}


@pytest.mark.parametrize("layout", WRITERS)
def test_every_weight_is_needed_and_named(load, layout):
    whole = WRITERS[layout]()
    dead = ("lod", "kernel", "weight_flip")  # and the coarser picture, and rosinality's blur
    for name in whole:
        if name.endswith(dead) or "output0" in name or "to_rgb.0" in name or "conv1.1.weight" in name:
            continue
        with pytest.raises(nc.CheckpointError):
            load({other: tensor for other, tensor in whole.items() if other != name})
    missing = next(name for name in whole if "noise" in name)
    with pytest.raises(nc.CheckpointError, match=missing.replace(".", r"\.")):
        load({other: tensor for other, tensor in whole.items() if other != missing})


@pytest.mark.parametrize("layout", WRITERS)
def test_unknown_weights_are_refused(load, layout):
    with pytest.raises(nc.CheckpointError, match="synthesis2"):
        load(WRITERS[layout]() | {"synthesis2.weight": torch.ones(2)})


@pytest.mark.parametrize("layout", WRITERS)
def test_shapes_that_contradict_one_another_are_refused(load, layout):
    whole = WRITERS[layout]()
    for name, tensor in whole.items():
        if tensor.dim() == 0 or "dense0" in name or "style.1." in name:  # the length of z may be any
            continue
        for wrong in (tensor[..., :-1], tensor[None]):
            try:
                gan = load(whole | {name: wrong.contiguous()})
            except nc.CheckpointError:
                continue
            same(weights(gan, "?"), weights(load(whole), "?"))  # it is not used, or a vector in another form


def test_pictures_beyond_all_bounds_are_refused_before_they_are_made(load):
    """A few numbers a block describe doublings without end."""
    state = toy.lernapparat(toy.raw((1, 1)))
    for block in range(2, 16):
        state |= {
            name.replace("8x8", f"{4 << block}x{4 << block}"): state[name] for name in list(state) if "8x8" in name
        }
    with pytest.raises(nc.CheckpointError, match="4096 px"):
        load(state)


@pytest.mark.parametrize("lod", [float("nan"), float("inf"), -1.0, 9.5])
def test_levels_that_make_no_sense(load, lod):
    if lod == 9.5:  # more blocks untrained than there are
        with pytest.raises(nc.CheckpointError, match="impossible"):
            load(toy.genforce(SMALL, lod=lod))
    else:
        assert load(toy.genforce(SMALL, lod=lod)).resolution == 16


def test_weights_that_are_no_numbers_are_refused(load):
    broken = toy.genforce(SMALL)
    broken["generator_smooth"]["synthesis.layer1.weight"][0, 0, 0, 0] = torch.nan
    with pytest.raises(nc.CheckpointError, match="finite"):
        load(broken)


def test_what_a_file_holds_is_told_without_reading_weights(tmp_path):
    outline = nc.peek(toy.save(toy.tensorflow(CLASSES), tmp_path / "network-snapshot-001000.pkl"))
    assert (outline.family, outline.parts) == ("stylegan", ("generator",))
    assert (outline.resolution, outline.n_classes) == (16, 3)
    assert "network-snapshot-001000.pkl" in outline.facts["provenance"]
