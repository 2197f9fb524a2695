"""Selective scan for training: Triton forward and backward, the same for CPUs, and a reference.

For every channel d and state n: h_t = exp(dt_t A) h_{t-1} + dt_t B_t u_t and
y_t = sum_n C_t h_t + D u_t, with dt = softplus(raw) (Mamba, arXiv 2312.00752, eq. 2).
Where `position` is 0 a new document starts and the state before it is zero.
Shapes: u, raw [B, T, D]; a [D, N] (negative); b, c [B, T, N]; skip [D]; position [B, T] int32.
On a GPU the backward pass recomputes the states into one scratch buffer, in the inputs' precision,
and on a CPU piece by piece, instead of keeping them.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

try:
    import triton
    import triton.language as tl
except ImportError:  # a CPU build of torch: only the reference runs
    triton = None

BLOCK = 32
PIECE = 16  # tokens at once on a CPU


def reference(
    u: Tensor, raw: Tensor, a: Tensor, b: Tensor, c: Tensor, skip: Tensor, position: Tensor
) -> Tensor:
    """The recurrence step by step in the inputs' precision: y [B, T, D]."""
    delta = torch.nn.functional.softplus(raw)
    state = u.new_zeros(u.shape[0], u.shape[2], a.shape[1])
    out = []
    for t in range(u.shape[1]):
        keep = (position[:, t] > 0).to(u.dtype)[:, None, None]
        decay = torch.exp(delta[:, t, :, None] * a)
        state = decay * state * keep + (delta[:, t] * u[:, t])[..., None] * b[:, t, None, :]
        out.append((state * c[:, t, None, :]).sum(-1) + skip * u[:, t])
    return torch.stack(out, 1)


class _CpuScan(torch.autograd.Function):
    """Piece by piece, each small enough for the processor's cache; states inside pieces are worked
    out again on the way back.

    As autograd sees it, `reference` keeps ten tensors of [B, D, N] a token.
    """

    @staticmethod
    def forward(
        ctx: Any,
        u: Tensor,
        raw: Tensor,
        a: Tensor,
        b: Tensor,
        c: Tensor,
        skip: Tensor,
        start: Tensor,
    ) -> Tensor:
        """a [N, D]; `start` [B, T] is true where a document starts."""
        delta, y = F.softplus(raw), skip * u
        drive = delta * u
        begins: list[Tensor] = []
        for row in range(u.shape[0]):
            state = torch.zeros_like(a)
            for piece in _pieces(u.shape[1]):
                at = (row, piece)
                begins.append(state)
                _, states = _states(delta[at], drive[at], a, b[at], start[at], state)
                state = states[-1].clone()
                y[at] += (c[at].unsqueeze(1) @ states).squeeze(1)
        ctx.save_for_backward(u, raw, a, b, c, skip, start, torch.stack(begins))
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        u, raw, a, b, c, skip, start, begins = ctx.saved_tensors
        delta = F.softplus(raw)
        drive = delta * u
        ddelta, dhb = torch.empty_like(u), torch.empty_like(u)
        da, db, dc = torch.zeros_like(a), torch.empty_like(b), torch.empty_like(c)
        pieces = list(_pieces(u.shape[1]))
        for row in range(u.shape[0]):
            later = torch.zeros_like(a)  # what the next piece's states say of this one's last
            for number, piece in reversed(list(enumerate(pieces))):
                at = (row, piece)
                before = begins[row * len(pieces) + number]
                decay, states = _states(delta[at], drive[at], a, b[at], start[at], before)
                dh = c[at].unsqueeze(2) * dy[at].unsqueeze(1)  # [L, N, D]
                dh[-1] += later
                each, factors = dh.unbind(0), decay.unbind(0)
                for t in range(len(each) - 1, 0, -1):
                    each[t - 1].addcmul_(factors[t], each[t])
                later = factors[0] * each[0]
                dc[at] = (states @ dy[at].unsqueeze(2)).squeeze(2)
                db[at] = (dh @ drive[at].unsqueeze(2)).squeeze(2)
                dhb[at] = (b[at].unsqueeze(1) @ dh).squeeze(1)
                dlog = decay.mul_(dh)  # of delta * a
                dlog[1:] *= states[:-1]
                dlog[0] *= before
                ddelta[at] = (dlog * a).sum(1)
                da += dlog.mul_(delta[at].unsqueeze(1)).sum(0)
        ddelta.addcmul_(dhb, u)
        du = dhb.mul_(delta).addcmul_(skip, dy)
        return du, ddelta * torch.sigmoid(raw), da, db, dc, (dy * u).sum((0, 1)), None


