"""The whole decoder and prefill on random weights of a shape: times, bytes, what the card allows."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu.timing import event_times
from mrkl.jamba_core.gpu import many, prefill
from mrkl.jamba_core.gpu.decode import Decoder
from mrkl.jamba_core.gpu.weights import MambaWeights, Weights
from mrkl.jamba_core.limits import prefill_flops


def fill(decoder: Decoder, context: int, seed: int = 0) -> None:
    """Random states as after `context` tokens."""
    decoder.reset()
    generator = torch.Generator(decoder.weights.device).manual_seed(seed)
    for pair in decoder.states:
        for tensor in pair:
            tensor.normal_(0, 1, generator=generator)
    decoder.position.fill_(context)
    decoder.tokens.random_(0, decoder.config.vocab_size, generator=generator)


def experts_hit(decoder: Decoder) -> list[int]:
    """Different experts that the next step's tokens meet, layer by layer (a step is made)."""
    if decoder.single:
        layers = [layer for layer in decoder.weights.layers if layer.forward.router is not None]
        return [decoder.config.num_experts_per_tok] * len(layers)
    found: list[int] = []
    route = many.Blocks.route

    def counted(self: many.Blocks, logits: Tensor, slots: Tensor | None = None) -> None:
        route(self, logits, slots)
        found.append(len(set(self.expert[self.count > 0].tolist())))

    many.Blocks.route = counted  # type: ignore[method-assign]
    try:
        decoder.step()
    finally:
        many.Blocks.route = route  # type: ignore[method-assign]
    return found


def step_bytes(weights: Weights, hit: list[int], batch: int, context: int) -> float:
    """What a step must read and write: weights once, only the experts it meets; caches, states."""
    total, left = weights.head.bytes, iter(hit)
    config = weights.config
    for layer in weights.layers:
        forward, mixer = layer.forward, layer.mixer
        share = next(left) / len(forward.router) if forward.router is not None else 1.0
        total += share * (forward.gate_up.bytes + forward.down.bytes)
        if isinstance(mixer, MambaWeights):
            total += sum(
                m.bytes for m in (mixer.in_proj, mixer.x_proj, mixer.dt_proj, mixer.out_proj)
            )
            cell = 4 * config.mamba_inner * (config.mamba_d_state + config.mamba_d_conv - 1)
            total += 2 * batch * cell + mixer.a2.nbytes
        else:
            total += mixer.qkv.bytes + mixer.out.bytes
            line = 2 * config.num_key_value_heads * config.head_dim * weights.embed.element_size()
            total += batch * context * line
    return total


def decoding(
    weights: Weights, batch: int, context: int, bandwidth: float, steps: int = 30
) -> dict[str, Any]:
    """Milliseconds of a step (median), tokens a second, and the share of the card's limit."""
    began = time.perf_counter()
    decoder = Decoder(weights, batch, context + steps + 64)
    decoder.capture()
    ready = time.perf_counter() - began
    same = _as_eager(decoder, context)
    fill(decoder, context)
    hit = experts_hit(decoder)
    moved = step_bytes(weights, hit, batch, context)
    fill(decoder, context)
    ms = event_times(decoder.advance, steps, warm=5)
    limit = moved / bandwidth * 1e3
    return {
        "batch": batch,
        "context": context,
        "ms": round(median(ms), 3),
        "ms_fastest": round(min(ms), 3),
        "tokens_per_second": round(batch / median(ms) * 1e3, 1),
        "limit_tokens_per_second": round(batch / limit * 1e3, 1),
        "share_of_limit": round(limit / median(ms), 3),
        "bytes": int(moved),
        "experts_hit": round(sum(hit) / max(1, len(hit)), 2),
        "graph_writes_what_eager_writes": same,
        "seconds_to_compile_and_capture": round(ready, 1),
        "finite": bool(torch.isfinite(decoder.logits).all()),
        "kernels": kernel_shares(lambda: [decoder.advance() for _ in range(5)]),
    }


def _as_eager(decoder: Decoder, context: int, steps: int = 6) -> bool:
    """Whether the graph and single launches write the same tokens from the same states."""
    graphs, written = decoder.graphs, []
    for choice in (graphs, {}):
        fill(decoder, context)
        decoder.graphs = choice
        written.append(decoder.run(steps))
    decoder.graphs = graphs
    return torch.equal(*written)


def reading(
    weights: Weights, tokens: int, compute: float, ways: str = "copies", rounds: int = 3
) -> dict[str, Any]:
    """Seconds to read a prompt (median), tokens a second, the share of the card's limit.

    ways: experts and MLPs by dense `copies` and cuBLAS, or by the kernels' `blocks`. `kernels` are
    shares of the device's time in one more round.
    """
    decoder = Decoder(weights, 1, tokens + 64)
    ids = torch.randint(0, weights.config.vocab_size, (tokens,), device=weights.device)
    seconds: list[float] = []
    before, prefill.COPIES_FROM = prefill.COPIES_FROM, 0 if ways == "copies" else 1 << 40
    for _ in range(rounds + 1):
        decoder.reset()
        torch.cuda.synchronize()
        began = time.perf_counter()
        logits = prefill.read(decoder, ids)
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    decoder.reset()
    shares = kernel_shares(lambda: prefill.read(decoder, ids))
    prefill.COPIES_FROM = before
    config = weights.config
    head = 2 * config.hidden_size * config.vocab_size  # computed for the last token only
    limit = tokens * (prefill_flops(config, tokens) - head) / compute
    middle = median(seconds[1:])
    return {
        "tokens": tokens,
        "ways": ways,
        "seconds": round(middle, 4),
        "tokens_per_second": round(tokens / middle),
        "limit_tokens_per_second": round(tokens / limit),
        "share_of_limit": round(limit / middle, 3),
        "kernels": shares,
        "finite": bool(torch.isfinite(logits).all()),
    }


def kernel_shares(run: Callable[[], object], most: int = 14) -> dict[str, float]:
    """Which kernels a run's time on the device goes to; empty where the profiler cannot run."""
    from torch.profiler import ProfilerActivity, profile

    try:
        with profile(activities=[ProfilerActivity.CUDA]) as found:
            run()
            torch.cuda.synchronize()
        times = {e.key: e.self_device_time_total for e in found.key_averages()}
    except Exception as error:  # noqa: BLE001 - without CUPTI the other figures are still worth having
        print(f"no profile: {type(error).__name__}: {error}")
        return {}
    whole = sum(times.values()) or 1.0
    best = sorted(times.items(), key=lambda item: -item[1])[:most]
    return {name[:70]: round(spent / whole, 4) for name, spent in best}
