"""Distil SmolLM2-135M-Instruct into the small Jamba.

In: the teacher's tensors, the token pool. Out: a checkpoint and a JSON log. Stages, each with
a share of the time limit: the teacher samples text; every block learns alone to do what the
teacher layers it replaces do; the whole student learns the teacher's next-token distribution
(forward KL on the pruned vocabulary, plus the probability of dropped pieces given to the token
that really came next). With --save-every the last stage goes on where it was cut off.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.core.checkpoint import Checkpoint
from training.core.export import load_start
from training.core.pool_tokens import INSIDE
from training.core.start import RunLog, begin_run
from training.core.student import Experts, Shape, Student
from training.core.teacher import Sampler, Teacher, rope_table

KEPT = (0, 2, 4, 7, 10, 13, 16, 18, 21, 24, 27, 29)  # teacher layers that the student copies
N_OURS = 9  # our own special tokens at the end of the vocabulary


@torch.no_grad()
def importance(teacher: Teacher, ids: Tensor) -> list[Tensor]:
    """Order of each teacher layer's MLP neurons, most useful first."""
    cos, sin = rope_table(ids.shape[1], str(ids.device))
    streams = teacher.hidden(ids)
    return [
        layer.activity(x, cos, sin).argsort(descending=True)
        for layer, x in zip(teacher.layers, streams[:-1], strict=True)
    ]


@torch.no_grad()
def copy_weights(student: Student, teacher: Teacher, origin: Tensor, order: list[Tensor]) -> None:
    """Embedding, norms, attention and the most useful MLP neurons from the teacher.

    Mixture layers get two pairs of experts; a pair holds the best neurons in turn, so that its
    two experts together are the MLP; 4 x down undoes the router's share of about 1/4.
    """
    s = student.shape
    rows = teacher.embed[origin.clamp_min(0)].float()
    rows[origin < 0] = torch.randn_like(rows[origin < 0]) * rows.std()
    student.embed_tokens.weight.copy_(rows)
    student.final_layernorm.weight.copy_(teacher.last.float())
    for block, source in zip(student.layers, KEPT, strict=True):
        layer = teacher.layers[source]
        block.input_layernorm.weight.copy_(layer.norm1.float())
        block.pre_ff_layernorm.weight.copy_(layer.norm2.float())
        if block.attends:
            for ours, theirs in (("q", "q"), ("k", "k"), ("v", "v"), ("o", "o")):
                weight = getattr(block.self_attn, f"{ours}_proj").weight
                weight.copy_(getattr(layer, theirs).float())
        mlp, best = block.feed_forward, order[source]
        if isinstance(mlp, Experts):
            width = s.intermediate_size
            for expert in range(s.num_experts):
                pick = best[: 2 * width][expert % 2 :: 2]
                both = torch.cat([layer.gate[pick], layer.up[pick]]).float()
                noise = 0.01 * both.std() * torch.randn_like(both)
                mlp.gate_up_proj[expert].copy_(both + (noise if expert > 1 else 0))
                mlp.down_proj[expert].copy_(4 * layer.down[:, pick].float())
            mlp.router.weight[1].copy_(mlp.router.weight[0])
            mlp.router.weight[3].copy_(mlp.router.weight[2])
        else:
            pick = best[: s.intermediate_size]
            mlp.gate_proj.weight.copy_(layer.gate[pick].float())
            mlp.up_proj.weight.copy_(layer.up[pick].float())
            mlp.down_proj.weight.copy_(layer.down[:, pick].float())


def optimiser(student: Student, rate: float) -> torch.optim.AdamW:
    """New mixers and routers at the full rate, copied weights at 0.3 of it; no decay on vectors."""
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in student.named_parameters():
        fresh = "mamba" in name or "router" in name
        key = (1.0 if fresh else 0.3, 0.05 if parameter.dim() > 1 and "A_log" not in name else 0.0)
        groups.setdefault(key, []).append(parameter)
    table = [
        {"params": params, "lr": rate * scale, "scale": scale, "weight_decay": decay}
        for (scale, decay), params in groups.items()
    ]
    fused = next(student.parameters()).is_cuda
    return torch.optim.AdamW(table, lr=rate, betas=(0.9, 0.95), fused=fused)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]


