"""Tiny random Jambas and their transformers twins (fp32), and a byte-level tokenizer."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mrkl.jamba_core import Jamba, JambaConfig, Tokenizer
from mrkl.jamba_core.layout import random_tensors

SPECIALS = ["<|begin|>", "<|question|>", "<|plan|>", "<|end|>"]
END = 256 + SPECIALS.index("<|end|>")


def tiny_config(**changes: Any) -> JambaConfig:
    """Eight layers with every kind in them, small enough for milliseconds."""
    sizes: dict[str, Any] = {
        "vocab_size": 264,
        "hidden_size": 64,
        "intermediate_size": 112,
        "num_hidden_layers": 8,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "attn_layer_period": 4,
        "attn_layer_offset": 2,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "mamba_dt_rank": 8,
        "initializer_range": 0.15,
        "eos_token_id": END,
        "use_mamba_kernels": False,
    }
    return JambaConfig.from_dict(sizes | changes)


def random_weights(config: JambaConfig, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights in which no tensor is all ones or zeros, so that none can be forgotten."""
    generator = torch.Generator().manual_seed(seed + 1)
    tensors = random_tensors(config, seed)
    for name, tensor in tensors.items():
        if name.endswith(("layernorm.weight", ".D", "conv1d.bias", "A_log")):
            tensors[name] = tensor + 0.3 * torch.randn(tensor.shape, generator=generator)
    return tensors


def random_ids(batch: int, time: int, seed: int = 0, vocabulary: int = 256) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, vocabulary, (batch, time), generator=generator)


def hugging_face(folder: Path) -> Any:
    """transformers' own model of a checkpoint folder, float32."""
    from transformers import JambaForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model, report = JambaForCausalLM.from_pretrained(
        folder,
        dtype=torch.float32,
        output_loading_info=True,
        experts_implementation="eager",
    )
    assert not report["missing_keys"] and not report["unexpected_keys"]
    return model.eval()


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small only wait for their threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder of a tiny float32 model with a tokenizer."""
    config = tiny_config()
    place = tmp_path_factory.mktemp("tiny")
    Jamba.from_tensors(config, random_weights(config)).save_pretrained(place)
    (place / "tokenizer.json").write_text(byte_tokenizer(), "utf-8")
    return place


@pytest.fixture(scope="session")
def model(folder: Path) -> Jamba:
    return Jamba.from_pretrained(folder)


@pytest.fixture(scope="session")
def twin(folder: Path) -> Any:
    return hugging_face(folder)


@pytest.fixture(scope="session")
def tokenizer(folder: Path) -> Tokenizer:
    return Tokenizer.from_file(folder)


def byte_tokenizer() -> str:
    """A `tokenizer.json` with one token a byte, and four special ones."""
    from tokenizers import AddedToken, decoders, models, pre_tokenizers
    from tokenizers import Tokenizer as Engine

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    engine = Engine(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    engine.add_special_tokens([AddedToken(name, normalized=False) for name in SPECIALS])
    return json.dumps(json.loads(engine.to_str()))
