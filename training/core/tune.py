"""Teach the distilled core to plan: supervised fine-tuning on generated task rows.

In: a distilled (or already tuned) checkpoint, `training.data`, and, so that the core keeps its
English, the teacher with text to rehearse (`replay`). Out: a checkpoint and a JSON log with exact
match of calls per source on held-out patterns, cards and operators (teacher-forced: a row counts
when every token of its calls is the most probable one; how a subquery or answer is worded does
not count).
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.core.checkpoint import Checkpoint
from training.core.distill import N_OURS, kl_loss, optimiser, set_rate
from training.core.export import load_start
from training.core.packing import Feeder, call_tokens
from training.core.replay import Replay
from training.core.start import Run, RunLog, begin_run
from training.core.student import Shape, Student


def document_mask(position: Tensor) -> Tensor:
    """Causal and inside one row: [B, 1, T, T] from positions [B, T]."""
    document = (position == 0).cumsum(1)
    same = document[:, None, :, None] == document[:, None, None, :]
    length = position.shape[1]
    return same & torch.ones(length, length, dtype=torch.bool, device=position.device).tril()


def token_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean cross entropy; logits [n, V], target [n], weight [n]."""
    losses = F.cross_entropy(logits.float(), target, reduction="none")
    return (losses * weight).sum() / weight.sum().clamp_min(1.0)


Held = tuple[str, list[int], list[bool]]


def held_out(tokenizer: Any, count: int, seed: int) -> list[Held]:
    """(source, ids, which of them belong to a call) of rows from the held-out split."""
    from training.data import mixture

    rows = []
    for row in mixture.rows(seed, count, "heldout"):
        ids, calls = call_tokens(tokenizer, row)
        if len(ids) <= 512:
            rows.append((row.source, ids, calls))
    return rows


@torch.no_grad()
def evaluate(
    student: Student, rows: list[Held], device: str
) -> tuple[dict[str, float], list[tuple[str, list[int], int]]]:
    """Exact match by source, and the rows missed with the place of the first wrong token."""
    batch = 64 if device == "cuda" else 2
    hits: dict[str, list[int]] = defaultdict(list)
    missed = []
    order = sorted(rows, key=lambda row: len(row[1]))
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        width = 512  # one shape, so that the compiled blocks are compiled once
        ids = torch.zeros(batch, width, dtype=torch.long)
        for i, (_, tokens, _) in enumerate(part):
            ids[i, : len(tokens)] = torch.tensor(tokens)
        position = torch.arange(width, dtype=torch.int32).repeat(batch, 1)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            hidden, _, _ = student(ids.to(device), position.to(device))
            best = student.logits(hidden).argmax(-1).cpu()
        for i, (source, tokens, calls) in enumerate(part):
            wrong = [t for t in range(1, len(tokens)) if calls[t] and best[i, t - 1] != tokens[t]]
            hits[source].append(not wrong)
            if wrong:
                missed.append((source, tokens, wrong[0]))
    scores = {source: round(float(np.mean(h)), 3) for source, h in sorted(hits.items())}
    scores["all"] = round(float(np.mean([x for h in hits.values() for x in h])), 3)
    return scores, missed


