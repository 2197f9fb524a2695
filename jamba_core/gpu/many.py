"""Several tokens: tiles of tokens against tiles of weights, each weight read once a token tile.

The weight tile is the left operand of the product, turned from int8 into bfloat16 on its way; the
scale of a row follows on the float32 sum. For experts the tokens are first sorted into blocks of T
tokens of one expert each (`route`); blocks without tokens end at once. What goes into the residual
stream is written as parts [S, tokens, N] that `norms.add_norm` sums: no atomics, so the same
input gives the same bits.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from mrkl.jamba_core.gpu import interpreted
from mrkl.jamba_core.gpu.one import power, silu


@triton.jit
def _product(
    w_ptr, x_ptr, row, live, token, used, first, acc, line,
    K: tl.constexpr, PIECE: tl.constexpr, BK: tl.constexpr, OP: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """acc [BN, T] + w[row] @ x[token].T over PIECE columns."""
    for start in range(0, PIECE, BK):
        col = first + start + tl.arange(0, BK)
        inside = col < K
        w = tl.load(
            w_ptr + row[:, None] * K + col[None, :], mask=live[:, None] & inside[None, :], other=0
        )
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
    T: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, OP: tl.constexpr,
    PRECISION: tl.constexpr, SCALED: tl.constexpr, BIASED: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * BN + tl.arange(0, BN)
    part = tl.program_id(1)
    token = tl.program_id(2) * T + tl.arange(0, T)
    live, used = row < N, token < M
    first = part * PIECE
    acc = tl.zeros([BN, T], tl.float32)
    acc = _product(
        w_ptr, x_ptr, row, live, token, used, first, acc, line, K, PIECE, BK, OP, PRECISION
    )
    if SCALED:
        acc *= tl.load(s_ptr + row, mask=live, other=0.0)[:, None]
    if BIASED:
        acc += tl.load(b_ptr + row, mask=live & (part == 0), other=0.0)[:, None]
    at = out_ptr + (part * M + token)[None, :].to(tl.int64) * N + row[:, None]
    tl.store(at, acc.to(out_ptr.dtype.element_ty), mask=live[:, None] & used[None, :])


@triton.jit
def _gate_up(
    x_ptr, w_ptr, s_ptr, expert_ptr, count_ptr, pairs_ptr, out_ptr, F, K: tl.constexpr,
    TOP: tl.constexpr, T: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, OP: tl.constexpr,
    PRECISION: tl.constexpr, SCALED: tl.constexpr,
):  # fmt: skip
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
        base = w_ptr + first * K
        for start in range(0, K, BK):
            col = start + tl.arange(0, BK)
            inside = col < K
            at = base + row[:, None] * K + col[None, :]
            mask = live[:, None] & inside[None, :]
            x = tl.load(
                x_ptr + token[None, :] * K + col[:, None],
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
        at = out_ptr + pair[None, :].to(tl.int64) * F + row[:, None]
        y = (silu(gate) * up).to(out_ptr.dtype.element_ty)
        tl.store(at, y, mask=live[:, None] & used[None, :])


@triton.jit
def _down(
    h_ptr, w_ptr, s_ptr, expert_ptr, count_ptr, pairs_ptr, weight_ptr, out_ptr, M, N,
    K: tl.constexpr, PIECE: tl.constexpr, TOP: tl.constexpr, T: tl.constexpr, BN: tl.constexpr,
    BK: tl.constexpr, OP: tl.constexpr, PRECISION: tl.constexpr, SCALED: tl.constexpr,
):  # fmt: skip
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
        acc = _product(
            w_ptr + expert * K, h_ptr, row, live, pair.to(tl.int64), used, first, acc,
            K, K, PIECE, BK, OP, PRECISION,
        )  # fmt: skip
        if SCALED:
            acc *= tl.load(s_ptr + expert + row, mask=live, other=0.0)[:, None]
        acc *= tl.load(weight_ptr + pair, mask=used, other=0.0)[None, :]
        place = (part * TOP + pair % TOP) * M + pair // TOP
        at = out_ptr + place[None, :].to(tl.int64) * N + row[:, None]
        tl.store(at, acc, mask=live[:, None] & used[None, :])


@triton.jit
def _route(
    logits_ptr, weight_ptr, expert_ptr, count_ptr, pairs_ptr, M,
    TOP: tl.constexpr, E: tl.constexpr, EP: tl.constexpr, MP: tl.constexpr, T: tl.constexpr,
    BLOCKS: tl.constexpr, BP: tl.constexpr,
):  # fmt: skip
    t = tl.arange(0, MP)
    e = tl.arange(0, EP)
    real = (t < M)[:, None] & (e < E)[None, :]
    logits = tl.load(logits_ptr + t[:, None] * E + e[None, :], mask=real, other=-1e30)
    chance = tl.exp(logits - tl.max(logits, 1)[:, None])
    chance = chance / tl.sum(chance, 1)[:, None]
    left = chance
    member = tl.zeros([MP, EP], tl.int32)
    for j in tl.static_range(TOP):
        best = tl.argmax(left, 1)
        mine = e[None, :] == best[:, None]
        tl.store(weight_ptr + t * TOP + j, tl.max(left, 1), mask=t < M)
        left = tl.where(mine, -1.0, left)
        member += tl.where(mine & real, 1, 0)
    place = tl.cumsum(member, 0) - member  # of a token among those of its expert
    count = tl.sum(member, 0)
    blocks = (count + T - 1) // T
    first = tl.cumsum(blocks, 0) - blocks  # an expert's first block
    left = chance
    for j in tl.static_range(TOP):
        best = tl.argmax(left, 1)
        mine = e[None, :] == best[:, None]
        left = tl.where(mine, -1.0, left)
        at = tl.sum(tl.where(mine, first[None, :] * T + place, 0), 1)
        tl.store(pairs_ptr + at, t * TOP + j, mask=t < M)
    b = tl.arange(0, BP)
    inside = (b[:, None] >= first[None, :]) & (b[:, None] < (first + blocks)[None, :])
    here = tl.sum(tl.where(inside, e[None, :], 0), 1)
    rest = tl.sum(tl.where(inside, count[None, :] - (b[:, None] - first[None, :]) * T, 0), 1)
    tl.store(expert_ptr + b, here, mask=b < BLOCKS)
    tl.store(count_ptr + b, tl.minimum(rest, T), mask=b < BLOCKS)


def operand(weight: Tensor, x: Tensor) -> dict[str, object]:
    # int8 beside float32 activations is where exactness was asked for
    kind = x.dtype if weight.dtype == torch.int8 else weight.dtype
    single = interpreted() or kind == torch.float32
    return {
        "OP": tl.float32 if single else tl.bfloat16,
        "PRECISION": "ieee" if single else "tf32",
    }


class Blocks:
    """Room for tokens sorted by expert: blocks of up to `size` tokens of one expert."""

    def __init__(self, tokens: int, top: int, experts: int, device: torch.device | str) -> None:
        self.tokens, self.top, self.experts = tokens, top, experts
        pairs = tokens * top
        # A token meets an expert once, so a tile of all tokens always holds an expert's.
        self.size = max(16, min(power(tokens), 32 if tokens <= 256 else 128))
        # each expert leaves at most one block unfilled
        self.blocks = max(1, min(pairs, experts + pairs // self.size))
        self.expert = torch.zeros(self.blocks, dtype=torch.int32, device=device)
        self.count = torch.zeros_like(self.expert)
        self.pairs = torch.zeros(self.blocks * self.size, dtype=torch.int32, device=device)
        self.weight = torch.ones(pairs, device=device)

    def everything(self) -> "Blocks":
        """All tokens to the one expert there is."""
        assert self.experts == self.top == 1
        number = torch.arange(self.blocks * self.size, device=self.pairs.device)
        self.pairs.copy_(number)
        left = self.tokens - number[:: self.size]
        self.count.copy_(left.clamp(0, self.size))
        return self

    def route(self, logits: Tensor) -> None:
        """Sort by the logits [tokens, experts]; the softmax runs over all experts."""
        if self.tokens > 128:
            self._route_long(logits)
            return
        _route[(1,)](
            logits, self.weight, self.expert, self.count, self.pairs, self.tokens, TOP=self.top,
            E=self.experts, EP=power(self.experts), MP=power(self.tokens), T=self.size,
            BLOCKS=self.blocks, BP=power(self.blocks),
        )  # fmt: skip

    def _route_long(self, logits: Tensor) -> None:
        weights, chosen = torch.topk(torch.softmax(logits, -1), self.top, -1)
        self.weight.copy_(weights.flatten())
        flat = chosen.flatten()
        order = torch.argsort(flat, stable=True)
        experts = torch.arange(self.experts, device=flat.device)
        count = (flat[:, None] == experts).sum(0)
        blocks = (count + self.size - 1) // self.size
        first = blocks.cumsum(0) - blocks
        before = count.cumsum(0) - count
        mine = flat[order]
        place = torch.arange(len(flat), device=flat.device) - before[mine]
        self.pairs[first[mine] * self.size + place] = order.to(torch.int32)
        b = torch.arange(self.blocks, device=flat.device)[:, None]
        inside = (b >= first) & (b < first + blocks)
        self.expert.copy_((inside * experts).sum(1))
        rest = (inside * (count - (b - first) * self.size)).sum(1)
        self.count.copy_(rest.clamp(max=self.size))


def linear(
    x: Tensor,
    weight: Tensor,
    scale: Tensor | None,
    out: Tensor,
    bias: Tensor | None = None,
    **tile: int,
) -> None:
    """out [S, M, N] = x [M, K] @ (weight [N, K] * scale).T + bias as S parts over K.

    The rows of x may lie apart.
    """
    tokens, (rows, columns), parts = x.shape[0], weight.shape, out.shape[0]
    tile = {"BN": 64, "BK": 128 // weight.element_size(), "num_warps": 4, "num_stages": 4} | tile
    piece = -(-columns // (parts * tile["BK"])) * tile["BK"]
    size = max(16, min(power(tokens), 64))
    grid = (triton.cdiv(rows, tile["BN"]), parts, triton.cdiv(tokens, size))
    _linear[grid](
        x, weight, out if scale is None else scale, out if bias is None else bias, out,
        tokens, rows, x.stride(0), columns, piece, T=size, SCALED=scale is not None, BIASED=bias is not None,
        **operand(weight, x), **tile,
    )  # fmt: skip


def gate_up(
    x: Tensor, weight: Tensor, scale: Tensor | None, blocks: Blocks, out: Tensor, **tile: int
) -> None:
    """out [M TOP, F] = silu(gate) * up for x [M, K], weight [E, 2 F, K], scale [E, 2 F]."""
    columns, width = weight.shape[2], out.shape[1]
    tile = _expert_tile(blocks, weight) | tile
    grid = (blocks.blocks, triton.cdiv(width, tile["BN"]))
    _gate_up[grid](
        x, weight, out if scale is None else scale, blocks.expert, blocks.count, blocks.pairs,
        out, width, columns, TOP=blocks.top, T=blocks.size, SCALED=scale is not None,
        **operand(weight, x), **tile,
    )  # fmt: skip


def down(
    h: Tensor, weight: Tensor, scale: Tensor | None, blocks: Blocks, out: Tensor, **tile: int
) -> None:
    """out [S TOP, M, N] = weighted parts of weight [E, N, F] times h [M TOP, F]."""
    rows, columns = weight.shape[1:]
    parts = out.shape[0] // blocks.top
    tile = _expert_tile(blocks, weight) | tile
    piece = -(-columns // (parts * tile["BK"])) * tile["BK"]
    grid = (blocks.blocks, triton.cdiv(rows, tile["BN"]), parts)
    _down[grid](
        h, weight, out if scale is None else scale, blocks.expert, blocks.count, blocks.pairs,
        blocks.weight, out, blocks.tokens, rows, columns, piece, TOP=blocks.top, T=blocks.size,
        SCALED=scale is not None, **operand(weight, h), **tile,
    )  # fmt: skip


def _expert_tile(blocks: Blocks, weight: Tensor) -> dict[str, int]:
    if blocks.size <= 32:
        return {"BN": 64, "BK": 128 // weight.element_size(), "num_warps": 4, "num_stages": 4}
    return {"BN": 128, "BK": 64, "num_warps": 8, "num_stages": 3}
