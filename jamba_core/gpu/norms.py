"""RMSNorm with its neighbours: the sum of parts into the residual stream; the three norms of x_proj.

The residual stream x [tokens, D] is float32. Outputs take the type of the tensor they go to.
"""

import triton
import triton.language as tl
from torch import Tensor

from mrkl.jamba_core.gpu.early import arrive, early
from mrkl.jamba_core.gpu.one import power
from mrkl.jamba_core.gpu.order import place


@triton.jit
def _add_norm(
    x_ptr, part_ptr, g_ptr, out_ptr, eps, M, line, D: tl.constexpr, DP: tl.constexpr,
    PARTS: tl.constexpr, QUADS: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    arrive(EARLY)
    token = tl.program_id(0).to(tl.int64)
    col = tl.arange(0, DP)
    live = col < D
    x = tl.load(x_ptr + token * D + col, mask=live, other=0.0)
    for part in tl.static_range(PARTS):
        x += tl.load(part_ptr + (part * M + token) * D + col, mask=live, other=0.0).to(tl.float32)
    if PARTS > 0:
        tl.store(x_ptr + token * D + col, x, mask=live)
    factor = tl.rsqrt(tl.sum(x * x, 0) / D + eps)
    g = tl.load(g_ptr + col, mask=live, other=0.0)
    at = out_ptr + token * line + place(col, QUADS)
    tl.store(at, (x * factor * g).to(out_ptr.dtype.element_ty), mask=live)


@triton.jit
def scaled(x, g, count, eps):
    """RMSNorm of the first `count` numbers of x; the others are zero."""
    return x * tl.rsqrt(tl.sum(x * x, 0) / count + eps) * g


@triton.jit
def _norm_pieces(
    part_ptr, g_ptr, out_ptr, eps, M, R: tl.constexpr, RP: tl.constexpr, N: tl.constexpr,
    NP: tl.constexpr, PARTS: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    arrive(EARLY)
    token = tl.program_id(0)
    r, n = tl.arange(0, RP), tl.arange(0, NP)
    dt, b, c = tl.zeros([RP], tl.float32), tl.zeros([NP], tl.float32), tl.zeros([NP], tl.float32)
    for part in range(PARTS):
        base = part_ptr + (part * M + token) * (R + 2 * N)
        dt += tl.load(base + r, mask=r < R, other=0.0).to(tl.float32)
        b += tl.load(base + R + n, mask=n < N, other=0.0).to(tl.float32)
        c += tl.load(base + R + N + n, mask=n < N, other=0.0).to(tl.float32)
    dt = scaled(dt, tl.load(g_ptr + r, mask=r < R, other=0.0), R, eps)
    b = scaled(b, tl.load(g_ptr + R + n, mask=n < N, other=0.0), N, eps)
    c = scaled(c, tl.load(g_ptr + R + N + n, mask=n < N, other=0.0), N, eps)
    out = out_ptr + token * (R + 2 * N)
    kind = out_ptr.dtype.element_ty
    tl.store(out + r, dt.to(kind), mask=r < R)
    tl.store(out + R + n, b.to(kind), mask=n < N)
    tl.store(out + R + N + n, c.to(kind), mask=n < N)


def add_norm(
    x: Tensor, parts: Tensor | None, norm: Tensor, out: Tensor, eps: float, quads: int = 0
) -> None:
    """x [M, D] += the sum of parts [S, M, D]; out [M, ..] = RMSNorm(x), `ordered` with quads."""
    tokens, width = x.shape
    _add_norm[(tokens,)](
        x, x if parts is None else parts, norm, out, eps, tokens, out.stride(0), width,
        power(width), 0 if parts is None else parts.shape[0], quads,
        num_warps=8 if width > 2048 else 4, **early(),
    )  # fmt: skip


def norm_pieces(parts: Tensor, norms: Tensor, out: Tensor, rank: int, eps: float) -> None:
    """out [M, R + 2 N]: the sum of parts [S, M, R + 2 N], its three pieces normalised each."""
    states = (out.shape[1] - rank) // 2
    _norm_pieces[(out.shape[0],)](
        parts, norms, out, eps, out.shape[0], rank, power(rank), states, power(states),
        parts.shape[0], **early(),
    )  # fmt: skip
