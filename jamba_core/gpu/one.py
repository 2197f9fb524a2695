"""One token: matrix times vector, reading every weight once and nothing else twice.

Weights are int8 with a scale a row, bfloat16 or float32, [rows, columns]; x is float32 or
bfloat16. Products and sums are float32. RMSNorm can ride along: sum(w x g) / rms(x) needs no pass
of its own over x. A program owns BN rows; the grid's second axis are tokens (and their experts).
"""

import triton
import triton.language as tl
from torch import Tensor

from mrkl.jamba_core.gpu import interpreted
from mrkl.jamba_core.gpu.early import LINE, ahead, arrive, early

# Bytes of a matrix that a program reads at once and altogether; how long an x stays in registers.
AT_ONCE, ALTOGETHER, LONGEST = 32768, 131072, 8192


@triton.jit
def silu(x):
    return x / (1.0 + tl.exp(-x))


@triton.jit
def _vector(
    x_ptr, g_ptr, start, K: tl.constexpr, BK: tl.constexpr, NORM: tl.constexpr
):  # fmt: skip
    """BK numbers of x from `start`, times g where NORM, and their squares' sum."""
    col = start + tl.arange(0, BK)
    x = tl.load(x_ptr + col, mask=col < K, other=0.0).to(tl.float32)
    square = 0.0
    if NORM:
        square = tl.sum(x * x, 0)
        x = x * tl.load(g_ptr + col, mask=col < K, other=0.0).to(tl.float32)
    return x, square


