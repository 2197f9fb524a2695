"""Attention of one new token a sequence over a fixed store of keys and values.

Keys and values are [S, G, room, E]. Each program reads a stretch of one sequence's keys for one
group of heads; a second pass joins the stretches. The number of tokens already there is read on
the device (`position` [S]), so one CUDA graph serves any length.
"""

import triton
import triton.language as tl
from torch import Tensor

from mrkl.jamba_core.gpu.early import arrive, early
from mrkl.jamba_core.gpu.many import operand
from mrkl.jamba_core.gpu.one import power
from mrkl.jamba_core.gpu.order import place

KEYS = 64  # keys at once


@triton.jit
def _append(
    qkv_ptr, k_ptr, v_ptr, position_ptr, slot_ptr, ROOM,
    H: tl.constexpr, G: tl.constexpr, E: tl.constexpr, EP: tl.constexpr, SLOTS: tl.constexpr,
    EARLY: tl.constexpr,
):  # fmt: skip
    arrive(EARLY)
    row, group = tl.program_id(0), tl.program_id(1)
    slot = row
    if SLOTS:
        slot = tl.load(slot_ptr + row)
    e = tl.arange(0, EP)
    live = (e < E) & (slot >= 0)
    at = qkv_ptr + row * (H + 2 * G) * E + (H + group) * E + e
    here = tl.load(position_ptr + slot, mask=slot >= 0, other=0).to(tl.int64)
    place = here + (slot * G + group).to(tl.int64) * ROOM
    k = tl.load(at, mask=live, other=0.0)
    v = tl.load(at + G * E, mask=live, other=0.0)
    tl.store(k_ptr + place * E + e, k.to(k_ptr.dtype.element_ty), mask=live)
    tl.store(v_ptr + place * E + e, v.to(v_ptr.dtype.element_ty), mask=live)


@triton.jit
def _stretch(
    qkv_ptr, k_ptr, v_ptr, position_ptr, slot_ptr, sum_ptr, top_ptr, ROOM, scale,
    H: tl.constexpr, G: tl.constexpr, E: tl.constexpr, EP: tl.constexpr, Q: tl.constexpr,
    KEYS: tl.constexpr, SPLITS: tl.constexpr, OP: tl.constexpr, PRECISION: tl.constexpr,
    SLOTS: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    arrive(EARLY)
    row, split = tl.program_id(0), tl.program_id(1)
    batch, group = row // G, row % G
    slot = batch
    if SLOTS:
        slot = tl.load(slot_ptr + batch)
    SHARE: tl.constexpr = H // G
    length = tl.load(position_ptr + slot, mask=slot >= 0, other=-1) + 1
    each = (length + SPLITS * KEYS - 1) // (SPLITS * KEYS) * KEYS
    first = split * each
    last = tl.minimum(first + each, length)
    q_row = tl.arange(0, Q)
    e = tl.arange(0, EP)
    head = group * SHARE + q_row
    at = qkv_ptr + batch * (H + 2 * G) * E + head[:, None] * E + e[None, :]
    live = (q_row < SHARE)[:, None] & (e < E)[None, :]
    q = tl.load(at, mask=live, other=0.0).to(OP)
    high = tl.full([Q], -1e30, tl.float32)
    total = tl.zeros([Q], tl.float32)
    acc = tl.zeros([Q, EP], tl.float32)
    base = (slot * G + group).to(tl.int64) * ROOM * E
    for start in range(first, last, KEYS):
        j = start + tl.arange(0, KEYS)
        mask = (j < last)[:, None] & (e < E)[None, :]
        k = tl.load(k_ptr + base + j[:, None] * E + e[None, :], mask=mask, other=0.0).to(OP)
        score = tl.dot(q, tl.trans(k), input_precision=PRECISION) * scale
        score = tl.where((j < last)[None, :], score, -1e30)
        new = tl.maximum(high, tl.max(score, 1))
        p = tl.where((j < last)[None, :], tl.exp(score - new[:, None]), 0.0)
        fade = tl.exp(high - new)
        v = tl.load(v_ptr + base + j[:, None] * E + e[None, :], mask=mask, other=0.0).to(OP)
        acc = acc * fade[:, None] + tl.dot(p.to(OP), v, input_precision=PRECISION)
        total = total * fade + tl.sum(p, 1)
        high = new
    place = (batch * H + head) * SPLITS + split
    tl.store(sum_ptr + place[:, None] * E + e[None, :], acc, mask=live)
    tl.store(top_ptr + place * 2, high, mask=q_row < SHARE)
    tl.store(top_ptr + place * 2 + 1, total, mask=q_row < SHARE)


@triton.jit
def _join(
    sum_ptr, top_ptr, out_ptr, line, H: tl.constexpr, E: tl.constexpr, EP: tl.constexpr,
    SPLITS: tl.constexpr, SP: tl.constexpr, QUADS: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    arrive(EARLY)
    row = tl.program_id(0)
    s = tl.arange(0, SP)
    e = tl.arange(0, EP)
    real = s < SPLITS
    cell = row * SPLITS + s
    high = tl.load(top_ptr + cell * 2, mask=real, other=-1e30)
    factor = tl.exp(high - tl.max(high, 0))
    total = tl.sum(factor * tl.load(top_ptr + cell * 2 + 1, mask=real, other=0.0), 0)
    live = real[:, None] & (e < E)[None, :]
    acc = tl.load(sum_ptr + cell[:, None] * E + e[None, :], mask=live, other=0.0)
    y = tl.sum(acc * factor[:, None], 0) / tl.where(total > 0, total, 1.0)
    at = out_ptr + row // H * line + place(row % H * E + e, QUADS)
    tl.store(at, y.to(out_ptr.dtype.element_ty), mask=e < E)


def attend(
    qkv: Tensor,
    keys: Tensor,
    values: Tensor,
    position: Tensor,
    sums: Tensor,
    tops: Tensor,
    out: Tensor,
    quads: int = 0,
    slots: Tensor | None = None,
) -> None:
    """Put the new token's key and value at `position` [S]; out [B, ..] of its queries, `ordered`
    with quads.

    qkv [B, (H + 2 G) E]; sums [B, H, P, E] and tops [B, H, P, 2] are scratch. slots [B]: which
    keys, values and position go with a row (below 0: none, its out is 0); without them row and
    slot have the same number.
    """
    groups, room, width = keys.shape[1:]
    batch = qkv.shape[0]
    heads, splits = sums.shape[1:3]
    padded = power(width)
    chosen, known = (position, False) if slots is None else (slots, True)
    _append[(batch, groups)](
        qkv, keys, values, position, chosen, room, heads, groups, width, padded, known, **early()
    )
    _stretch[(batch * groups, splits)](
        qkv, keys, values, position, chosen, sums, tops, room, width**-0.5, heads, groups, width,
        max(16, padded), max(16, power(heads // groups)), KEYS, splits, SLOTS=known, num_warps=4,
        **early(),
        **operand(keys, qkv if keys.dtype == qkv.dtype else keys),
    )  # fmt: skip
    _join[(batch * heads,)](
        sums,
        tops,
        out,
        out.stride(0),
        heads,
        width,
        padded,
        splits,
        power(splits),
        quads,
        **early(),
    )
