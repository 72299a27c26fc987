"""Values given from outside: how nodes are named, how text is read, what the saved workflow then says."""

import json

import pytest
from neural_collage.engine.errors import WorkflowError
from neural_collage.workflows.document import Document
from neural_collage.workflows.overrides import override, read_assignments
from neural_collage.workflows.run import run
from toy_nodes import PACK, SEED_2, edited, page, prompt


@pytest.fixture
def mixed(tmp_path):
    """Run a document with overrides; what arrived at node 4."""

    def of(document, overrides):
        path = tmp_path / "workflow.json"
        path.write_text(json.dumps(document))
        return run(path, overrides, pack=PACK).ui["4"]["shown"][0]

    return of


def seed_of(mixed):
    return mixed[1]


@pytest.mark.parametrize("document", [page(), prompt()], ids=["page", "prompt"])
@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Toy Seed.seed", "11", ("seed", 11, "coarse", 1.0, "", False)),  # the title it shows
        ("1.seed", "11", ("seed", 11, "coarse", 1.0, "", False)),  # its id
        ("1.grain", "fine", ("seed", 7, "fine", 1.0, "", False)),
        ("1.size", "2", ("seed", 7, "coarse", 2.0, "", False)),
        ("1.label", "a=b.c", ("seed", 7, "coarse", 1.0, "a=b.c", False)),
        ("1.label", "5", ("seed", 7, "coarse", 1.0, "5", False)),
        ("1.sharp", "yes", ("seed", 7, "coarse", 1.0, "", True)),
        ("1.sharp", "False", ("seed", 7, "coarse", 1.0, "", False)),
    ],
)
def test_text_is_read_as_the_declared_type(mixed, document, name, text, expected):
    assert seed_of(mixed(document, {name: text})) == expected


def test_values_of_python_pass_as_they_are(mixed):
    assert seed_of(mixed(page(), {"1.size": 3}))[3] == 3.0


def test_title_goes_before_display_name_and_class(mixed):
    document = edited(page(), "nodes", 3, "title", "ToySeed")  # a mix that the user called ToySeed
    assert mixed(document, {"ToySeed.amount": "9"})[3] == 9


def test_link_into_a_widget_is_cut_everywhere(mixed):
    document = page()
    document["links"].append([10, 1, 1, 3, 3, "INT"])
    document["nodes"][1]["outputs"][1]["links"] = [10]
    document["nodes"][3]["inputs"].append({"name": "amount", "type": "INT", "link": 10, "widget": {"name": "amount"}})
    assert mixed(document, {})[3] == 7
    assert mixed(document, {"Toy Mix.amount": "4"})[3] == 4


def test_the_cut_link_is_gone_from_the_saved_page(tmp_path):
    document = page()
    document["links"].append([10, 1, 1, 3, 3, "INT"])
    document["nodes"][1]["outputs"][1]["links"] = [10]
    document["nodes"][3]["inputs"].append({"name": "amount", "type": "INT", "link": 10})
    saved = override(Document(tmp_path, "page", document), {"3.amount": 4}, PACK).data
    assert saved["links"] == page()["links"]
    assert saved["nodes"][1] == page()["nodes"][1]
    assert saved["nodes"][3]["inputs"][3] == {"name": "amount", "type": "INT", "link": None}
    assert saved["nodes"][3]["widgets_values"] == [4]
    assert document["links"][-1][0] == 10  # the given one is untouched


def test_several_at_once(mixed):
    assert mixed(page(), {"Toy Mix.amount": "2", "Second.label": "x", "The End.text": "t"}) == (
        "mix",
        ("seed", 7, "coarse", 1.0, "", False),
        (*SEED_2[:4], "x", True),
        2,
        None,
    )


BAD_OVERRIDES = {
    "unknown node": ("Nobody.seed", "1", ["No node is called 'Nobody'", "1: Toy Seed", "2: Second"]),
    "misspelt node": ("Secnd.seed", "1", ["Did you mean 'Second'?"]),
    "ambiguous": ("ToySeed.seed", "1", ["could be any of", "1: Toy Seed", "2: Second"]),
    "unknown input": ("Second.sed", "1", ["'Second' has no input 'sed'", "seed, grain", "Did you mean 'seed'?"]),
    "socket": ("Toy Mix.a", "1", ["takes a link from a THING output"]),
    "not a number": ("Second.seed", "many", ["'seed' takes a whole number, got 'many'"]),
    "not true or false": ("Second.sharp", "perhaps", ["takes true or false, got 'perhaps'"]),
    "NaN": ("Second.size", "nan", ["a finite number, got nan"]),
    "out of range": ("Second.size", "9", ["must lie in 0.0..8.0, got 9.0"]),
    "not a choice": ("Second.grain", "Fine", ["one of 'coarse', 'fine'", "Did you mean 'fine'?"]),
    "note": ("Note.text", "x", ["No node is called 'Note'"]),
    "refused by the node": ("The End.text", "forbidden", ["is not wanted"]),
}


@pytest.mark.parametrize("case", BAD_OVERRIDES)
def test_bad_override(mixed, case):
    name, value, words = BAD_OVERRIDES[case]
    with pytest.raises(WorkflowError) as caught:
        mixed(page(), {name: value})
    assert [word for word in words if word not in str(caught.value)] == []


def test_assignments():
    assert read_assignments(["Load Image.image=a=b.jpg", "A.b.c="]) == {"Load Image.image": "a=b.jpg", "A.b.c": ""}


@pytest.mark.parametrize("text", ["", "seed=1", "Second.seed", "Second.seed:1"])
def test_bad_assignment(text):
    with pytest.raises(WorkflowError, match=r"node\.input=value"):
        read_assignments([text])


def test_assignment_given_twice():
    with pytest.raises(WorkflowError, match="twice"):
        read_assignments(["a.b=1", "a.b=2"])
