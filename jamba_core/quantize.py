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


class QuantizationError(ValueError):
    """A quantisation that is unknown or does not fit the checkpoint."""


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Quantise weight [rows, columns]; returns int8 of the same shape and scale [rows]."""
    weight = weight.float()
    largest = weight.abs().amax(-1)
    scale = torch.where(largest > 0, largest / 127, torch.ones_like(largest)).bfloat16().float()
    whole = torch.round(weight / scale[:, None]).clamp_(-127, 127)
    return whole.to(torch.int8), scale


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
