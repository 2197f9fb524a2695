"""What every run on a device begins with."""

from __future__ import annotations

import torch


def begin_run(seed: int) -> str:
    """Seed torch, let matrix products use TF32, and say which device there is: cuda or cpu."""
    torch.manual_seed(seed)
    torch.set_float32_matmul_precision("high")
    torch._dynamo.config.cache_size_limit = 64  # blocks are compiled one by one
    return "cuda" if torch.cuda.is_available() else "cpu"
