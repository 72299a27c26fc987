"""The pack in ComfyUI's page, in a real browser: templates, the canvas to paint on, class names, help, the console."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from browser import NEEDED, Window, opened
from comfyui import ROOT, Server
from neural_collage import engine as nc
from painting import NO_DRAWINGS, PACK, PAINT, add_brush, canvas, choose, drawn, paint, painted, strokes

pytestmark = NEEDED

WORKFLOWS = sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))
RANDOM = "NeuralCollageRandomCollage"
COLOURS = "NeuralCollageClassMapFromColours"
LEFT, RIGHT = [(0.3, 0.35), (0.25, 0.5), (0.3, 0.65)], [(0.7, 0.35), (0.75, 0.5), (0.7, 0.65)]
"""Strokes: places on the canvas, 0 to 1."""
YELLOW, RED = "apple-golden", "cherry-wax-black"


SET = """([kind, widget, value]) => {
  app.graph.nodes.find(({type}) => type === kind).widgets.find(({name}) => name === widget).value = value
}"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What the page says of itself, without any pack."""
    with Server(tmp_path_factory.mktemp("bare"), {}) as server, opened(server) as window:
        window.browse_templates()
        return set(window.said)


@pytest.fixture
def window(server: Server, bare: set[str]) -> Iterator[Window]:
    """A window that says nothing which the bare page does not say, whatever the test does with it."""
    with opened(server) as window:
        yield window
        assert not window.said - bare


def ran(window: Window) -> np.ndarray:
    """Run; the edited picture."""
    assert window.run() == "execution_success"
    return window.saved("Save picture")


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_template_opens_and_runs_by_its_button(window: Window, name: str):
    window.open_template(PACK, name)
    assert window.run() == "execution_success"
    window.fit()
    window.wait_for_pictures()


def test_a_painting_changes_what_is_painted_and_swapping_its_classes_swaps_the_change(window: Window):
    canvas(window)
    plain = ran(window)
    window.page.locator(".nc-size input").fill("100")
    for label, stroke in ((YELLOW, LEFT), (RED, RIGHT)):
        add_brush(window, label[:8])
        paint(window, stroke)
    where = painted(window, len(plain))
    left, right = where[YELLOW] > 0.99, where[RED] > 0.99
    one = ran(window)
    first = one - plain
    inside, outside = np.abs(first)[left | right].mean(), np.abs(first)[sum(where.values()) == 0].mean()
    print(f"changed by {inside:.4f} where painted, by {outside:.4f} elsewhere: {inside / outside:.1f} times as much")
    assert inside > 3 * outside

    for row, label in enumerate((RED, YELLOW)):
        window.page.locator(".nc-class").nth(row).click()
        choose(window, label[:8])
    assert painted(window, len(plain)).keys() == {RED, YELLOW}
    other = ran(window)
    for here, there in ((left, right), (right, left)):  # nearer, not equal: one half is lit, the other in shade
        same, swapped = one[here].mean(0), one[there].mean(0)
        assert np.abs(other[here].mean(0) - swapped).sum() < np.abs(other[here].mean(0) - same).sum()

    while window.page.get_by_title("Undo", exact=True).is_enabled():
        window.page.get_by_title("Undo", exact=True).click()
    assert nc.paint_drawing(window.value(PAINT, "drawing"))[1].max() == 0
    assert np.array_equal(ran(window), plain)


def test_what_is_seen_is_what_is_painted(window: Window):
    canvas(window)
    add_brush(window, RED)
    paint(window, LEFT)
    window.page.mouse.move(5, 5)
    look = "(one) => Array.from(one.getContext('2d').getImageData(0, 0, one.width, one.height).data)"
    seen = np.array(window.page.locator(".nc-canvas").evaluate(look)).reshape(512, 512, 4)[..., 3] / 255
    _, mask = nc.paint_drawing(window.value(PAINT, "drawing"))
    assert np.abs(seen - mask[0, 0].numpy()).mean() < 0.002
    assert ((seen > 0.5) != (mask[0, 0].numpy() > 0.5)).mean() < 0.002


def test_tools_and_the_pages_own_undo(window: Window):
    canvas(window)
    add_brush(window, RED)
    paint(window, LEFT)
    once = window.value(PAINT, "drawing")
    window.page.get_by_title("Take away what was painted").click()
    window.page.locator(".nc-size input").fill("200")
    paint(window, LEFT)
    assert painted(window, 64)[RED].max() == 0
    window.page.get_by_title("Undo", exact=True).click()
    assert window.value(PAINT, "drawing") == once
    window.page.get_by_title("Redo", exact=True).click()
    assert painted(window, 64)[RED].max() == 0
    window.page.get_by_title("Remove all strokes").click()
    assert '"strokes":[]' in window.value(PAINT, "drawing")
    window.page.mouse.move(5, 5)
    for key, left in (("z", 2), ("z", 1), ("y", 2), ("z", 1)):  # clear, redo; redo again and undo that
        window.page.keyboard.press(f"Control+{key}")
        window.page.wait_for_timeout(1000)
        assert window.value(PAINT, "drawing").count('"points"') == left
    assert window.value(PAINT, "drawing") == once


