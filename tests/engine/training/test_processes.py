"""Two processes with half of each batch train as one with the whole."""

import builtins
import multiprocessing
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import toy
import two_processes
from neural_collage import engine as nc
from neural_collage.engine.errors import InputError, TrainingError
from neural_collage.engine.training import command
from neural_collage.engine.training.command import main
from neural_collage.engine.training.data import load_images
from neural_collage.engine.training.draws import Draws
from neural_collage.engine.training.presets import PRESETS
from neural_collage.engine.training.processes import ALONE, Processes, join_processes
from neural_collage.engine.training.snapshot import load_snapshot
from neural_collage.engine.training.task import Task

GAN = "--preset tiny-16 --r1 1 --r1-every 3 --loss softplus --discriminator-steps 2 --accumulate 2 --balance yes"
ENCODER = "--channels 4,8,8 --batch 8"
BIGGAN = (
    "--preset biggan-128 --generator 16,16,8 --discriminator 8,16,16 --shrinking 2 --dim-z 12 --shared-dim 5 "
    "--attention 8 --batch 8 --fakes 8 --accumulate 2 --average-from 3 --orthogonal 1e-3"
)
AUXILIARY = "--dim-a 16 --dim-b 16 --axes 20 --batch 8"
STEPS = 10
BOARD = ["--tensorboard"] if find_spec("tensorboard") else []


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def calls(data, out, model):
    """The trainings in float64, those of a GAN for both families, into folders below `out`."""
    common = ["--steps", str(STEPS), "--precision", "fp64", "--noise", "0.01", "--crop", "0.9"]
    for name, flags in (("gan", GAN), ("biggan", BIGGAN), ("encoder", ENCODER), ("auxiliary", AUXILIARY)):
        kind, base = ("gan", []) if "gan" in name else (name, ["--model", str(model)])
        yield [kind, str(data), "--out", str(out / name), *flags.split(), *common, *base, *BOARD]


def start(calls):
    """Two processes, each with its own calls, to their end: their exit codes."""
    context, port = multiprocessing.get_context("spawn"), free_port()
    children = [context.Process(target=two_processes.run, args=(rank, port, calls[rank])) for rank in (0, 1)]
    for child in children:
        child.start()
    for child in children:
        child.join(300)
    return [child.exitcode for child in children]