def kl_loss(student_logits: Tensor, full: Tensor, kept: Tensor, target: Tensor, inside: Tensor):
    """Mean cross entropy against the folded teacher, and the KL for reporting.

    student_logits [n, K], full [n, 49152], kept [K] teacher ids, target [n] next new id,
    inside [n] true where the next token lies inside one of the teacher's pieces.
    """
    full = full.float()
    log_all = torch.logsumexp(full, -1, keepdim=True)
    log_p = full.index_select(-1, kept) - log_all
    p = log_p.exp()
    missing = (1 - p.sum(-1)).clamp(0, 1)
    log_q = torch.log_softmax(student_logits.float(), -1)
    own = log_q.gather(-1, target.clamp_max(log_q.shape[-1] - 1)[:, None])[:, 0]
    cross = -(p * log_q).sum(-1) - missing * own
    entropy = -(p * log_p).sum(-1) - missing * torch.log(missing.clamp_min(1e-9))
    loss = torch.where(inside, -own, cross)
    use = (~inside).float()
    kl = ((cross - entropy) * use).sum() / use.sum().clamp_min(1)
    return loss.mean(), kl, -own.mean()


class Batches:
    """Random windows from pool and samples, half and half."""

    def __init__(self, pool: np.ndarray, samples: Tensor, rows: int, length: int, device: str):
        self.pool = torch.from_numpy(pool.astype(np.int32)).to(device)
        self.samples, self.rows, self.length, self.device = samples, rows, length, device

    def next(self) -> tuple[Tensor, Tensor, Tensor]:
        """ids [B, T], the next ids, and whether the next lies inside a piece."""
        half = self.rows // 2 if len(self.samples) else self.rows
        start = torch.randint(len(self.pool) - self.length - 1, (half, 1), device=self.device)
        words = self.pool[start + torch.arange(self.length + 1, device=self.device)].long()
        if half < self.rows:
            pick = torch.randint(len(self.samples), (self.rows - half,), device=self.device)
            words = torch.cat([words, self.samples[pick].long()])
        inside = (words & int(INSIDE)) > 0
        words = words & (int(INSIDE) - 1)
        return words[:, :-1].contiguous(), words[:, 1:].contiguous(), inside[:, 1:].contiguous()


def block_losses(student: Student, streams: list[Tensor], position: Tensor) -> Tensor:
    """Each block alone against the teacher's stream at the next kept layer (relative error)."""
    ends = [*KEPT[1:], len(streams) - 1]
    total = streams[0].new_zeros((), dtype=torch.float32)
    for block, begin, end in zip(student.layers, KEPT, ends, strict=True):
        out, balance = block(streams[begin], position, None)
        total = total + relative(out, streams[end], streams[begin]) + 0.001 * balance
    return total / len(KEPT)


def relative(out: Tensor, goal: Tensor, start: Tensor) -> Tensor:
    """Squared error over the squared change the teacher makes, token by token."""
    error = (out - goal).float().square().mean(-1)
    change = (goal - start).float().square().mean(-1)
    return (error / (change + 0.1 * change.mean())).mean()


def stream_loss(outs: list[Tensor], streams: list[Tensor]) -> Tensor:
    """Relative error of the student's stream at every block's end."""
    ends = [*KEPT[1:], len(streams) - 1]
    parts = []
    for out, end in zip(outs, ends, strict=True):
        goal = streams[end].float()
        error = (out.float() - goal).square().mean(-1)
        parts.append((error / goal.square().mean(-1).clamp_min(1e-6)).mean())
    return torch.stack(parts).mean()


def prefixes(
    rows: int, pool: np.ndarray, special: dict[str, list[int]], seed: int
) -> list[list[int]]:
    """A third from nothing, a third from an open user turn, a third from a piece of the pool."""
    rng = np.random.default_rng(seed)
    clean = pool & (INSIDE - 1)
    found = []
    for row in range(rows):
        kind = row % 3
        prefix = list(special["end"] if kind == 0 else special["user"])
        if kind == 2:
            at = int(rng.integers(len(clean) - 40))
            prefix += [int(i) for i in clean[at : at + int(rng.integers(4, 32))]]
        found.append(prefix)
    return found


