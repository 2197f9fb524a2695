"""Train the router from one compact file: meaning first, then choosing among experts.

    python training/router/train.py DATA.npz --out FOLDER --seconds 85

Stands alone with model.py, sampler.py and contrast.py beside it (torch and numpy only). First part of the
time: our encoder learns the teacher's vectors and to match names with descriptions; the rest:
softmax over each question's catalogue and *none*, with the first task going on. The learning
rate follows the clock, so the same command fits a CPU and a GPU. Writes weights (float16) and
a log with validation on held-out families.
"""

import argparse
import json
import sys
import threading
import time
from pathlib import Path
from queue import Full, Queue

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from training.router.contrast import Classes, contrast_loss, few_shot
from training.router.model import EMPTY, Encoded, RouterModel, Shape
from training.router.sampler import Sampler, Step


class Texts:
    """All texts as one padded table on the device: `rows(ids)` trims to the longest."""

    def __init__(self, data: dict[str, np.ndarray], length: int, device: str) -> None:
        lengths = data["lengths"].astype(np.int64)
        table = np.zeros((len(lengths), length), np.int64)
        table[np.arange(length)[None, :] < lengths[:, None]] = data["tokens"]
        self.table = torch.from_numpy(table.astype(np.int32)).to(device)
        self.lengths, self.device = lengths, device
        self._sorted: dict[int, np.ndarray] = {}

    def alike(self, count: int, size: int, rng: np.random.Generator) -> np.ndarray:
        """`size` of the first `count` texts with nearly the same length (little padding)."""
        order = self._sorted.setdefault(count, np.argsort(self.lengths[:count], kind="stable"))
        start = rng.integers(0, max(1, count - 4 * size))
        return rng.choice(order[start : start + 4 * size], size, replace=False)

    def rows(self, ids: np.ndarray) -> torch.Tensor:
        longest = int(self.lengths[ids].max(initial=1))
        longest = -(-max(longest, 1) // 8) * 8  # few shapes: fewer kernels to choose
        index = torch.from_numpy(ids.astype(np.int64)).to(self.device)
        return self.table[index, :longest].long()


def encode_parts(model: RouterModel, texts: Texts, ids: np.ndarray, role: int) -> Encoded:
    """On a CPU short texts are encoded apart from long ones; padding would cost most there."""
    if texts.device != "cpu":
        return model.encode(texts.rows(ids), role)
    order = np.argsort(texts.lengths[ids], kind="stable")
    parts = [model.encode(texts.rows(ids[part]), role) for part in np.array_split(order, 4)]
    longest = max(part.mask.shape[1] for part in parts)
    back = torch.from_numpy(np.argsort(order))

    def joined(name: str) -> torch.Tensor:
        values = [getattr(part, name) for part in parts]
        if values[0].ndim > 1 and name != "pooled":
            values = [F.pad(v, (0, 0) * (v.ndim - 2) + (0, longest - v.shape[1])) for v in values]
        return torch.cat(values)[back]

    return Encoded(*(joined(name) for name in ("pooled", "tokens", "weights", "mask", "none")))


def routing_loss(model: RouterModel, texts: Texts, step: Step) -> tuple[torch.Tensor, dict]:
    """Softmax over catalogue and none; with several right experts, their shares add up."""
    device = texts.device
    query = encode_parts(model, texts, step.questions, 0)
    cards = encode_parts(model, texts, step.cards, 1)
    if len(step.examples):
        examples = model.encode(texts.rows(step.examples), 0).pooled
    else:
        examples = cards.pooled[:0]
    scores = model.scores(query, cards, examples, torch.from_numpy(step.owner).to(device))
    choice = torch.from_numpy(step.choice).to(device)
    right = torch.from_numpy(step.right).to(device)
    none = model.none_score(query, choice.sum(1))
    every = torch.cat([scores.masked_fill(~choice, EMPTY), none[:, None]], 1)
    target = torch.cat([right, ~right.any(1, keepdim=True)], 1)
    logp = every.log_softmax(-1)
    loss = -logp.masked_fill(~target, EMPTY).logsumexp(-1)
    best = every.argmax(-1)
    hit = target.gather(1, best[:, None])[:, 0]
    some = right.any(1)
    stats = {
        "accuracy": hit[some].float().mean().item() if some.any() else 0.0,
        "none_right": hit[~some].float().mean().item() if (~some).any() else 0.0,
    }
    return loss.mean(), stats


def meaning_loss(
    model: RouterModel, texts: Texts, data: dict, rng: np.random.Generator, size: int
) -> torch.Tensor:
    """Pooled vectors follow the teacher's; short and long forms of one meaning find each other."""
    half = size // 2
    total = torch.zeros((), device=texts.device)
    for role in (0, 1):
        ids = texts.alike(len(data["teacher"]), half, rng)
        target = torch.from_numpy(data["teacher"][ids].astype(np.float32)).to(texts.device)
        target = F.normalize(target, dim=-1)
        out = model.encode(texts.rows(ids), role).pooled
        like, wanted = out @ out.T, target @ target.T
        total = total + 2 * (1 - (out * target).sum(-1)).mean()
        total = total + 10 * (like - wanted).square().mean()
    start = rng.integers(0, max(1, len(data["pairs"]) - 2 * half))
    pairs = data["pairs"][start + rng.choice(min(2 * half, len(data["pairs"])), half // 2, False)]
    left = model.encode(texts.rows(pairs[:, 0]), 0)
    right = model.encode(texts.rows(pairs[:, 1]), 1)
    return total + 0.5 * pair_loss(model, left, right)


def pair_loss(model: RouterModel, left: Encoded, right: Encoded) -> torch.Tensor:
    """Contrast within the batch with the scores that need no examples."""
    both = model.mix[:3].sum() * (left.pooled @ right.pooled.T)
    both = both + model.mix[3] * model.token_matches(left, right)
    own = torch.arange(len(both), device=both.device)
    return (F.cross_entropy(both, own) + F.cross_entropy(both.T, own)) / 2


def steps_ahead(sampler: Sampler, sizes: tuple[int, int, int], stop: threading.Event) -> Queue:
    """Sample on a thread of its own, a few steps ahead of the device."""
    queue: Queue[Step] = Queue(maxsize=8)

    def work() -> None:
        while not stop.is_set():
            step = sampler.step(*sizes)
            while not stop.is_set():
                try:
                    queue.put(step, timeout=0.5)
                    break
                except Full:
                    pass  # look at `stop` again

    threading.Thread(target=work, daemon=True).start()
    return queue


def validate(model: RouterModel, texts: Texts, data: dict, steps: int) -> dict[str, float]:
    """Mean accuracy over held-out families and patterns."""
    model.eval()
    sampler = Sampler(data, 99, held=True)
    found: list[dict] = []
    with torch.inference_mode():
        for _ in range(steps):
            loss, stats = routing_loss(model, texts, sampler.step(256, 90, 60))
            found.append(stats | {"loss": loss.item()})
        shots = few_shot(model, texts.rows, data)
    model.train()
    means = {key: float(np.mean([s[key] for s in found])) for key in found[0]}
    return {key: round(value, 4) for key, value in (means | shots).items()}


def optimiser(model: RouterModel, rate: float) -> torch.optim.Optimizer:
    scalars = {"mix", "guess", "shrink", "none_bias"}
    slow = [p for name, p in model.named_parameters() if name == "embedding.weight"]
    few = [p for name, p in model.named_parameters() if name in scalars]
    rest = [
        p
        for name, p in model.named_parameters()
        if name not in scalars and name != "embedding.weight"
    ]
    groups = [
        {"params": rest, "lr": rate, "weight_decay": 0.02},
        {"params": slow, "lr": rate * 0.5, "weight_decay": 0.0},
        {"params": few, "lr": rate * 5, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)


def train(options: argparse.Namespace) -> None:
    device = "cuda" if torch.cuda.is_available() and not options.cpu else "cpu"
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    torch.set_float32_matmul_precision("high")
    with np.load(options.data) as file:
        data = {key: file[key] for key in file.files}
    longest = data["lengths"][data["pairs"]].max(1)
    data["pairs"] = data["pairs"][np.argsort(longest, kind="stable")]
    shape = Shape(layers=options.layers)
    model = RouterModel(shape)
    start = torch.from_numpy(data["embeddings"].astype(np.float32))
    model.embedding.weight.data.copy_(start / start.std())
    if options.start:
        with np.load(options.start / "router_f16.npz") as file:
            found = {k: torch.from_numpy(file[k].astype(np.float32)) for k in file.files}
        model.load_state_dict(found)
    model.to(device)
    texts = Texts(data, shape.length, device)
    run(model, texts, data, device, options)


def run(model, texts, data, device, options) -> None:
    """The loop, by the clock."""
    rng = np.random.default_rng(options.seed)
    stop = threading.Event()
    queue = steps_ahead(
        Sampler(data, options.seed),
        (options.questions, options.cards, options.cards),
        stop,
    )
    classes = Classes(data, options.seed)
    adam = optimiser(model, options.rate)
    rates = [group["lr"] for group in adam.param_groups]
    average: dict[str, torch.Tensor] = {}
    # on a CPU others may share, its own time counts, so that a run is worth the same every day
    clock = time.process_time if device == "cpu" else time.monotonic
    began, steps, log = clock(), 0, []
    shown = began
    while (done := (clock() - began) / options.seconds) < 1:
        level = min(1.0, (steps + 1) / 100) * (1 - done) ** 0.7
        for group, rate in zip(adam.param_groups, rates, strict=True):
            group["lr"] = rate * max(level, 0.01)
        with torch.autocast(device, torch.bfloat16, enabled=not options.full):
            loss = meaning_loss(model, texts, data, rng, options.pool)
            stats: dict = {}
            if done > options.first:
                weight = 1.0 - 0.8 * (done - options.first) / (1 - options.first)
                routing, stats = routing_loss(model, texts, queue.get())
                drawn, labels = classes.draw(options.pool, 6)
                alike = contrast_loss(model, texts.rows(drawn), torch.from_numpy(labels).to(device))
                loss = routing + 0.3 * weight * loss + 0.5 * alike
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        steps += 1
        if done > 0.8 and steps % 5 == 0:
            follow(average, model)
        if clock() - shown > options.seconds / 25:
            shown = clock()
            log.append({"part": round(done, 3), "steps": steps, "loss": loss.item(), **stats})
            print(json.dumps(log[-1]), flush=True)
    stop.set()
    if average:
        model.load_state_dict(average)
    log.append({"steps": steps, "held_out": validate(model, texts, data, 10)})
    print(json.dumps(log[-1]), flush=True)
    save(model, log, options)


def follow(average: dict[str, torch.Tensor], model: RouterModel) -> None:
    """A running mean of the weights of the last part."""
    for name, value in model.state_dict().items():
        if name in average:
            average[name].lerp_(value, 0.04)
        else:
            average[name] = value.clone()


def save(model: RouterModel, log: list[dict], options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    state = {k: v.detach().cpu().numpy().astype(np.float16) for k, v in model.state_dict().items()}
    np.savez(options.out / "router_f16.npz", **state)
    settings = {k: str(v) for k, v in vars(options).items()}
    facts = {"shape": model.shape.as_dict(), "log": log, "settings": settings}
    (options.out / "router_log.json").write_text(json.dumps(facts, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=85)
    parser.add_argument("--first", type=float, default=0.4, help="share of time for meaning only")
    parser.add_argument("--questions", type=int, default=512)
    parser.add_argument("--cards", type=int, default=160)
    parser.add_argument("--pool", type=int, default=1024)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="go on from the weights in this folder")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--full", action="store_true", help="float32 throughout")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
