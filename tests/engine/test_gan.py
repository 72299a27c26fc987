from dataclasses import replace

import numpy as np
import pytest
import torch
import toy
from neural_collage.engine.errors import InputError, LabelError, ModelError
from neural_collage.engine.gan import Gan

NAMES = ("Siamese cat, Siamese", "Persian cat", "crane", "Crane", "lemon", "lemongrass", "3")


@pytest.fixture(scope="module")
def gan() -> Gan:
    return replace(toy.gan(7, bare=True), class_names=NAMES)


@pytest.mark.parametrize(
    ("label", "number"),
    [
        (0, 0),
        (6, 6),
        (np.int64(5), 5),
        ("4", 4),
        (" 4 ", 4),
        ("+4", 4),
        ("Persian cat", 1),
        ("  persian CAT ", 1),
        ("siamese", 0),  # a part that only one name has
        ("crane", 2),  # of two equal names the first
        ("lemon", 4),  # a whole name beats a part of another
        ("lemong", 5),
        ("3", 6),  # a name that looks like a number is a name
    ],
)
def test_a_class_is_a_number_or_a_name(gan: Gan, label: object, number: int):
    assert gan.label(label) == number  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (7, "from 0 to 6 for this model; got 7"),
        (-1, "got -1"),
        ("-1", "got -1"),
        ("99", "got 99"),
        ("cat", "'cat' is part of several. Did you mean one of Siamese cat, Persian cat"),
        ("persain cat", "'persain cat' is none. Did you mean one of Persian cat"),
        ("zzz", "The first are Siamese cat"),
        ("", "The first are"),
        ("--3", "'--3' is none"),
        ("²", "is none"),
        ("9" * 5000, "is none"),
        (True, "a number from 0 to 6 or a name; got True"),
        (1.0, "got 1.0"),
        (None, "got None"),
    ],
)
def test_a_miss_says_what_there_is(gan: Gan, label: object, words: str):
    with pytest.raises(LabelError) as caught:
        gan.label(label)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_a_model_without_names_asks_for_numbers():
    with pytest.raises(LabelError, match="no class names; use a number from 0 to 2 instead of 'rose'"):
        toy.gan(named=False, bare=True).label("rose")


def test_labels_of_one_several_and_a_tensor(gan: Gan):
    assert gan.labels("lemon").tolist() == [4]
    assert gan.labels("lemon", 3).tolist() == [4, 4, 4]
    assert gan.labels(["lemon", 1, "6"]).tolist() == [4, 1, 6]
    assert gan.labels(torch.tensor([2, 5])).tolist() == [2, 5]
    assert gan.labels(torch.tensor(2), 2).tolist() == [2, 2]
    with pytest.raises(InputError, match="for each of the 3 images; got 2"):
        gan.labels([1, 2], 3)
    with pytest.raises(LabelError, match="empty list"):
        gan.labels([])


def test_the_number_of_names_must_be_that_of_classes(gan: Gan):
    with pytest.raises(ModelError, match="7 classes but 2 class names"):
        replace(gan, class_names=("a", "b"))


@pytest.mark.parametrize("truncation", [1.0, 0.5])
def test_item_i_of_a_batch_is_a_single_draw_with_seed_plus_i(gan: Gan, truncation: float):
    batch = gan.sample([1, 2, 3], seed=40, truncation=truncation)
    for i in range(3):
        single = gan.sample(i + 1, seed=40 + i, truncation=truncation)
        assert torch.equal(batch.point[i : i + 1], single.point)
        assert batch.labels[i] == single.labels[0]


def test_drawing_leaves_the_global_generator_alone(gan: Gan):
    before = torch.get_rng_state()
    gan.sample(0, seed=5, truncation=0.5, count=3)
    assert torch.equal(before, torch.get_rng_state())


def test_seeds_go_to_the_very_end(gan: Gan):
    last = gan.sample(0, seed=2**64 - 1, count=2)
    assert torch.equal(last.point[1:], gan.sample(0, seed=0).point)  # and start over
    assert not torch.equal(last.point[:1], last.point[1:])


def test_draws_are_normal():
    z = toy.gan(bare=True, dim_z=512).sample(0, seed=1, count=64).point
    assert z.mean().abs() < 0.02
    assert (z.std() - 1).abs() < 0.02
    assert z.abs().max() > 3


@pytest.mark.parametrize("truncation", [0.9, 0.5])
def test_truncated_draws_are_the_normal_cut_at_two_times_truncation(truncation: float):
    z = toy.gan(bare=True, dim_z=512).sample(0, seed=1, truncation=truncation, count=64).point
    assert z.abs().max() <= 2 * truncation
    assert z.abs().max() > 1.9 * truncation
    assert (z.std() / truncation - 0.8796).abs() < 0.02  # deviation of a normal cut at two: sqrt(1 - 4 phi(2) / 0.9545)


def test_truncation_leaves_numbers_inside_where_they_were(gan: Gan):
    full, cut = gan.sample(0, seed=3).point, gan.sample(0, seed=3, truncation=0.5)
    inside = full.abs() <= 2
    assert torch.equal(cut.point[inside], full[inside] * 0.5)
    assert cut.truncation == 0.5


def test_facts_of_the_model():
    gan = toy.gan(5, resolution=32)
    assert (gan.resolution, gan.dim_z, gan.n_classes, gan.device) == (32, toy.DIM_Z, 5, torch.device("cpu"))
    assert gan.to("cpu").generator is gan.generator


@pytest.mark.parametrize("part", ["discriminator", "encoder", "auxiliary"])
def test_a_missing_part_is_named(gan: Gan, part: str):
    assert toy.gan().part(part) is not None
    with pytest.raises(ModelError, match=f"needs the model's {part}, which was not loaded"):
        gan.part(part)


def test_a_generator_in_training_does_not_draw():
    gan = toy.gan(bare=True)
    gan.generator.train()
    with pytest.raises(ModelError, match=r"evaluation mode.*method `eval`"):
        gan.drawing()
