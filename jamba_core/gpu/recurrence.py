"""The inner half of a Mamba mixer: convolution + SiLU, and the selective scan with its gate.

One step for decoding, many for prefill; both go on from a state and leave the new one in its
place: conv [B, K-1, I], ssm [B, N, I], both float32. a2 [N, I] is A times log2(e). `projected`
[B T, 2 I] holds the input and the gate. All arithmetic is float32.
"""

import triton
import triton.language as tl
from torch import Tensor

from mrkl.jamba_core.gpu.early import arrive, early
from mrkl.jamba_core.gpu.norms import scaled
from mrkl.jamba_core.gpu.one import power, silu
from mrkl.jamba_core.gpu.order import place


@triton.jit
def softplus(x):
    # log(1 + e) loses what is small beside 1: there its series
    e = tl.exp(tl.minimum(x, 20.0))
    series = e * (1.0 - e * (0.5 - e * (0.33333333 - e * 0.25)))
    return tl.where(x > 20.0, x, tl.where(x < -4.0, series, tl.log(1.0 + e)))


@triton.jit
def _conv_step(
    projected_ptr, conv_ptr, taps_ptr, bias_ptr, u_ptr, copy_ptr, slot_ptr,
    I: tl.constexpr, TAPS: tl.constexpr, BLOCK: tl.constexpr, COPY: tl.constexpr,
    SLOTS: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    arrive(EARLY)
    row = tl.program_id(1)
    slot = row
    if SLOTS:
        slot = tl.load(slot_ptr + row)
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    live = i < I
    known = live & (slot >= 0)
    new = tl.load(projected_ptr + row * 2 * I + i, mask=live, other=0.0).to(tl.float32)
    total = tl.load(bias_ptr + i, mask=live, other=0.0)
    past = conv_ptr + slot.to(tl.int64) * (TAPS - 1) * I + i
    for k in tl.static_range(TAPS - 1):
        value = tl.load(past + k * I, mask=known, other=0.0)
        total += value * tl.load(taps_ptr + k * I + i, mask=live, other=0.0)
        if k > 0:
            tl.store(past + (k - 1) * I, value, mask=known)
    total += new * tl.load(taps_ptr + (TAPS - 1) * I + i, mask=live, other=0.0)
    if TAPS > 1:
        tl.store(past + (TAPS - 2) * I, new, mask=known)
    u = silu(total)
    tl.store(u_ptr + row * I + i, u, mask=live)
    if COPY:
        tl.store(copy_ptr + row * I + i, u.to(copy_ptr.dtype.element_ty), mask=live)


@triton.jit
def _step(
    u_ptr, low_ptr, g_ptr, w_ptr, dt_ptr, bias_ptr, projected_ptr, a2_ptr, skip_ptr, ssm_ptr,
    y_ptr, slot_ptr, eps, line, QUADS: tl.constexpr, I: tl.constexpr, R: tl.constexpr,
    RP: tl.constexpr, N: tl.constexpr, NP: tl.constexpr, BLOCK: tl.constexpr,
    FUSED: tl.constexpr, SLOTS: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    arrive(EARLY)
    row = tl.program_id(1)
    slot = row
    if SLOTS:
        slot = tl.load(slot_ptr + row)
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.arange(0, NP)
    live = i < I
    low = low_ptr + row * (R + 2 * N)
    b = tl.load(low + R + n, mask=n < N, other=0.0).to(tl.float32)
    c = tl.load(low + R + N + n, mask=n < N, other=0.0).to(tl.float32)
    if FUSED:
        r = tl.arange(0, RP)
        inner = r < R
        rank = tl.load(low + r, mask=inner, other=0.0)
        rank = scaled(rank, tl.load(g_ptr + r, mask=inner, other=0.0), R, eps)
        b = scaled(b, tl.load(g_ptr + R + n, mask=n < N, other=0.0), N, eps)
        c = scaled(c, tl.load(g_ptr + R + N + n, mask=n < N, other=0.0), N, eps)
        at = w_ptr + i[:, None] * R + r[None, :]
        w = tl.load(at, mask=live[:, None] & inner[None, :], other=0.0).to(tl.float32)
        dt = tl.sum(w * rank[None, :], 1)
    else:
        dt = tl.load(dt_ptr + row * I + i, mask=live, other=0.0).to(tl.float32)
    delta = softplus(dt + tl.load(bias_ptr + i, mask=live, other=0.0))
    u = tl.load(u_ptr + row * I + i, mask=live, other=0.0)
    cell = n[:, None] * I + i[None, :]
    mask = (n < N)[:, None] & live[None, :]
    known = mask & (slot >= 0)
    past = ssm_ptr + slot.to(tl.int64) * N * I + cell
    state = tl.load(past, mask=known, other=0.0)
    a2 = tl.load(a2_ptr + cell, mask=mask, other=0.0)
    state = tl.exp2(delta[None, :] * a2) * state + b[:, None] * (delta * u)[None, :]
    tl.store(past, state, mask=known)
    y = tl.sum(state * c[:, None], 0) + u * tl.load(skip_ptr + i, mask=live, other=0.0)
    gate = tl.load(projected_ptr + row * 2 * I + I + i, mask=live, other=0.0).to(tl.float32)
    at = y_ptr + row * line + place(i, QUADS)
    tl.store(at, (y * silu(gate)).to(y_ptr.dtype.element_ty), mask=live)


@triton.jit
def _conv_many(
    projected_ptr, conv_ptr, taps_ptr, bias_ptr, u_ptr, T, I: tl.constexpr, TAPS: tl.constexpr,
    TIME: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(2).to(tl.int64)
    t = tl.program_id(1) * TIME + tl.arange(0, TIME)
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    live = i < I
    total = tl.zeros([TIME, BLOCK], tl.float32)
    total += tl.load(bias_ptr + i, mask=live, other=0.0)[None, :]
    for k in tl.static_range(TAPS):
        at = t - (TAPS - 1) + k
        tap = tl.load(taps_ptr + k * I + i, mask=live, other=0.0)
        here = live[None, :] & ((at >= 0) & (t < T))[:, None]
        new = projected_ptr + (row * T + at[:, None]) * 2 * I + i[None, :]
        value = tl.load(new, mask=here, other=0.0).to(tl.float32)
        before = live[None, :] & (at < 0)[:, None]
        old = conv_ptr + (row * (TAPS - 1) + TAPS - 1 + at[:, None]) * I + i[None, :]
        value += tl.load(old, mask=before, other=0.0)
        total += value * tap[None, :]
    place = (row * T + t[:, None]) * I + i[None, :]
    u = silu(total).to(u_ptr.dtype.element_ty)
    tl.store(u_ptr + place, u, mask=live[None, :] & (t < T)[:, None])


@triton.jit
def _rows(ptr, line, start, zero, i, T, I: tl.constexpr, STEPS: tl.constexpr):
    """STEPS rows from `start`, [STEPS, BLOCK]: each thread has all rows of its channel."""
    t = start + tl.arange(0, STEPS)
    at = ptr + zero + t[:, None] * line + i[None, :]
    return tl.load(at, mask=(t < T)[:, None] & (i < I)[None, :], other=0.0)


@triton.jit
def _row(rows, k, STEPS: tl.constexpr):
    """One of them. As whole numbers, so that adding zeros costs nothing: a thread just picks it."""
    mine = (tl.arange(0, STEPS) == k)[:, None]
    bits = tl.where(mine, rows.to(tl.float32).to(tl.int32, bitcast=True), 0)
    return tl.sum(bits, 0).to(tl.float32, bitcast=True)


@triton.jit(do_not_specialize=["zero"])
def _scan(
    u_ptr, low_ptr, dt_ptr, bias_ptr, projected_ptr, a2_ptr, skip_ptr, ssm_ptr, y_ptr, T, zero,
    I: tl.constexpr, R: tl.constexpr, N: tl.constexpr, NP: tl.constexpr, BLOCK: tl.constexpr,
    STEPS: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(1).to(tl.int64)
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.arange(0, NP)
    live = i < I
    # With `zero` nothing is known of the alignment, so a thread gets one channel with all its
    # states, rather than four neighbours with a few each: sums over states then need no exchange.
    cell = zero + n[:, None] * I + i[None, :]
    mask = (n < N)[:, None] & live[None, :]
    state = tl.load(ssm_ptr + row * N * I + cell, mask=mask, other=0.0)
    a2 = tl.load(a2_ptr + cell, mask=mask, other=0.0)
    skip = tl.load(skip_ptr + i, mask=live, other=0.0)
    bias = tl.load(bias_ptr + i, mask=live, other=0.0)
    u_ptr += row * T * I
    dt_ptr += row * T * I
    gate_ptr = projected_ptr + row * T * 2 * I + I
    next_u = _rows(u_ptr, I, 0, zero, i, T, I, STEPS)
    next_dt = _rows(dt_ptr, I, 0, zero, i, T, I, STEPS)
    next_gate = _rows(gate_ptr, 2 * I, 0, zero, i, T, I, STEPS)
    for start in tl.range(0, T, STEPS, num_stages=STAGES):
        us, dts, gates = next_u, next_dt, next_gate
        # one round ahead: there are too few programs for others to hide the delay
        next_u = _rows(u_ptr, I, start + STEPS, zero, i, T, I, STEPS)
        next_dt = _rows(dt_ptr, I, start + STEPS, zero, i, T, I, STEPS)
        next_gate = _rows(gate_ptr, 2 * I, start + STEPS, zero, i, T, I, STEPS)
        for k in tl.static_range(STEPS):
            t = start + k
            low = low_ptr + (row * T + t) * (R + 2 * N) + R
            known = (n < N) & (t < T)
            b = tl.load(low + n, mask=known, other=0.0).to(tl.float32)
            c = tl.load(low + N + n, mask=known, other=0.0).to(tl.float32)
            u = _row(us, k, STEPS)
            delta = tl.where(t < T, softplus(_row(dts, k, STEPS) + bias), 0.0)
            state = tl.exp2(delta[None, :] * a2) * state + b[:, None] * (delta * u)[None, :]
            y = (tl.sum(state * c[:, None], 0) + u * skip) * silu(_row(gates, k, STEPS))
            at = y_ptr + (row * T + t) * I + i
            tl.store(at, y.to(y_ptr.dtype.element_ty), mask=live & (t < T))
    tl.store(ssm_ptr + row * N * I + cell, state, mask=mask)


def conv_step(
    projected: Tensor,
    conv: Tensor,
    taps: Tensor,
    bias: Tensor,
    u: Tensor,
    copy: Tensor | None,
    slots: Tensor | None = None,
) -> None:
    """u [B, I] (and its copy in another type) of one token; conv [S, K-1, I] moves on by it.

    slots [B]: which states go with a row (below 0: none, it starts from nothing and leaves
    nothing); without them row and state have the same number.
    """
    batch, inner = u.shape
    block = min(256, power(inner))
    _conv_step[(triton.cdiv(inner, block), batch)](
        projected, conv, taps, bias, u, u if copy is None else copy, u if slots is None else slots,
        inner, taps.shape[0], block, copy is not None, slots is not None, **early(),
    )  # fmt: skip


def step(
    u: Tensor,
    low: Tensor,
    dt: Tensor | None,
    weight: Tensor,
    norms: Tensor,
    bias: Tensor,
    projected: Tensor,
    a2: Tensor,
    skip: Tensor,
    ssm: Tensor,
    y: Tensor,
    eps: float,
    quads: int = 0,
    slots: Tensor | None = None,
) -> None:
    """One token of the scan for u [B, I]; y [B, ..] is gated (`ordered` with quads), ssm moves on.

    slots as for `conv_step`.
    Without dt [B, I], low [B, R + 2 N] is as x_proj made it, and norms and dt_proj (weight
    [I, R]) happen here; with it, low is normalised.
    """
    batch, inner = u.shape
    states, rank = a2.shape[0], weight.shape[1]
    block = min(64, power(inner))
    _step[(triton.cdiv(inner, block), batch)](
        u, low, norms, weight, u if dt is None else dt, bias, projected, a2, skip, ssm, y,
        u if slots is None else slots, eps, y.stride(0), quads, inner, rank, power(rank), states,
        power(states), block, dt is None, slots is not None, **early(),
    )  # fmt: skip


def conv_many(projected: Tensor, conv: Tensor, taps: Tensor, bias: Tensor, u: Tensor) -> None:
    """u [B T, I] for many tokens; conv moves on by them."""
    batch, past, inner = conv.shape
    time = u.shape[0] // batch
    block = min(128, power(inner))
    grid = (triton.cdiv(inner, block), triton.cdiv(time, 16), batch)
    _conv_many[grid](projected, conv, taps, bias, u, time, inner, past + 1, 16, block)
    new = projected.view(batch, time, 2 * inner)[:, max(0, time - past) :, :inner]
    if time < past:
        conv[:, : past - time] = conv[:, time:].clone()
    conv[:, past - new.shape[1] :] = new


def scan_many(
    u: Tensor,
    low: Tensor,
    dt: Tensor,
    bias: Tensor,
    projected: Tensor,
    a2: Tensor,
    skip: Tensor,
    ssm: Tensor,
    y: Tensor,
    **tile: int,
) -> None:
    """The gated scan y [B T, I] over many tokens from the state ssm [B, N, I], which moves on.

    dt [B T, I] comes without its bias and softplus, low [B T, R + 2 N] normalised and in
    float32 (narrower loads would not be made ahead).
    """
    batch, states, inner = ssm.shape
    tile = {"BLOCK": min(32, power(inner)), "STEPS": 4, "STAGES": 3, "num_warps": 1} | tile
    _scan[(triton.cdiv(inner, tile["BLOCK"]), batch)](
        u, low, dt, bias, projected, a2, skip, ssm, y, u.shape[0] // batch, 0, inner,
        low.shape[1] - 2 * states, states, power(states), **tile,
    )  # fmt: skip
