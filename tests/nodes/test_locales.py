"""The languages of ComfyUI's page: English is what the nodes declare, the others say the same."""

import json
import re
import shutil

import pytest
from neural_collage.nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

import locales

KANA, HAN = re.compile("[\u3041-\u30ff]"), re.compile("[\u4e00-\u9fff]")
each = pytest.mark.parametrize("language", locales.LANGUAGES)


def nodes(language):
    return json.loads((locales.FOLDER / language / "nodeDefs.json").read_text("utf-8"))


def pairs(language):
    """Every English text and what it became, by its keys."""
    there = dict(locales.flat(nodes(language)))
    for key, text in locales.flat(nodes("en")):
        yield key, text, there[key]


def title(text):
    """What a node is called in a sentence."""
    return text.partition(" (")[0]


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(locales.FOLDER, tmp_path / "locales")


def change(path, keys, text):
    texts = json.loads(path.read_text("utf-8"))
    *above, last = keys
    inner = texts
    for key in above:
        inner = inner[key]
    if text is None:
        del inner[last]
    else:
        inner[last] = text
    path.write_text(json.dumps(texts), "utf-8")


def test_english_help_lies_where_the_page_looks_first():
    assert {source.stem for source in locales.pages().values()} == set(NODE_CLASS_MAPPINGS)
    assert all(page.read_bytes() == source.read_bytes() for page, source in locales.pages().items())


def test_english_is_what_the_nodes_declare():
    assert locales.differing() == []


@each
def test_a_translation_has_the_same_keys_and_says_as_much(language):
    assert locales.lacking(locales.FOLDER / language) == []


def test_there_are_no_other_files():
    found = {f"{path.parent.name}/{path.name}" for path in locales.FOLDER.rglob("*") if path.is_file()}
    assert found == {f"{language}/{name}" for language in ("en", *locales.LANGUAGES) for name in locales.english()}


@each
def test_sentences_are_in_the_language(language):
    for key, english, text in pairs(language):
        if english.count(" ") > 2:
            assert HAN.search(text) or KANA.search(text), key
        assert language == "ja" or not KANA.search(text), key


@each
def test_nodes_are_called_by_their_titles(language):
    titles = {
        title(one["display_name"]): title(nodes(language)[name]["display_name"]) for name, one in nodes("en").items()
    }
    assert len(set(titles.values())) == len(NODE_DISPLAY_NAME_MAPPINGS)
    for key, english, text in pairs(language):
        named = [new for old, new in titles.items() if re.search(rf"(?<!^){re.escape(old)}\b", english)]
        if not key.endswith((".name", ".display_name")):
            assert [new for new in named if new not in text] == [], key


@each
def test_choices_keep_their_names(language):
    for name, cls in NODE_CLASS_MAPPINGS.items():
        declared = cls.INPUT_TYPES()
        for key, (kind, options) in (declared["required"] | declared.get("optional", {})).items():
            told = nodes(language)[name]["inputs"][key]["tooltip"]
            choices = (
                [choice for choice in kind if f"{choice}: " in options["tooltip"]] if isinstance(kind, list) else []
            )
            assert [choice for choice in choices if choice not in told] == [], f"{name}.{key}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "is lacking"),
        ("", "is empty"),
        ("Which sizes of feature maps are meant", "has lost `all`, `4`, `8-`, 8, "),
        ("{`all`} `4` `8-` 8 `-32` `4-16` `4, 16-64` `#2` `#2-5`", "the signs"),
    ],
)
def test_a_poor_translation_is_told(copy, text, told):
    keys = ["NeuralCollageLabelCollage", "inputs", "layers", "tooltip"]
    change(copy / "ja" / "nodeDefs.json", keys, text)
    found = locales.lacking(copy / "ja")
    assert all(one.startswith(".".join(keys)) for one in found)
    assert any(told in one for one in found)


def test_an_untranslated_or_unknown_text_is_told(copy):
    description = nodes("en")["NeuralCollageStitch"]["description"]
    change(copy / "zh" / "nodeDefs.json", ["NeuralCollageStitch", "description"], description)
    change(copy / "zh" / "nodeDefs.json", ["NeuralCollageStitch", "inputs", "glue"], {"name": "x"})
    assert locales.lacking(copy / "zh") == [
        "NeuralCollageStitch.description: is not translated",
        "NeuralCollageStitch.inputs.glue.name is no text of a node",
    ]


def test_the_script_writes_english_and_says_what_differs(copy, monkeypatch, capsys):
    change(copy / "en" / "nodeDefs.json", ["NeuralCollageStitch", "description"], "Old.")
    monkeypatch.setattr("sys.argv", ["locales.py", "--folder", str(copy), "--check"])
    assert locales.main() == 1
    assert capsys.readouterr().out == "en: NeuralCollageStitch.description\n"
    monkeypatch.setattr("sys.argv", ["locales.py", "--folder", str(copy)])
    assert locales.main() == 0
    assert capsys.readouterr().out == "en: NeuralCollageStitch.description\nSay the same in the other languages.\n"
    assert locales.differing(copy) == []
