"""The end of a step: each row's next token, chosen on the device.

Temperature 0 takes the likeliest (the first of equals). Else min_p, then top_p (as
`jamba_core.sampling` means them), then one draw: every token's score plus noise that depends on
the row's seed, how long its text is, and the token, so a text does not depend on its neighbours.
"""

import triton
import triton.language as tl
from torch import Tensor

from mrkl.jamba_core.gpu import interpreted
from mrkl.jamba_core.gpu.early import arrive, early
from mrkl.jamba_core.gpu.one import power

BISECTIONS = 24  # of the range of scores in which the least one kept is looked for
WIDEST = 60.0  # temperatures below the best score: what lies lower is never drawn


@triton.jit
def _mass(base, least, high, heat, V: tl.constexpr, BLOCK: tl.constexpr):
    """Sum of exp((score - high) / heat) over the scores from `least` on."""
    acc = tl.zeros([BLOCK], tl.float32)
    for start in range(0, V, BLOCK):
        i = start + tl.arange(0, BLOCK)
        score = tl.load(base + i, mask=i < V, other=-float("inf"))
        acc += tl.where(score >= least, tl.exp((score - high) / heat), 0.0)
    return tl.sum(acc, 0)


@triton.jit
def _best(base, least, high, heat, seed, V: tl.constexpr, BLOCK: tl.constexpr, NOISE: tl.constexpr):
    """The highest score and its place; with NOISE a draw among those from `least` on."""
    best = tl.full([BLOCK], -float("inf"), tl.float32)
    place = tl.zeros([BLOCK], tl.int32)
    for start in range(0, V, BLOCK):
        i = start + tl.arange(0, BLOCK)
        score = tl.load(base + i, mask=i < V, other=-float("inf"))
        if NOISE:
            noise = tl.maximum(tl.rand(seed, i), 1e-10)
            drawn = (score - high) / heat - tl.log(-tl.log(noise))
            score = tl.where(score >= least, drawn, -float("inf"))
        better = score > best
        best = tl.where(better, score, best)
        place = tl.where(better, i, place)
    top = tl.max(best, 0)
    return top, tl.min(tl.where(best == top, place, V - 1), 0)


@triton.jit
def _pick(
    logits_ptr, slot_ptr, position_ptr, chance_ptr, seed_ptr, tokens_ptr, written_ptr, count_ptr,
    B, V: tl.constexpr, BLOCK: tl.constexpr, CHANCE: tl.constexpr, LOG: tl.constexpr,
    BISECTIONS: tl.constexpr, WIDEST: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    arrive(EARLY)
    row = tl.program_id(0)
    slot = tl.load(slot_ptr + row)
    if slot >= 0:
        base = logits_ptr + row.to(tl.int64) * V
        length = tl.load(position_ptr + slot)
        high, token = _best(base, 0.0, 0.0, 1.0, 0, V, BLOCK, False)
        if CHANCE:
            heat = tl.load(chance_ptr + row * 3)
            if heat > 0:
                share = tl.load(chance_ptr + row * 3 + 1)
                floor = tl.load(chance_ptr + row * 3 + 2)
                least = high - WIDEST * heat
                if floor > 0:
                    least = tl.maximum(least, high + heat * tl.log(floor))
                if share < 1:
                    wanted = share * _mass(base, least, high, heat, V, BLOCK)
                    upper = high
                    for _ in range(BISECTIONS):
                        middle = 0.5 * (least + upper)
                        enough = _mass(base, middle, high, heat, V, BLOCK) >= wanted
                        least = tl.where(enough, middle, least)
                        upper = tl.where(enough, upper, middle)
                seed = tl.load(seed_ptr + row) ^ (length.to(tl.int64) << 32)
                _, token = _best(base, least, high, heat, seed, V, BLOCK, True)
        tl.store(tokens_ptr + row, token.to(tl.int64))
        if LOG:
            count = tl.load(count_ptr + row)
            tl.store(written_ptr + count * B + row, token.to(tl.int64))
            tl.store(count_ptr + row, count + 1)
            tl.store(position_ptr + slot, length + 1)


def pick(
    logits: Tensor,
    slots: Tensor,
    position: Tensor,
    chance: Tensor,
    seeds: Tensor,
    tokens: Tensor,
    drawing: bool,
    written: Tensor | None = None,
    count: Tensor | None = None,
) -> None:
    """tokens [B] from logits [B, V]; with `written` [.., B] they are noted there at `count` [B].

    Then the texts are one token longer as well (`position` of their slots); slots below 0 are
    rows of nobody. chance [B, 3]: temperature, top_p, min_p; seeds [B] below 2 ** 31; without
    `drawing` all rows take the likeliest.
    """
    rows, size = logits.shape
    block = min(power(size), 1 << 16 if interpreted() else 8192)
    log = written is not None
    _pick[(rows,)](
        logits, slots, position, chance, seeds, tokens, written if log else tokens,
        count if count is not None else tokens, rows, size, block, drawing, log,
        BISECTIONS, WIDEST, num_warps=8, **early(),
    )  # fmt: skip