def test_the_picture_lies_under_the_drawing(window: Window):
    canvas(window)
    ran(window)
    seen = "(one) => one.getContext('2d').getImageData(0, 0, 512, 512).data.filter((_, at) => at % 4 === 3)"
    window.page.wait_for_timeout(1000)
    assert window.page.locator(".nc-canvas").evaluate(f"(one) => ({seen})(one).every((alpha) => alpha === 255)")


def test_a_drawing_survives_a_reload(window: Window):
    canvas(window)
    add_brush(window, RED)
    paint(window, RIGHT)
    drawing = window.value(PAINT, "drawing")
    window.page.wait_for_timeout(1500)  # the page keeps its workflow now and then
    window.page.reload()
    window.page.wait_for_function("(kind) => window.app?.graph?.nodes.some(({type}) => type === kind)", arg=PAINT)
    assert window.value(PAINT, "drawing") == drawing
    window.page.get_by_title("Undo", exact=True).click()
    assert '"strokes":[]' in window.value(PAINT, "drawing")


def test_a_class_is_picked_by_typing(window: Window):
    window.open_template(PACK, "label_collage")
    window.show(RANDOM)
    window.click(RANDOM, 150, 40)
    window.page.keyboard.type("granny")
    assert window.page.locator(".nc-picker li").all_inner_texts()[0].startswith("apple-granny-smith")
    window.page.keyboard.press("Enter")
    assert window.value(RANDOM, "label") == "apple-granny-smith"
    window.click(RANDOM, 150, 40)
    window.page.keyboard.press("Escape")
    assert window.value(RANDOM, "label") == "apple-granny-smith"


def test_a_class_is_picked_in_a_palette(window: Window):
    window.open_template(PACK, "colours_to_class_map")
    window.show(COLOURS)
    before = window.value(COLOURS, "palette")
    box = next(box for box in window.page.locator("textarea").all() if box.input_value() == before)
    box.click()
    window.page.keyboard.press("Control+End")
    window.page.keyboard.type("\n#00ff00 =")
    choose(window, "papa")
    assert window.value(COLOURS, "palette") == f"{before}\n#00ff00 = papaya"
    window.page.keyboard.type("\n#ffffff =")
    choose(window, "own")
    assert window.value(COLOURS, "palette") == f"{before}\n#00ff00 = papaya\n#ffffff = own"


def test_a_help_page_opens(window: Window):
    window.open_template(PACK, "paint_regions")
    window.show(PAINT)
    window.click(PAINT, 60, -15)
    window.page.get_by_test_id("info-button").click()
    window.page.get_by_role("heading", name="The canvas").wait_for()


def test_text_that_is_no_drawing_can_be_mended(window: Window):
    canvas(window)
    empty = window.value(PAINT, "drawing")
    window.page.evaluate(SET, [PAINT, "drawing", "no drawing"])
    field = window.page.locator(".nc-stage textarea")
    assert field.input_value() == "no drawing"
    field.fill(empty)
    field.blur()
    window.page.wait_for_selector(".nc-stage canvas")
    assert window.value(PAINT, "drawing") == empty


def test_what_the_engine_refuses_stays_text(window: Window):
    canvas(window)
    good = window.value(PAINT, "drawing")
    assert nc.paint_drawing(drawn())[1].max() == 1
    for text in NO_DRAWINGS:
        with pytest.raises(nc.InputError):
            nc.paint_drawing(text)
        window.page.evaluate(SET, [PAINT, "drawing", text])
        assert window.page.locator(".nc-stage textarea").input_value() == text
        assert window.page.locator(".nc-canvas").count() == 0, text
        window.page.evaluate("() => app.api.dispatchCustomEvent('executed', {node: '-1', output: {}})")
    for text in (None, "", drawn(), good):
        window.page.evaluate(SET, [PAINT, "drawing", text])
        assert window.page.locator(".nc-canvas").count() == 1


