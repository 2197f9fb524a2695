"""From named tensors to the matrices that layers compute with.

In: a mapping from public tensor names to tensors (a checkpoint, or random ones), the config, the
type and device to compute in, and a quantisation. Out: `Linear`s and float32 vectors, checked
for shape and for numbers that are not finite. Tensors that nobody asked for are reported.
It does not open files.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from mrkl.jamba_core.config import JambaConfig
from mrkl.jamba_core.kernels import library
from mrkl.jamba_core.linear import DenseLinear, Int8Linear, Linear, Parts, WidenedLinear
from mrkl.jamba_core.packed import EXACT, MOST_COLUMNS, QUICK, PackedLinear, use_threads
from mrkl.jamba_core.quantize import Rounder, groups_of

FINITE_NUMBERS = 1 << 15  # looked at together
FLOATS = (torch.bfloat16, torch.float16, torch.float32, torch.float64)
LONGEST = 400  # characters of a message


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; one line says which file or tensor and why."""

    def __init__(self, message: str) -> None:
        # names come from the file: they may be long, and hold anything
        shown = "".join(c if c.isprintable() else "?" for c in message)
        super().__init__(shown if len(shown) <= LONGEST else f"{shown[:LONGEST]} …")


def is_finite(tensor: Tensor) -> bool:
    """Whether no element is NaN or infinite (one pass over memory, a piece at a time)."""
    for piece in tensor.reshape(-1).split(FINITE_NUMBERS):
        total = piece.sum(dtype=torch.float32)
        if not torch.isfinite(total) and not torch.isfinite(piece).all():
            return False
    return True


class Weights:
    """Hands out each tensor of a checkpoint once, in the shape that is expected."""

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        config: JambaConfig,
        dtype: torch.dtype | None = None,
        device: str | torch.device = "cpu",
        quantization: str | None = None,
    ) -> None:
        if dtype not in (None, torch.float32, torch.bfloat16):
            raise CheckpointError(
                f"{dtype} is not supported: Jamba's activations overflow float16; "
                "use torch.bfloat16 or torch.float32"
            )
        self.source, self.config, self.device = tensors, config, torch.device(device)
        self.dtype, self.groups = dtype, groups_of(quantization)
        # What an int8 matrix is multiplied in; asking for float32 means exactness before speed.
        self.product = torch.bfloat16 if dtype is None else dtype
        self.packs = self.device.type == "cpu" and library() is not None
        self.rounder = Rounder(self.device)
        if self.packs:
            use_threads()
        self.used: set[str] = set()

    def vector(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """A small tensor, in float32, in memory of its own."""
        return self._take(name, shape).to(torch.float32, copy=True).contiguous()

    def linear(
        self,
        prefix: str,
        parts: Parts,
        columns: int,
        group: str,
        *,
        bias: bool = False,
        widen: bool = False,
    ) -> Linear:
        """One matrix from the rows of `parts` (names below `prefix`), each with `columns` columns.

        group: what it counts as for quantisation (experts, mlp, mixer, embedding).
        widen: multiply in float32 even if stored as int8.
        """
        names = [f"{prefix}{n}.weight" for n, _ in parts]
        quantizes = group in self.groups
        weights = [
            self._take(name, (rows, columns), checked=not quantizes, int8=True)
            for name, (_, rows) in zip(names, parts, strict=True)
        ]
        shift = None
        if bias:
            shift = _joined([self.vector(f"{prefix}{n}.bias", (rows,)) for n, rows in parts])
        if {w.dtype for w in weights} == {torch.int8}:
            scales = [self.vector(f"{prefix}{n}.weight_scale", (rows,)) for n, rows in parts]
            whole = _joined(weights)
            if not self.packs and len(weights) == 1:
                whole = whole.clone()  # out of the file's pages, as below
            return self._int8(whole, _joined(scales), parts, shift, widen)
        if torch.int8 in {w.dtype for w in weights}:
            short = ", ".join(n for n, _ in parts)
            raise CheckpointError(f"{prefix}: {short} must all be int8 or none")
        if quantizes:
            whole, scale = self._quantized(names, weights)
            del weights
            return self._int8(whole, scale, parts, shift, widen)
        weight = _joined(weights)
        # A file's pages would stay in memory as long as one matrix lay in them: a copy.
        weight = weight.to(self._dense_dtype(weight), copy=len(weights) == 1)
        return DenseLinear(weight, parts, shift)

    def has(self, name: str) -> bool:
        """Whether the checkpoint holds a tensor of this name."""
        return name in self.source

    def unused(self) -> list[str]:
        """Names in the checkpoint that no layer asked for."""
        return sorted(set(self.source) - self.used)

    def _int8(
        self, weight: Tensor, scale: Tensor, parts: Parts, bias: Tensor | None, widen: bool
    ) -> Linear:
        weight = weight.contiguous()
        if self.packs and weight.shape[1] <= MOST_COLUMNS:
            exact = widen or self.product == torch.float32
            return PackedLinear(weight, scale, parts, bias, EXACT if exact else QUICK)
        if widen:
            return WidenedLinear(weight, scale, parts, bias)
        return Int8Linear(weight, scale, parts, bias, self.product)

    def _quantized(self, names: list[str], weights: list[Tensor]) -> tuple[Tensor, Tensor]:
        """The matrices as int8, one below the other; packed next, so in memory used again."""
        rows, columns = sum(len(w) for w in weights), weights[0].shape[1]
        if self.packs and columns <= MOST_COLUMNS:
            whole = self.rounder.room(rows, columns)
        else:
            whole = torch.empty(rows, columns, dtype=torch.int8, device=self.device)
        scale = torch.empty(rows, device=self.device)
        start = 0
        for name, weight in zip(names, weights, strict=True):
            span = slice(start, start + len(weight))
            self.rounder.into(weight, whole[span], scale[span])
            if not torch.isfinite(scale[span]).all():
                raise CheckpointError(f"tensor {name} holds NaN or infinite numbers")
            start += len(weight)
        return whole, scale

    def _dense_dtype(self, weight: Tensor) -> torch.dtype:
        if self.dtype is not None:
            return self.dtype
        return torch.float32 if weight.dtype == torch.float16 else weight.dtype

    def _take(
        self, name: str, shape: tuple[int, ...], checked: bool = True, int8: bool = False
    ) -> Tensor:
        if name not in self.source:
            raise CheckpointError(f"missing tensor {name} {list(shape)}")
        tensor = self.source[name]
        self.used.add(name)
        if tuple(tensor.shape) != shape:
            raise CheckpointError(
                f"tensor {name} has shape {list(tensor.shape)}, the configuration says {list(shape)}"
            )
        if not (tensor.dtype in FLOATS or (int8 and tensor.dtype == torch.int8)):
            raise CheckpointError(f"tensor {name} has the unsupported type {tensor.dtype}")
        if checked and tensor.is_floating_point() and not is_finite(tensor):
            raise CheckpointError(f"tensor {name} holds NaN or infinite numbers")
        return tensor.to(self.device)


def _joined(tensors: Iterable[Tensor]) -> Tensor:
    pieces = list(tensors)
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)
