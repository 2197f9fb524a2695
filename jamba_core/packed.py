"""Int8 matrices and Mamba's inner loops on the compiled kernels.

`PackedLinear` stands where an `Int8Linear` would: same inputs, outputs and files. Activations are
rounded to 16 bits with one step a row (24 bits where exactness was asked for) and summed as whole
numbers, so a row's result does not depend on its neighbours in a batch. It does not load anything.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import addressof, byref

import torch
import torch.nn.functional as F
from torch import Tensor

from mrkl.jamba_core.kernels import Matrix, library
from mrkl.jamba_core.linear import Parts

MOST_COLUMNS = 65536  # above, a sum could leave 32 bits
QUICK, EXACT = 2, 3  # bytes of an activation


def use_threads(count: int | None = None) -> None:
    """How many threads the kernels share a product among; None: one a core, at most 8."""
    count = count or min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)
    library().pool_helpers(count - 1)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """torch's own operations alone in the calling thread, for a while.

    Its threads spin between two operations and stand still when another process has their core:
    a token then takes a hundred times as long.
    """
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class PackedLinear:
    """x @ (weight * scale).T + bias with weight int8 [out, in], in panels of 16 rows."""

    def __init__(
        self,
        weight: Tensor,
        scale: Tensor,
        parts: Parts,
        bias: Tensor | None = None,
        digits: int = QUICK,
    ) -> None:
        self.rows, self.columns = weight.shape
        self.scale, self.parts, self.bias = scale.contiguous(), parts, bias
        panels, fours = -(-self.rows // 16), -(-self.columns // 4)
        self.packed = torch.empty(panels, fours, 16, 4, dtype=torch.uint8)
        self.library = library()
        self.library.int8_pack(
            weight.contiguous().data_ptr(), self.rows, self.columns, self.packed.data_ptr()
        )
        self.matrix = Matrix(
            self.packed.data_ptr(),
            self.scale.data_ptr(),
            None if bias is None else bias.data_ptr(),
            self.rows,
            self.columns,
            digits,
        )
        self.address = addressof(self.matrix)

    def __call__(self, x: Tensor) -> Tensor:
        x = x.contiguous()
        out = x.new_empty((x.shape[0], self.rows))
        self.library.int8_product(self.address, x.data_ptr(), x.shape[0], out.data_ptr())
        return out

    @property
    def weight(self) -> Tensor:
        """The matrix int8 [out, in], made anew."""
        whole = torch.empty(self.rows, self.columns, dtype=torch.int8)
        self.library.int8_unpack(self.packed.data_ptr(), self.rows, self.columns, whole.data_ptr())
        return whole

    def some_rows(self, ids: Tensor) -> Tensor:
        """Rows ids [S] in float32 [S, in]: an embedding."""
        picked = self.packed[ids // 16, :, ids % 16].flatten(1)[:, : self.columns]
        return (picked.float() - 128).mul_(F.embedding(ids, self.scale.unsqueeze(-1)))

    def dequantized(self) -> Tensor:
        """The matrix in float32 [out, in]."""
        return self.weight.float() * self.scale[:, None]

    def tensors(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        """The weights under their names on disk."""
        whole, start = self.weight, 0
        for name, rows in self.parts:
            piece = slice(start, start + rows)
            yield f"{prefix}{name}.weight", whole[piece]
            yield f"{prefix}{name}.weight_scale", self.scale[piece]
            if self.bias is not None:
                yield f"{prefix}{name}.bias", self.bias[piece]
            start += rows


def gated_mlp(gate_up: PackedLinear, down: PackedLinear, x: Tensor) -> Tensor:
    """down(silu(gate(x)) * up(x)) for x [S, D]."""
    x = x.contiguous()
    out = torch.empty_like(x)
    gate_up.library.int8_mlp(
        gate_up.address, down.address, x.data_ptr(), x.shape[0], out.data_ptr()
    )
    return out


class PackedExperts:
    """All experts of a layer in one call."""

    def __init__(self, gate_ups: list[PackedLinear], downs: list[PackedLinear]) -> None:
        self.gate_ups = (Matrix * len(gate_ups))(*(m.matrix for m in gate_ups))
        self.downs = (Matrix * len(downs))(*(m.matrix for m in downs))
        self.library = library()

    def __call__(self, x: Tensor, weights: Tensor, chosen: Tensor) -> Tensor:
        """x [S, D], weights and chosen [S, K] -> [S, D]."""
        x, weights, chosen = x.contiguous(), weights.contiguous(), chosen.contiguous()
        out = torch.empty_like(x)
        self.library.int8_experts(
            byref(self.gate_ups),
            byref(self.downs),
            len(self.gate_ups),
            chosen.shape[1],
            chosen.data_ptr(),
            weights.data_ptr(),
            x.data_ptr(),
            x.shape[0],
            out.data_ptr(),
        )
        return out


def conv_silu(projected: Tensor, past: Tensor, taps: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """silu(causal convolution) of the first half of projected [B T, 2 I].

    past [B, K-1, I], taps [K, I], bias [I]. Returns u [B T, I] and the last K-1 inputs.
    """
    past = past.contiguous()
    batch, inner, width = past.shape[0], bias.shape[0], taps.shape[0]
    u, last = projected.new_empty((projected.shape[0], inner)), torch.empty_like(past)
    library().mamba_conv(
        projected.data_ptr(),
        past.data_ptr(),
        taps.data_ptr(),
        bias.data_ptr(),
        u.data_ptr(),
        last.data_ptr(),
        batch,
        projected.shape[0] // batch,
        inner,
        width,
    )
    return u, last


def norm_pieces(low: Tensor, weight: Tensor, eps: float, rank: int, states: int) -> None:
    """RMSNorm of the three pieces of low [S, rank + 2 states], each by itself, in place."""
    library().norm_pieces(low.data_ptr(), weight.data_ptr(), eps, low.shape[0], rank, states)


def gated_scan(
    u: Tensor, dt: Tensor, low: Tensor, projected: Tensor, a2: Tensor, skip: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """(scan(u) + skip u) * silu(gate), and the new state [B, N, I].

    u, dt [B T, I] (dt before its softplus); low [B T, .. + 2 N] ends with B and C; the gate is the
    second half of projected [B T, 2 I]; a2 [N, I] is A times log2(e).
    """
    low, state = low.contiguous(), state.contiguous()
    y, following = torch.empty_like(u), torch.empty_like(state)
    library().mamba_scan(
        u.data_ptr(),
        dt.data_ptr(),
        low.data_ptr(),
        projected.data_ptr(),
        a2.data_ptr(),
        skip.data_ptr(),
        state.data_ptr(),
        y.data_ptr(),
        following.data_ptr(),
        state.shape[0],
        u.shape[0] // state.shape[0],
        u.shape[1],
        a2.shape[0],
        low.shape[1],
    )
    return y, following