def main(a: argparse.Namespace) -> None:
    began = time.monotonic()
    run = begin_run(a.seed)
    say = RunLog(run, began)
    device = run.device
    origin = origin_ids(device)
    kept = origin[: len(origin) - N_OURS]
    pool = np.load(a.pool)
    teacher = teacher_on(a.teacher, device)
    student = Student(Shape()).to(device)
    optimizer = optimiser(student, a.rate)
    kept_run = Checkpoint(a.out, a.save_every, run)
    resumed = kept_run.resume(student, optimizer)
    samples = torch.zeros(0, a.length + 1, dtype=torch.int16, device=device)
    drawn = a.out / f"samples{run.rank}.npy"
    if resumed and drawn.is_file():
        samples = torch.from_numpy(np.load(drawn)).to(device)
    elif device == "cuda" and a.sample_seconds:
        samples = draw(teacher, origin, pool["train"], a, say)
    a.out.mkdir(parents=True, exist_ok=True)
    np.save(drawn, samples.cpu().numpy())
    batches = Batches(pool["train"], samples, a.rows, a.length, device)
    held = Batches(pool["heldout"], samples[:0], a.rows, a.length, device)
    ids = batches.next()[0][:8]
    if a.init and not resumed:
        student.load_state_dict(load_start(a.init))
    elif not resumed:
        copy_weights(student, teacher, origin, importance(teacher, kept[ids]))
    run.share(student)
    if device == "cuda":
        for layer in teacher.layers:
            layer.compile(dynamic=False)
        for block in student.layers:
            block.compile(dynamic=False)
    loss_fn = torch.compile(kl_loss, dynamic=False) if device == "cuda" else kl_loss
    position = torch.arange(a.length, dtype=torch.int32, device=device).repeat(a.rows, 1)
    cast = torch.autocast(device, torch.bfloat16, enabled=device == "cuda")

    def evaluate() -> dict[str, float]:
        student.eval()
        totals = np.zeros(3)
        with torch.random.fork_rng(), torch.no_grad(), cast:
            torch.manual_seed(7)
            for _ in range(a.eval_batches):
                ids, target, inside = held.next()
                with torch.autocast(device, enabled=False):
                    streams = teacher.hidden(kept[ids])
                    full = teacher.logits(streams[-1]).flatten(0, 1)
                hidden, _, _ = student(ids, position)
                logits = student.logits(hidden).flatten(0, 1)[:, :-N_OURS]
                parts = loss_fn(logits, full, kept, target.flatten(), inside.flatten())
                totals += [float(part) for part in parts]
        student.train()
        return dict(zip(("loss", "kl", "nll"), np.round(totals / a.eval_batches, 4), strict=True))

    step, tokens, shown = 0, 0, time.monotonic()
    align_until = time.monotonic() + (0 if a.init or resumed else a.align_seconds)
    while run.same(time.monotonic() < align_until):
        ids, _, _ = batches.next()
        streams = teacher.hidden(kept[ids])
        set_rate(optimizer, a.rate * min(1.0, (step + 1) / 50))
        with cast:
            loss = block_losses(student, streams, position)
        loss.backward()
        run.average(student.parameters())
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step, tokens = step + 1, tokens + run.world * ids.numel()
        if step == 1 or step % 50 == 0:
            say(stage="align", step=step, tokens=tokens, loss=round(float(loss), 4))
    say(stage="aligned", **{k: float(v) for k, v in evaluate().items()})
    start, limit = time.monotonic() - kept_run.spent, a.seconds - (time.monotonic() - began)
    step, tokens = kept_run.step, tokens + kept_run.tokens
    while (done := run.same((time.monotonic() - start) / limit)) < 1:
        ids, target, inside = batches.next()
        near = done < 0.35 and not a.init
        rate = a.rate * min(1.0, (step + 1) / 50) * min(1.0, (1 - done) / 0.25 + 0.02)
        set_rate(optimizer, rate)
        streams = teacher.hidden(kept[ids])
        with torch.no_grad():
            full = teacher.logits(streams[-1]).flatten(0, 1)
        with cast:
            hidden, balance, outs = student(ids, position, keep=near)
            logits = student.logits(hidden).flatten(0, 1)[:, :-N_OURS]
            loss, kl, nll = loss_fn(logits, full, kept, target.flatten(), inside.flatten())
            whole = loss + 0.002 * balance
            if near:
                whole = whole + 0.3 * (1 - done / 0.35) * stream_loss(outs, streams)
        whole.backward()
        run.average(student.parameters())
        norm = torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step, tokens = step + 1, tokens + run.world * ids.numel()
        if step in (1, 10) or step % 100 == 0:
            rest = {
                "kl": round(float(kl), 4),
                "nll": round(float(nll), 4),
                "norm": round(float(norm), 2),
            }
            speed = round(
                100 * run.world * ids.numel() / max(1e-6, time.monotonic() - shown) / 1000
            )
            shown = time.monotonic()
            say(stage="kl", step=step, tokens=tokens, loss=round(float(loss), 4), **rest,
                balance=round(float(balance), 3), ktok_s=speed)  # fmt: skip
        kept_run.keep(student, optimizer, step, tokens, time.monotonic() - start)
        if a.steps and step >= a.steps:
            break
    say(stage="done", tokens=tokens, **{k: float(v) for k, v in evaluate().items()})
    if run.rank:
        return
    torch.save(student.state_dict(), a.out / "student.pt")
    (a.out / "distill.json").write_text(json.dumps(say.rows, indent=1))
    kept_run.done()


