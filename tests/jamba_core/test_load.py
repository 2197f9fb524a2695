"""Checkpoints: every public layout in, the same out, and clear refusals."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mrkl.jamba_core import CheckpointError, ConfigError, Jamba, JambaConfig
from mrkl.jamba_core.layout import RandomTensors, parameter_count, public_shapes
from mrkl.jamba_core.load import CheckpointFiles
from tests.jamba_core.conftest import random_ids, random_weights, tiny_config


def same(one: Jamba, other: Jamba) -> bool:
    ids = random_ids(1, 9)
    return torch.equal(one(ids).logits, other(ids).logits)


def test_our_files_hold_the_public_names(folder: Path) -> None:
    stored = load_file(folder / "model.safetensors")
    shapes = public_shapes(tiny_config())
    assert {name: tuple(t.shape) for name, t in stored.items()} == shapes
    assert parameter_count(tiny_config()) == sum(t.numel() for t in stored.values())


def test_transformers_files_load(twin: Any, model: Jamba, tmp_path: Path) -> None:
    twin.save_pretrained(tmp_path)
    assert same(Jamba.from_pretrained(tmp_path), model)


def test_packed_experts_load(folder: Path, model: Jamba, tmp_path: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    for layer in (1, 3, 5, 7):
        stem = f"model.layers.{layer}.feed_forward.experts"
        parts = [
            [tensors.pop(f"{stem}.{e}.{n}_proj.weight") for n in ("gate", "up", "down")]
            for e in range(4)
        ]
        tensors[f"{stem}.gate_up_proj"] = torch.stack([torch.cat(p[:2]) for p in parts])
        tensors[f"{stem}.down_proj"] = torch.stack([p[2] for p in parts])
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    assert same(Jamba.from_pretrained(tmp_path), model)


def test_shards_are_written_and_read(model: Jamba, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path, shard_bytes=500_000)
    assert len(list(tmp_path.glob("model-*-of-*.safetensors"))) > 2
    assert same(Jamba.from_pretrained(tmp_path), model)
    model.save_pretrained(tmp_path)  # one file again: the old index must not win
    assert not (tmp_path / "model.safetensors.index.json").exists()


def test_a_model_may_save_over_its_own_source(folder: Path, model: Jamba, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    own = Jamba.from_pretrained(tmp_path)
    own.save_pretrained(tmp_path)
    assert same(own, model)
    assert same(Jamba.from_pretrained(tmp_path), model)


def test_a_tied_head_is_stored_once(tmp_path: Path) -> None:
    config = tiny_config(tie_word_embeddings=True, num_hidden_layers=2)
    weights = random_weights(config)
    tied = Jamba.from_tensors(config, weights)
    tied.save_pretrained(tmp_path)
    assert "lm_head.weight" not in load_file(tmp_path / "model.safetensors")
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]  # some files hold a copy
    assert same(Jamba.from_tensors(config, weights), tied)


def test_experts_may_be_narrower_than_the_mlp(tmp_path: Path) -> None:
    config = tiny_config(moe_intermediate_size=48)
    model = Jamba.from_tensors(config, random_weights(config))
    model.save_pretrained(tmp_path)
    again = Jamba.from_pretrained(tmp_path)
    assert again.config.moe_intermediate_size == 48
    assert same(again, model)


def test_float16_becomes_float32_and_is_never_computed_in(folder: Path, tmp_path: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file({n: t.half() for n, t in tensors.items()}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    model = Jamba.from_pretrained(tmp_path)
    assert {t.dtype for _, t in model.tensors()} == {torch.float32}
    with pytest.raises(CheckpointError, match="overflow float16"):
        Jamba.from_pretrained(tmp_path, dtype=torch.float16)


def broken(folder: Path, target: Path, change: Any) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, target / "model.safetensors")
    (target / "config.json").write_text((folder / "config.json").read_text())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("model.layers.0.mamba.D"), "missing tensor model.layers.0.mamba.D"),
        (lambda t: t.update(extra=torch.ones(1)), "unexpected tensor extra"),
        (
            lambda t: t.update({"model.final_layernorm.weight": torch.ones(65)}),
            r"model.final_layernorm.weight has shape \[65\], the configuration says \[64\]",
        ),
        (
            lambda t: t["model.layers.1.mamba.in_proj.weight"].fill_(torch.nan),
            "model.layers.1.mamba.in_proj.weight holds NaN",
        ),
        (
            lambda t: t.update({"lm_head.weight": torch.ones(264, 64, dtype=torch.int32)}),
            "lm_head.weight has the unsupported type torch.int32",
        ),
        (
            lambda t: t.update({"lm_head.weight": t["lm_head.weight"].to(torch.float8_e4m3fn)}),
            "lm_head.weight has the unsupported type torch.float8_e4m3fn",
        ),
    ],
    ids=["missing", "unexpected", "shape", "nan", "type", "narrow type"],
)
def test_broken_tensors_are_named(folder: Path, tmp_path: Path, change: Any, message: str) -> None:
    broken(folder, tmp_path, change)
    with pytest.raises(CheckpointError, match=message) as caught:
        Jamba.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)


def test_folders_that_hold_no_weights_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such folder"):
        CheckpointFiles(tmp_path / "absent")
    with pytest.raises(CheckpointError, match=r"no model\.safetensors"):
        CheckpointFiles(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02")
    with pytest.raises(CheckpointError, match="pickled"):
        CheckpointFiles(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x08garbage")
    with pytest.raises(CheckpointError, match="cannot be read"):
        CheckpointFiles(tmp_path)


def test_an_index_cannot_point_outside(tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"x": "../secret.safetensors"}}))
    with pytest.raises(CheckpointError, match="outside"):
        CheckpointFiles(tmp_path)
    index.write_text("[]")
    with pytest.raises(CheckpointError, match="not a safetensors index"):
        CheckpointFiles(tmp_path)
    index.write_text(json.dumps({"weight_map": {"x": "absent.safetensors"}}))
    with pytest.raises(CheckpointError, match="cannot be read"):
        _ = CheckpointFiles(tmp_path)["x"]


def test_configuration_reads_hugging_face_fields() -> None:
    config = JambaConfig.from_dict(
        {"hidden_size": 128, "num_attention_heads": 8, "mamba_dt_rank": "auto", "n_ctx": 9}
    )
    assert (config.mamba_dt_rank, config.head_dim, config.mamba_inner) == (8, 16, 256)
    assert config.moe_intermediate_size == config.intermediate_size == 14336
    assert config.as_dict()["n_ctx"] == 9
    assert JambaConfig.from_dict(config.as_dict()) == config
    kinds = [(config.is_attention(i), config.is_moe(i)) for i in range(8)]
    assert [a for a, _ in kinds].index(True) == 4 and kinds.count((True, False)) == 1
    assert [m for _, m in kinds] == [False, True] * 4


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model_type": "llama"}, "only 'jamba'"),
        ({"num_attention_heads": 6, "num_key_value_heads": 4}, "not a multiple"),
        ({"attn_layer_offset": 8}, "attn_layer_offset"),
        ({"hidden_act": "swish9"}, "swish9"),
        ({"num_experts": 2, "num_experts_per_tok": 3}, "num_experts_per_tok"),
        ({"vocab_size": 0}, "vocab_size"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        JambaConfig.from_dict(fields)


def test_configuration_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        JambaConfig.from_file(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="not valid JSON"):
        JambaConfig.from_file(tmp_path)


def test_random_weights_one_by_one() -> None:
    config = tiny_config()
    made = RandomTensors(config, 3, torch.bfloat16)
    assert {name: tuple(t.shape) for name, t in made.items()} == public_shapes(config)
    again, other = RandomTensors(config, 3, torch.bfloat16), RandomTensors(config, 4)
    name = "model.layers.0.mamba.in_proj.weight"
    assert made[name].dtype == torch.bfloat16 and torch.equal(made[name], again[name])
    assert not torch.equal(made[name].float(), other[name])
    assert made["model.layers.0.mamba.D"].dtype == torch.float32
    assert torch.isfinite(Jamba.from_tensors(config, made)([1, 2, 3]).logits).all()
