"""Tiny checkpoints of every public shape, in every layout and type; broken ones; peak memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mrkl.jamba_core import CheckpointError, ConfigError, Jamba, JambaConfig
from mrkl.jamba_core.layout import public_shapes
from mrkl.jamba_core.load import CheckpointFiles, save_checkpoint
from mrkl.jamba_core.shapes import SHAPES as PUBLIC
from tests.jamba_core.conftest import hugging_face, random_ids, random_weights

ROOT = Path(__file__).parents[2]
# The public shapes with everything kept but the widths and, for Large, most of the layers.
SHAPES: dict[str, dict[str, Any]] = {
    "mini": {"num_hidden_layers": 32, "num_attention_heads": 8, "num_key_value_heads": 2},
    "large": {"num_hidden_layers": 16, "num_attention_heads": 16, "num_key_value_heads": 2},
    "3b": PUBLIC["3b"] | {"num_attention_heads": 4},
    "tiny-dev": {
        "num_hidden_layers": 16,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "num_experts": 8,
    },
    "tiny-random": {
        "num_hidden_layers": 8,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "attn_layer_period": 4,
        "attn_layer_offset": 2,
        "num_experts": 4,
    },
}
SMALL = {"vocab_size": 130, "hidden_size": 48, "intermediate_size": 72, "initializer_range": 0.1}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def tiny(name: str) -> JambaConfig:
    return JambaConfig.from_dict(SHAPES[name] | SMALL | {"use_mamba_kernels": False})


def packed_experts(tensors: dict[str, torch.Tensor], config: JambaConfig) -> dict[str, Any]:
    """The layout with one tensor for all experts of a layer."""
    tensors = dict(tensors)
    for layer in filter(config.is_moe, range(config.num_hidden_layers)):
        stem = f"model.layers.{layer}.feed_forward.experts"
        three = [
            [tensors.pop(f"{stem}.{e}.{n}_proj.weight") for n in ("gate", "up", "down")]
            for e in range(config.num_experts)
        ]
        tensors[f"{stem}.gate_up_proj"] = torch.stack([torch.cat(p[:2]) for p in three])
        tensors[f"{stem}.down_proj"] = torch.stack([p[2] for p in three])
    return tensors


def write(
    folder: Path, config: JambaConfig, tensors: dict[str, torch.Tensor], shards: bool = False
) -> Path:
    save_checkpoint(folder, config, tensors.items(), 200_000 if shards else 10**9)
    return folder


@pytest.mark.parametrize("name", SHAPES)
def test_every_public_shape_equals_transformers(name: str, tmp_path: Path) -> None:
    config = tiny(name)
    tensors = random_weights(config, 4)
    assert {n: tuple(t.shape) for n, t in tensors.items()} == public_shapes(config)
    write(tmp_path, config, tensors)
    ids = random_ids(2, 23, 1, 130)
    ours = Jamba.from_pretrained(tmp_path)(ids).logits
    with torch.inference_mode():
        theirs = hugging_face(tmp_path)(ids).logits
    depth = config.num_hidden_layers / 8
    assert (ours - theirs).abs().max() <= 2e-5 * max(1.0, float(theirs.std())) * depth


@pytest.mark.parametrize("shards", [False, True], ids=["one file", "shards"])
@pytest.mark.parametrize("layout", ["per expert", "packed"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["tiny-random", "3b"])
def test_every_layout_and_type(
    name: str, dtype: str, layout: str, shards: bool, tmp_path: Path
) -> None:
    config = tiny(name)
    tensors = {n: t.to(DTYPES[dtype]) for n, t in random_weights(config, 5).items()}
    stored = packed_experts(tensors, config) if layout == "packed" else tensors
    write(tmp_path, config, stored, shards)
    assert (len(list(tmp_path.glob("*.safetensors"))) > 2) == shards
    assert CheckpointFiles(tmp_path).packed == (layout == "packed" and name != "3b")
    ids = random_ids(1, 9, 2, 130)
    for mode in (None, "experts_int8", "int8"):
        loaded = Jamba.from_pretrained(tmp_path, quantization=mode)
        direct = Jamba.from_tensors(config, tensors, quantization=mode)
        assert torch.equal(loaded(ids).logits, direct(ids).logits)
        kinds = {t.dtype for n, t in loaded.tensors() if n.endswith("in_proj.weight")}
        kept = torch.bfloat16 if dtype == "bfloat16" else torch.float32
        assert kinds == {torch.int8 if mode == "int8" else kept}


def stored(folder: Path) -> tuple[JambaConfig, dict[str, torch.Tensor], Path]:
    config = tiny("tiny-random")
    write(folder, config, random_weights(config, 6))
    file = folder / "model.safetensors"
    return config, {name: tensor.clone() for name, tensor in load_file(file).items()}, file


def refused(folder: Path, message: str, mode: str | None = None) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        Jamba.from_pretrained(folder, quantization=mode)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.5, 0.99])
def test_truncated_files(tmp_path: Path, share: float) -> None:
    _, _, file = stored(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    refused(tmp_path, r"model\.safetensors: cannot be read")


def test_a_pickle_under_another_name(tmp_path: Path) -> None:
    _, tensors, file = stored(tmp_path)
    torch.save(tensors, file)
    refused(tmp_path, r"model\.safetensors: cannot be read")


@pytest.mark.parametrize("mode", [None, "experts_int8", "int8"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize(
    "name",
    [
        "model.layers.1.feed_forward.experts.2.down_proj.weight",
        "model.layers.0.mamba.in_proj.weight",
        "model.layers.0.mamba.A_log",
        "model.embed_tokens.weight",
    ],
)
def test_numbers_that_are_none(tmp_path: Path, name: str, value: float, mode: str | None) -> None:
    config, tensors, _ = stored(tmp_path)
    tensors[name].view(-1)[-1] = value
    write(tmp_path, config, tensors)
    refused(tmp_path, f"tensor {name} holds NaN or infinite numbers", mode)


def test_one_bad_number_between_pieces(tmp_path: Path) -> None:
    config = JambaConfig.from_dict(SMALL | SHAPES["tiny-random"] | {"vocab_size": 3000})
    for place in (0, (1 << 15) - 1, 1 << 15, 3000 * 48 - 1):
        tensors = random_weights(config, 6)
        tensors["lm_head.weight"].view(-1)[place] = torch.nan
        write(tmp_path, config, tensors)
        refused(tmp_path, "tensor lm_head.weight holds NaN")


def test_an_index_that_promises_what_is_not_there(tmp_path: Path) -> None:
    config, tensors, _ = stored(tmp_path)
    write(tmp_path, config, tensors, shards=True)
    index = tmp_path / "model.safetensors.index.json"
    entries = json.loads(index.read_text())
    name, file = "model.final_layernorm.weight", "model-00001-of-00099.safetensors"
    moved = dict(entries["weight_map"])
    moved[name] = max(moved.values())
    index.write_text(json.dumps({"weight_map": moved}))
    refused(tmp_path, f"tensor {name} cannot be read from it")
    moved[name] = file
    index.write_text(json.dumps({"weight_map": moved}))
    refused(tmp_path, f"{file}: .*cannot be read")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 144), "three sizes are expected"),
        ((4, 143, 48), "rows in multiples of 2"),
        ((1 << 40, 0, 48), "three sizes are expected: 1 to 4096 experts"),
        ((4097, 2, 1), "three sizes are expected: 1 to 4096 experts"),
        ((3, 144, 48), r"missing tensor .*experts\.3\.gate_proj"),
        ((5, 144, 48), r"unexpected tensor .*experts\.4\.gate_proj"),
        ((4, 140, 48), r"experts\.0\.gate_proj.weight has shape \[70, 48\]"),
        ((4, 144, 47), r"experts\.0\.gate_proj.weight has shape \[72, 47\]"),
    ],
)
def test_packed_experts_of_a_wrong_shape(
    tmp_path: Path, shape: tuple[int, ...], message: str
) -> None:
    config, tensors, _ = stored(tmp_path)
    packed = packed_experts(tensors, config)
    packed["model.layers.1.feed_forward.experts.gate_up_proj"] = torch.zeros(shape)
    (tmp_path / "model.safetensors").unlink()
    save_file(packed, tmp_path / "model.safetensors")
    refused(tmp_path, message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hidden_size": "64"}, "hidden_size must be int, got '64'"),
        ({"hidden_size": None}, "hidden_size must be int, got None"),
        ({"num_hidden_layers": 2.5}, "num_hidden_layers must be int"),
        ({"num_hidden_layers": 2**31}, "num_hidden_layers must be at most 2147483647, got 2147"),
        ({"hidden_size": 10**400}, "hidden_size must be at most 2147483647, got 1000"),
        ({"rms_norm_eps": float("nan")}, "rms_norm_eps must be at most 2147483647, got nan"),
        ({"eos_token_id": [2, "3"]}, r"eos_token_id must be int \| list\[int\] \| None, got"),
        ({"num_experts": True}, "num_experts must be int, got True"),
        ({"num_attention_heads": 0}, "num_attention_heads must be at least 1"),
        ({"mamba_d_state": -1}, "mamba_d_state must be at least 1"),
        ({"attn_layer_period": 0}, "attn_layer_period must be at least 1"),
        ({"expert_layer_offset": -1}, "expert_layer_offset"),
        ({"rms_norm_eps": "small"}, "rms_norm_eps must be float"),
        ({"tie_word_embeddings": 1}, "tie_word_embeddings must be bool"),
        ({"hidden_act": None}, "hidden_act must be str"),
    ],
)
def test_configurations_of_wrong_types(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        JambaConfig.from_dict(fields)


PEAK = """
import sys
from pathlib import Path
import torch
from mrkl.jamba_core import Jamba, JambaConfig
from mrkl.jamba_core.kernels import library