def draw(
    teacher: Teacher, origin: Tensor, pool: np.ndarray, a: argparse.Namespace, say: Any
) -> Tensor:
    """Sample for the given seconds; [n, T + 1] int16 on the device."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file("jamba_core/data/tokenizer.json")
    end, start = (tokenizer.token_to_id(t) for t in ("<|endoftext|>", "<|im_start|>"))
    special = {"end": [end], "user": [start, *tokenizer.encode("user\n").ids]}
    limit = time.monotonic() + a.sample_seconds
    sampler = Sampler(teacher, origin[: len(origin) - N_OURS], a.sample_rows, a.length + 1)
    sampler.capture()
    found = []
    while time.monotonic() < limit:
        seed = torch.initial_seed() + len(found)
        prefix = prefixes(a.sample_rows, pool, special, seed)
        found.append(sampler.sample(prefix).to(torch.int16))
        torch.cuda.synchronize()
    samples = torch.cat(found)
    say(stage="sampled", tokens=samples.numel(), text=tokenizer.decode(samples[1].tolist())[:300])
    return samples


def origin_ids(device: str) -> Tensor:
    """The teacher's id of each of our tokens, -1 for our own special ones."""
    return torch.tensor(json.loads(Path("training/core/origin.json").read_text())).to(device)


def teacher_on(path: Path, device: str) -> Teacher:
    """The teacher, in bfloat16 on a GPU."""
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    return Teacher(load_teacher(path), dtype).to(device)


def load_teacher(path: Path) -> dict[str, np.ndarray]:
    """Tensors from a GGUF file or .npz; `random` gives noise of the true shapes (rehearsal)."""
    from training.core.teacher_files import read_tensors

    if path.suffix == ".npz":
        return dict(np.load(path))
    if path.name != "random":
        return read_tensors(path)
    rng = np.random.default_rng(0)
    sizes = {"attn_q": (576, 576), "attn_k": (192, 576), "attn_v": (192, 576),
             "attn_output": (576, 576), "ffn_gate": (1536, 576), "ffn_up": (1536, 576),
             "ffn_down": (576, 1536)}  # fmt: skip
    found = {"token_embd.weight": rng.standard_normal((49152, 576), np.float32) * 0.03}
    found["output_norm.weight"] = np.ones(576, np.float32)
    for i in range(30):
        for name, size in sizes.items():
            found[f"blk.{i}.{name}.weight"] = rng.standard_normal(size, np.float32) * 0.03
        for name in ("attn_norm", "ffn_norm"):
            found[f"blk.{i}.{name}.weight"] = np.ones(576, np.float32)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teacher", type=Path, required=True, help="GGUF or .npz")
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--init", type=Path, help="go on from this core: .pt or exported folder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=540)
    parser.add_argument("--sample-seconds", type=float, default=75)
    parser.add_argument("--align-seconds", type=float, default=50)
    parser.add_argument("--sample-rows", type=int, default=1536)
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--eval-batches", type=int, default=4)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many (rehearsal)")
    parser.add_argument("--save-every", type=float, default=0, help="seconds; 0: not resumable")
    parser.add_argument("--seed", type=int, default=1)
    main(parser.parse_args())