@triton.jit
def _tile(
    w_ptr, x, row, live, start, K: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
    V: tl.constexpr,
):  # fmt: skip
    """w[row, start : start + BK] times x, summed over groups of V: [BN, BK / V]."""
    col = start + tl.arange(0, BK)
    w = tl.load(
        w_ptr + row[:, None] * K + col[None, :], mask=live[:, None] & (col[None, :] < K),
        other=0, eviction_policy="evict_first",
    ).to(tl.float32)  # fmt: skip
    # groups of V neighbours lie in one thread: their sum costs no exchange
    return tl.sum(tl.reshape(w * x[None, :], (BN, BK // V, V)), 2)


@triton.jit
def _long_rows(
    w_ptr, x_ptr, row, live, K: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, V: tl.constexpr
):  # fmt: skip
    """w[row] . x for BN rows that are too long for x to stay in registers."""
    acc = tl.zeros([BN, BK // V], tl.float32)
    for start in range(0, K, BK):
        x, _ = _vector(x_ptr, x_ptr, start, K, BK, False)
        acc += _tile(w_ptr, x, row, live, start, K, BN, BK, V)
    return tl.sum(acc, 1)


@triton.jit
def _chosen(logits_ptr, slot, E: tl.constexpr, EP: tl.constexpr, TOP: tl.constexpr):
    """Number and weight of the slot-th best expert; the softmax runs over all experts."""
    e = tl.arange(0, EP)
    logits = tl.load(logits_ptr + e, mask=e < E, other=-float("inf"))
    chance = tl.exp(logits - tl.max(logits, 0))
    chance = chance / tl.sum(chance, 0)
    expert = 0
    weight = 0.0
    for j in tl.static_range(TOP):
        best = tl.argmax(chance, 0)
        highest = tl.max(chance, 0)
        expert = tl.where(slot == j, best, expert)
        weight = tl.where(slot == j, highest, weight)
        chance = tl.where(e == best, -1.0, chance)
    return expert, weight


@triton.jit
def _linear(
    x_ptr, g_ptr, w_ptr, s_ptr, b_ptr, out_ptr, eps, N, K: tl.constexpr, ROWS: tl.constexpr,
    BN: tl.constexpr, BK: tl.constexpr, V: tl.constexpr, STAGES: tl.constexpr,
    NORM: tl.constexpr, SCALED: tl.constexpr, BIASED: tl.constexpr, ADD: tl.constexpr,
    BYTES: tl.constexpr, LINES: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(1)
    # the last program asks for a little of what lies before its rows
    first_row = tl.minimum(tl.program_id(0) * ROWS, N - ROWS)
    ahead(w_ptr + tl.maximum(first_row, 0) * K, BYTES, LINES, EARLY)
    x_ptr += token * K
    x, square = _vector(x_ptr, g_ptr, 0, K, BK, NORM)
    factor = 1.0
    if NORM:
        factor = tl.rsqrt(square / K + eps)
    for first in tl.range(0, ROWS, BN, num_stages=STAGES):
        row = tl.program_id(0) * ROWS + first + tl.arange(0, BN)
        live = row < N
        if BK >= K:
            y = tl.sum(_tile(w_ptr, x, row, live, 0, K, BN, BK, V), 1) * factor
        else:
            y = _long_rows(w_ptr, x_ptr, row, live, K, BN, BK, V)
        if SCALED:
            y *= tl.load(s_ptr + row, mask=live, other=0.0)
        if BIASED:
            y += tl.load(b_ptr + row, mask=live, other=0.0)
        at = out_ptr + token * N + row
        if ADD:
            y += tl.load(at, mask=live, other=0.0).to(tl.float32)
        tl.store(at, y.to(out_ptr.dtype.element_ty), mask=live)


@triton.jit
def _gate_up(
    x_ptr, g_ptr, w_ptr, s_ptr, logits_ptr, out_ptr, eps, F, K: tl.constexpr, ROWS: tl.constexpr,
    BN: tl.constexpr, BK: tl.constexpr, V: tl.constexpr, STAGES: tl.constexpr,
    E: tl.constexpr, EP: tl.constexpr, TOP: tl.constexpr, SCALED: tl.constexpr,
    BYTES: tl.constexpr, LINES: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(1) // TOP
    if E > 1:  # which weights it will be is what is waited for
        arrive(EARLY)
    else:
        first_row = tl.minimum(tl.program_id(0) * ROWS, F - ROWS)
        ahead(w_ptr + tl.maximum(first_row, 0) * K, BYTES, LINES, EARLY)
    expert = 0
    if E > 1:
        expert, _ = _chosen(logits_ptr + token * E, tl.program_id(1) % TOP, E, EP, TOP)
    begin = tl.cast(expert, tl.int64) * 2 * F
    x, square = _vector(x_ptr + token * K, g_ptr, 0, K, BK, True)
    factor = tl.rsqrt(square / K + eps)
    gate_ptr = w_ptr + begin * K
    up_ptr = gate_ptr + tl.cast(F, tl.int64) * K
    for first in tl.range(0, ROWS, BN, num_stages=STAGES):
        row = tl.program_id(0) * ROWS + first + tl.arange(0, BN)
        live = row < F
        gate = tl.sum(_tile(gate_ptr, x, row, live, 0, K, BN, BK, V), 1) * factor
        up = tl.sum(_tile(up_ptr, x, row, live, 0, K, BN, BK, V), 1) * factor
        if SCALED:
            gate *= tl.load(s_ptr + begin + row, mask=live, other=0.0)
            up *= tl.load(s_ptr + begin + F + row, mask=live, other=0.0)
        tl.store(out_ptr + tl.program_id(1) * F + row, silu(gate) * up, mask=live)


@triton.jit
def _down(
    h_ptr, w_ptr, s_ptr, logits_ptr, out_ptr, N, K: tl.constexpr,
    BN: tl.constexpr, BK: tl.constexpr, V: tl.constexpr,
    E: tl.constexpr, EP: tl.constexpr, TOP: tl.constexpr, SCALED: tl.constexpr,
    BYTES: tl.constexpr, LINES: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(1)
    if E > 1:
        arrive(EARLY)
    else:
        first_row = tl.minimum(tl.program_id(0) * BN, N - BN)
        ahead(w_ptr + tl.maximum(first_row, 0) * K, BYTES, LINES, EARLY)
    row = tl.program_id(0) * BN + tl.arange(0, BN)
    live = row < N
    at = out_ptr + token * N + row
    total = tl.load(at, mask=live, other=0.0)
    for slot in range(TOP):
        expert = 0
        weight = 1.0
        if E > 1:
            expert, weight = _chosen(logits_ptr + token * E, slot, E, EP, TOP)
        first = tl.cast(expert, tl.int64) * N
        h = h_ptr + (token * TOP + slot) * K
        y = _long_rows(w_ptr + first * K, h, row, live, K, BN, BK, V)
        if SCALED:
            y *= tl.load(s_ptr + first + row, mask=live, other=0.0)
        total += weight * y
    tl.store(at, total, mask=live)


def power(number: int) -> int:
    """The next power of two."""
    return 1 << max(0, number - 1).bit_length()


def tiles(weight: Tensor, rows: int, matrices: int = 1, block: int = 0) -> dict[str, int]:
    """How a program reads a matrix [.., columns]: BN rows of BK columns at a time, ROWS in all."""
    width, columns = weight.element_size(), weight.shape[-1]
    block = block or (power(columns) if columns <= LONGEST else AT_ONCE // (8 * width))
    vector = {"BK": block, "V": min(16 // width, block)}
    if interpreted():  # a program costs milliseconds there
        return {"BN": min(128, power(rows)), "ROWS": min(128, power(rows)), **vector}
    lines = max(1, AT_ONCE // (block * width * matrices))
    while lines > 1 and rows // lines < 256:  # enough programs for every multiprocessor
        lines //= 2
    total = lines
    while 2 * total * columns * width * matrices <= ALTOGETHER and rows // (2 * total) >= 512:
        total *= 2
    return {"BN": lines, "ROWS": total, **vector}


def _ask(weight: Tensor, rows: int) -> dict[str, object]:
    """What a program asks for ahead: its rows of the matrix."""
    size = max(int(LINE), rows * weight.shape[-1] * weight.element_size())
    return {"BYTES": size, "LINES": power(triton.cdiv(size, int(LINE))), **early()}


def linear(
    x: Tensor,
    weight: Tensor,
    scale: Tensor | None,
    out: Tensor,
    bias: Tensor | None = None,
    norm: Tensor | None = None,
    eps: float = 0.0,
    add: bool = False,
    **tile: int,
) -> None:
    """out [S, N] (+)= norm(x [S, K]) @ (weight [N, K] * scale).T + bias."""
    rows, columns = weight.shape
    tile = tiles(weight, rows) | {"STAGES": 1} | tile
    assert norm is None or tile["BK"] >= columns
    grid = (triton.cdiv(rows, tile["ROWS"]), x.shape[0])
    _linear[grid](
        x, x if norm is None else norm, weight, out if scale is None else scale,
        out if bias is None else bias, out, eps, rows, columns,
        NORM=norm is not None, SCALED=scale is not None, BIASED=bias is not None, ADD=add,
        **_ask(weight, min(tile["ROWS"], rows)), **tile,
    )  # fmt: skip


def gate_up(
    x: Tensor,
    norm: Tensor,
    weight: Tensor,
    scale: Tensor | None,
    logits: Tensor | None,
    out: Tensor,
    eps: float,
    **tile: int,
) -> None:
    """out [S, TOP, F] = silu(gate) * up of the TOP experts with the highest logits [S, E].

    x [S, K] is normalised first; weight [E, 2 F, K], scale [E, 2 F]; without logits E = TOP = 1.
    """
    experts, rows, columns = weight.shape
    top, width = out.shape[1:]
    assert rows == 2 * width and (logits is not None or experts == top == 1)
    tile = tiles(weight, width, 2, power(columns)) | {"STAGES": 1} | tile
    grid = (triton.cdiv(width, tile["ROWS"]), x.shape[0] * top)
    _gate_up[grid](
        x, norm, weight, out if scale is None else scale, out if logits is None else logits, out,
        eps, width, columns, E=experts, EP=power(experts), TOP=top, SCALED=scale is not None,
        **_ask(weight, min(tile["ROWS"], width)), **tile,
    )  # fmt: skip


def down(
    h: Tensor,
    weight: Tensor,
    scale: Tensor | None,
    logits: Tensor | None,
    out: Tensor,
    **tile: int,
) -> None:
    """out [S, N] += the experts' rows of weight [E, N, F] times h [S, TOP, F], weighted."""
    experts, rows, columns = weight.shape
    top = h.shape[1]
    tile = tiles(weight, rows, block=min(power(columns), 4096 // weight.element_size())) | tile
    tile.pop("ROWS", None)
    grid = (triton.cdiv(rows, tile["BN"]), h.shape[0])
    _down[grid](
        h, weight, out if scale is None else scale, out if logits is None else logits, out,
        rows, columns, E=experts, EP=power(experts), TOP=top, SCALED=scale is not None,
        **_ask(weight, min(tile["BN"], rows)), **tile,
    )  # fmt: skip
