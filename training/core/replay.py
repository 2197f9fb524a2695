"""Text that the core rehearses with its teacher while it learns to plan.

In: the teacher's file, the token pool, samples the distillation drew. Out: batches of text and
the teacher's logits for them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.core.distill import N_OURS, Batches, origin_ids, teacher_on


class Replay:
    """`batches` draws text; `opinion` asks the teacher about it."""

    def __init__(
        self, teacher: Path, pool: Path, samples: Path | None, rows: int, length: int, device: str
    ) -> None:
        self.kept = origin_ids(device)[:-N_OURS]
        self.teacher = teacher_on(teacher, device)
        if device == "cuda":
            for layer in self.teacher.layers:
                layer.compile(dynamic=False)
        drawn = np.load(samples) if samples else np.zeros((0, length + 1), np.int16)
        text = np.load(pool)["train"]
        self.batches = Batches(text, torch.from_numpy(drawn).to(device), rows, length, device)

    @torch.no_grad()
    def opinion(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The teacher's logits [B * T, 49152] for ids [B, T], and the ids of ours among them."""
        hidden = self.teacher.hidden(self.kept[ids])[-1]
        return self.teacher.logits(hidden).flatten(0, 1), self.kept
