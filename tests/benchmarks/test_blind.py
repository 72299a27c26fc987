"""The page for blind comparisons: how pictures are paired, what it holds, and the page itself in a real browser."""

import csv
import io
import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import blind
import pytest
from browser import CHROMIUM, FLAGS, PATIENCE
from neural_collage.engine import InputError
from PIL import Image
from scipy.stats import binomtest

COUNT = 9
MISSING = {
    "playwright is not installed: nothing to drive a browser with": find_spec("playwright") is None,
    "there is no Chromium: set CHROMIUM, or install one": CHROMIUM is None,
}
NEEDED = pytest.mark.skipif(any(MISSING.values()), reason="; ".join(told for told, absent in MISSING.items() if absent))
SHOWN = "() => !document.getElementById('pair').classList.contains('waiting')"


def fill(folder: Path, names: list[str], colour: tuple[int, int, int]) -> Path:
    folder.mkdir()
    for number, name in enumerate(names):
        Image.new("RGB", (8, 8), (*colour[:2], number)).save(folder / name)
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Nine red pictures and nine green ones under the same names."""
    names = [f"{number}.png" for number in range(COUNT)]
    return fill(tmp_path / "ours", names, (255, 0, 0)), fill(tmp_path / "theirs <b>", names, (0, 255, 0))


def content(text: str) -> dict[str, Any]:
    """What the page holds, as its script reads it."""
    return json.loads(text.split('id="data">')[1].split("</script>")[0])


def built(folders: tuple[Path, Path], seed: int = 0) -> dict[str, Any]:
    return content(blind.page(blind.pairs(*folders), ("ours", "theirs <b>"), "Which <b>?", seed))


def test_same_names_are_paired_and_other_names_in_order(tmp_path: Path, folders: tuple[Path, Path]):
    assert [(a.name, b.name) for a, b in blind.pairs(*folders)] == [(f"{n}.png", f"{n}.png") for n in range(COUNT)]
    others = fill(tmp_path / "others", [f"x{number}.jpg" for number in range(COUNT)], (0, 0, 255))
    (others / "notes.txt").write_text("no picture")
    assert [(a.name, b.name) for a, b in blind.pairs(folders[0], others)] == [
        (f"{n}.png", f"x{n}.jpg") for n in range(COUNT)
    ]


def test_folders_that_make_no_pairs_are_refused(tmp_path: Path, folders: tuple[Path, Path]):
    (tmp_path / "empty").mkdir()
    fewer = fill(tmp_path / "fewer", ["a.png"], (0, 0, 0))
    partly = fill(tmp_path / "partly", ["0.png", "other.png"], (0, 0, 0))
    for folder, told in (
        (folders[0], "given twice"),
        (tmp_path / "nowhere", "is none"),
        (tmp_path / "empty", "has none"),
        (fewer, f"has {COUNT}, .* has 1"),
        (partly, "9 are in one folder alone: 1.png"),
    ):
        with pytest.raises(InputError, match=told):
            blind.pairs(folders[0], folder)


def test_a_file_that_is_no_picture_is_named(folders: tuple[Path, Path]):
    whole = (folders[1] / "3.png").read_bytes()
    for spoilt in (b"text", whole[: len(whole) // 2], whole[:40] + b"\0\0\0\0" + whole[44:]):
        (folders[1] / "3.png").write_bytes(spoilt)
        with pytest.raises(InputError, match=r"3\.png cannot be read"):
            built(folders)


def test_the_page_holds_the_pictures_balanced_and_shuffled_by_the_seed(folders: tuple[Path, Path]):
    data = built(folders)
    for pair in data["pairs"]:
        for side, folder in zip("ab", folders, strict=True):
            kind, coded = pair["pictures"][side].split(",")
            assert kind == "data:image/png;base64"
            assert blind.base64.b64decode(coded) == (folder / pair["name"]).read_bytes()
    assert sorted(Counter(pair["left"] for pair in data["pairs"]).values()) == [COUNT // 2, COUNT // 2 + 1]
    assert sorted(pair["name"] for pair in data["pairs"]) == [f"{n}.png" for n in range(COUNT)]
    order = [[(pair["name"], pair["left"]) for pair in built(folders, seed)["pairs"]] for seed in (0, 0, 1)]
    assert order[0] == order[1] != order[2]
    assert [name for name, _ in order[0]] != sorted(name for name, _ in order[0])


def test_votes_belong_to_the_content(folders: tuple[Path, Path]):
    keys = [built(folders)["key"], built(folders)["key"], built(folders, 1)["key"]]
    Image.new("RGB", (8, 8)).save(folders[0] / "0.png")
    keys.append(built(folders)["key"])
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_the_page_asks_nothing_of_any_network_and_no_name_ends_its_script(folders: tuple[Path, Path]):
    text = blind.page(blind.pairs(*folders), ("ours", "</script>"), "Which </script><b>?")
    assert "http://" not in text
    assert "https://" not in text
    assert "default-src 'none'" in text
    assert text.count("</script>") == 2
    assert content(text)["question"] == "Which </script><b>?"


@pytest.mark.parametrize(("names", "question"), [(("x", "x"), "?"), (("x", "y"), " ")])
def test_one_name_or_no_question_is_refused(folders: tuple[Path, Path], names: tuple[str, str], question: str):
    with pytest.raises(InputError, match="two names"):
        blind.page(blind.pairs(*folders), names, question)
    with pytest.raises(InputError, match="got 0 pairs"):
        blind.page([], ("x", "y"), "?")


def test_command_line_writes_one_file_and_says_what_is_wrong(
    tmp_path: Path, folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "new" / "page.html"
    assert blind.main([*map(str, folders), "--question", "Which?", "--out", str(out), "--seed", "3"]) == 0
    assert [file.name for file in out.parent.iterdir()] == ["page.html"]
    data = content(out.read_text(encoding="utf-8"))
    assert (data["question"], data["seed"], data["names"]) == ("Which?", 3, {"a": "ours", "b": "theirs <b>"})
    twin = shutil.copytree(folders[0], tmp_path / "twin" / "ours")
    assert blind.main([str(folders[0]), str(twin), "--out", str(out)]) == 0
    assert content(out.read_text(encoding="utf-8"))["names"] == {"a": str(folders[0]), "b": str(twin)}
    assert blind.main([str(folders[0]), str(tmp_path / "nowhere"), "--out", str(out)]) == 2
    assert "is none" in capsys.readouterr().err


# ---- in a browser ----


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One for all tests; each has a window of its own, without what another one kept."""
    from playwright.sync_api import sync_playwright  # pyright: ignore[reportMissingImports]

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(tmp_path: Path, folders: tuple[Path, Path], browser: Any) -> Iterator[Any]:
    """The page, opened from its file; it says nothing in its console and asks for nothing but itself."""
    out, said = tmp_path / "page.html", []
    assert blind.main([*map(str, folders), "--question", "Which one?", "--out", str(out)]) == 0
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    tab = context.new_page()
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda asked: asked.url.startswith(("data:", "file:", "blob:")) or said.append(asked.url))
    tab.goto(out.as_uri())
    tab.wait_for_function(SHOWN)
    yield tab
    context.close()
    assert said == []


