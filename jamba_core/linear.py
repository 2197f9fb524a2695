"""Matrix products: dense weights, int8 weights with one scale a row, RMSNorm, in plain torch.

In: activations [rows, in] in float32. Out: float32 [rows, out]. The residual stream is float32
everywhere; only the product itself runs in the weight's type (float32 or bfloat16). float16 is
never used: Jamba's activations overflow it. Several matrices of a checkpoint that read the same
input (q, k, v; gate, up) are one matrix here, and `parts` remembers how to take them apart.
It does not know layers or files.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from mrkl.jamba_core.kernels import library

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
if HAS_INT8_KERNEL:
    int8_kernel = torch.ops.aten._weight_int8pack_mm.default


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """x [..., D] float32 scaled to root mean square 1, times weight [D]."""
    if x.device.type == "cpu":
        kernels = library()
        if kernels is not None and x.dtype == torch.float32:
            x, out = x.contiguous(), torch.empty_like(x)
            rows, width = x.numel() // len(weight), len(weight)
            kernels.norm_rows(x.data_ptr(), weight.data_ptr(), eps, rows, width, out.data_ptr())
            return out
        if x.numel() == weight.numel():  # one token: 2 times fewer calls
            row = x.view(-1)
            factor = (torch.dot(row, row).item() / weight.numel() + eps) ** -0.5
            return (x * weight).mul_(factor)
    return torch.rms_norm(x, weight.shape, weight, eps)


def _aligned(weight: Tensor) -> Tensor:
    """The matrix at an address that torch's int8 kernel can read.

    For more than one row of x it loads 16 bytes at once without checking: an unaligned row (as
    in a memory-mapped file, or with a number of columns not divisible by 16) ends the process.
    """
    weight = weight.contiguous()
    return weight.clone() if weight.data_ptr() % 64 else weight


def _silu(x: Tensor) -> Tensor:
    return F.silu(x, inplace=True)


ACTIVATION: dict[str, Callable[[Tensor], Tensor]] = {"silu": _silu, "gelu": F.gelu, "relu": F.relu}


def _padded(x: Tensor) -> Tensor:
    """x [rows, in] in bfloat16 with unset rows added up to one of a few sizes.

    torch compiles a bfloat16 product for every new number of rows (0.8 ms each), and experts
    see a new number with every text; three sizes between powers of two waste little.
    """
    rows = x.shape[0]
    step = max(16, 1 << max(0, (rows - 1).bit_length() - 3))
    padded = x.new_empty((-(-rows // step) * step, x.shape[1]), dtype=torch.bfloat16)
    padded[:rows] = x
    return padded


class Linear(Protocol):
    """What the layers need of a matrix."""

    def __call__(self, x: Tensor) -> Tensor: ...
    def some_rows(self, ids: Tensor) -> Tensor: ...
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

    def some_rows(self, ids: Tensor) -> Tensor:
        """Rows ids [S] in float32 [S, in]: an embedding."""
        return F.embedding(ids, self.weight).float()

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
        self.weight, self.scale, self.parts, self.bias = _aligned(weight), scale, parts, bias
        on_cpu = weight.device.type == "cpu"
        exact = product == torch.float32
        kernel = on_cpu and HAS_INT8_KERNEL and not exact and weight.shape[1] % 16 == 0
        self.packed_rows = INT8_ROWS if kernel else 0
        self.wide = torch.float32 if exact or (on_cpu and not FAST_BFLOAT16) else torch.bfloat16
        self.pads = on_cpu and self.wide == torch.bfloat16
        # The kernel wants a scale in bfloat16. Where that would round, the scale follows after.
        rounded = scale.bfloat16()
        self.rounds = not torch.equal(rounded.float(), scale)
        self.kernel_scale = torch.ones_like(rounded) if self.rounds else rounded
        self.sweep = self.weight.view(-1).view(torch.int64) if kernel else self.weight

    def __call__(self, x: Tensor) -> Tensor:
        if x.shape[0] <= self.packed_rows:
            # The kernel's order of reading defeats the processor's prefetching; one straight
            # pass over the matrix first makes a token 20-30 % quicker (measured out of cache).
            self.sweep.sum()
            out = int8_kernel(x.bfloat16(), self.weight, self.kernel_scale).float()
            if self.rounds:
                out.mul_(self.scale)
        else:
            # Whole numbers up to 127 are exact in bfloat16, so only x is rounded.
            rows = _padded(x) if self.pads else x.to(self.wide)
            out = F.linear(rows, self.weight.to(self.wide))[: x.shape[0]].float().mul_(self.scale)
        return out if self.bias is None else out.add_(self.bias)

    def some_rows(self, ids: Tensor) -> Tensor:
        """Rows ids [S] in float32 [S, in]: an embedding."""
        return F.embedding(ids, self.weight).float() * self.scale[ids].unsqueeze(-1)

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
