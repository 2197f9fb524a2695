"""Fine-tune a checkpoint on a few examples, on CPUs: adapters, early stopping, the best kept.

In: a checkpoint folder and examples (token ids, and which of them are to be learned). Out: a
folder with the adapters merged. The same seed, examples and number of cores give the same result
unless time runs out. It knows no text and judges by the loss alone.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mrkl.jamba_core.config import JambaConfig
from mrkl.jamba_core.linear import FAST_BFLOAT16
from mrkl.jamba_core.load import CheckpointFiles
from mrkl.jamba_core.lora import adapt, deltas, save_merged
from mrkl.jamba_core.trainable import TrainableJamba, trainable_state

ROWS = 8  # examples a step
TOKENS = 2048  # of a step, filling included
PATIENCE = 2  # rounds without a better held-out loss before stopping
WARMUP = 10  # steps
REPLAYED = 120  # examples that are replayed
KEPT_TOKENS = 150_000  # whose streams are kept: 350 MB at 576 channels


@dataclass(frozen=True)
class Example:
    """Token ids of a whole text; `learned` says which of them the model is to write."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]


@dataclass(frozen=True)
class Round:
    """One pass over the examples: mean loss a learned token, and that of the held-out ones."""

    number: int
    loss: float
    held_out: float | None


