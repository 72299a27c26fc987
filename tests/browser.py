"""ComfyUI's page in a real browser, for tests: opened, looked at, worked by mouse and keyboard.

Playwright drives a Chromium that is installed: CHROMIUM names it, or it is found on the path.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from comfyui import COMFYUI, Server
from PIL import Image

__all__ = ["NEEDED", "Window", "opened"]

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = {
    "COMFYUI_DIR is not set: no ComfyUI to test in": COMFYUI is None,
    "playwright is not installed: nothing to drive a browser with": find_spec("playwright") is None,
    "there is no Chromium: set CHROMIUM, or install one": CHROMIUM is None,
}
NEEDED = pytest.mark.skipif(any(MISSING.values()), reason="; ".join(told for told, absent in MISSING.items() if absent))

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTH, HEIGHT = 1600, 900
SETTINGS = {"Comfy.TutorialCompleted": True, "Comfy.Workflow.ShowMissingModelsWarning": False}
"""Or the page greets with its templates, and complains that its own first workflow lacks a model."""
PATIENCE, DONE_AFTER = 60_000, 300_000
"""Milliseconds to wait at most: for the page, for a run."""

READY = "() => window.app?.vueAppReady && app.graph.nodes.length > 0"
LISTEN = """(patience) => { window.ended = new Promise((done) => {
  for (const end of ['execution_success', 'execution_error', 'execution_interrupted'])
    app.api.addEventListener(end, ({detail}) => done(detail.exception_message ?? end), {once: true});
  setTimeout(() => done('nothing happened'), patience);
}) }"""
PICTURES = """() => app.graph.nodes.filter(({type}) => ['SaveImage', 'PreviewImage'].includes(type))
  .every(({imgs}) => imgs?.length && imgs.every((image) => image.complete && image.naturalWidth > 0))"""
SHOW = """([kind, scale]) => {
  const node = app.graph.nodes.find(({type}) => type === kind);
  app.canvas.ds.scale = scale;
  app.canvas.centerOnNode(node);
  app.canvas.draw(true, true);
}"""
PLACE = """([kind, x, y]) => {
  const node = app.graph.nodes.find(({type}) => type === kind), box = app.canvas.canvas.getBoundingClientRect();
  const [left, top] = app.canvas.ds.convertOffsetToCanvas([node.pos[0] + x, node.pos[1] + y]);
  return [box.left + left, box.top + top];
}"""


@dataclass
class Window:
    """A page of ComfyUI. What a browser does and no more: scripts only look, and bring a node into view."""

    server: Server
    page: Any
    said: set[str] = field(default_factory=set)
    """Errors in its console, and what it asked for and did not get, without the server's port."""

    def fit(self) -> None:
        """Bring the whole workflow into view."""
        self.page.evaluate("() => app.extensionManager.command.execute('Comfy.Canvas.FitView')")
        self.page.wait_for_timeout(700)  # it glides

    def open_template(self, pack: str, name: str) -> None:
        """Choose a workflow in the template browser."""
        self.browse_templates()
        self.page.get_by_role("option", name=pack).click()
        self.page.get_by_test_id(f"template-workflow-{name}").click()
        self.page.wait_for_selector("[role=dialog]", state="detached")
        self.fit()

    def browse_templates(self) -> None:
        """Open the template browser."""
        self.page.get_by_role("button", name="Templates").first.click()
        self.page.wait_for_selector(".template-card")

    def run(self) -> str:
        """Press Run and wait for the end: "execution_success", or what went wrong."""
        self.page.evaluate(LISTEN, DONE_AFTER)
        self.page.locator("[data-testid='queue-button'] button").first.click()
        return self.page.evaluate("() => window.ended")

    def wait_for_pictures(self) -> None:
        """Until every node that shows pictures does."""
        self.page.wait_for_function(PICTURES)

    def saved(self, title: str) -> np.ndarray:
        """The picture that a Save Image node shows, (H, W, 3) in 0..1, as it was saved."""
        look = "(wanted) => app.nodeOutputs[app.graph.nodes.find(({title}) => title === wanted).id].images[0]"
        found = self.page.evaluate(look, title)
        return np.asarray(Image.open(self.server.base / found["type"] / found["filename"]).convert("RGB")) / 255

    def value(self, kind: str, widget: str) -> Any:
        """What a widget of the first node of a kind holds."""
        look = """([kind, widget]) => app.graph.nodes.find(({type}) => type === kind)
          .widgets.find(({name}) => name === widget).value"""
        return self.page.evaluate(look, [kind, widget])

    def show(self, kind: str, scale: float = 1.0) -> None:
        """Bring the first node of a kind into view."""
        self.page.evaluate(SHOW, [kind, scale])
        self.page.wait_for_timeout(300)

    def click(self, kind: str, x: float, y: float) -> None:
        """Click inside a node: pixels from the left upper corner of its body; its title lies above, at y < 0."""
        self.page.mouse.click(*self.page.evaluate(PLACE, [kind, x, y]))
        self.page.wait_for_timeout(400)

    def note(self, kind: str, text: str) -> None:
        """Keep something the page said."""
        self.said.add(f"{kind}: {text.replace(self.server.url, '')}")


@contextmanager
def opened(server: Server, block: str = "", **settings: Any) -> Iterator[Window]:
    """A window of its own, without anything that another one left.

    `block`: addresses that get an empty answer. `settings`: of the page, with _ for each point of a name.
    """
    from playwright.sync_api import sync_playwright  # pyright: ignore[reportMissingImports]

    file = server.base / "user" / "default" / "comfy.settings.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(SETTINGS | {name.replace("_", "."): value for name, value in settings.items()}))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
        context.set_default_timeout(PATIENCE)
        context.route(lambda address: not address.startswith(server.url), lambda route: route.abort())
        if block:
            empty = {"status": 200, "content_type": "text/javascript", "body": ""}
            context.route(block, lambda route: route.fulfill(**empty))
        window = Window(server, context.new_page())
        _listen(window)
        window.page.goto(server.url)
        window.page.wait_for_function(READY)
        window.page.wait_for_timeout(500)  # its first workflow would land on top of what is opened now
        yield window
        browser.close()


def _listen(window: Window) -> None:
    window.page.on("console", lambda message: message.type == "error" and window.note("error", message.text))
    window.page.on("pageerror", lambda error: window.note("pageerror", str(error)))
    window.page.on("response", lambda answer: answer.status >= 400 and window.note("refused", _address(answer.url)))


def _address(url: str) -> str:
    return Path(urlsplit(url).path).as_posix()
