"""The engine as texts meet it: one of 256K tokens, one after a prefix that is known, several at once.

On random weights of a shape. Memory is compared with what the planner said before.
"""

import gc
import time
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor

from mrkl.jamba_core.gpu import prefill
from mrkl.jamba_core.gpu.engine import Engine
from mrkl.jamba_core.gpu.memory import need
from mrkl.jamba_core.gpu.weights import Weights
from mrkl.jamba_core.limits import GIB


def _ids(weights: Weights, count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, weights.config.vocab_size, (count,), generator=generator)


def _seconds(run: Any) -> tuple[float, Any]:
    torch.cuda.synchronize()
    began = time.perf_counter()
    result = run()
    torch.cuda.synchronize()
    return time.perf_counter() - began, result


def long_text(weights: Weights, mode: str | None, tokens: int, warm: int = 8192) -> dict[str, Any]:
    """Time to the first token of one long prompt, then decoding there; memory beside the plan."""
    room = tokens + 64
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    planned = need(weights.config, mode, 1, room, prefill.PIECE)
    engine = Engine(weights, 1, room)
    engine(_ids(weights, min(warm, tokens), 1), None, 1)  # compiles
    engine([1], engine.empty_state())
    ids = _ids(weights, tokens, 2)
    seconds, output = _seconds(lambda: engine(ids, None, 1))
    token, steps = int(output.logits[0, -1].argmax()), list[float]()
    state = output.state
    for _ in range(20):
        step, output = _seconds(partial(engine, [token], state, 1))
        token, state = int(output.logits[0, -1].argmax()), output.state
        steps.append(step)
    peak, held = torch.cuda.max_memory_allocated(), weights.bytes + engine.store.bytes
    return {
        "tokens": tokens,
        "seconds_to_first_token": round(seconds, 3),
        "tokens_per_second": round(tokens / seconds),
        "ms_a_token_after_it": round(median(steps) * 1e3, 3),
        "peak_gib": round(peak / GIB, 2),
        "planned_gib": round(planned.total / GIB, 2),
        "planned_weights_and_states_gib": round((planned.weights + planned.states) / GIB, 3),
        "weights_and_states_gib": round(held / GIB, 3),
        "peak_of_planned": round(peak / planned.total, 3),
        "finite": bool(
            torch.isfinite(engine.store.ssm).all() and torch.isfinite(output.logits).all()
        ),
    }


def after_prefix(weights: Weights, prefix: int, more: int = 64, rounds: int = 5) -> dict[str, Any]:
    """Time to the first token of `more` tokens after a prefix: read before, and read anew."""
    engine = Engine(weights, 3, prefix + more + 64)
    first = _ids(weights, prefix, 3)
    known = engine(first, None, 1).state
    cold, warm, equal, far = list[float](), list[float](), 0, 0.0
    for turn in range(rounds + 1):
        rest = _ids(weights, more, 10 + turn)
        whole = torch.cat((first, rest))
        seconds, want = _seconds(partial(_last, engine, whole, None))
        again, got = _seconds(partial(_last, engine, rest, known))
        if turn:
            cold.append(seconds)
            warm.append(again)
            equal += int(want.argmax() == got.argmax())
            far = max(far, float((want - got).abs().max() / want.std()))
    return {
        "prefix": prefix,
        "new_tokens": more,
        "cold_ms": round(median(cold) * 1e3, 2),
        "warm_ms": round(median(warm) * 1e3, 2),
        "quicker": round(median(cold) / median(warm), 2),
        "same_next_token": f"{equal} of {rounds}",
        "largest_difference": round(far, 4),  # of the logits, in their spread
    }


def _last(engine: Engine, ids: Tensor, state: Any) -> Tensor:
    """Logits for the first new token, as the host sees them."""
    return engine(ids, state, 1).logits[0, -1].cpu()


def together(weights: Weights, texts: int, tokens: int = 64, prompt: int = 256) -> dict[str, Any]:
    """Texts of several lengths that join and leave, against one after the other."""
    engine = Engine(weights, texts, prompt + tokens + 64)
    asked = [_ids(weights, prompt - 8 * n % prompt, 20 + n).tolist() for n in range(texts)]
    lengths = [tokens - 4 * n % (tokens // 2) for n in range(texts)]

    def all_at_once() -> list[list[int]]:
        pairs = zip(asked, lengths, strict=True)
        requests = [engine.submit(ids, count, stop_ids=()) for ids, count in pairs]
        return [request.wait().tokens for request in requests]

    def one_by_one() -> list[list[int]]:
        pairs = zip(asked, lengths, strict=True)
        return [engine.submit(ids, count, stop_ids=()).wait().tokens for ids, count in pairs]

    all_at_once()  # captures the graphs
    at_once, got = _seconds(all_at_once)
    one_by_one()
    alone, want = _seconds(one_by_one)
    return {
        "texts": texts,
        "tokens": sum(lengths),
        "seconds_together": round(at_once, 3),
        "seconds_one_by_one": round(alone, 3),
        "tokens_per_second_together": round(sum(lengths) / at_once, 1),
        "graphs": sorted(size for size, decoder in engine._decoders.items() if decoder.graphs),
        "same_texts": f"{sum(a == b for a, b in zip(got, want, strict=True))} of {texts}",
    }