def memory(kind):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(kind))

torch.set_num_threads(1)
small = JambaConfig.from_dict({"vocab_size": 64, "hidden_size": 64, "intermediate_size": 64,
    "num_attention_heads": 2, "num_key_value_heads": 1, "num_experts": 2, "num_hidden_layers": 8})
Jamba.random(small, quantization="int8")([1, 2])  # all that is loaded once is loaded
Path("/proc/self/clear_refs").write_text("5")
before = memory("VmRSS")
model = Jamba.from_pretrained(sys.argv[1], quantization=sys.argv[2])
peak = memory("VmHWM") - before
print(peak / sum(t.nbytes for _, t in model.tensors()))
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bfloat16 checkpoint of 440 MB."""
    config = JambaConfig.from_dict(
        SMALL
        | {"vocab_size": 4096, "hidden_size": 512, "intermediate_size": 1792}
        | {"num_hidden_layers": 16, "num_attention_heads": 8, "num_key_value_heads": 2}
        | {"num_experts": 8}
    )
    folder = tmp_path_factory.mktemp("large")
    shapes = public_shapes(config)
    tensors = ((n, torch.full(s, 0.01, dtype=torch.bfloat16)) for n, s in shapes.items())
    save_checkpoint(folder, config, tensors)
    return folder


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("mode", ["int8", "experts_int8"])
def test_peak_memory_stays_within_five_per_cent_of_the_result(large: Path, mode: str) -> None:
    run = [sys.executable, "-c", PEAK, str(large), mode]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True, timeout=100)
    assert 0.95 < float(done.stdout) <= 1.05, done.stdout
