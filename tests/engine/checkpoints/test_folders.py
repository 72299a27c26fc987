"""Folders given in place of files: as each code base's training leaves them."""

import pytest
import toy_biggan
import toy_resnet
import toy_stylegan
from neural_collage import engine as nc
from neural_collage.engine.checkpoints.folders import FOLDER, files_in

NAMES = {
    # what lies in the folder -> what is taken for the generator and the discriminator
    "ajbrock": (["G.pth", "G_ema.pth", "D.pth", "G_optim.pth"], "G_ema.pth", "D.pth"),
    "not averaged": (["G.pth", "D.pth"], "G.pth", "D.pth"),
    "StudioGAN, best": (
        ["model=G-best-weights-step=5.pth", "model=G_ema-best-weights-step=5.pth", "model=D-best-weights-step=5.pth"],
        "model=G_ema-best-weights-step=5.pth",
        None,
    ),
    "StudioGAN, current": (
        ["model=G-best-weights-step=5.pth", "model=G_ema-current-weights-step=9.pth"],
        "model=G_ema-current-weights-step=9.pth",
        None,
    ),
    "mimicry": (
        ["netG_900_steps.pth", "netG_1000_steps.pth", "netD_900_steps.pth", "netD_1000_steps.pth"],
        "netG_1000_steps.pth",
        "netD_1000_steps.pth",
    ),
    "mimicry, of another step": (["netG_1000_steps.pth", "netD_900_steps.pth"], "netG_1000_steps.pth", None),
    "mimicry, as it saves": (
        ["netG/netG_5_steps.pth", "netG/netG_10_steps.pth", "netD/netD_10_steps.pth"],
        "netG/netG_10_steps.pth",
        "netD/netD_10_steps.pth",
    ),
    "NVIDIA": (["network-snapshot-000100.pkl", "training_options.json"], "network-snapshot-000100.pkl", None),
    "a discriminator": (["D.pth", "D_optim.pth"], None, "D.pth"),
}


@pytest.mark.parametrize("case", NAMES)
def test_the_files_that_are_meant(tmp_path, case):
    there, generator, discriminator = NAMES[case]
    for name in there:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    wanted = {"generator": generator, "discriminator": discriminator}
    assert files_in(tmp_path) == {part: tmp_path / name for part, name in wanted.items() if name is not None}


def test_every_row_of_the_table_is_found(tmp_path):
    for number, row in enumerate(FOLDER):
        folder = tmp_path / str(number)
        files = {part: folder / name.replace("<steps>", "7").replace("*", "x") for part, name in row.items()}
        for path in files.values():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        assert files_in(folder) == files


def test_folders_load(tmp_path):
    layout = toy_biggan.LAYOUTS["StudioGAN"]
    for name in ("studiogan", "mimicry", "nvidia"):
        (tmp_path / name).mkdir()
    toy_biggan.write(tmp_path / "studiogan", layout, toy_biggan.generator(layout))
    toy_resnet.save(toy_resnet.mimicry(), tmp_path / "mimicry" / "netG_100_steps.pth")
    toy_stylegan.save(toy_stylegan.tensorflow(toy_stylegan.raw()), tmp_path / "nvidia" / "network.pkl")
    families = {name: nc.load(tmp_path / name).facts["family"] for name in ("studiogan", "mimicry", "nvidia")}
    assert families == {"studiogan": "biggan", "mimicry": "resnet", "nvidia": "stylegan"}


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(nc.CheckpointError, match=r"one of G_ema\.pth, .*D\.pth; .* holds none"):
        nc.load(tmp_path)


def test_several_files_that_could_be_meant_are_refused(tmp_path):
    for number in (100, 200):
        (tmp_path / f"network-snapshot-000{number}.pkl").touch()
    with pytest.raises(nc.CheckpointError, match=r"must be clear; there are network-snapshot-000100\.pkl, network"):
        nc.load(tmp_path)


def test_a_folder_without_the_part_is_refused(tmp_path):
    (tmp_path / "D.pth").touch()
    with pytest.raises(nc.CheckpointError, match=r"folder for the encoder .* known D\.pth \(discriminator\)"):
        nc.load(encoder=tmp_path)
