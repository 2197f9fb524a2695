"""Weights, bytes and states against the layers' own shapes and the published figures."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mrkl.jamba_core import Jamba
from mrkl.jamba_core.layout import parameter_count
from mrkl.jamba_core.shapes import SHAPES, shape
from mrkl.jamba_core.sizes import (
    cache_bytes,
    cache_per_token,
    experts_hit,
    sizes,
    state_bytes,
)
from tests.jamba_core.conftest import random_weights, tiny_config

GIB = 2**30
LONG = 262_144


@pytest.mark.parametrize("name", SHAPES)
def test_the_formulas_count_what_the_layers_hold(name: str) -> None:
    assert sizes(shape(name)).total == parameter_count(shape(name))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mamba_proj_bias": True, "mamba_conv_bias": False, "moe_intermediate_size": 48},
        {"num_experts": 1, "tie_word_embeddings": True, "head_dim": 8, "num_key_value_heads": 1},
        {"mamba_d_conv": 3, "mamba_dt_rank": 5, "mamba_d_state": 8, "mamba_expand": 3},
    ],
)
def test_the_formulas_hold_for_odd_shapes(changes: dict[str, Any]) -> None:
    config = tiny_config(**changes)
    assert sizes(config).total == parameter_count(config)


@pytest.mark.parametrize(
    ("name", "total", "active", "per_token", "long", "state"),
    [
        ("mini", 51.570, 12.110, 16_384, 4.0, 16.06),
        ("large", 398.555, 94.149, 36_864, 9.0, 72.25),
        ("3b", 3.029, 3.029, 1_024, 0.25, 9.32),
    ],
)
def test_published_models(
    name: str, total: float, active: float, per_token: int, long: float, state: float
) -> None:
    config = shape(name)
    found = sizes(config)
    assert found.total / 1e9 == pytest.approx(total, abs=6e-4)
    assert found.active / 1e9 == pytest.approx(active, abs=6e-4)
    assert cache_bytes(config, 1) == per_token
    assert cache_bytes(config, LONG) / GIB == long
    assert state_bytes(config) / 1e6 == pytest.approx(state, abs=6e-3)


@pytest.mark.parametrize(
    ("name", "precision", "gib"),
    [
        ("mini", "bfloat16", 96.06),
        ("mini", "experts_int8", 54.06),
        ("mini", "jamba_int8", 51.43),
        ("large", "bfloat16", 742.4),
        ("large", "experts_int8", 418.0),
        ("large", "jamba_int8", 398.0),
    ],
)
def test_published_footprints(name: str, precision: str, gib: float) -> None:
    assert sizes(shape(name)).bytes(precision) / GIB == pytest.approx(gib, rel=1.5e-3)


@pytest.mark.parametrize(
    ("layers", "heads", "width", "gib"),
    [
        (32, 32, 128, 128),  # Llama-2-7B
        (32, 8, 128, 32),  # Mistral-7B, Mixtral-8x7B
        (56, 8, 128, 56),  # Mixtral-8x22B
        (80, 8, 128, 80),  # Llama-3.1-70B
        (88, 8, 128, 88),  # Mistral-Large-2
        (126, 16, 128, 252),  # Llama-3.1-405B as printed: 16 heads; with its 8 it would be 126
        (4, 8, 128, 4),  # Jamba-1.5-Mini
        (9, 8, 128, 9),  # Jamba-1.5-Large
    ],
)
def test_the_papers_column_of_caches(layers: int, heads: int, width: int, gib: int) -> None:
    assert LONG * cache_per_token(layers, heads, width) == gib * GIB


def test_experts_that_a_batch_meets() -> None:
    found = [round(experts_hit(16, 2, 2**i), 2) for i in range(7)]
    assert found == [2, 3.75, 6.62, 10.50, 14.11, 15.78, 16.0]


@pytest.mark.parametrize("mode", [None, "experts_int8", "jamba_int8", "int8"])
def test_the_bytes_of_a_real_model(mode: str | None) -> None:
    config = tiny_config(hidden_size=128, intermediate_size=448, vocab_size=1024)
    tensors = Jamba.from_tensors(config, random_weights(config), quantization=mode).tensors()
    held = {"float32": 0, "other": 0}
    for _, tensor in tensors:
        kind = "float32" if tensor.element_size() == 4 else "other"
        held[kind] += tensor.numel() * tensor.element_size()
    if mode == "int8":  # the only mode in which no matrix is left in its own type
        assert sum(held.values()) == sizes(config).bytes(mode)
    elif mode is None:
        assert held == {"float32": sizes(config).bytes("float32"), "other": 0}
    else:
        mlp = sizes(config).mlp if mode == "jamba_int8" else 0
        assert held["other"] == sizes(config).experts + mlp


def test_planning_needs_no_torch() -> None:
    program = (
        "import sys, mrkl.jamba_core.limits, mrkl.jamba_core.depth_width, mrkl.jamba_core.shapes;"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    run = [sys.executable, "-c", program]
    subprocess.run(run, check=True, cwd=Path(__file__).parents[2], timeout=60)
