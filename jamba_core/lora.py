"""Low-rank adapters (LoRA, arXiv 2106.09685) on a Jamba in training form, merged into a checkpoint.

In: a `TrainableJamba`. Out: the same with every matrix frozen and a trainable product of two thin
ones beside those of mixers and dense MLPs; then a checkpoint folder of the source's own layout in
which just these matrices have changed. The experts of mixture layers stay as they are.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrkl.jamba_core.config import JambaConfig
from mrkl.jamba_core.load import CheckpointFiles, save_checkpoint
from mrkl.jamba_core.trainable import TrainableJamba

ADAPTED = frozenset(
    {"q_proj", "k_proj", "v_proj", "o_proj", "in_proj", "out_proj"}
    | {"gate_proj", "up_proj", "down_proj"}
)
SHARD_BYTES = 15_000_000


class Adapted(nn.Module):
    """A frozen linear map and what is added to it: x A^T B^T, A [R, in], B [out, R]."""

    def __init__(self, base: nn.Linear, rank: int) -> None:
        super().__init__()
        self.base = base
        self.a = nn.Parameter(torch.empty(rank, base.in_features))
        self.b = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + F.linear(F.linear(x, self.a), self.b)

    @torch.no_grad()
    def delta(self) -> Tensor:
        """What is added to the weight [out, in]."""
        return self.b @ self.a


def adapt(model: TrainableJamba, rank: int, first: int = 0) -> list[nn.Parameter]:
    """Freeze the model, put adapters in from block `first` on; returns what is left to train."""
    model.requires_grad_(False)
    found: list[nn.Parameter] = []
    for module in list(model.layers[first:].modules()):
        for name, child in list(module.named_children()):
            if name in ADAPTED and isinstance(child, nn.Linear):
                adapted = Adapted(child, rank)
                setattr(module, name, adapted)
                found += [adapted.a, adapted.b]
    return found


def deltas(model: TrainableJamba) -> dict[str, Tensor]:
    """The change of each adapted matrix under its public name."""
    return {
        f"model.{name}.weight": module.delta()
        for name, module in model.named_modules()
        if isinstance(module, Adapted)
    }


def rounded(
    weight: Tensor, scale: Tensor, delta: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """weight int8 [out, in] * scale [out] + delta, as int8 and scale again.

    Rounded up or down by chance, right on average: most of a small change is less than half a step
    and would be lost by rounding to the nearest.
    """
    exact = weight.float() + delta / scale[:, None]
    growth = (exact.abs().amax(1) / 127).clamp_min(1.0)
    exact /= growth[:, None]
    chance = torch.rand(exact.shape, generator=generator)
    return (exact + chance).floor().clamp(-127, 127).to(torch.int8), scale * growth


def save_merged(source: Path, folder: Path, changes: dict[str, Tensor], seed: int = 0) -> None:
    """Write `source` with the changes added; config and tokenizer come along.

    `folder` must be another folder than `source`. Raises CheckpointError and OSError.
    """
    files = CheckpointFiles(source)
    generator = torch.Generator().manual_seed(seed)

    def tensors() -> Iterator[tuple[str, Tensor]]:
        for name in files:
            if name.removesuffix("_scale") in changes and name.endswith("_scale"):
                continue
            value = files[name]
            if name not in changes:
                yield name, value
            elif value.dtype == torch.int8:
                scale = files[f"{name}_scale"].float()
                value, scale = rounded(value, scale, changes[name], generator)
                yield name, value
                yield f"{name}_scale", scale
            else:
                yield name, (value.float() + changes[name]).to(value.dtype)

    save_checkpoint(folder, JambaConfig.from_file(source), tensors(), SHARD_BYTES)
    shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
