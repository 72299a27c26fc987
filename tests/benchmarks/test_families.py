"""Families beside their public implementations: what is measured is told, and what is not, too."""

import dataclasses
import sys

import families
import peers
import pytest
import torch
import toy_biggan
from neural_collage import engine as nc
from torch import nn


def test_peers_that_are_not_there_are_told(monkeypatch, capsys):
    for peer in peers.PEERS.values():
        monkeypatch.delenv(peer.variable, raising=False)
    monkeypatch.setattr(sys, "argv", ["families.py"])
    families.main()
    printed = capsys.readouterr().out
    assert all(f"| {name} | not measured: set {peer.variable}" in printed for name, peer in peers.PEERS.items())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from Linux's kernel")
def test_a_process_measures_loading_and_drawing(monkeypatch, tmp_path):
    layout = toy_biggan.LAYOUTS["ajbrock"]
    path = toy_biggan.write(tmp_path, layout, toy_biggan.generator(layout))
    toy = dataclasses.replace(
        peers.PEERS["BigGAN 256"],
        dim_z=layout.dim_z,
        build=lambda: nn.Linear(1, 1),
        restore=lambda network, path: None,
        draw=lambda network, z, labels: torch.full((1, 3, 32, 32), 0.5),
    )
    monkeypatch.setitem(families.PEERS, "BigGAN 256", toy)
    monkeypatch.setattr(families, "LABEL", 2)
    for side in ("ours", "peer"):
        found = families.measure(side, "BigGAN 256", tmp_path, 1)
        assert found["seconds"] >= 0
        assert found.keys() >= {key for _, key, _ in families.ROWS}
    picture = families.np.load(tmp_path / "ours.npy")
    gan = nc.load(path)
    z = torch.randn(1, layout.dim_z, generator=torch.Generator().manual_seed(1))
    drawn = nc.render(gan, nc.Collage(nc.Latent(z, torch.tensor([2]))))
    assert (torch.from_numpy(picture) == drawn).all()
