"""Malformed checkpoints: configurations, safetensors, indexes, tokenizers and routers that lie.

Each ends at once with one line that names file or tensor; nothing is computed with, and no size
that a file claims is believed before the bytes are there.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mrkl.embedded import EmbeddedJamba
from mrkl.jamba_core import CheckpointError, ConfigError, Jamba, QuantizationError, Tokenizer
from mrkl.language import ModelError
from mrkl.tools.limits import highest_resident
from tests.jamba_core.conftest import byte_tokenizer, random_weights, tiny_config

REFUSED = (CheckpointError, ConfigError, QuantizationError)
MB = 1 << 20
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
SIZES = {
    "num_hidden_layers": 4,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "mamba_dt_rank": 4,
    "num_experts": 2,
    "num_experts_per_tok": 1,
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint with nothing wrong in it."""
    place, config = tmp_path_factory.mktemp("sound"), tiny_config(**SIZES)
    Jamba.from_tensors(config, random_weights(config)).save_pretrained(place)
    (place / "tokenizer.json").write_text(byte_tokenizer(), "utf-8")
    return place


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy of it to spoil."""
    return Path(shutil.copytree(sound, tmp_path / "model"))


def refused(folder: Path, *said: str) -> str:
    """The line with which the folder is refused, in little time and memory."""
    began, before = time.monotonic(), highest_resident()
    with pytest.raises(REFUSED) as caught:
        Jamba.from_pretrained(folder)
    assert time.monotonic() - began < 2
    assert highest_resident() - before < 64 * MB
    line = str(caught.value)
    assert "\n" not in line and len(line) < 500
    assert not said or any(part in line for part in said), line
    return line


def test_the_sound_one_loads(sound: Path) -> None:
    assert torch.isfinite(Jamba.from_pretrained(sound)(torch.tensor([[1, 2, 3]])).logits).all()


NO_SIZES = {
    "text": "64",
    "nothing": None,
    "list": [64],
    "object": {},
    "fraction": 1.5,
    "true": True,
    "negative": -1,
    "too large": 2**31,
    "astronomical": 10**30,
    "nan": float("nan"),
    "infinite": float("inf"),
}
NAMES = ("vocab_size", "hidden_size", "num_hidden_layers", "num_experts_per_tok", "mamba_d_state")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", NO_SIZES.values(), ids=NO_SIZES)
def test_sizes_that_are_none(folder: Path, name: str, value: Any) -> None:
    change_config(folder, name, value)
    refused(folder, name)


def change_config(folder: Path, name: str, value: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("hidden_size", 2**31 - 1), ("num_hidden_layers", 2**31 - 1), ("num_experts", 10**9)),
        *(("vocab_size", 10**9), ("hidden_size", 17), ("intermediate_size", 25), ("head_dim", 9)),
        *(("num_hidden_layers", 3), ("num_hidden_layers", 5), ("num_experts", 1)),
        *(("num_key_value_heads", 0), ("num_key_value_heads", 3), ("num_attention_heads", 0)),
        *(("attn_layer_period", 0), ("attn_layer_period", 1), ("expert_layer_offset", -1)),
        *(("mamba_dt_rank", "automatic"), ("mamba_dt_rank", 5), ("mamba_d_conv", 0)),
        *(("mamba_expand", 10**9), ("mamba_conv_bias", False), ("mamba_conv_bias", "no")),
        *(("mamba_proj_bias", True), ("tie_word_embeddings", 1)),
        *(("hidden_act", None), ("hidden_act", ["silu"]), ("hidden_act", "__import__('os')")),
        *(("rms_norm_eps", -1), ("rms_norm_eps", "1e-6"), ("rms_norm_eps", 10**400)),
        *(("eos_token_id", "2"), ("eos_token_id", [2, "3"]), ("pad_token_id", 0.5)),
        *(("model_type", "llama"), ("model_type", None), ("model_type", {})),
        *(("quantization_config", []), ("quantization_config", "int8")),
        *(("quantization_config", {"quant_method": "gptq"}), ("quantization_config", {"bits": 4})),
        ("quantization_config", {"quant_method": "mrkl_int8", "mode": ["int8"]}),
    ],
)
def test_configurations_that_do_not_fit_the_weights(folder: Path, name: str, value: Any) -> None:
    change_config(folder, name, value)
    refused(folder)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b" ", b"{", b"null", b"[]", b"3", b'"jamba"', b"{}{}", b"\xff\xfe{", b"\x00" * 99),
        *(b"[" * 100_000, b'{"a":' * 50_000, b'{"hidden_size": 1' + b"0" * 10_000 + b"}"),
        *(b'{"hidden_size": 16, "hidden_size": "x"}', b'{"model_type": "jamba"}'),
    ],
    ids=lambda content: repr(content[:20]),
)
def test_configurations_that_are_none(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    refused(folder)


def header(path: Path) -> tuple[dict[str, Any], bytes]:
    """The header of a safetensors file, and its bytes."""
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def with_header(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Write the file again with its header changed."""
    parts, body = header(path)
    changed = change(parts)
    text = json.dumps(parts if changed is None else changed).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


