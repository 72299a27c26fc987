"""The worked workflow of each model family runs, on a small model of that family with random weights."""

from pathlib import Path

import numpy as np
import parity
import pytest
import torch
from neural_collage import engine as nc
from neural_collage.engine.networks.biggan_deep import BigGANDeepConfig, BigGANDeepGenerator
from neural_collage.workflows.run import run
from PIL import Image

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "workflows" / "families").glob("*.json"))

GOLDEN = {
    "biggan": ("biggan_ajbrock", "G_ema.pth"),
    "stylegan": ("stylegan1_genforce", "stylegan.pth"),
    "stylegan2": ("stylegan2ada_nvlabs", "*.pkl"),
    "stylegan3": ("stylegan3_nvlabs", "*.pkl"),
}
"""Workflow -> where a file of its family lies, as other code bases write it."""
CLASSES = {
    "biggan": {"Random Collage.label": "0", "Paint Class.label": "1"},
    "biggan_deep": {"Random Collage.label": "0", "Another daisy.label": "0", "Paint Class.label": "1"},
}
"""The small models have no names for their classes."""


def model(name: str, folder: Path) -> Path:
    if name in GOLDEN:
        peer, pattern = GOLDEN[name]
        return next(file for case in parity.peer(peer) for file in sorted(case.glob(pattern)))
    torch.manual_seed(0)
    widths, doubling = (16, 16, 16, 16, 16, 8, 8), (False, True, False, True, False, True)
    config = BigGANDeepConfig(widths, doubling, 3, 8, 6, (3,), False, 51, 1e-4, 1e-4)
    generator = BigGANDeepGenerator(config).eval()
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    nc.save(nc.Gan(generator), folder / "deep.safetensors")
    return folder / "deep.safetensors"


def test_every_family_has_one():
    assert {path.stem for path in FILES} == {*GOLDEN, "biggan_deep"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_runs_with_a_model_of_its_family(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"Load GAN.file": str(model(path.stem, tmp_path)), **CLASSES.get(path.stem, {})}
    if path.stem == "stylegan2":
        given |= {"Project Image.steps": "2", "Where it changed.value": "0"}
    saved = run(path, given, input_dir=ROOT / "workflows").files
    assert [file.name.rsplit("_", 2)[0] for file in saved] == [path.stem, f"{path.stem}_sheet"]
    sheet = np.asarray(Image.open(saved[1]).convert("RGB")).astype(int)
    last = sheet[:, -256:]
    assert last.std() > 10  # the last stage shows a picture
