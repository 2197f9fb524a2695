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
from mrkl.jamba_core.quantize import groups_of, quantize_rows


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; one line says which file or tensor and why."""


def is_finite(tensor: Tensor) -> bool:
    """Whether no element is NaN or infinite (one pass over memory)."""
    total = tensor.sum(dtype=torch.float32)
    return bool(torch.isfinite(total)) or bool(torch.isfinite(tensor).all())


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
        if self.packs:
            use_threads()
        self.used: set[str] = set()

    def vector(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """A small tensor, in float32."""
        return self._take(name, shape).float().contiguous()

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
        weights = [self._take(f"{prefix}{n}.weight", (rows, columns)) for n, rows in parts]
        shift = None
        if bias:
            shift = _joined([self.vector(f"{prefix}{n}.bias", (rows,)) for n, rows in parts])
        if {w.dtype for w in weights} == {torch.int8}:
            scales = [self.vector(f"{prefix}{n}.weight_scale", (rows,)) for n, rows in parts]
            return self._int8(_joined(weights), _joined(scales), parts, shift, widen)
        if torch.int8 in {w.dtype for w in weights}:
            names = ", ".join(n for n, _ in parts)
            raise CheckpointError(f"{prefix}: {names} must all be int8 or none")
        weight = _joined(weights)
        if group in self.groups:
            return self._int8(*quantize_rows(weight), parts, shift, widen)
        return DenseLinear(weight.to(self._dense_dtype(weight)), parts, shift)

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

    def _dense_dtype(self, weight: Tensor) -> torch.dtype:
        if self.dtype is not None:
            return self.dtype
        return torch.float32 if weight.dtype == torch.float16 else weight.dtype

    def _take(self, name: str, shape: tuple[int, ...]) -> Tensor:
        if name not in self.source:
            raise CheckpointError(f"missing tensor {name} {list(shape)}")
        tensor = self.source[name]
        self.used.add(name)
        if tuple(tensor.shape) != shape:
            raise CheckpointError(
                f"tensor {name} has shape {list(tensor.shape)}, the configuration says {list(shape)}"
            )
        if not (tensor.is_floating_point() or tensor.dtype == torch.int8):
            raise CheckpointError(f"tensor {name} has the unsupported type {tensor.dtype}")
        if tensor.is_floating_point() and not is_finite(tensor):
            raise CheckpointError(f"tensor {name} holds NaN or infinite numbers")
        return tensor.to(self.device)


def _joined(tensors: Iterable[Tensor]) -> Tensor:
    pieces = list(tensors)
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)
