"""Matrix products: dense weights, int8 weights with one scale a row, embeddings, RMSNorm.

In: activations [..., in], any float type. Out: float32 [..., out]. The residual stream is float32
everywhere; only the product itself runs in the weight's type (float32 or bfloat16). float16 is
never used: Jamba's activations overflow it. Several matrices of a checkpoint that read the same
input (q, k, v; gate, up) are one matrix here, and `parts` remembers how to take them apart.
It does not know layers or files.
"""

from collections.abc import Iterator
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

Parts = tuple[tuple[str, int], ...]  # (name on disk, rows)

# Up to this many rows the int8 matrix is read as it is; above, turning it into bfloat16 first
# costs less than the slower kernel (measured on 2 cores: equal at 16 rows).
INT8_ROWS = 12


def _fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 natively (else float32 is quicker)."""
    cpu = torch.cpu
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(cpu, name)() for name in checks if hasattr(cpu, name))


FAST_BFLOAT16 = _fast_bfloat16()
HAS_INT8_KERNEL = hasattr(torch.ops.aten, "_weight_int8pack_mm")


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """x [..., D] float32 scaled to root mean square 1, times weight [D]."""
    if x.numel() == weight.numel() and x.device.type == "cpu":  # one token: 2 times fewer calls
        row = x.reshape(-1)
        factor = (torch.dot(row, row).item() / weight.numel() + eps) ** -0.5
        return (x * weight).mul_(factor)
    return torch.rms_norm(x, weight.shape, weight, eps)


class Linear(Protocol):
    """What the layers need of a matrix."""

    def __call__(self, x: Tensor) -> Tensor: ...
    def tensors(self, prefix: str) -> Iterator[tuple[str, Tensor]]: ...


class DenseLinear:
    """x @ weight.T + bias with weight [out, in] in float32 or bfloat16; the result is float32."""

    def __init__(self, weight: Tensor, parts: Parts, bias: Tensor | None = None) -> None:
        self.weight, self.parts, self.bias = weight, parts, bias
        self.single = weight.dtype == torch.float32

    def __call__(self, x: Tensor) -> Tensor:
        if self.single:
            return F.linear(x, self.weight, self.bias)
        out = F.linear(x.to(self.weight.dtype), self.weight).float()
        return out if self.bias is None else out.add_(self.bias)

    def tensors(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        """The weights under their names on disk."""
        start = 0
        for name, rows in self.parts:
            yield f"{prefix}{name}.weight", self.weight[start : start + rows]
            if self.bias is not None:
                yield f"{prefix}{name}.bias", self.bias[start : start + rows]
            start += rows


class Int8Linear:
    """x @ (weight * scale).T + bias with weight int8 [out, in] and scale float32 [out].

    `product` is the type of the multiplication: bfloat16 (quick; the accumulator is float32) or
    float32 (exact to rounding, slow for single tokens on the CPU).
    """

    def __init__(
        self,
        weight: Tensor,
        scale: Tensor,
        parts: Parts,
        bias: Tensor | None = None,
        product: torch.dtype = torch.bfloat16,
    ) -> None:
        self.weight, self.scale, self.parts, self.bias = weight, scale, parts, bias
        on_cpu = weight.device.type == "cpu"
        exact = product == torch.float32
        self.packed_rows = INT8_ROWS if on_cpu and HAS_INT8_KERNEL and not exact else 0
        self.wide = torch.float32 if exact or (on_cpu and not FAST_BFLOAT16) else torch.bfloat16
        # The kernel wants a scale in bfloat16; ones, so that the true scale stays float32.
        self.ones = torch.ones(weight.shape[0], dtype=torch.bfloat16, device=weight.device)

    def __call__(self, x: Tensor) -> Tensor:
        if x.numel() <= self.packed_rows * x.shape[-1]:
            rows = x.reshape(-1, x.shape[-1]).bfloat16()
            out = torch.ops.aten._weight_int8pack_mm(rows, self.weight, self.ones)
            out = torch.mul(out, self.scale).view(*x.shape[:-1], -1)
        else:
            # Whole numbers up to 127 are exact in bfloat16, so only x is rounded.
            out = torch.mul(F.linear(x.to(self.wide), self.weight.to(self.wide)), self.scale)
        return out if self.bias is None else out.add_(self.bias)

    def dequantized(self) -> Tensor:
        """The matrix in float32 [out, in]."""
        return self.weight.float() * self.scale[:, None]

    def tensors(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        """The weights under their names on disk."""
        start = 0
        for name, rows in self.parts:
            piece = slice(start, start + rows)
            yield f"{prefix}{name}.weight", self.weight[piece]
            yield f"{prefix}{name}.weight_scale", self.scale[piece]
            if self.bias is not None:
                yield f"{prefix}{name}.bias", self.bias[piece]
            start += rows


class WidenedLinear(Int8Linear):
    """An int8 matrix multiplied as float32 from a dense copy.

    For the small matrices that feed the recurrence: it is sensitive to them, and they are cheap.
    """

    def __init__(
        self, weight: Tensor, scale: Tensor, parts: Parts, bias: Tensor | None = None
    ) -> None:
        super().__init__(weight, scale, parts, bias)
        self.dense = self.dequantized()

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.dense, self.bias)


class Embedding:
    """Rows of a matrix [vocab, D] by id, in float32; the matrix may be a tied head's."""

    def __init__(self, matrix: DenseLinear | Int8Linear) -> None:
        self.weight = matrix.weight
        self.scale = matrix.scale if isinstance(matrix, Int8Linear) else None

    def __call__(self, ids: Tensor) -> Tensor:
        rows = F.embedding(ids, self.weight).float()  # [B, T, D]
        return rows if self.scale is None else rows * self.scale[ids].unsqueeze(-1)