def press(tab: Any, key: str) -> None:
    tab.keyboard.press(key)
    tab.wait_for_function(SHOWN)


def left(tab: Any) -> str:
    """Which folder the left picture is of, told by what is seen of it."""
    look = """() => { const image = document.querySelector('#left img'), canvas = document.createElement('canvas');
      const context = canvas.getContext('2d'); context.drawImage(image, 0, 0);
      return context.getImageData(0, 0, 1, 1).data[0] > 128 ? 'ours' : 'theirs <b>'; }"""
    return tab.evaluate(look)


def saved(tab: Any, button: str) -> str:
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name=button).click()
    return Path(waiting.value.path()).read_text(encoding="utf-8")


@NEEDED
def test_votes_are_what_was_seen_and_the_summary_is_right(tab: Any):
    dice, wanted = random.Random(0), []
    for _ in range(COUNT):
        vote = dice.choice(["left", "right", "neither"])
        wanted.append((left(tab), vote))
        press(tab, {"left": "ArrowLeft", "right": "ArrowRight", "neither": "Space"}[vote])
    told = json.loads(saved(tab, "Votes as JSON"))
    assert [(record["left"], record["vote"]) for record in told["votes"]] == wanted
    assert all(record["milliseconds"] >= 0 and {record["left"], record["right"]} == {"ours", "theirs <b>"}
               for record in told["votes"])  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(saved(tab, "Votes as CSV"))))
    assert [{**row, "milliseconds": int(row["milliseconds"])} for row in rows] == told["votes"]

    ours = sum(vote != "neither" and (side == "ours") == (vote == "left") for side, vote in wanted)
    decided = sum(vote != "neither" for _, vote in wanted)
    test = binomtest(ours, decided)
    summary = told["summary"]
    assert summary["names"] == {"a": "ours", "b": "theirs <b>"}
    assert summary["votes"] == {"a": ours, "b": decided - ours, "neither": COUNT - decided}
    assert summary["share"] == pytest.approx(ours / decided)
    assert summary["p"] == pytest.approx(test.pvalue)
    assert summary["interval"] == pytest.approx(list(test.proportion_ci(method="wilson")), abs=1e-6)
    assert f"{100 * ours / decided:.1f} %" in tab.locator("#summary").inner_text()


