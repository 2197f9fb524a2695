"""llama.cpp runs our models and finds the same logits: a second, independent reference."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from mrkl.jamba_core import Jamba
from mrkl.jamba_core.gguf_file import ExportError, export_gguf
from tests.jamba_core import llama
from tests.jamba_core.conftest import random_ids, random_weights, tiny_config

pytestmark = pytest.mark.skipif(not find_spec("gguf"), reason="needs gguf (mrkl[gguf])")
needs_llama = pytest.mark.skipif(not find_spec("llama_cpp"), reason="needs llama-cpp-python")

SHAPES: dict[str, dict[str, Any]] = {
    "mixture": {},
    "dense, multi-query, tied": {
        "num_experts": 1,
        "num_experts_per_tok": 1,
        "num_key_value_heads": 1,
        "tie_word_embeddings": True,
    },
    "mini's layers": {"attn_layer_period": 8, "attn_layer_offset": 4, "num_experts": 16},
}


def model_of(changes: dict[str, Any], **options: Any) -> Jamba:
    sizes = {"hidden_size": 128, "intermediate_size": 192, "initializer_range": 0.1}
    config = tiny_config(**(sizes | changes))
    return Jamba.from_tensors(config, random_weights(config, 8), **options)


@needs_llama
@pytest.mark.parametrize("pieces", [1, 3, 40])
@pytest.mark.parametrize("shape", SHAPES)
def test_llama_cpp_finds_the_same_logits(shape: str, pieces: int, tmp_path: Path) -> None:
    model = model_of(SHAPES[shape])
    export_gguf(model, tmp_path / "m.gguf")
    ids = random_ids(1, 40, 2)[0].tolist()
    theirs = llama.logits(tmp_path / "m.gguf", ids, pieces, model.config.vocab_size)
    ours = model(ids).logits[0]
    assert theirs.std() > 0.5
    assert (ours - theirs).abs().max() <= 1e-3


@needs_llama
@pytest.mark.parametrize("mode", ["experts_int8", "int8"])
def test_int8_models_stand_for_the_same_weights(mode: str, tmp_path: Path) -> None:
    model = model_of({}, quantization=mode, dtype=torch.float32)
    export_gguf(model, tmp_path / "m.gguf")
    ids = random_ids(1, 24, 3)[0].tolist()
    theirs = llama.logits(tmp_path / "m.gguf", ids, 1, model.config.vocab_size)
    assert (model(ids).logits[0] - theirs).abs().max() <= 1e-3


def test_q8_files_are_a_quarter_as_large(tmp_path: Path) -> None:
    model = model_of({"vocab_size": 2048})
    sizes = []
    for kind in ("float32", "q8_0"):
        export_gguf(model, tmp_path / kind, kind)
        sizes.append((tmp_path / kind).stat().st_size)
    assert 0.25 < sizes[1] / sizes[0] < 0.35
    with pytest.raises(ExportError, match="'q2' is not one of"):
        export_gguf(model, tmp_path / "x", "q2")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mamba_expand": 3}, "mamba_expand 2 only"),
        ({"mamba_conv_bias": False}, "a convolution's bias"),
        ({"mamba_proj_bias": True}, "no other bias"),
        ({"hidden_act": "gelu"}, "SiLU"),
        ({"moe_intermediate_size": 64}, "as wide as"),
    ],
)
def test_shapes_that_llama_cpp_does_not_know(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match=message):
        export_gguf(model_of(changes), tmp_path / "m.gguf")
    assert not list(tmp_path.iterdir())