NORM = "model.final_layernorm.weight"
LIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "end behind the file": lambda h: h[NORM].update(data_offsets=[0, 10**15]),
    "begin behind the end": lambda h: h[NORM].update(data_offsets=[64, 0]),
    "negative": lambda h: h[NORM].update(data_offsets=[-64, 0]),
    "overlap": lambda h: h[NORM].update(data_offsets=[0, 64]),
    "one offset": lambda h: h[NORM].update(data_offsets=[0]),
    "offsets as text": lambda h: h[NORM].update(data_offsets=["0", "64"]),
    "huge shape": lambda h: h[NORM].update(shape=[2**62]),
    "shape that overflows": lambda h: h[NORM].update(shape=[2**32, 2**32]),
    "negative shape": lambda h: h[NORM].update(shape=[-16]),
    "other shape": lambda h: h[NORM].update(shape=[4, 4]),
    "no shape": lambda h: h[NORM].pop("shape"),
    "shape as text": lambda h: h[NORM].update(shape="16"),
    "unknown type": lambda h: h[NORM].update(dtype="F4096"),
    "wider type": lambda h: h[NORM].update(dtype="F64"),
    "no type": lambda h: h[NORM].pop("dtype"),
    "complex": lambda h: h[NORM].update(dtype="C64", shape=[8]),
    "whole numbers": lambda h: h[NORM].update(dtype="I32"),
    "renamed": lambda h: h.update({"model.norm.weight": h.pop(NORM)}),
    "missing": lambda h: h.pop(NORM) and None,
    "entry is a list": lambda h: h.update({NORM: []}),
    "entry is null": lambda h: h.update({NORM: None}),
    "metadata is a number": lambda h: h.update({"__metadata__": 3}),
    "metadata of numbers": lambda h: h.update({"__metadata__": {"a": 1}}),
    "a list": lambda h: [],
    "nothing": lambda h: {},
    "one name too many": lambda h: h.update({"x\n\x1b[31m": {**h[NORM]}}),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_headers_that_lie(folder: Path, lie: Callable[[dict[str, Any]], Any]) -> None:
    with_header(folder / WEIGHTS, lie)
    refused(folder)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\x00", b"\x00" * 8, b"\xff" * 8, b"\xff" * 4096, b"PK\x03\x04" + bytes(4096)),
        *(struct.pack("<Q", 2**63) + b"{}", struct.pack("<Q", 10**9) + b"{}"),
        *(struct.pack("<Q", 2) + b"{}", struct.pack("<Q", 99) + b"{" * 99),
        struct.pack("<Q", 90_000) + b"[" * 90_000,
        *(b"\x80\x04\x95cposix\nsystem\n.", b"version https://git-lfs.github.com/spec/v1\n"),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_files_that_are_no_safetensors(folder: Path, content: bytes) -> None:
    (folder / WEIGHTS).write_bytes(content)
    refused(folder)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_files_that_were_cut(folder: Path, kept: float) -> None:
    path = folder / WEIGHTS
    os.truncate(path, int(path.stat().st_size * kept))
    refused(folder, "cannot be read")


