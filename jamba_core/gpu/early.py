"""Kernels that are brought up while the one before them still runs (Hopper and later).

In decoding hundreds of kernels follow each other; between two the card is idle for some
microseconds. With MRKL_GPU_EARLY=1 a kernel's programs take their places early, ask for their
weights, which nobody writes, and then wait until everything before them is done. Every kernel of
a step calls `arrive` or `ahead` before it touches anything else, so results are the same.
"""

import os

import torch
import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

from mrkl.jamba_core.gpu import interpreted

LINE = tl.constexpr(128)  # bytes that one request brings into the second-level cache


def _wanted() -> bool:
    if os.environ.get("MRKL_GPU_EARLY", "0") != "1" or interpreted():
        return False
    return torch.cuda.get_device_capability() >= (9, 0)


EARLY = _wanted()


def early() -> dict[str, bool]:
    """What a launch is told."""
    return {"EARLY": True, "launch_pdl": True} if EARLY else {"EARLY": False}


@triton.jit
def arrive(EARLY: tl.constexpr):
    """The next kernel may come up; wait until all before are done and what they wrote is seen."""
    if EARLY:
        gdc_launch_dependents()
        gdc_wait()


@triton.jit
def ahead(ptr, BYTES: tl.constexpr, LINES: tl.constexpr, EARLY: tl.constexpr):
    """Ask for BYTES from ptr on (LINES: the next power of two of lines), then wait."""
    if EARLY:
        gdc_launch_dependents()
        offset = tl.minimum(tl.arange(0, LINES) * LINE, BYTES - LINE)
        tl.inline_asm_elementwise(
            "prefetch.global.L2 [$1]; mov.u32 $0, 0;", "=r,l", [ptr.to(tl.int64) + offset],
            dtype=tl.int32, is_pure=False, pack=1,
        )  # fmt: skip
        gdc_wait()
