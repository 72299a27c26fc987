"""The lists of class names, finding a class in them, and which models get them."""

from dataclasses import replace

import pytest
import toy
import toy_resnet
from neural_collage import engine as nc
from neural_collage.engine.class_names import class_list, find_class, fitting_list

IMAGENET = class_list("imagenet")
KNOWN = {
    # facts that everybody who has used a classifier of ImageNet knows by number
    0: "tench, Tinca tinca",
    1: "goldfish, Carassius auratus",
    130: "flamingo",
    151: "Chihuahua",
    207: "golden retriever",
    250: "Siberian husky",
    281: "tabby, tabby cat",
    284: "Siamese cat, Siamese",
    293: "cheetah, chetah, Acinonyx jubatus",
    340: "zebra",
    386: "African elephant, Loxodonta africana",
    388: "giant panda, panda, panda bear, coon bear, Ailuropoda melanoleuca",
    404: "airliner",
    508: "computer keyboard, keypad",
    609: "jeep, landrover",
    737: "pop bottle, soda bottle",
    817: "sports car, sport car",
    933: "cheeseburger",
    949: "strawberry",
    954: "banana",
    963: "pizza, pizza pie",
    980: "volcano",
    985: "daisy",
    999: "toilet tissue, toilet paper, bathroom tissue",
}


@pytest.mark.parametrize(("number", "name"), KNOWN.items())
def test_the_order_is_everybodys(number, name):
    assert IMAGENET[number] == name


def test_the_lists_are_whole():
    assert len(IMAGENET) == len(set(IMAGENET)) == 1000
    assert all(name == name.strip() and name and name.isascii() for name in IMAGENET)
    animals = class_list("dogs-cats")
    assert (len(animals), animals[0], animals[-1]) == (143, "Chihuahua", "cheetah, chetah, Acinonyx jubatus")


def test_unknown_lists_are_told():
    with pytest.raises(nc.LabelError, match="imagenet, dogs-cats; got 'cifar'"):
        class_list("cifar")


@pytest.mark.parametrize(
    ("count", "first"), [(1000, "tench, Tinca tinca"), (143, "Chihuahua"), (10, None), (None, None)]
)
def test_a_list_is_chosen_by_its_length(count, first):
    found = fitting_list(count, ("imagenet", "dogs-cats"))
    assert (found[0] if found else None) == first


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("golden retriever", "golden retriever"),
        ("  Golden RETRIEVER ", "golden retriever"),
        ("siamese", "Siamese cat, Siamese"),
        ("tiger", "tiger, Panthera tigris"),  # what a name begins with beats its being part of "tiger shark"
        ("husky", "Eskimo dog, husky"),  # a synonym beats its being part of "Siberian husky"
        ("polecat", "polecat, fitch, foulmart, foumart, Mustela putorius"),  # and is no skunk
        ("orca", "killer whale, killer, orca, grampus, sea wolf, Orcinus orca"),
        ("polar bear", "ice bear, polar bear, Ursus Maritimus, Thalarctos maritimus"),
        ("hen", "hen"),
        ("crane", "crane"),
        ("crane (machine)", "crane (machine)"),
        ("welsh springer", "Welsh springer spaniel"),
        ("lynx, catamount", "lynx, catamount"),
    ],
)
def test_what_users_type(text, name):
    assert IMAGENET[find_class(IMAGENET, text)] == name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("panda", "is part of several. Did you mean one of lesser panda, giant panda?"),
        ("corgi", "Did you mean one of Pembroke, Cardigan?"),
        ("golden retreiver", "is none. Did you mean one of golden retriever"),
        ("siamees", "Did you mean one of Siamese cat"),
        ("qqqqqqq", "is none. The first are tench, goldfish, great white shark"),
    ],
)
def test_misses_tell_the_nearest(text, words):
    with pytest.raises(nc.LabelError) as caught:
        find_class(IMAGENET, text)
    assert words in str(caught.value)


def test_the_authors_143_classes_are_dogs_and_cats(tmp_path):
    path = toy.chainer_files(tmp_path, toy.gan(143))["generator"]
    assert nc.peek(path).class_names == class_list("dogs-cats")
    assert nc.load(path).label("siamese") == 284 - 151


def test_a_thousand_classes_are_imagenet(tmp_path):
    raw = toy_resnet.mimicry()
    raw |= {name: table[:1].repeat(1000, 1) for name, table in raw.items() if name.endswith("embed.weight")}
    gan = nc.load(toy_resnet.save(raw, tmp_path / "netG.pth"))
    assert gan.class_names == IMAGENET
    # Our own files say themselves what their classes are called.
    nc.save(replace(gan, class_names=()), tmp_path / "nameless.safetensors")
    assert nc.load(tmp_path / "nameless.safetensors").class_names == ()


def test_other_counts_have_no_names(tmp_path):
    assert nc.load(toy_resnet.save(toy_resnet.mimicry(), tmp_path / "netG.pth")).class_names == ()