class FineTuning:
    """Adapters on one checkpoint, and how well they do so far."""

    def __init__(
        self,
        folder: Path,
        rank: int = 8,
        rate: float = 2e-3,
        seed: int = 1,
        first: int | None = None,
    ) -> None:
        """Blocks from `first` on are adapted, by default the upper half.

        Raises ConfigError or CheckpointError for what cannot be loaded or trained.
        """
        self.folder, self.rate, self.seed = folder, rate, seed
        torch.manual_seed(seed)
        self.model = TrainableJamba(JambaConfig.from_file(folder))
        self.model.load_state_dict(trainable_state(CheckpointFiles(folder)))
        self.layers = len(self.model.layers)
        self.first = self.layers // 2 if first is None else first
        self.parameters = adapt(self.model, rank, self.first)
        self.optimizer = torch.optim.AdamW(self.parameters, lr=rate, weight_decay=0.01)
        self.steps, self.rounds = 0, list[Round]()
        self.best = self._copy()
        self.anchors: dict[Example, Tensor] = {}  # hidden states [learned, D] before training
        self.lower: dict[Example, Tensor] = {}  # streams [T, D] where the adapted blocks begin
        self.tokens = 0  # of these streams
        self.cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2

    def run(
        self,
        examples: Sequence[Example],
        replay: Sequence[Example],
        held_out: Sequence[Example],
        rounds: int,
        seconds: float,
        on_step: Callable[[int, int, float], None] = lambda done, whole, loss: None,
    ) -> None:
        """Rounds over all examples, each with a draw from `replay` at most as large.

        Replayed examples keep the model where it was: what it should say of them is what it said
        before the first step. Ends after `rounds`, after `seconds`, when the held-out loss no longer
        falls (without held-out examples: never before), or by KeyboardInterrupt; the best round is
        kept. `on_step` hears how many examples of how many are done, and the last ones' loss.
        """
        rng = random.Random(self.seed)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # one thread a part of the batch instead: they never wait
        replay = rng.sample(replay, min(len(replay), REPLAYED))
        self.anchors = {example: self._hidden(example) for example in replay}
        drawn = min(len(replay), len(examples))
        whole = rounds * (len(examples) + drawn)
        best = self.loss(held_out) if held_out else None
        until, done, stale = time.monotonic() + seconds, 0, 0
        try:
            for number in range(1, rounds + 1):
                losses: list[float] = []
                for batch in batches([*examples, *rng.sample(replay, drawn)], rng):
                    if time.monotonic() > until:
                        break
                    losses.append(self._step(batch, done / whole))
                    done += len(batch)
                    on_step(done, whole, losses[-1])
                if not losses:
                    return
                found = self.loss(held_out) if held_out else None
                self.rounds.append(Round(number, sum(losses) / len(losses), found))
                if found is None or best is None or found < best:
                    best, stale, self.best = found, 0, self._copy()
                else:
                    stale += 1
                if stale >= PATIENCE:
                    return
        except KeyboardInterrupt:
            if not self.rounds:
                self.best = self._copy()
        finally:
            torch.set_num_threads(threads)

    @torch.no_grad()
    def loss(self, examples: Iterable[Example]) -> float:
        """Mean over all learned tokens."""
        total, count = 0.0, 0
        for batch in batches(list(examples), None):
            total += float(self._summed(batch))
            count += sum(sum(example.learned) for example in batch)
        return total / max(1, count)

    def save(self, folder: Path) -> None:
        """Write the checkpoint with the best adapters merged."""
        self._load(self.best)
        save_merged(self.folder, folder, deltas(self.model), self.seed)

    def _step(self, batch: list[Example], share: float) -> float:
        """One update; `share` of all steps is done. Returns the mean loss."""
        self.steps += 1
        warm = min(1.0, self.steps / WARMUP)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * warm * max(0.05, 1 - share)
        count = sum(sum(example.learned) for example in batch)
        parts = [batch[at :: self.cores] for at in range(min(self.cores, len(batch)))]
        with ThreadPoolExecutor(len(parts)) as pool:
            found = list(pool.map(lambda part: self._gradients(part, count), parts))
        for parameter, grads in zip(
            self.parameters, zip(*(g for _, g in found), strict=True), strict=True
        ):
            parameter.grad = torch.stack(grads).sum(0)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        return sum(loss for loss, _ in found)

    def _gradients(self, batch: list[Example], count: int) -> tuple[float, tuple[Tensor, ...]]:
        torch.set_num_threads(1)
        loss = self._summed(batch) / count
        return float(loss.detach()), torch.autograd.grad(loss, self.parameters)

    def _summed(self, batch: list[Example]) -> Tensor:
        """Summed loss of the learned tokens: to their ids, or to what was said before training."""
        hidden = self._read(batch)
        total = hidden.new_zeros(())
        for states, example in zip(hidden, batch, strict=True):
            learned = torch.tensor(example.learned[1:])
            logits = self.model.logits(states[: len(learned)][learned])
            anchor = self.anchors.get(example)
            if anchor is None:
                ids = torch.tensor(example.ids[1:])[learned]
                total = total + F.cross_entropy(logits, ids, reduction="sum")
            else:
                before = torch.log_softmax(self.model.logits(anchor), -1)
                now = torch.log_softmax(logits, -1)
                total = total + F.kl_div(now, before, reduction="sum", log_target=True)
        return total

    def _read(self, batch: Sequence[Example]) -> Tensor:
        """Hidden states [B, T, D] of all but each example's last token, filled up behind."""
        streams = pad_sequence([self._lower(example) for example in batch], batch_first=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=FAST_BFLOAT16):
            x = self.model.between(streams, self.first, self.layers)
        return self.model.final_layernorm(x.float())

    @torch.no_grad()
    def _lower(self, example: Example) -> Tensor:
        """The stream [T, D] through the blocks that stay as they are; kept while there is room."""
        found = self.lower.get(example)
        if found is None:
            x = self.model.embedded(torch.tensor([example.ids[:-1]]))
            with torch.autocast("cpu", torch.bfloat16, enabled=FAST_BFLOAT16):
                found = self.model.between(x, 0, self.first)[0].float()
            if self.tokens + len(found) <= KEPT_TOKENS:
                self.lower[example] = found
                self.tokens += len(found)
        return found

    @torch.no_grad()
    def _hidden(self, example: Example) -> Tensor:
        return self._read([example])[0][torch.tensor(example.learned[1:])]

    def _copy(self) -> list[Tensor]:
        return [parameter.detach().clone() for parameter in self.parameters]

    @torch.no_grad()
    def _load(self, values: list[Tensor]) -> None:
        for parameter, value in zip(self.parameters, values, strict=True):
            parameter.copy_(value)


def batches(examples: list[Example], rng: random.Random | None) -> list[list[Example]]:
    """Examples of like length together, at most ROWS and TOKENS; in random order with `rng`."""
    ordered = list(examples)
    if rng is not None:
        rng.shuffle(ordered)  # sorting is stable: equal lengths meet anew each round
    ordered.sort(key=lambda example: len(example.ids) // 16)
    found: list[list[Example]] = []
    for example in ordered:
        fits = found and len(found[-1]) < ROWS
        if fits and (len(found[-1]) + 1) * len(example.ids) <= TOKENS:
            found[-1].append(example)
        else:
            found.append([example])
    if rng is not None:
        rng.shuffle(found)
    return found
