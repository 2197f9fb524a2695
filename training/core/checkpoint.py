"""What a run needs to go on where it was cut off: weights, optimiser, steps, time spent.

In: a folder. Out: `resume.pt` there, written beside its place and moved in, gone when the run is
done. Random draws start anew after a cut, with another seed. Without `every` nothing is kept.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import torch

from training.core.start import Run

NAME = "resume.pt"


class Checkpoint:
    """Kept by the first process every so many seconds (0: never), read by all."""

    def __init__(self, folder: Path, every: float, run: Run) -> None:
        self.path, self.every, self.run = folder / NAME, every, run
        self.step, self.tokens, self.spent, self.resumed = 0, 0, 0.0, 0
        self.last = time.monotonic()

    def resume(self, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> bool:
        """Load what was kept, if there is anything: then `step`, `tokens`, `spent` go on."""
        if not self.every or not self.path.is_file():
            return False
        device = next(model.parameters()).device
        kept = torch.load(self.path, map_location=device, weights_only=True)
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        self.step, self.tokens = kept["step"], kept["tokens"]
        self.spent, self.resumed = kept["spent"], kept["resumed"] + 1
        torch.manual_seed(torch.initial_seed() + 1_000_003 * self.resumed)
        return True

    def keep(
        self,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        step: int,
        tokens: int,
        spent: float,
    ) -> None:
        """Write it down if it is time."""
        if not self.every or self.run.rank or time.monotonic() - self.last < self.every:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".part")
        kept = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step,
                "tokens": tokens, "spent": spent, "resumed": self.resumed}  # fmt: skip
        torch.save(kept, beside)
        os.replace(beside, self.path)
        self.last = time.monotonic()

    def done(self) -> None:
        """The run has its result."""
        if self.every and not self.run.rank:
            self.path.unlink(missing_ok=True)
