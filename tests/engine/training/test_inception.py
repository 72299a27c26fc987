"""Frechet distance in Inception's features: the network, the user's file, the number, and runs that ask for it."""

import csv
import pickle
import socket
import sys

import pytest
import torch
import torch.nn.functional as F
from neural_collage.engine.checkpoints.inception import NORM, _names, read_inception
from neural_collage.engine.errors import CheckpointError, InputError, TrainingError
from neural_collage.engine.networks.inception import InceptionV3, stretched
from neural_collage.engine.training import inception as measured
from neural_collage.engine.training.command import main
from neural_collage.engine.training.inception import Inception
from neural_collage.engine.training.meter import frechet_distance
from neural_collage.engine.training.snapshot import RunFolder

FLAGS = ("--preset", "tiny-16", "--metrics-every", "2")
NEEDS = "the distance needs the extra [inception]"


def random_weights():
    """Those of a file, by the file's names: uniform numbers that keep the features of one size."""
    network, random = InceptionV3(), torch.Generator().manual_seed(0)
    shapes = {theirs: network.state_dict()[ours].shape for theirs, ours in _names(network).items()}
    shapes |= {"fc.weight": (1008, 2048), "fc.bias": (1008,)}
    weights = {}
    for name, shape in sorted(shapes.items()):
        value = torch.rand(shape, generator=random)
        weights[name] = (2 * value - 1) * (6 / value[0].numel()) ** 0.5 if value.dim() > 1 else value + 0.5
    return weights


@pytest.fixture(scope="module")
def weights():
    return random_weights()


@pytest.fixture(scope="module")
def file(weights, tmp_path_factory):
    """As torch writes it today, with the counts of batches."""
    path = tmp_path_factory.mktemp("weights") / "weights.pth"
    counts = {name.replace(NORM[2], "num_batches_tracked"): torch.tensor(7) for name in weights if NORM[2] in name}
    torch.save({**weights, **counts}, path)
    return path


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refused(*_):
        raise AssertionError("nothing may be downloaded")

    monkeypatch.setattr(socket.socket, "connect", refused)


