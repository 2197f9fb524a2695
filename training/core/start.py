"""What every run on a device begins with, and what several devices of one host share.

One process a GPU: `RANK` and `WORLD_SIZE` in the environment, as torchrun sets them; without them
a run is alone. Each process reads its own data; gradients are averaged before each step.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Run:
    """device: cuda or cpu; rank of world processes."""

    device: str
    rank: int
    world: int

    def average(self, parameters: Iterable[Tensor]) -> None:
        """Mean of the gradients over all processes, in one exchange."""
        if self.world == 1:
            return
        grads = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in grads])
        dist.all_reduce(flat)
        flat /= self.world
        for grad, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
            grad.copy_(part.view_as(grad))

    def share(self, model: torch.nn.Module) -> None:
        """Every process starts from the first one's weights."""
        if self.world > 1:
            for value in model.state_dict().values():
                dist.broadcast(value, 0)

    def same(self, value: float) -> float:
        """The first process's value: the clocks differ, the schedule must not."""
        if self.world == 1:
            return value
        box = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(box, 0, group=_clock())
        return float(box)


class RunLog:
    """What a run says: a line of JSON each, printed and kept by the first process alone."""

    def __init__(self, run: Run, began: float) -> None:
        self.run, self.began = run, began
        self.rows: list[dict[str, Any]] = []

    def __call__(self, **row: Any) -> None:
        row["seconds"] = round(time.monotonic() - self.began, 1)
        if self.run.rank == 0:
            self.rows.append(row)
            print(json.dumps(row), flush=True)


_groups: list[dist.ProcessGroup] = []


def _clock() -> dist.ProcessGroup:
    """A group over sockets, so that agreeing on the time never waits for a GPU."""
    if not _groups:
        _groups.append(dist.new_group(backend="gloo"))
    return _groups[0]


def begin_run(seed: int) -> Run:
    """Join the other processes, seed torch, let matrix products use TF32."""
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        torch.cuda.set_device(rank)
    if world > 1:
        backend = "nccl" if device == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=timedelta(minutes=5))
    torch.manual_seed(seed * 1000 + rank)
    torch.set_float32_matmul_precision("high")
    torch._dynamo.config.cache_size_limit = 64  # blocks are compiled one by one
    return Run(device, rank, world)
