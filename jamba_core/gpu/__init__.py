"""Jamba on a CUDA GPU with kernels of our own, written in Triton.

In: a checkpoint's tensors, or random ones of a shape. Out: a decoder that writes a whole batch's
next tokens as one CUDA graph. Importing this package needs neither triton nor a GPU: `why_not`
says what is missing. Activations are float32 or bfloat16, sums always float32.
"""

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mrkl.jamba_core.gpu.engine import Engine


class NoDevice(RuntimeError):
    """There is no GPU that the kernels could run on; one line says what is missing."""


def interpreted() -> bool:
    """Whether Triton's interpreter runs the kernels (on the CPU, slowly: for tests)."""
    return os.environ.get("TRITON_INTERPRET", "0") == "1"


def why_not() -> str | None:
    """Why the kernels cannot run here; None if they can."""
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    if interpreted():
        return None
    import torch

    if not torch.cuda.is_available():
        return "no CUDA device"
    if torch.cuda.get_device_capability() < (8, 0):
        return "the CUDA device has no bfloat16 (compute capability below 8.0)"
    return None


class Loader:
    """`Engine.from_pretrained` for those who do not know whether there is a GPU."""

    @staticmethod
    def from_pretrained(folder: str | Path, quantization: str | None = None) -> "Engine":
        """As `Engine` does; NoDevice also where its kernels cannot even be imported."""
        if reason := why_not():
            raise NoDevice(f"the GPU engine cannot run: {reason}")
        from mrkl.jamba_core.gpu.engine import Engine

        return Engine.from_pretrained(folder, quantization)
