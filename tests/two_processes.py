"""A process of two that share their batches, as `torchrun --nproc_per_node 2` starts them."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch

__all__ = ["run"]


def run(rank: int, port: int, calls: Sequence[Sequence[str]]) -> None:
    """Call `neural-collage train` with each of these arguments, as process number `rank` of two."""
    from neural_collage.engine.training.command import main

    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ.update({**where, "RANK": str(rank), "LOCAL_RANK": str(rank)})
    torch.set_num_threads(1)
    for arguments in calls:
        main(arguments)
    torch.distributed.destroy_process_group()
