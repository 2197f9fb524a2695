"""Every kernel once on small odd sizes, for compute-sanitizer; errors against float64 on the way."""

from typing import Any

import torch

from benchmarks.gpu.cases import SMALL, cases
from mrkl.jamba_core.config import JambaConfig
from mrkl.jamba_core.gpu import prefill, weights
from mrkl.jamba_core.gpu.engine import Engine
from mrkl.jamba_core.sampling import Sampling

SIZES: dict[str, Any] = {
    "vocab_size": 264, "hidden_size": 64, "intermediate_size": 112, "num_hidden_layers": 4,
    "num_attention_heads": 4, "num_key_value_heads": 2, "attn_layer_period": 4,
    "attn_layer_offset": 2, "num_experts": 4, "num_experts_per_tok": 2, "mamba_dt_rank": 8,
}  # fmt: skip


def everything(device: str = "cuda") -> dict[str, Any]:
    """Kernels in both types, then an engine that reads, draws and writes several texts."""
    wrong: list[str] = []
    types = (torch.float32,) if device == "cpu" else (torch.float32, torch.bfloat16)
    for dtype in types:
        for case in cases(SMALL, device, dtype, (1, 3, 64), seed=5):
            if not (error := case.error()) <= case.limit:
                wrong.append(f"{case.name} {dtype}: {error:.1e}")
    config, before = JambaConfig.from_dict(SIZES), prefill.COPIES_FROM
    written: dict[str, list[list[int]]] = {}
    for ways, start in (("blocks", 1 << 40), ("copies", 0)):
        prefill.COPIES_FROM = start
        made = weights.random(config, "int8", types[-1], device)
        engine = Engine(made, 3, 96, piece=32, graphs=False)
        asked = [list(range(n, 3 * n)) for n in (3, 20, 40)]
        hows = (Sampling(), Sampling(0.9, 0.8, 0.01, seed=3), Sampling())
        texts = [
            engine.submit(ids, 6, sampling=how, stop_ids=(), prefix=2)
            for ids, how in zip(asked, hows, strict=True)
        ]
        written[ways] = [text.wait().tokens for text in texts]
    prefill.COPIES_FROM = before
    return {"wrong": wrong, "written": written}
