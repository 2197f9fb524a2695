"""How far each int8 mode, and plain bfloat16, move a model's next-token odds.

`python -m benchmarks.int8_kl` writes results/int8_kl.json: mean KL divergence from the float32
model of the same weights, on random nets (8 layers, width 256, logits with a spread near 1) and on
the core that ships (its int8 weights multiplied out; bfloat16 beside them). Nothing here is timed.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch

import mrkl.jamba_core
from benchmarks.common import show, write
from mrkl.jamba_core import Jamba, JambaConfig
from mrkl.jamba_core.layout import random_tensors
from mrkl.jamba_core.load import save_checkpoint
from mrkl.jamba_core.quantize import GROUPS

SHAPE: dict[str, Any] = {
    "vocab_size": 1024,
    "hidden_size": 256,
    "intermediate_size": 896,
    "num_hidden_layers": 8,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.06,
}
SEEDS, TEXTS, LENGTH = 3, 4, 128


def kl(wrong: torch.Tensor, right: torch.Tensor) -> float:
    """Mean divergence of next-token odds, logits [B, T, V]."""
    p, q = torch.log_softmax(right, -1), torch.log_softmax(wrong, -1)
    return float((p.exp() * (p - q)).sum(-1).mean())


def in_transformers(
    config: JambaConfig, weights: dict[str, torch.Tensor], ids: torch.Tensor
) -> torch.Tensor:
    """The logits of transformers' own bfloat16 model."""
    from transformers import JambaForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        save_checkpoint(folder, config, weights.items())
        model: Any = JambaForCausalLM.from_pretrained(
            folder, dtype=torch.bfloat16, experts_implementation="eager"
        )
        return model.eval()(ids).logits.float()


def random_net(seed: int) -> dict[str, float]:
    """One net: bfloat16 and each mode against float32."""
    config = JambaConfig.from_dict(SHAPE)
    weights = random_tensors(config, seed)
    # weights as a checkpoint has them: bfloat16 numbers, so that only the arithmetic differs
    weights = {n: t.bfloat16().float() if t.dim() == 2 else t for n, t in weights.items()}
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, config.vocab_size, (TEXTS, LENGTH), generator=generator)
    right = Jamba.from_tensors(config, weights, dtype=torch.float32)(ids).logits
    half = Jamba.from_tensors(config, weights, dtype=torch.bfloat16)(ids).logits
    found = {"spread of logits": float(right.std()), "bfloat16": kl(half, right)}
    found["bfloat16 in transformers"] = kl(in_transformers(config, weights, ids), right)
    for mode in GROUPS:
        # as it is used: activations in this engine's 16 bits, dense matrices in bfloat16
        source = {n: t.bfloat16() if t.dim() == 2 else t for n, t in weights.items()}
        model = Jamba.from_tensors(config, source, quantization=mode)
        found[mode] = kl(model(ids).logits, right)
        exact = Jamba.from_tensors(config, weights, dtype=torch.float32, quantization=mode)
        found[f"{mode}, float32 beside it"] = kl(exact(ids).logits, right)
    return found


def shipped() -> dict[str, float]:
    """The core's int8 arithmetic, quick and exact, and its weights in bfloat16."""
    folder = Path(next(iter(mrkl.jamba_core.__path__))) / "data"
    exact, quick = (Jamba.from_pretrained(folder, dtype=d) for d in (torch.float32, None))
    text = "how many seconds are there in a week, and how many people live in peru and chile?"
    ids = torch.tensor([exact.tokenizer.encode(text)])
    right = exact(ids).logits
    stored = dict(exact.tensors())
    plain = {
        n: t.float() * stored[f"{n}_scale"][:, None] if f"{n}_scale" in stored else t
        for n, t in stored.items()
        if not n.endswith("_scale")
    }
    config = JambaConfig.from_dict(exact.config.as_dict() | {"quantization_config": None})
    half = Jamba.from_tensors(config, plain, dtype=torch.bfloat16)
    return {
        "int8 as it runs": kl(quick(ids).logits, right),
        "bfloat16": kl(half(ids).logits, right),
    }


def main() -> None:
    nets = [random_net(seed) for seed in range(SEEDS)]
    means = {name: statistics.mean(net[name] for net in nets) for name in nets[0]}
    core = shipped()
    rows = [[name, f"{value:.2e}"] for name, value in means.items()]
    show(f"KL from float32, mean of {SEEDS} random nets", ["mode", "KL"], rows)
    show("KL of the core that ships", ["mode", "KL"], [[n, f"{v:.2e}"] for n, v in core.items()])
    print(
        "written:", write("int8_kl", {"shape": SHAPE, "random": means, "each": nets, "core": core})
    )


if __name__ == "__main__":
    main()