def test_files_that_are_longer(folder: Path) -> None:
    with (folder / WEIGHTS).open("ab") as file:
        file.write(b"more")
    refused(folder, "cannot be read")


def test_a_file_that_claims_more_than_it_holds_costs_no_memory(folder: Path) -> None:
    with (folder / WEIGHTS).open("r+b") as file:
        file.write(struct.pack("<Q", 50 * MB))
    refused(folder)


INFINITE = float("inf")
SPOILT: dict[str, Callable[[dict[str, torch.Tensor]], Any]] = {
    "nan": lambda t: t[NORM].fill_(float("nan")),
    "one infinite": lambda t: t["model.layers.0.mamba.in_proj.weight"][3].fill_(INFINITE),
    "empty": lambda t: t.update({NORM: torch.zeros(0)}),
    "scalar": lambda t: t.update({NORM: torch.tensor(1.0)}),
    "boolean": lambda t: t.update({NORM: torch.ones(16, dtype=torch.bool)}),
    "int8 without scale": lambda t: t.update(
        {"lm_head.weight": t["lm_head.weight"].to(torch.int8)}
    ),
    "int8 with a scale too short": lambda t: t.update(
        {
            "lm_head.weight": t["lm_head.weight"].to(torch.int8),
            "lm_head.weight_scale": torch.ones(7),
        }
    ),
    "int8 with an infinite scale": lambda t: t.update(
        {
            "lm_head.weight": t["lm_head.weight"].to(torch.int8),
            "lm_head.weight_scale": torch.full((264,), INFINITE),
        }
    ),
    "int8 norm": lambda t: t.update({NORM: torch.ones(16, dtype=torch.int8)}),
    "transposed": lambda t: t.update(
        {k: v.T.contiguous() for k, v in t.items() if k.endswith("in_proj.weight")}
    ),
    "one expert too few": lambda t: [t.pop(k) for k in list(t) if ".experts.1." in k],
    "one expert too many": lambda t: t.update(
        {k.replace(".1.", ".2."): v.clone() for k, v in t.items() if ".experts.1." in k}
    ),
    "packed and single": lambda t: t.update(
        {"model.layers.1.feed_forward.experts.down_proj": torch.ones(2, 16, 24)}
    ),
    "packed, two axes": lambda t: t.update(
        {"model.layers.1.feed_forward.experts.down_proj": torch.ones(16, 24)}
    ),
    "packed, four axes": lambda t: t.update(
        {"model.layers.1.feed_forward.experts.gate_up_proj": torch.ones(2, 2, 2, 2)}
    ),
    "packed, no experts": lambda t: t.update(
        {"model.layers.1.feed_forward.experts.gate_up_proj": torch.ones(0, 48, 16)}
    ),
    "packed, odd rows": lambda t: (
        [t.pop(k) for k in list(t) if "layers.1.feed_forward.experts." in k],
        t.update({"model.layers.1.feed_forward.experts.gate_up_proj": torch.ones(2, 47, 16)}),
    ),
    "a name with a path": lambda t: t.update({"../../etc/passwd": torch.ones(1)}),
    "a name with control characters": lambda t: t.update({"a\nb\x1b[31m": torch.ones(1)}),
    "a very long name": lambda t: t.update({"x" * 100_000: torch.ones(1)}),
    "ten thousand names": lambda t: t.update({f"t{n}": torch.ones(1) for n in range(10_000)}),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_tensors_that_do_not_fit(
    folder: Path, spoil: Callable[[dict[str, torch.Tensor]], Any]
) -> None:
    tensors = load_file(folder / WEIGHTS)
    spoil(tensors)
    save_file(tensors, folder / WEIGHTS)
    refused(folder)


INDEXES: dict[str, Any] = {
    "a number": 3,
    "no map": {},
    "map is a list": {"weight_map": [WEIGHTS]},
    "map is null": {"weight_map": None},
    "file is a number": {"weight_map": {NORM: 3}},
    "file is null": {"weight_map": {NORM: None}},
    "file is a list": {"weight_map": {NORM: [WEIGHTS]}},
    "file outside": {"weight_map": {NORM: "../model/" + WEIGHTS}},
    "file elsewhere": {"weight_map": {NORM: "/etc/passwd"}},
    "file is the folder": {"weight_map": {NORM: "."}},
    "file is above": {"weight_map": {NORM: ".."}},
    "file without name": {"weight_map": {NORM: ""}},
    "nul in the file": {"weight_map": {NORM: "a\x00b"}},
    "file missing": {"weight_map": {NORM: "model-00001-of-00002.safetensors"}},
    "another kind": {"weight_map": {NORM: "config.json"}},
    "empty map": {"weight_map": {}},
    "a name that is not in the file": {"weight_map": {"model.embed_tokens.weight": "other"}},
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_indexes_that_lie(folder: Path, index: Any) -> None:
    (folder / INDEX).write_text(json.dumps(index))
    refused(folder)


def test_an_index_with_a_name_that_no_file_holds(folder: Path) -> None:
    parts, _ = header(folder / WEIGHTS)
    names = dict.fromkeys([name for name in parts if name != "__metadata__"], WEIGHTS)
    moved = {("model.layers.0.mamba.E" if n == NORM else n): f for n, f in names.items()}
    (folder / INDEX).write_text(json.dumps({"weight_map": moved | {NORM: WEIGHTS}}))
    refused(folder)
    (folder / INDEX).write_text("[" * 100_000)
    refused(folder)


@pytest.mark.parametrize("name", ["config.json", WEIGHTS, INDEX])
def test_files_that_are_folders_or_lead_nowhere(folder: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).mkdir()
    refused(folder)
    (folder / name).rmdir()
    (folder / name).symlink_to(folder / name)
    refused(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
@pytest.mark.parametrize("name", ["config.json", WEIGHTS, INDEX])
def test_files_that_would_be_waited_for(folder: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    refused(folder)


TOKENIZERS: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "an empty object": b"{}",
    "null": b"null",
    "binary": b"\xff" * 100,
    "deep": b"[" * 100_000,
    "unknown model": b'{"version": "1.0", "model": {"type": "Pickle"}}',
    "vocabulary of texts": b'{"version": "1.0", "model": {"type": "BPE", "vocab": {"a": "b"}}}',
    "ids below zero": b'{"version":"1.0","model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}',
    "merges of nothing": b'{"version":"1.0","model":{"type":"BPE","vocab":{},"merges":["a b"]}}',
}


@pytest.mark.parametrize("content", TOKENIZERS.values(), ids=TOKENIZERS)
def test_tokenizers_that_are_none(folder: Path, content: bytes) -> None:
    (folder / "tokenizer.json").write_bytes(content)
    with pytest.raises(ValueError) as caught:
        Tokenizer.from_file(folder)
    assert "tokenizer.json" in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize("file", ["config.json", WEIGHTS, "tokenizer.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff" * 99], ids=repr)
def test_the_language_module_says_it_in_one_line(
    folder: Path, file: str, content: bytes | None
) -> None:
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        EmbeddedJamba.load(folder)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700


def test_a_tokenizer_of_a_larger_model_is_refused(folder: Path) -> None:
    tokenizer = json.loads(byte_tokenizer())
    more = {f"more{n}": 300 + n for n in range(99)}
    tokenizer["model"]["vocab"] |= more
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match="knows 359 tokens, the model only 264"):
        EmbeddedJamba.load(folder)
