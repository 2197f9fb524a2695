"""Checkpoints: a small folder in which one file has been replaced by bytes of any kind.

The first byte says which file: configuration, weights or index.
"""

from __future__ import annotations

import atexit
import json
import tempfile
import time
from pathlib import Path

import torch

from mrkl.jamba_core import CheckpointError, ConfigError, Jamba, JambaConfig, QuantizationError

MOST_SECONDS = 5.0
FILES = ("config.json", "model.safetensors", "model.safetensors.index.json")
SIZES = {
    "vocab_size": 8,
    "hidden_size": 4,
    "intermediate_size": 6,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "attn_layer_period": 2,
    "attn_layer_offset": 1,
    "expert_layer_period": 2,
    "expert_layer_offset": 1,
    "num_experts": 2,
    "num_experts_per_tok": 1,
    "mamba_d_state": 2,
    "mamba_dt_rank": 2,
}

torch.set_num_threads(1)
_place = tempfile.TemporaryDirectory()
atexit.register(_place.cleanup)
_folder = Path(_place.name)
Jamba.random(JambaConfig.from_dict(SIZES)).save_pretrained(_folder)
_sound = {name: (_folder / name).read_bytes() for name in FILES[:2]}
_names = [name for name, _ in Jamba.from_pretrained(_folder).tensors()]
_index = {"metadata": {}, "weight_map": dict.fromkeys(_names, FILES[1])}
SEEDS = [
    *(bytes([number]) + content for number, content in enumerate(_sound.values())),
    bytes([2]) + json.dumps(_index).encode(),
]


def check(data: bytes) -> None:
    """One run; raises AssertionError, or what came through instead of a line."""
    name = FILES[data[0] % len(FILES)] if data else FILES[0]
    (_folder / FILES[2]).unlink(missing_ok=True)
    for sound, content in _sound.items():
        (_folder / sound).write_bytes(content)
    (_folder / name).write_bytes(data[1:])
    began = time.monotonic()
    try:
        model = Jamba.from_pretrained(_folder)
    except (CheckpointError, ConfigError, QuantizationError) as error:
        assert str(error) and "\n" not in str(error), "not one line"
        assert len(str(error)) < 1000, "a line without end"
    else:
        logits = model(torch.tensor([[1, 2, 3]])).logits
        assert logits.shape == (1, 3, model.config.vocab_size)
    assert time.monotonic() - began < MOST_SECONDS, "too slow"
