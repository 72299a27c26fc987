"""Small training sets."""

import zipfile

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def coloured(tmp_path_factory):
    """A folder of two classes of twelve noisy colours each, 20 px."""
    folder, random = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for channel, name in enumerate(("red", "green")):
        (folder / name).mkdir()
        for i in range(12):
            pixels = random.integers(0, 60, (20, 20, 3), dtype=np.uint8)
            pixels[..., channel] += 180
            Image.fromarray(pixels).save(folder / name / f"{i:02}.png")
    return folder


@pytest.fixture(scope="session")
def zipped(coloured, tmp_path_factory):
    """The same as a zip, with a picture that is too small and a file that is none."""
    path = tmp_path_factory.mktemp("zip") / "colours.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(coloured.rglob("*.png")):
            archive.write(file, file.relative_to(coloured).as_posix())
        archive.writestr("red/broken.png", b"no picture")
        tiny = coloured.parent / "tiny.png"
        Image.new("RGB", (20, 5)).save(tiny)
        archive.write(tiny, "red/tiny.png")
    return path
