"""Several tokens: tiles of tokens against tiles of weights, each weight read once a token tile.

The weight tile is the left operand of the product, turned from int8 into bfloat16 on its way; the
scale of a row follows on the float32 sum. For experts the tokens are first sorted into blocks of T
tokens of one expert each (`routing`); blocks without tokens end at once. What goes into the residual
stream is written as parts [S, tokens, N] that `norms.add_norm` sums: no atomics, so the same
input gives the same bits.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from mrkl.jamba_core.gpu import interpreted
from mrkl.jamba_core.gpu.early import arrive, early
from mrkl.jamba_core.gpu.one import power, silu
from mrkl.jamba_core.gpu.order import QUADS, four_bytes, order_of, padded, place
from mrkl.jamba_core.gpu.routing import Blocks

__all__ = ["Blocks", "down", "gate_up", "linear", "operand"]


@triton.jit
def _times_bytes(w, x0, x1, x2, x3, acc, OP: tl.constexpr, PRECISION: tl.constexpr):
    a0, a1, a2, a3 = four_bytes(w, OP)
    acc = tl.dot(a0, x0, acc, input_precision=PRECISION)
    acc = tl.dot(a1, x1, acc, input_precision=PRECISION)
    acc = tl.dot(a2, x2, acc, input_precision=PRECISION)
    return tl.dot(a3, x3, acc, input_precision=PRECISION)


@triton.jit
def _four(x_ptr, token, used, line, first, QUADS: tl.constexpr, OP: tl.constexpr):
    """Four tiles [QUADS, T] of x in the order of `ordered`, which pads with zeros."""
    at = x_ptr + token[None, :] * line + first + tl.arange(0, QUADS)[:, None]
    mask = used[None, :]
    x0 = tl.load(at, mask=mask, other=0.0).to(OP)
    x1 = tl.load(at + QUADS, mask=mask, other=0.0).to(OP)
    x2 = tl.load(at + 2 * QUADS, mask=mask, other=0.0).to(OP)
    x3 = tl.load(at + 3 * QUADS, mask=mask, other=0.0).to(OP)
    return x0, x1, x2, x3


@triton.jit
def _product(
    w_ptr, x_ptr, row, live, token, used, first, acc, line,
    K: tl.constexpr, PIECE: tl.constexpr, BK: tl.constexpr, QUADS: tl.constexpr,
    OP: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """acc [BN, T] + w[row] @ x[token].T over PIECE columns; with QUADS w is four bytes a number."""
    if QUADS > 0:
        for start in range(0, PIECE, 4 * QUADS):
            quad = (first + start) // 4 + tl.arange(0, QUADS)
            mask = live[:, None] & (quad < K // 4)[None, :]
            w = tl.load(w_ptr + row[:, None] * (K // 4) + quad[None, :], mask=mask, other=0)
            x0, x1, x2, x3 = _four(x_ptr, token, used, line, first + start, QUADS, OP)
            acc = _times_bytes(w, x0, x1, x2, x3, acc, OP, PRECISION)
    else:
        for start in range(0, PIECE, BK):
            col = first + start + tl.arange(0, BK)
            inside = col < K
            mask = live[:, None] & inside[None, :]
            w = tl.load(w_ptr + row[:, None] * K + col[None, :], mask=mask, other=0)
            x = tl.load(
                x_ptr + token[None, :] * line + col[:, None],
                mask=used[None, :] & inside[:, None],
                other=0.0,
            )
            acc = tl.dot(w.to(OP), x.to(OP), acc, input_precision=PRECISION)
    return acc


@triton.jit
def _linear(
    x_ptr, w_ptr, s_ptr, b_ptr, out_ptr, M, N, line, K: tl.constexpr, PIECE: tl.constexpr,
    T: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, QUADS: tl.constexpr, OP: tl.constexpr,
    PRECISION: tl.constexpr, SCALED: tl.constexpr, BIASED: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    arrive(EARLY)
    row = tl.program_id(0) * BN + tl.arange(0, BN)
    part = tl.program_id(1)
    token = tl.program_id(2) * T + tl.arange(0, T)
    live, used = row < N, token < M
    first = part * PIECE
    acc = tl.zeros([BN, T], tl.float32)
    acc = _product(
        w_ptr,
        x_ptr,
        row,
        live,
        token,
        used,
        first,
        acc,
        line,
        K,
        PIECE,
        BK,
        QUADS,
        OP,
        PRECISION,
    )
    if SCALED:
        acc *= tl.load(s_ptr + row, mask=live, other=0.0)[:, None]
    if BIASED:
        acc += tl.load(b_ptr + row, mask=live & (part == 0), other=0.0)[:, None]
    at = out_ptr + (part * M + token)[None, :].to(tl.int64) * N + row[:, None]
    tl.store(at, acc.to(out_ptr.dtype.element_ty), mask=live[:, None] & used[None, :])


@triton.jit
def _gate_up(
    x_ptr, w_ptr, s_ptr, expert_ptr, count_ptr, pairs_ptr, out_ptr, F, line, out_line,
    K: tl.constexpr, TOP: tl.constexpr, T: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
    QUADS: tl.constexpr, OP: tl.constexpr, PRECISION: tl.constexpr, SCALED: tl.constexpr,
    EARLY: tl.constexpr,
):  # fmt: skip
    arrive(EARLY)
    block = tl.program_id(0)
    count = tl.load(count_ptr + block)
    if count > 0:
        lane = tl.arange(0, T)
        used = lane < count
        pair = tl.load(pairs_ptr + block * T + lane, mask=used, other=0)
        token = pair // TOP
        row = tl.program_id(1) * BN + tl.arange(0, BN)
        live = row < F
        first = tl.load(expert_ptr + block).to(tl.int64) * 2 * F
        gate = tl.zeros([BN, T], tl.float32)
        up = tl.zeros([BN, T], tl.float32)
        if QUADS > 0:
            base = w_ptr + first * (K // 4)
            for start in range(0, K, 4 * QUADS):
                quad = start // 4 + tl.arange(0, QUADS)
                mask = live[:, None] & (quad < K // 4)[None, :]
                at = base + row[:, None] * (K // 4) + quad[None, :]
                x0, x1, x2, x3 = _four(x_ptr, token, used, line, start, QUADS, OP)
                wg = tl.load(at, mask=mask, other=0)
                wu = tl.load(at + F * (K // 4), mask=mask, other=0)
                gate = _times_bytes(wg, x0, x1, x2, x3, gate, OP, PRECISION)
                up = _times_bytes(wu, x0, x1, x2, x3, up, OP, PRECISION)
        else:
            base = w_ptr + first * K
            for start in range(0, K, BK):
                col = start + tl.arange(0, BK)
                inside = col < K
                at = base + row[:, None] * K + col[None, :]
                mask = live[:, None] & inside[None, :]
                x = tl.load(
                    x_ptr + token[None, :] * line + col[:, None],
                    mask=used[None, :] & inside[:, None],
                    other=0.0,
                ).to(OP)
                wg = tl.load(at, mask=mask, other=0)
                wu = tl.load(at + F * K, mask=mask, other=0)
                gate = tl.dot(wg.to(OP), x, gate, input_precision=PRECISION)
                up = tl.dot(wu.to(OP), x, up, input_precision=PRECISION)
        if SCALED:
            gate *= tl.load(s_ptr + first + row, mask=live, other=0.0)[:, None]
            up *= tl.load(s_ptr + first + F + row, mask=live, other=0.0)[:, None]
        at = out_ptr + pair[None, :].to(tl.int64) * out_line + place(row, QUADS)[:, None]
        y = (silu(gate) * up).to(out_ptr.dtype.element_ty)
        tl.store(at, y, mask=live[:, None] & used[None, :])


@triton.jit
def _down(
    h_ptr, w_ptr, s_ptr, expert_ptr, count_ptr, pairs_ptr, weight_ptr, out_ptr, M, N, line,
    K: tl.constexpr, PIECE: tl.constexpr, TOP: tl.constexpr, T: tl.constexpr, BN: tl.constexpr,
    BK: tl.constexpr, QUADS: tl.constexpr, OP: tl.constexpr, PRECISION: tl.constexpr,
    SCALED: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    arrive(EARLY)
    block = tl.program_id(0)
    part = tl.program_id(2)
    count = tl.load(count_ptr + block)
    if count > 0:
        lane = tl.arange(0, T)
        used = lane < count
        pair = tl.load(pairs_ptr + block * T + lane, mask=used, other=0)
        row = tl.program_id(1) * BN + tl.arange(0, BN)
        live = row < N
        expert = tl.load(expert_ptr + block).to(tl.int64) * N
        acc = tl.zeros([BN, T], tl.float32)
        first = part * PIECE
        width: tl.constexpr = K // 4 if QUADS > 0 else K  # numbers in a row
        acc = _product(
            w_ptr + expert * width, h_ptr, row, live, pair.to(tl.int64), used, first, acc,
            line, K, PIECE, BK, QUADS, OP, PRECISION,
        )  # fmt: skip
        if SCALED:
            acc *= tl.load(s_ptr + expert + row, mask=live, other=0.0)[:, None]
        acc *= tl.load(weight_ptr + pair, mask=used, other=0.0)[None, :]
        place = (part * TOP + pair % TOP) * M + pair // TOP
        at = out_ptr + place[None, :].to(tl.int64) * N + row[:, None]
        tl.store(at, acc, mask=live[:, None] & used[None, :])


def operand(weight: Tensor, x: Tensor) -> dict[str, object]:
    # int8 beside float32 activations is where exactness was asked for
    kind = x.dtype if weight.dtype == torch.int8 else weight.dtype
    single = interpreted() or kind == torch.float32
    return {
        "OP": tl.float32 if single else tl.bfloat16,
        "PRECISION": "ieee" if single else "tf32",
    }


def _matrix(weight: Tensor, x: Tensor) -> tuple[Tensor, dict[str, object]]:
    """The matrix as the kernels read it, and how they multiply."""
    quads = order_of(weight)
    columns = weight.shape[-1]
    assert x.shape[-1] >= (padded(columns) if quads else columns) and x.stride(-1) == 1
    if quads and columns % 4:
        raise ValueError(f"int8 matrices of {columns} columns: a multiple of 4 is expected")
    return weight.view(torch.int32) if quads else weight, {"QUADS": quads, **operand(weight, x)}


def linear(
    x: Tensor,
    weight: Tensor,
    scale: Tensor | None,
    out: Tensor,
    bias: Tensor | None = None,
    **tile: int,
) -> None:
    """out [S, M, N] = x [M, K] @ (weight [N, K] * scale).T + bias as S parts over K.

    The rows of x may lie apart; for an int8 weight x is `ordered`.
    """
    tokens, (rows, columns), parts = x.shape[0], weight.shape, out.shape[0]
    tile = {"BN": 64, "num_warps": 4, "num_stages": 5} | tile
    matrix, how = _matrix(weight, x)
    size = max(16, min(power(tokens), 64))
    grid = (triton.cdiv(rows, tile["BN"]), parts, triton.cdiv(tokens, size))
    _linear[grid](
        x, matrix, out if scale is None else scale, out if bias is None else bias, out,
        tokens, rows, x.stride(0), columns, _piece(columns, parts, weight), T=size,
        BK=_columns(weight), SCALED=scale is not None, BIASED=bias is not None, **early(), **how, **tile,
    )  # fmt: skip


def gate_up(
    x: Tensor, weight: Tensor, scale: Tensor | None, blocks: Blocks, out: Tensor, **tile: int
) -> None:
    """out [M TOP, F] = silu(gate) * up for x [M, K], weight [E, 2 F, K], scale [E, 2 F].

    For an int8 weight x is `ordered`, and so will out be (its padding is left as it is).
    """
    columns, width = weight.shape[2], weight.shape[1] // 2
    tile = _expert_tile(blocks) | tile
    matrix, how = _matrix(weight, x)
    grid = (blocks.blocks, triton.cdiv(width, tile["BN"]))
    _gate_up[grid](
        x, matrix, out if scale is None else scale, blocks.expert, blocks.count, blocks.pairs,
        out, width, x.stride(0), out.stride(0), columns, TOP=blocks.top, T=blocks.size,
        BK=_columns(weight), SCALED=scale is not None, **early(), **how, **tile,
    )  # fmt: skip


def down(
    h: Tensor, weight: Tensor, scale: Tensor | None, blocks: Blocks, out: Tensor, **tile: int
) -> None:
    """out [S TOP, M, N] = weighted parts of weight [E, N, F] times h [M TOP, F].

    For an int8 weight h is `ordered`.
    """
    rows, columns = weight.shape[1:]
    parts = out.shape[0] // blocks.top
    tile = _expert_tile(blocks) | tile
    matrix, how = _matrix(weight, h)
    grid = (blocks.blocks, triton.cdiv(rows, tile["BN"]), parts)
    _down[grid](
        h, matrix, out if scale is None else scale, blocks.expert, blocks.count, blocks.pairs,
        blocks.weight, out, blocks.tokens, rows, h.stride(0), columns,
        _piece(columns, parts, weight), TOP=blocks.top, T=blocks.size, BK=_columns(weight),
        SCALED=scale is not None, **early(), **how, **tile,
    )  # fmt: skip


def _columns(weight: Tensor) -> int:
    """Columns at a time."""
    return 128 // weight.element_size()


def _piece(columns: int, parts: int, weight: Tensor) -> int:
    """Columns of a part: whole steps of the loop."""
    step = 4 * QUADS if order_of(weight) else _columns(weight)
    return -(-columns // (parts * step)) * step


def _expert_tile(blocks: Blocks) -> dict[str, int]:
    if blocks.size <= 64:
        return {"BN": 64, "num_warps": 4, "num_stages": 4 if blocks.size <= 32 else 3}
    return {"BN": 128, "num_warps": 8, "num_stages": 3}