def test_the_command_of_the_readme_starts_two(coloured, tmp_path):
    pytest.importorskip("accelerate", reason="several processes need the extra [accelerate]")
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    (shown,) = (line for line in readme.splitlines() if "torchrun --" in line)
    launcher = shlex.split(shown.split(" -m ")[0])[1:]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--master-port", str(free_port()), *launcher]
    small = ["--preset", "tiny-16", "--batch", "3", "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [*torchrun, "-m", "neural_collage", "train", "gan", str(coloured), *small],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode != 0
    assert "got 2 x 1 for 3" in done.stderr  # a batch of three cannot be shared by the two


@pytest.fixture(scope="module")
def both(coloured, tmp_path_factory):
    """The folder of the runs on one process, and of the same on two."""
    pytest.importorskip("accelerate", reason="several processes need the extra [accelerate]")
    folder = tmp_path_factory.mktemp("processes")
    one, two, model = folder / "one", folder / "two", folder / "model.safetensors"
    gan = toy.gan(2)
    nc.save(nc.Gan(gan.generator, gan.discriminator, gan.encoder, class_names=("green", "red")), model)
    for arguments in calls(coloured, one, model):
        main(arguments)
    assert start([list(calls(coloured, two, model))] * 2) == [0, 0]
    return one, two


def tensors(state: Any, path: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(state, torch.Tensor):
        yield path, state
    elif isinstance(state, dict):
        for name, value in state.items():
            yield from tensors(value, f"{path}.{name}")


@pytest.mark.parametrize("name", ["gan", "biggan", "encoder", "auxiliary"])
def test_ten_steps_on_two_processes_are_those_on_one(both, name):
    states = [load_snapshot(folder / name / "snapshot.pt") for folder in both]
    assert [state["done"] for state in states] == [STEPS, STEPS]
    one, two = (dict(tensors(state)) for state in states)
    assert one.keys() == two.keys()
    assert torch.equal(one[".random"], two[".random"])
    errors = {key: (one[key].double() - two[key].double()).abs().max().item() for key in one}
    assert max(errors.values()) < 1e-6, max(errors, key=errors.__getitem__)


def test_one_process_alone_wrote(both):
    one, two = ([_stable(path.relative_to(folder)) for path in folder.rglob("*")] for folder in both)
    assert sorted(one) == sorted(two)
    assert sum("tfevents" in name for name in two) == (4 if BOARD else 0)


def _stable(path):
    """A name without what TensorBoard adds to it: the time, the machine, the process."""
    return path.as_posix().partition("tfevents")[0] + "tfevents" * ("tfevents" in path.name)


def test_processes_that_do_not_share_a_folder_are_told_so(coloured, tmp_path, capfd):
    pytest.importorskip("accelerate", reason="several processes need the extra [accelerate]")
    first = [["gan", str(coloured), "--out", str(tmp_path / str(rank)), "--preset", "tiny-16"] for rank in (0, 1)]
    main([*first[0], "--steps", "1"])
    assert start([[[*call, "--steps", "2"]] for call in first]) == [1, 1]
    told = capfd.readouterr().err
    for rank in (0, 1):
        assert f"see the same files in {tmp_path / str(rank)}; they found different snapshots, or none, there." in told
    assert load_snapshot(tmp_path / "0" / "snapshot.pt")["done"] == 1


class Alike:
    """An accelerator of two processes that both say the same, of which only this one is there."""

    device = torch.device("cpu")

    def reduce(self, values, reduction):
        return 2 * values

    def wait_for_everyone(self):
        pass


def test_a_model_that_only_the_first_machine_has_is_told(coloured, tmp_path, monkeypatch):
    nc.save(replace(toy.gan(2), class_names=("green", "red")), tmp_path / "base.safetensors")
    monkeypatch.setattr(command, "join_processes", lambda device: (Processes(1, 2, Alike()), device))
    flags = ["--steps", "1", "--axes", "0", "--dim-zeta", "10", "--model", str(tmp_path / "base.safetensors")]
    with pytest.raises(TrainingError, match=r"run/model\.safetensors, which the first one wrote, is not there for"):
        main(["auxiliary", str(coloured), "--out", str(tmp_path / "run"), *flags])


def test_rows_of_all_processes_are_the_rows_of_one():
    def halves(draw):
        return [draw(Draws(torch.Generator().manual_seed(0), rank, 2)) for rank in (0, 1)]

    whole = Draws(torch.Generator().manual_seed(0)).normal(6, 2)
    first, second = halves(lambda draws: draws.normal(3, 2))
    assert torch.equal(torch.stack([first, second], 1).flatten(0, 1), whole)
    assert torch.equal(torch.cat([first[:1], second[:1]]), whole[:2])


def test_a_batch_must_be_shared_evenly(coloured):
    settings = PRESETS["tiny-16"].gan
    data = load_images(coloured, 16)

    class Still(Task):
        def step(self):
            return {}

        def samples(self):
            return torch.zeros(())

    assert Still(settings, data, processes=Processes(1, 4)).batch == 2
    with pytest.raises(InputError, match="multiple of 3"):
        Still(settings, data, processes=Processes(0, 3))


def test_several_processes_need_accelerate(monkeypatch):
    assert join_processes("cpu") == (ALONE, "cpu")
    real = builtins.__import__

    def missing(name, *rest, **more):
        if name == "accelerate":
            raise ImportError
        return real(name, *rest, **more)

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(TrainingError, match=r"neural-collage\[accelerate\]"):
        join_processes("cpu")
