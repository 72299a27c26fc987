"""Pictures of the worked workflows as ComfyUI's page shows them, after a run.

Writes `docs/workflow_<name>.jpg`, and for help pages `web/docs/<node>.jpg`.

python benchmarks/screenshots.py [--only NAME]

Needs what the tests of `tests/host` need: COMFYUI_DIR, COMFYUI_PYTHON, playwright and a Chromium.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

from browser import Window, opened  # noqa: E402 - found by the line above
from comfyui import Server  # noqa: E402

PACK = "ComfyUI-Neural-Collage"
SCALE = 0.65
"""Nearly the smallest at which the page still writes the names of inputs."""
CORNER, MARGIN = (90, 100), 20
"""Where the workflow begins on the page, right of and below its bars; what is left around it. In pixels."""
WIDTH, NODE_WIDTH = 1600, 400
"""Pixels of a picture in docs/, of one in a help page."""
NODES = {"paint_regions": "NeuralCollagePaintRegions"}
"""Which node of a workflow stands in its own help page."""

BARE = dict.fromkeys(("Comfy_Minimap_Visible", "Comfy_Graph_CanvasInfo", "Comfy_Graph_CanvasMenu"), False)
"""What the page lays over the workflow is hidden."""

PLACE = """([scale, left, top]) => {
  const page = app.canvas.canvas.getBoundingClientRect();
  const boxes = app.graph.groups.map(({_bounding: [x, y, width, height]}) => [x, y, x + width, y + height]);
  const [x, y] = [0, 1].map((side) => Math.min(...boxes.map((box) => box[side])));
  const [right, bottom] = [2, 3].map((side) => Math.max(...boxes.map((box) => box[side])));
  app.canvas.ds.scale = scale;
  app.canvas.ds.offset = [(left - page.left) / scale - x, (top - page.top) / scale - y];
  app.canvas.draw(true, true);
  return [Math.ceil((right - x) * scale), Math.ceil((bottom - y) * scale)];
}"""

FRAME = """(kind) => {
  const {pos, size} = app.graph.nodes.find(({type}) => type === kind), title = LiteGraph.NODE_TITLE_HEIGHT;
  const page = app.canvas.canvas.getBoundingClientRect();
  const [x, y] = app.canvas.ds.convertOffsetToCanvas([pos[0], pos[1] - title]);
  return [page.left + x, page.top + y, size[0], size[1] + title];
}"""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NAME", help="this workflow alone")
    options = parser.parse_args()
    names = [options.only] if options.only else sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))
    with tempfile.TemporaryDirectory() as base, Server(Path(base), {PACK: ROOT}) as server:
        server.give(*(ROOT / "workflows").glob("*.png"))
        for name in names:
            with opened(server, **BARE) as window:
                _save(_picture(window, name), ROOT / "docs" / f"workflow_{name}.jpg", WIDTH)
                if kind := NODES.get(name):
                    _save(_node(window, kind), ROOT / "web" / "docs" / f"{kind}.jpg", NODE_WIDTH)


def _picture(window: Window, name: str) -> Image.Image:
    """The whole workflow after a run."""
    window.open_template(PACK, name)
    if (ended := window.run()) != "execution_success":
        raise SystemExit(f"{name}: {ended}")
    width, height = window.page.evaluate(PLACE, [SCALE, *CORNER])
    window.page.set_viewport_size({"width": CORNER[0] + width + MARGIN, "height": CORNER[1] + height + MARGIN})
    window.page.evaluate(PLACE, [SCALE, *CORNER])
    window.page.mouse.move(CORNER[0] + width, CORNER[1] + height)  # over nothing that shows a tip
    window.wait_for_pictures()
    window.page.wait_for_timeout(1000)  # pictures fade in
    clip = {
        "x": CORNER[0] - MARGIN,
        "y": CORNER[1] - MARGIN,
        "width": width + 2 * MARGIN,
        "height": height + 2 * MARGIN,
    }
    return Image.open(io.BytesIO(window.page.screenshot(clip=clip))).convert("RGB")


def _node(window: Window, kind: str) -> Image.Image:
    """One node by itself."""
    window.show(kind)
    clip = dict(zip(("x", "y", "width", "height"), window.page.evaluate(FRAME, kind), strict=True))
    return Image.open(io.BytesIO(window.page.screenshot(clip=clip))).convert("RGB")


def _save(picture: Image.Image, path: Path, width: int) -> None:
    small = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
    partial = path.with_name(f".{path.name}.part")
    small.save(partial, format="JPEG", quality=82, optimize=True)
    os.replace(partial, path)
    print(path)


if __name__ == "__main__":
    main()
