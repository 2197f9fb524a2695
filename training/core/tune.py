"""Teach the distilled core to plan: supervised fine-tuning on generated task rows.

In: a distilled (or already tuned) checkpoint, `training.data`. Out: a checkpoint and a JSON log
with exact match per source on held-out patterns, cards and operators (teacher-forced: a row
counts when every learned token is the most probable one, which is what greedy decoding needs).
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

from training.core.distill import optimiser, set_rate
from training.core.export import load_start
from training.core.packing import Feeder, encode_row
from training.core.pool_tokens import INSIDE
from training.core.start import begin_run
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


def held_out(tokenizer: Any, count: int, seed: int) -> list[tuple[str, list[int], list[float]]]:
    """(source, ids, weights) of rows from the held-out split."""
    from training.data import mixture

    rows = []
    for row in mixture.rows(seed, count, "heldout"):
        ids, weights = encode_row(tokenizer, row)
        if len(ids) <= 512:
            rows.append((row.source, ids, weights))
    return rows


@torch.no_grad()
def evaluate(
    student: Student, rows: list[tuple[str, list[int], list[float]]], device: str, batch: int = 64
) -> tuple[dict[str, float], list[tuple[str, list[int], int]]]:
    """Exact match by source, and the rows missed with the place of the first wrong token."""
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
        for i, (source, tokens, weights) in enumerate(part):
            wrong = [
                t for t in range(1, len(tokens)) if weights[t] > 0.1 and best[i, t - 1] != tokens[t]
            ]
            hits[source].append(not wrong)
            if wrong:
                missed.append((source, tokens, wrong[0]))
    scores = {source: round(float(np.mean(h)), 3) for source, h in sorted(hits.items())}
    scores["all"] = round(float(np.mean([x for h in hits.values() for x in h])), 3)
    return scores, missed


def text_batch(pool: Tensor, rows: int, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Plain text windows with a small weight, so that the core keeps its English."""
    start = torch.randint(len(pool) - length - 1, (rows, 1), device=pool.device)
    ids = pool[start + torch.arange(length + 1, device=pool.device)].long()
    position = torch.arange(length + 1, device=pool.device).repeat(rows, 1)
    return ids, position, torch.full(ids.shape, 0.1, device=pool.device)


def main(a: argparse.Namespace) -> None:
    from tokenizers import Tokenizer

    began = time.monotonic()
    device = begin_run(a.seed)
    feeder = Feeder(a.workers, a.rows - a.text_rows, a.length, a.seed)
    tokenizer = Tokenizer.from_file("jamba_core/data/tokenizer.json")
    student = Student(Shape()).to(device)
    if a.start:
        student.load_state_dict(load_start(a.start))
    held = held_out(tokenizer, a.heldout, 99)
    pool = np.load(a.pool)["train"] & (INSIDE - 1) if a.pool else np.zeros(10**5, np.uint16)
    pool_ids = torch.from_numpy(pool.astype(np.int32)).to(device)
    if device == "cuda":
        for block in student.layers:
            block.compile(dynamic=False)
    loss_fn = torch.compile(token_loss, dynamic=False) if device == "cuda" else token_loss
    optimizer = optimiser(student, a.rate)
    for group in optimizer.param_groups:
        group["scale"] = 1.0 if group["scale"] == 1.0 else a.copied_scale
    log: list[dict[str, Any]] = []

    def say(**row: Any) -> None:
        row["seconds"] = round(time.monotonic() - began, 1)
        log.append(row)
        print(json.dumps(row), flush=True)

    step, tokens, shown, next_eval = 0, 0, time.monotonic(), a.eval_every
    start = time.monotonic()
    limit = a.seconds - (start - began) - a.reserve
    while (done := (time.monotonic() - start) / limit) < 1:
        made = feeder.next()
        ids, position, weight = (torch.from_numpy(part).to(device) for part in made)
        ids, position, weight = ids.long(), position.int(), weight.float()
        if a.text_rows:
            more = text_batch(pool_ids, a.text_rows, a.length)
            ids, position, weight = (
                torch.cat([x, y.to(x.dtype)])
                for x, y in zip((ids, position, weight), more, strict=True)
            )
        here = position[:, :-1].contiguous()
        set_rate(optimizer, a.rate * min(1.0, (step + 1) / 100) * max(0.02, 1 - done))
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            hidden, balance, _ = student(ids[:, :-1].contiguous(), here, document_mask(here))
            logits = student.logits(hidden).flatten(0, 1)
            loss = loss_fn(logits, ids[:, 1:].flatten(), weight[:, 1:].flatten())
        (loss + 0.002 * balance).backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step, tokens = step + 1, tokens + here.numel()
        if step in (1, 10) or step % 100 == 0:
            speed = round(100 * here.numel() / max(1e-6, time.monotonic() - shown) / 1000)
            shown = time.monotonic()
            say(step=step, tokens=tokens, loss=round(float(loss.detach()), 4),
                balance=round(float(balance.detach()), 3), ktok_s=speed,
                queue=feeder.queue.qsize())  # fmt: skip
        if time.monotonic() - start > next_eval:
            next_eval += a.eval_every
            student.eval()
            say(stage="eval", scores=evaluate(student, held, device)[0])
            student.train()
        if a.steps and step >= a.steps:
            break
    feeder.close()
    student.eval()
    scores, missed = evaluate(student, held, device)
    say(stage="done", tokens=tokens, scores=scores)
    a.out.mkdir(parents=True, exist_ok=True)
    torch.save(student.state_dict(), a.out / "student.pt")
    (a.out / "tune.json").write_text(json.dumps(log, indent=1))
    lines = []
    for source, ids, at in missed[:400]:
        right = tokenizer.decode(ids[:at], skip_special_tokens=False)
        rest = tokenizer.decode(ids[at:], skip_special_tokens=False)
        lines.append(f"[{source}] {right} ⟦{rest}")
    (a.out / "missed.txt").write_text("\n----\n".join(lines))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--pool", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=540)
    parser.add_argument("--reserve", type=float, default=15, help="kept for evaluation and saving")
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--text-rows", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--copied-scale", type=float, default=0.6)
    parser.add_argument("--workers", type=int, default=13)
    parser.add_argument("--heldout", type=int, default=2000)
    parser.add_argument("--eval-every", type=float, default=150)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    main(parser.parse_args())