class Steps:
    """Draws a batch and gives its loss: task rows, and text rows to rehearse beside them."""

    def __init__(self, student: Student, replay: Replay | None, share: float, run: Run) -> None:
        self.student, self.replay, self.share, self.run = student, replay, share, run
        compiled = run.device == "cuda"
        self.task_loss = torch.compile(token_loss, dynamic=False) if compiled else token_loss
        self.text_loss = torch.compile(kl_loss, dynamic=False) if compiled else kl_loss

    def loss(self, made: tuple[np.ndarray, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """The whole loss, and its parts for the log."""
        device = self.run.device
        ids, position, weight = (torch.from_numpy(part).to(device) for part in made)
        ids, position, weight = ids.long(), position.int(), weight.float()
        rows = len(ids)
        before, here = ids[:, :-1], position[:, :-1]
        if self.replay:
            text, next_text, inside = self.replay.batches.next()
            full, kept = self.replay.opinion(text)
            before = torch.cat([before, text])
            here = torch.cat([here, torch.arange(here.shape[1]).to(here).expand(len(text), -1)])
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            here = here.contiguous()
            hidden, balance, _ = self.student(before.contiguous(), here, document_mask(here))
            logits = self.student.logits(hidden[:rows]).flatten(0, 1)
            task = self.task_loss(logits, ids[:, 1:].flatten(), weight[:, 1:].flatten())
            parts = {"loss": task, "balance": balance}
            whole = task + 0.002 * balance
            if self.replay:
                said = self.student.logits(hidden[rows:]).flatten(0, 1)[:, :-N_OURS]
                args = (said, full, kept, next_text.flatten(), inside.flatten())
                cross, parts["kl"], _ = self.text_loss(*args)
                whole = whole + self.share * cross
        return whole, {name: part.detach() for name, part in parts.items()}


def main(a: argparse.Namespace) -> None:
    from tokenizers import Tokenizer

    began = time.monotonic()
    run = begin_run(a.seed)
    say = RunLog(run, began)
    tokenizer = Tokenizer.from_file("jamba_core/data/tokenizer.json")
    student = Student(Shape()).to(run.device)
    if a.init:
        student.load_state_dict(load_start(a.init))
    optimizer = optimiser(student, a.rate)
    kept = Checkpoint(a.out, a.save_every, run)
    kept.resume(student, optimizer)
    seed = a.seed * 10 + run.rank + 1000 * kept.resumed
    feeder = Feeder(a.workers, a.rows, a.length, seed)
    run.share(student)
    held = [] if run.rank else held_out(tokenizer, a.heldout, 99)
    replay = None
    if a.teacher:
        samples = a.samples / f"samples{run.rank}.npy" if a.samples else None
        replay = Replay(a.teacher, a.pool, samples, a.text_rows, a.length, run.device)
    if run.device == "cuda":
        for block in student.layers:
            block.compile(dynamic=False)
    steps = Steps(student, replay, a.text_weight, run)
    for group in optimizer.param_groups:
        group["scale"] = 1.0 if group["scale"] == 1.0 else a.copied_scale

    def save(stage: str) -> None:
        """Scores, weights and log so far; the first process alone."""
        if run.rank:
            return
        student.eval()
        scores, missed = evaluate(student, held, run.device)
        student.train()
        say(stage=stage, tokens=tokens, scores=scores)
        a.out.mkdir(parents=True, exist_ok=True)
        torch.save(student.state_dict(), a.out / "student.pt")
        (a.out / "tune.json").write_text(json.dumps(say.rows, indent=1))
        (a.out / "missed.txt").write_text(readable(tokenizer, missed[:400]))

    step, tokens, shown = kept.step, kept.tokens, time.monotonic()
    next_eval = kept.spent + a.eval_every
    start = time.monotonic() - kept.spent
    limit = a.seconds - (time.monotonic() - began) - a.reserve
    while (done := run.same((time.monotonic() - start) / limit)) < 1:
        set_rate(optimizer, a.rate * min(1.0, (step + 1) / 100) * max(0.02, 1 - done))
        loss, parts = steps.loss(feeder.next())
        loss.backward()
        run.average(student.parameters())
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        size = run.world * a.rows * a.length
        step, tokens = step + 1, tokens + size
        if step in (1, 10) or step % 100 == 0:
            figures = {name: round(float(part), 4) for name, part in parts.items()}
            speed = round(100 * size / max(1e-6, time.monotonic() - shown) / 1000)
            shown = time.monotonic()
            say(step=step, tokens=tokens, **figures, ktok_s=speed, queue=feeder.queue.qsize())
        kept.keep(student, optimizer, step, tokens, time.monotonic() - start)
        if done * limit > next_eval:
            next_eval += a.eval_every
            save("eval")
        if a.steps and step >= a.steps:
            break
    feeder.close()
    save("done")
    kept.done()


def readable(tokenizer: Any, missed: list[tuple[str, list[int], int]]) -> str:
    """Rows with the first wrong place marked."""
    lines = []
    for source, ids, at in missed:
        right = tokenizer.decode(ids[:at], skip_special_tokens=False)
        rest = tokenizer.decode(ids[at:], skip_special_tokens=False)
        lines.append(f"[{source}] {right} ⟦{rest}")
    return "\n----\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--init", type=Path)
    parser.add_argument("--teacher", type=Path, help="to rehearse text with; without it none is")
    parser.add_argument("--pool", type=Path)
    parser.add_argument("--samples", type=Path, help="folder of the distillation run")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=540)
    parser.add_argument("--reserve", type=float, default=15, help="kept for evaluation and saving")
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--text-rows", type=int, default=12)
    parser.add_argument("--text-weight", type=float, default=0.2)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--copied-scale", type=float, default=0.6)
    parser.add_argument("--workers", type=int, default=13)
    parser.add_argument("--heldout", type=int, default=2000)
    parser.add_argument("--eval-every", type=float, default=150)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--save-every", type=float, default=0, help="seconds; 0: not resumable")
    parser.add_argument("--seed", type=int, default=1)
    main(parser.parse_args())