def pictures(count, size, seed=1):
    return torch.randint(
        0, 256, (count, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


GOLDEN = {
    20: [2.89572, 4.02336, 2.80854, 0.23044],
    64: [3.36104, 4.67088, 3.419, 0.16483],
}
"""Side of the pictures -> mean, deviation, features 0 and 700 that torch-fidelity 0.4.0 gives with these weights."""


@pytest.mark.parametrize("size", GOLDEN)
def test_features_are_those_of_torch_fidelity(file, size):
    with torch.no_grad():
        found = read_inception(file)(pictures(1, size))[0]
    assert [*torch.stack([found.mean(), found.std()]).tolist(), *found[[0, 700]].tolist()] == pytest.approx(
        GOLDEN[size], rel=1e-4
    )


def test_stretching_puts_the_first_corners_together():
    row = torch.tensor([0.0, 4.0]).expand(1, 1, 2, 2)
    assert stretched(row, 4)[0, 0].tolist() == [[0, 2, 4, 4]] * 4


def test_files_of_torch_before_1_6_are_read_too(file, weights, tmp_path):
    torch.save(weights, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    old, new = read_inception(tmp_path / "old.pth").state_dict(), read_inception(file).state_dict()
    assert all(torch.equal(old[name], value) for name, value in new.items())


def test_other_files_are_refused(weights, tmp_path):
    with pytest.raises(CheckpointError, match="there is no file"):
        read_inception(tmp_path / "none.pth")
    torchvisions = {**weights, "fc.weight": torch.zeros(1000, 2048), "AuxLogits.fc.bias": torch.zeros(1000)}
    cut = {name: value for name, value in weights.items() if name != "Mixed_7c.branch_pool.bn.weight"}
    narrow = {**weights, "Conv2d_4a_3x3.bn.bias": torch.zeros(7)}
    broken = {**weights, "Conv2d_4a_3x3.bn.bias": torch.full((192,), torch.nan)}
    for other, named in (
        (torchvisions, r"AuxLogits\.fc\.bias"),
        (cut, r"Mixed_7c\.branch_pool\.bn\.weight"),
        (narrow, r"Conv2d_4a_3x3\.bn\.bias"),
        (broken, "must be finite"),
    ):
        torch.save(other, tmp_path / "other.pth")
        with pytest.raises(CheckpointError, match=named):
            read_inception(tmp_path / "other.pth")


class Hostile:
    def __reduce__(self):
        return exec, ("raise AssertionError('the file was run')",)


def test_nothing_in_the_file_is_run(tmp_path):
    (tmp_path / "hostile.pth").write_bytes(pickle.dumps({"Conv2d_1a_3x3.conv.weight": Hostile()}))
    with pytest.raises(CheckpointError, match="Nothing"):
        read_inception(tmp_path / "hostile.pth")


def test_torchmetrics_is_an_extra(file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.image.fid", None)
    with pytest.raises(TrainingError, match=r"neural-collage\[inception\]"):
        Inception(file, tmp_path)


def test_a_run_says_so_before_it_trains(coloured, tmp_path, file, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.image.fid", None)
    with pytest.raises(TrainingError, match=r"neural-collage\[inception\]"):
        main(["gan", str(coloured), "--out", str(tmp_path), *FLAGS, "--inception", str(file)])
    assert not list(tmp_path.iterdir())


def test_a_run_that_measures_nothing_refuses_the_flag(coloured, tmp_path, file):
    with pytest.raises(InputError, match="--metrics-every"):
        main(["gan", str(coloured), "--out", str(tmp_path), "--preset", "tiny-16", "--inception", str(file)])


def test_a_file_that_is_not_there_is_named_before_anything_is_trained(coloured, tmp_path):
    pytest.importorskip("torchmetrics", reason=NEEDS)
    with pytest.raises(CheckpointError, match="there is no file"):
        main(["gan", str(coloured), "--out", str(tmp_path), *FLAGS, "--inception", str(tmp_path / "none.pth")])
    assert not list(tmp_path.iterdir())


def test_the_number_is_that_of_the_formula_and_the_statistics_are_kept(file, tmp_path, capsys):
    pytest.importorskip("torchmetrics", reason=NEEDS)
    real, made = pictures(4, 16), pictures(3, 16, seed=2)
    network = read_inception(file)
    with torch.no_grad():
        wanted = frechet_distance(network(made), network(real))
    first = Inception(file, tmp_path)
    first.remember(real)
    assert "not the published file" in capsys.readouterr().out
    assert first(made.float() / 127.5 - 1) == pytest.approx(wanted, rel=1e-3)
    (kept,) = tmp_path.iterdir()
    first.metric.distributed_available_fn = lambda: True  # as where other processes train on
    again = first(made.float() / 127.5 - 1)  # and nothing of the samples before is left
    assert again == pytest.approx(wanted, rel=1e-3)
    stamp = kept.stat().st_mtime_ns
    second = Inception(file, tmp_path)
    second.remember(real)
    assert kept.stat().st_mtime_ns == stamp
    assert all(torch.equal(getattr(second.metric, name), getattr(first.metric, name)) for name in measured.STATISTICS)


class Tiny(torch.nn.Module):
    """In Inception's place, in no time: the means of four quarters."""

    num_features = 12

    def forward(self, images):
        assert images.dtype == torch.uint8
        return F.adaptive_avg_pool2d(images.float() / 255, 2).flatten(1)


def test_a_run_may_take_it_up_later(coloured, tmp_path, file, monkeypatch):
    pytest.importorskip("torchmetrics", reason=NEEDS)
    monkeypatch.setattr(measured, "read_inception", lambda _: Tiny())
    run = ["gan", str(coloured), "--out", str(tmp_path), *FLAGS]
    main([*run, "--steps", "2"])
    main([*run, "--steps", "4", "--inception", str(file)])
    main([*run, "--steps", "6"])
    with (tmp_path / "metrics.csv").open() as opened:
        rows = list(csv.DictReader(opened))
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert [bool(row["frechet_inception"]) for row in rows] == [False, True, False]
    assert float(rows[1]["frechet_inception"]) > 0
    assert ["frechet_inception" in row for row in RunFolder(tmp_path).read_metrics()] == [False, True, False]


def test_rows_with_more_or_fewer_numbers_than_before_keep_those_that_are_there(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_metrics({"step": 1, "frechet": 7.0})
    folder.write_metrics({"step": 2, "frechet": 6.0, "frechet_inception": 90.0})
    folder.write_metrics({"step": 3, "frechet": 5.0})
    folder.rewind(3)
    rows = [{"step": 1, "frechet": 7}, {"step": 2, "frechet": 6, "frechet_inception": 90}, {"step": 3, "frechet": 5}]
    assert folder.read_metrics() == rows
