"""Int8 weights: symmetric, one scale for each output row, no calibration.

In: a float matrix [rows, columns]. Out: int8 [rows, columns] and scale [rows] with
weight ~ int8 * scale[:, None]; the scale is stored as float32 but is a bfloat16 number, which
saves the CPU kernel a pass (other scales can be read too). Modes say which matrices of a model are stored so:

    experts_int8   the experts only (what vLLM's experts_int8 does)
    jamba_int8     experts and dense MLPs (the Jamba-1.5 paper)
    int8           these, the mixers' projections, the embedding and the head

Routers, norms, convolutions and A, D stay float32 in each. It does not do 4 bits or activations.
"""

from typing import Any

import torch
from torch import Tensor

METHOD = "mrkl_int8"  # `quant_method` in config.json
GROUPS: dict[str, frozenset[str]] = {
    "experts_int8": frozenset({"experts"}),
    "jamba_int8": frozenset({"experts", "mlp"}),
    "int8": frozenset({"experts", "mlp", "mixer", "embedding"}),
}

ALL = GROUPS["int8"]
BLOCK_NUMBERS = 1 << 17  # quantised at once: 0.5 MB of float32


class QuantizationError(ValueError):
    """A quantisation that is unknown or does not fit the checkpoint."""


class Rounder:
    """Quantises matrices a few rows at a time, always in the same memory.

    A float32 copy of a whole matrix would be four times as large as its result; and memory taken
    and freed between results that stay leaves holes that add up to a third of a model.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self._block = torch.empty(BLOCK_NUMBERS, device=device)
        self._whole = torch.empty(0, dtype=torch.int8, device=device)

    def room(self, rows: int, columns: int) -> Tensor:
        """An int8 matrix to write to, until the next one is asked for."""
        if self._whole.numel() < rows * columns:
            self._whole = self._whole.new_empty(rows * columns)
        return self._whole[: rows * columns].view(rows, columns)

    def into(self, weight: Tensor, whole: Tensor, scale: Tensor) -> None:
        """Write weight [rows, columns] as int8 and scale [rows].

        A row with NaN or infinity gets a scale that is not finite.
        """
        rows, columns = weight.shape
        if columns > BLOCK_NUMBERS:
            self._block = self._block.new_empty(columns)
        step = len(self._block) // columns
        for start in range(0, rows, step):
            span = slice(start, min(start + step, rows))
            block = self._block[: (span.stop - start) * columns].view(-1, columns)
            block.copy_(weight[span])
            low, high = torch.aminmax(block, dim=-1)
            largest = torch.maximum(high, -low)
            factor = torch.where(largest != 0, largest / 127, torch.ones_like(largest))
            scale[span] = factor.bfloat16()
            whole[span] = block.div_(scale[span, None]).round_().clamp_(-127, 127)


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Quantise weight [rows, columns]; returns int8 of the same shape and scale [rows]."""
    whole = torch.empty(weight.shape, dtype=torch.int8, device=weight.device)
    scale = torch.empty(len(weight), device=weight.device)
    Rounder(weight.device).into(weight, whole, scale)
    return whole, scale


def groups_of(mode: str | None) -> frozenset[str]:
    """The groups of matrices that `mode` stores as int8; raises QuantizationError."""
    if mode is None:
        return frozenset()
    if mode not in GROUPS:
        raise QuantizationError(f"quantization {mode!r} is not one of {', '.join(GROUPS)}")
    return GROUPS[mode]


def stored_mode(quantization_config: dict[str, Any] | None) -> str | None:
    """The mode a checkpoint was stored in, from its config; raises QuantizationError."""
    if not quantization_config:
        return None
    method = quantization_config.get("quant_method")
    if method != METHOD:
        raise QuantizationError(
            f"the checkpoint is quantised with {method!r}, which cannot be read; "
            f"use the unquantised weights and quantization={'|'.join(GROUPS)}"
        )
    mode = str(quantization_config.get("mode"))
    groups_of(mode)
    return mode