def _pieces(length: int) -> list[slice]:
    return [slice(at, min(at + PIECE, length)) for at in range(0, length, PIECE)]


def _states(
    delta: Tensor, drive: Tensor, a: Tensor, b: Tensor, start: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """Decays and states [L, N, D] after each token of a piece that begins from `state`."""
    decay = (delta.unsqueeze(1) * a).exp_()
    if start.any():
        decay[start] = 0
    states = drive.unsqueeze(1) * b.unsqueeze(2)
    for now, factor in zip(states.unbind(0), decay.unbind(0), strict=True):
        state = now.addcmul_(factor, state)
    return decay, states


def on_cpu(
    u: Tensor, raw: Tensor, a: Tensor, b: Tensor, c: Tensor, skip: Tensor, position: Tensor
) -> Tensor:
    """`reference` with its gradients in float32, quick enough to train on a processor."""
    values = (t.float() for t in (u, raw, a.T.contiguous(), b, c, skip))
    return _CpuScan.apply(*values, position == 0)


if triton is not None:

    @triton.jit
    def _softplus(x):
        return tl.where(x > 20.0, x, tl.log(1.0 + tl.exp(tl.minimum(x, 20.0))))

    @triton.jit
    def _forward(
        u_ptr, raw_ptr, a_ptr, b_ptr, c_ptr, skip_ptr, pos_ptr, y_ptr, h_ptr,
        T: tl.constexpr, D: tl.constexpr, N: tl.constexpr, BLOCK: tl.constexpr, STORE: tl.constexpr,
    ):  # fmt: skip
        row = tl.program_id(0).to(tl.int64)
        d = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        n = tl.arange(0, N)
        a = tl.load(a_ptr + d[:, None] * N + n[None, :])
        skip = tl.load(skip_ptr + d)
        h = tl.zeros((BLOCK, N), tl.float32)
        for t in range(T):
            at = row * T + t
            u = tl.load(u_ptr + at * D + d).to(tl.float32)
            delta = _softplus(tl.load(raw_ptr + at * D + d).to(tl.float32))
            b = tl.load(b_ptr + at * N + n).to(tl.float32)
            c = tl.load(c_ptr + at * N + n).to(tl.float32)
            keep = (tl.load(pos_ptr + at) > 0).to(tl.float32)
            h = tl.exp(delta[:, None] * a) * h * keep + (delta * u)[:, None] * b[None, :]
            if STORE:
                cell = (at * D + d)[:, None] * N + n[None, :]
                tl.store(h_ptr + cell, h.to(h_ptr.dtype.element_ty))
            else:
                y = tl.sum(h * c[None, :], 1) + skip * u
                tl.store(y_ptr + at * D + d, y.to(y_ptr.dtype.element_ty))

    @triton.jit
    def _backward(
        u_ptr, raw_ptr, a_ptr, b_ptr, c_ptr, skip_ptr, pos_ptr, h_ptr, dy_ptr,
        du_ptr, draw_ptr, da_ptr, db_ptr, dc_ptr, dskip_ptr,
        T: tl.constexpr, D: tl.constexpr, N: tl.constexpr, BLOCK: tl.constexpr,
    ):  # fmt: skip
        row = tl.program_id(0).to(tl.int64)
        block = tl.program_id(1)
        d = block * BLOCK + tl.arange(0, BLOCK)
        n = tl.arange(0, N)
        a = tl.load(a_ptr + d[:, None] * N + n[None, :])
        skip = tl.load(skip_ptr + d)
        dh = tl.zeros((BLOCK, N), tl.float32)
        da = tl.zeros((BLOCK, N), tl.float32)
        dskip = tl.zeros((BLOCK,), tl.float32)
        for back in range(T):
            t = T - 1 - back
            at = row * T + t
            u = tl.load(u_ptr + at * D + d).to(tl.float32)
            raw = tl.load(raw_ptr + at * D + d).to(tl.float32)
            delta = _softplus(raw)
            dy = tl.load(dy_ptr + at * D + d).to(tl.float32)
            b = tl.load(b_ptr + at * N + n).to(tl.float32)
            c = tl.load(c_ptr + at * N + n).to(tl.float32)
            keep = tl.load(pos_ptr + at) > 0
            cell = (at * D + d)[:, None] * N + n[None, :]
            h = tl.load(h_ptr + cell).to(tl.float32)
            before = tl.load(h_ptr + cell - D * N, mask=keep & (t > 0), other=0.0).to(tl.float32)
            dh += dy[:, None] * c[None, :]
            part = (row * T + t) * (D // BLOCK) + block
            tl.store(dc_ptr + part * N + n, tl.sum(h * dy[:, None], 0))
            tl.store(db_ptr + part * N + n, tl.sum(dh * (delta * u)[:, None], 0))
            decay = tl.exp(delta[:, None] * a)
            ddecay = dh * before * decay
            da += ddecay * delta[:, None]
            dhb = tl.sum(dh * b[None, :], 1)
            ddelta = tl.sum(ddecay * a, 1) + dhb * u
            tl.store(draw_ptr + at * D + d, (ddelta * tl.sigmoid(raw)).to(u_ptr.dtype.element_ty))
            du = dhb * delta + skip * dy
            tl.store(du_ptr + at * D + d, du.to(u_ptr.dtype.element_ty))
            dskip += dy * u
            dh = dh * decay * keep.to(tl.float32)
        tl.store(da_ptr + (row * D + d)[:, None] * N + n[None, :], da)
        tl.store(dskip_ptr + row * D + d, dskip)


@torch.library.custom_op("mrkl_training::scan", mutates_args=())
def scan(
    u: Tensor, raw: Tensor, a: Tensor, b: Tensor, c: Tensor, skip: Tensor, position: Tensor
) -> Tensor:
    """Selective scan on the GPU; see the module's shapes. Returns y like u."""
    rows, length, width = u.shape
    y = torch.empty_like(u)
    _forward[(rows, width // BLOCK)](
        u, raw, a, b, c, skip, position, y, y,
        length, width, a.shape[1], BLOCK, False, num_warps=1,
    )  # fmt: skip
    return y


@scan.register_fake
def _(u, raw, a, b, c, skip, position):  # type: ignore[no-untyped-def]
    return torch.empty_like(u)


@torch.library.custom_op("mrkl_training::scan_backward", mutates_args=())
def scan_backward(
    dy: Tensor, u: Tensor, raw: Tensor, a: Tensor, b: Tensor, c: Tensor, skip: Tensor,
    position: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of u, raw, a, b, c, skip."""
    rows, length, width = u.shape
    states = a.shape[1]
    blocks = width // BLOCK
    # the states are most of the traffic; beside bf16 inputs their rounding is not felt
    h = torch.empty(rows, length, width, states, device=u.device, dtype=u.dtype)
    grid = (rows, blocks)
    _forward[grid](
        u, raw, a, b, c, skip, position, u, h, length, width, states, BLOCK, True, num_warps=1
    )
    du, draw = torch.empty_like(u), torch.empty_like(u)
    da = torch.empty(rows, width, states, device=u.device)
    dskip = torch.empty(rows, width, device=u.device)
    db = torch.empty(rows, length, blocks, states, device=u.device)
    dc = torch.empty_like(db)
    _backward[grid](
        u, raw, a, b, c, skip, position, h, dy, du, draw, da, db, dc, dskip,
        length, width, states, BLOCK, num_warps=1,
    )  # fmt: skip
    return du, draw, da.sum(0), db.sum(2).to(b.dtype), dc.sum(2).to(c.dtype), dskip.sum(0)


@scan_backward.register_fake
def _(dy, u, raw, a, b, c, skip, position):  # type: ignore[no-untyped-def]
    return (
        torch.empty_like(u), torch.empty_like(u), torch.empty_like(a), torch.empty_like(b),
        torch.empty_like(c), torch.empty_like(skip),
    )  # fmt: skip


def _save(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
    ctx.save_for_backward(*inputs)


def _grad(ctx, dy):  # type: ignore[no-untyped-def]
    return (*scan_backward(dy.contiguous(), *ctx.saved_tensors), None)


scan.register_autograd(_grad, setup_context=_save)