def test_one_pointer_paints_and_while_its_button_is_down(window: Window):
    canvas(window)
    add_brush(window, RED)
    box, mouse = window.page.locator(".nc-canvas").bounding_box(), window.page.mouse
    mouse.move(box["x"] + 50, box["y"] + 50)
    for act, button in ((mouse.down, "left"), (mouse.down, "right"), (mouse.up, "left"), (mouse.up, "right")):
        act(button=button)
    mouse.move(box["x"] + 150, box["y"] + 150, steps=4)
    (dot,) = strokes(window)
    assert len(dot["points"]) == 2

    touch = window.page.context.new_cdp_session(window.page)

    def fingers(kind: str, *places: tuple[int, int]) -> None:
        points = [{"x": box["x"] + x, "y": box["y"] + y, "id": number} for number, (x, y) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", (40, 100))
    fingers("touchStart", (40, 100), (200, 20))
    for step in range(5):
        fingers("touchMove", (60 + 20 * step, 100), (200, 40 + 20 * step))
    fingers("touchEnd")
    assert strokes(window) == [dot]  # two fingers zoom the page
    box = window.page.locator(".nc-canvas").bounding_box()
    fingers("touchStart", (40, 100))
    fingers("touchMove", (90, 100))
    fingers("touchEnd")
    assert [len(stroke["points"]) for stroke in strokes(window)] == [2, 4]


def test_a_pens_eraser_erases(window: Window):
    canvas(window)
    add_brush(window, RED)
    paint(window, LEFT)
    window.page.locator(".nc-canvas").evaluate("""(one) => {
      const box = one.getBoundingClientRect(), at = {clientX: box.x + 50, clientY: box.y + 50, pointerId: 1};
      one.dispatchEvent(new PointerEvent('pointerdown', {...at, button: 5, buttons: 32}));
      one.dispatchEvent(new PointerEvent('pointerup', {...at, button: 5, buttons: 0}));
    }""")
    assert [stroke["brush"] for stroke in strokes(window)] == [0, None]


def test_keys_after_and_while_painting(window: Window):
    canvas(window)
    add_brush(window, RED)
    window.click(PAINT, 60, -15)  # the node is selected
    paint(window, LEFT)
    paint(window, RIGHT)
    for key in ("Delete", "Backspace"):
        window.page.keyboard.press(key)
    window.page.wait_for_timeout(500)
    assert len(strokes(window)) == 2
    box, mouse = window.page.locator(".nc-canvas").bounding_box(), window.page.mouse
    mouse.move(box["x"] + 20, box["y"] + 20)
    mouse.down()
    mouse.move(box["x"] + 90, box["y"] + 20, steps=4)
    window.page.keyboard.press("Control+z")
    window.page.wait_for_timeout(1000)
    mouse.up()
    assert len(strokes(window)) == 2


HELD = "() => [document.activeElement.title, document.activeElement.className]"


def test_the_panel_is_worked_by_keys(window: Window):
    canvas(window)
    add_brush(window, RED)
    page = window.page
    page.get_by_label(f"Strength of {RED}").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert json.loads(window.value(PAINT, "drawing"))["brushes"][0]["strength"] == 0.97
    assert page.evaluate(HELD)[0] == f"Strength of {RED}"
    page.get_by_label(f"Class: {RED}").focus()
    for last in ("Escape", "Enter"):
        page.keyboard.press("Enter")
        page.keyboard.type(YELLOW)
        option = page.get_by_role("option").first
        assert page.get_by_role("combobox").last.get_attribute("aria-activedescendant") == option.get_attribute("id")
        page.keyboard.press(last)
        assert page.evaluate(HELD)[1] == "nc-class"
    assert page.evaluate(HELD)[0] == YELLOW


def test_brushes_are_as_many_as_the_engine_takes(window: Window):
    canvas(window)
    text = json.dumps({"size": 512, "brushes": [{"class": "rose"}] * 63, "strokes": []})
    window.page.evaluate(SET, [PAINT, "drawing", text])
    window.page.mouse.move(5, 5)
    add_brush(window, RED)
    assert window.page.get_by_text("+ Add brush").is_disabled()
    assert len(json.loads(window.value(PAINT, "drawing"))["brushes"]) == 64


def test_the_list_closes_when_its_node_goes(window: Window):
    canvas(window)
    window.page.get_by_text("+ Add brush").click()
    window.page.wait_for_selector(".nc-picker")
    window.page.evaluate("(kind) => app.graph.remove(app.graph.nodes.find(({type}) => type === kind))", PAINT)
    window.page.wait_for_selector(".nc-picker", state="detached")


def test_names_that_cannot_be_typed_are_not_offered(window: Window):
    ask = f"async (text) => (await import('/extensions/{PACK}/js/class_names.js')).isName(text)"
    assert [window.page.evaluate(ask, text) for text in ("a b", "", " ", "a\nb", "\x1b[0m")] == [True] + 4 * [False]


def test_it_paints_inside_a_subgraph(server: Server):
    with opened(server) as window:  # the page's own console is not quiet when a subgraph opens
        window.open_template(PACK, "paint_regions")
        window.show(PAINT)
        window.click(PAINT, 60, -15)
        window.page.get_by_test_id("convert-to-subgraph-button").click()
        before = ran(window)
        window.page.evaluate("() => app.canvas.openSubgraph(app.graph.nodes.find(({subgraph}) => subgraph).subgraph)")
        window.page.wait_for_selector(".nc-canvas")
        window.fit()
        paint(window, [(0.5, 0.5), (0.52, 0.52)])
        window.page.locator(".nc-class").first.click()
        assert window.page.locator(".nc-picker li").count() == 13
        window.page.keyboard.press("Escape")
        assert not np.array_equal(ran(window), before)


def test_without_our_script_a_drawing_is_text(server: Server):
    with opened(server, block="**/extensions/*/js/*.js") as window:
        window.open_template(PACK, "paint_regions")
        window.show(PAINT)
        assert window.page.locator(".nc-canvas").count() == 0
        assert any('"brushes"' in box.input_value() for box in window.page.locator("textarea").all())
        assert torch.any(nc.paint_drawing(window.value(PAINT, "drawing"))[1] > 0)
