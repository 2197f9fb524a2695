"""Write a trained core as the int8 checkpoint that ships.

In: student.pt. Out: config.json, tokenizer.json, sharded safetensors in Hugging Face's Jamba names (an
expert a tensor), every matrix as int8 with one fp32 scale a row, all else in fp32.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from mrkl.jamba_core.load import CheckpointFiles
from mrkl.jamba_core.trainable import public_tensors, trainable_state
from training.core.student import Shape

MATRICES = ("_proj.weight", "embed_tokens.weight")


def quantised(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Symmetric int8 a row: weight [rows, columns] → int8 and fp32 scale [rows]."""
    scale = weight.abs().amax(1).clamp_min(1e-12) / 127
    return (weight / scale[:, None]).round().clamp(-127, 127).to(torch.int8), scale


def load_start(path: Path) -> dict[str, Tensor]:
    """Training weights from a student.pt, or from an exported folder (dequantised)."""
    if path.is_file():
        return torch.load(path, map_location="cpu", weights_only=True)
    return trainable_state(CheckpointFiles(path))


def config(shape: Shape, ids: dict[str, int]) -> dict[str, object]:
    return {
        "architectures": ["JambaForCausalLM"],
        "model_type": "jamba",
        **asdict(shape),
        "hidden_act": "silu",
        "mamba_conv_bias": True,
        "mamba_proj_bias": False,
        "max_position_embeddings": 4096,
        "bos_token_id": ids["<|begin|>"],
        "eos_token_id": ids["<|end|>"],
        "pad_token_id": ids["<|endoftext|>"],
        "quantization_config": {"quant_method": "mrkl_int8", "mode": "int8"},
    }


def export(state: dict[str, Tensor], tokenizer: Path, out: Path, shards: int = 4) -> None:
    """Write the checkpoint folder; shards are of about equal size."""
    from tokenizers import Tokenizer

    shape = Shape()
    ids = Tokenizer.from_file(str(tokenizer)).get_vocab()
    tensors: dict[str, Tensor] = {}
    for name, value in public_tensors(state):
        value = value.detach().float().cpu().contiguous()
        if name.endswith(MATRICES):
            tensors[name], tensors[f"{name}_scale"] = quantised(value)
        else:
            tensors[name] = value
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    out.mkdir(parents=True, exist_ok=True)
    where: dict[str, str] = {}
    shard: dict[str, Tensor] = {}
    number, filled = 1, 0
    for i, (name, value) in enumerate(tensors.items()):
        shard[name] = value
        filled += value.numel() * value.element_size()
        where[name] = f"model-{number:05d}-of-{shards:05d}.safetensors"
        if filled > total * number / shards or i == len(tensors) - 1:
            save_file(shard, out / where[name], metadata={"format": "pt"})
            shard, number = {}, number + 1
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (out / "model.safetensors.index.json").write_text(json.dumps(index))
    if tokenizer.parent.resolve() != out.resolve():
        shutil.copyfile(tokenizer, out / "tokenizer.json")
    (out / "config.json").write_text(json.dumps(config(shape, ids), indent=2) + "\n")
    print(f"{total / 1e6:.2f} MB in {shards} shards, {len(tensors)} tensors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--init", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, default=Path("jamba_core/data/tokenizer.json"))
    a = parser.parse_args()
    export(torch.load(a.init, map_location="cpu", weights_only=True), a.tokenizer, a.out)
