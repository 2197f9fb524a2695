"""Int8 weights: the rounding, the products, and files that come back bit for bit."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from mrkl.jamba_core import CheckpointError, Jamba, QuantizationError
from mrkl.jamba_core.linear import INT8_ROWS, Int8Linear
from mrkl.jamba_core.quantize import GROUPS, METHOD, quantize_rows
from tests.jamba_core.conftest import random_ids, random_weights, tiny_config


def kl(wrong: torch.Tensor, right: torch.Tensor) -> float:
    """Mean divergence of two models' next-token odds, logits [B, T, V]."""
    p, q = torch.log_softmax(right, -1), torch.log_softmax(wrong, -1)
    return float((p.exp() * (p - q)).sum(-1).mean())


def test_rows_round_to_the_nearest_step() -> None:
    weight = torch.randn(50, 70, generator=torch.Generator().manual_seed(0))
    weight[3] = 0
    whole, scale = quantize_rows(weight)
    assert whole.dtype == torch.int8 and scale.dtype == torch.float32
    assert whole.abs().max() == 127 and int(whole.min()) >= -127
    assert ((whole * scale[:, None] - weight).abs() <= 0.5001 * scale[:, None]).all()
    assert scale[3] == 1 and not whole[3].any()
    assert torch.equal(scale.bfloat16().float(), scale)


@pytest.mark.parametrize("rounds", [False, True], ids=["bfloat16-scale", "float32-scale"])
@pytest.mark.parametrize("rows", [1, 3, INT8_ROWS, INT8_ROWS + 1, 70])
@pytest.mark.parametrize("columns", [64, 37, 1152])
def test_products_equal_those_of_the_dequantised_matrix(
    rows: int, columns: int, rounds: bool
) -> None:
    generator = torch.Generator().manual_seed(rows)
    weight = torch.randn(96, columns, generator=generator)
    x = torch.randn(rows, columns, generator=generator)
    whole, scale = quantize_rows(weight)
    scale = scale * 1.0037 if rounds else scale
    parts = (("w", 96),)
    exact = F.linear(x.double(), whole.double() * scale.double()[:, None])
    quick = Int8Linear(whole, scale, parts)(x)
    careful = Int8Linear(whole, scale, parts, product=torch.float32)(x)
    assert quick.dtype == torch.float32
    assert (quick - exact).square().mean().sqrt() <= 1e-2 * exact.std()
    assert (careful - exact).abs().max() <= 1e-5 * exact.std()


def test_unaligned_matrices_are_safe() -> None:
    # torch's kernel ends the process on these (several rows of x, matrix not on 16 bytes).
    raw = torch.randint(-127, 128, (576 * 512 + 64,), dtype=torch.int8)
    for offset in (1, 8, 40):
        whole = raw[offset : offset + 576 * 512].view(576, 512)
        linear = Int8Linear(whole, torch.ones(576), (("w", 576),))
        x = torch.randn(7, 512)
        assert torch.allclose(
            linear(x), F.linear(x.bfloat16().float(), whole.float()), rtol=1e-2, atol=20
        )


@pytest.mark.parametrize("mode", sorted(GROUPS))
def test_saved_models_come_back_bit_for_bit(folder: Path, tmp_path: Path, mode: str) -> None:
    model = Jamba.from_pretrained(folder, quantization=mode)
    model.save_pretrained(tmp_path)
    again = Jamba.from_pretrained(tmp_path)
    assert again.config.quantization_config == {"quant_method": METHOD, "mode": mode}
    before, after = dict(model.tensors()), dict(again.tensors())
    assert before.keys() == after.keys() == load_file(tmp_path / "model.safetensors").keys()
    for name, tensor in before.items():
        assert tensor.dtype == after[name].dtype and torch.equal(tensor, after[name]), name
    ids = random_ids(2, 21)
    assert torch.equal(model(ids).logits, again(ids).logits)
    again.save_pretrained(tmp_path / "more")
    files = [tmp_path / "model.safetensors", tmp_path / "more" / "model.safetensors"]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_each_mode_quantises_what_it_says(folder: Path) -> None:
    def int8_names(mode: str) -> set[str]:
        tensors = Jamba.from_pretrained(folder, quantization=mode).tensors()
        return {n.removesuffix(".weight") for n, t in tensors if t.dtype == torch.int8}

    experts, paper, whole = (int8_names(m) for m in ("experts_int8", "jamba_int8", "int8"))
    assert all(".experts." in name for name in experts) and len(experts) == 4 * 4 * 3
    assert experts < paper < whole
    assert {n.split(".")[-2] for n in paper - experts} == {"feed_forward"}
    assert {"model.embed_tokens", "lm_head", "model.layers.2.self_attn.k_proj"} <= whole
    assert not any("router" in name or "norm" in name for name in whole)


def test_exact_int8_equals_the_dequantised_model(folder: Path) -> None:
    quantised = Jamba.from_pretrained(folder, dtype=torch.float32, quantization="int8")
    plain: dict[str, Any] = {}
    stored = dict(quantised.tensors())
    for name, tensor in stored.items():
        if name.endswith("_scale"):
            continue
        scale = stored.get(name + "_scale")
        plain[name] = tensor if scale is None else tensor.float() * scale[:, None]
    dequantised = Jamba.from_tensors(tiny_config(), plain)
    ids = random_ids(2, 23, 3)
    for span in (slice(0, 1), slice(0, 4), slice(0, 23)):
        difference = quantised(ids[:, span]).logits - dequantised(ids[:, span]).logits
        assert difference.abs().max() <= 2e-5 * dequantised(ids).logits.std() * 2


def test_int8_models_stay_close() -> None:
    config = tiny_config(initializer_range=0.06)
    weights = random_weights(config)
    exact, half = (
        Jamba.from_tensors(config, weights, dtype=d) for d in (torch.float32, torch.bfloat16)
    )
    ids = random_ids(4, 48, 5)
    right = exact(ids).logits
    experts = Jamba.from_tensors(config, weights, quantization="experts_int8")
    paper = Jamba.from_tensors(config, weights, quantization="jamba_int8")
    everything = Jamba.from_tensors(config, weights, quantization="int8")
    assert kl(paper(ids).logits, right) <= 5e-3
    assert kl(experts(ids).logits, right) <= kl(half(ids).logits, right)
    assert kl(everything(ids).logits, right) <= 5e-3
    steps, state = [], None
    for t in range(12):
        output = everything(ids[:1, t : t + 1], state)
        state = output.state
        steps.append(output.logits)
    assert kl(torch.cat(steps, 1), right[:1, :12]) <= 5e-3


def test_wrong_quantisations_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(QuantizationError, match="'int4' is not one of"):
        Jamba.from_pretrained(folder, quantization="int4")
    Jamba.from_pretrained(folder, quantization="experts_int8").save_pretrained(tmp_path)
    with pytest.raises(QuantizationError, match="stored as 'experts_int8'"):
        Jamba.from_pretrained(tmp_path, quantization="int8")
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace(METHOD, "compressed-tensors"))
    with pytest.raises(QuantizationError, match="compressed-tensors"):
        Jamba.from_pretrained(tmp_path)


def test_half_quantised_groups_are_refused() -> None:
    config = tiny_config(num_hidden_layers=2)
    weights = random_weights(config)
    name = "model.layers.0.feed_forward.up_proj.weight"
    weights[name], weights[name + "_scale"] = quantize_rows(weights[name])
    with pytest.raises(CheckpointError, match="must all be int8 or none"):
        Jamba.from_tensors(config, weights)