@NEEDED
def test_statistics_of_the_page_are_scipy_s(tab: Any):
    for count, total in ((0, 1), (1, 1), (5, 10), (3, 40), (600, 1000), (0, 2000)):
        test = binomtest(count, total)
        assert tab.evaluate(f"binomial({count}, {total})") == pytest.approx(test.pvalue, rel=1e-6, abs=1e-300)
        interval = test.proportion_ci(method="wilson")
        assert tab.evaluate(f"wilson({count}, {total})") == pytest.approx([interval.low, interval.high], abs=1e-6)


@NEEDED
def test_votes_survive_a_reload_and_can_be_taken_back(tab: Any):
    for key in ("ArrowLeft", "ArrowRight", "Space"):
        press(tab, key)
    before = saved(tab, "Votes as CSV")
    tab.reload()
    tab.wait_for_function(SHOWN)
    assert saved(tab, "Votes as CSV") == before
    assert tab.locator("#progress").inner_text() == f"Pair 4 of {COUNT}"
    press(tab, "Backspace")
    press(tab, "ArrowLeft")
    tab.get_by_role("button", name="Back", exact=True).click()
    tab.get_by_role("button", name="Back", exact=True).click()
    tab.wait_for_function(SHOWN)
    tab.get_by_role("button", name="Right picture").click()
    tab.wait_for_function(SHOWN)
    votes = [row["vote"] for row in csv.DictReader(io.StringIO(saved(tab, "Votes as CSV")))]
    assert votes == ["left", "right", "left"]


@NEEDED
def test_space_presses_a_button_that_has_the_focus_and_a_held_key_is_one_vote(tab: Any):
    tab.get_by_role("button", name="Left picture").click()
    tab.wait_for_function(SHOWN)
    press(tab, "Space")  # not the picture again, which was clicked last
    tab.keyboard.down("ArrowRight")
    tab.wait_for_function(SHOWN)
    tab.keyboard.down("ArrowRight")
    tab.keyboard.up("ArrowRight")
    tab.wait_for_function(SHOWN)
    tab.get_by_role("button", name="Results so far").focus()
    tab.keyboard.press("Space")
    assert tab.locator("#results").is_visible()
    tab.get_by_role("button", name="Back to the pictures").click()
    tab.wait_for_function(SHOWN)
    assert [vote and vote["vote"] for vote in tab.evaluate("votes")] == ["left", "neither", "right"] + [None] * 6


@NEEDED
def test_no_name_of_a_folder_takes_the_place_of_a_figure(tmp_path: Path, folders: tuple[Path, Path], browser: Any):
    out = tmp_path / "names.html"
    out.write_text(blind.page(blind.pairs(*folders), ("p", "share"), "Which?"), encoding="utf-8")
    tab = browser.new_page()
    tab.goto(out.as_uri())
    tab.wait_for_function(SHOWN)
    press(tab, "ArrowLeft")
    summary = json.loads(saved(tab, "Votes as JSON"))["summary"]
    tab.close()
    assert summary["names"] == {"a": "p", "b": "share"}
    assert sorted(summary["votes"].values()) == [0, 0, 1]
    assert summary["p"] == 1
    assert summary["share"] == summary["votes"]["a"]


@NEEDED
def test_neither_folder_is_named_before_the_results(tab: Any):
    assert "ours" not in tab.locator("body").inner_text()
    assert "ours" not in tab.locator("#pair").inner_html()[:200]
    tab.on("dialog", lambda dialog: dialog.accept())
    for _ in range(COUNT):
        press(tab, "ArrowLeft")
    assert "ours" in tab.locator("#summary").inner_text()
    tab.get_by_role("button", name="Start over").click()
    tab.wait_for_function(SHOWN)
    assert tab.evaluate("votes") == [None] * COUNT
