"""The compiled kernels against float64 and against plain torch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mrkl.jamba_core import Jamba
from mrkl.jamba_core.kernels import library
from mrkl.jamba_core.linear import rms_norm
from mrkl.jamba_core.packed import (
    EXACT,
    QUICK,
    PackedExperts,
    PackedLinear,
    conv_silu,
    gated_mlp,
    gated_scan,
    norm_pieces,
    use_threads,
)
from mrkl.jamba_core.quantize import quantize_rows
from mrkl.jamba_core.scan import LOG2_E, causal_conv, selective_scan_reference
from tests.jamba_core.conftest import random_ids

pytestmark = pytest.mark.skipif(library() is None, reason="no C compiler here")
SIZES = [(96, 64), (68, 37), (264, 64), (16, 8), (40, 128), (256, 576)]


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def packed(rows: int, columns: int, digits: int = QUICK, seed: int = 0) -> PackedLinear:
    bias = normal(rows, seed=seed + 1)
    return PackedLinear(*quantize_rows(normal(rows, columns, seed=seed)), (), bias, digits)


def exact(linear: PackedLinear, x: torch.Tensor) -> torch.Tensor:
    assert linear.bias is not None
    return F.linear(x.double(), linear.weight.double() * linear.scale.double()[:, None]).add(
        linear.bias
    )


@pytest.mark.parametrize(("rows", "columns"), SIZES)
@pytest.mark.parametrize(("digits", "tolerance"), [(QUICK, 3e-4), (EXACT, 2e-6)])
def test_products_equal_float64(rows: int, columns: int, digits: int, tolerance: float) -> None:
    linear = packed(rows, columns, digits)
    for count in range(1, 9):
        x = normal(count, columns)
        right = exact(linear, x)
        assert (linear(x) - right).abs().max() <= tolerance * right.std()


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    linear, x = packed(160, 576), normal(7, 576)
    together = linear(x)
    for row in range(7):
        assert torch.equal(linear(x[row : row + 1])[0], together[row])


def test_zeros_and_very_large_numbers_survive() -> None:
    linear = packed(64, 64)
    assert linear.bias is not None
    assert torch.equal(linear(torch.zeros(2, 64)), linear.bias.expand(2, -1))
    x = normal(3, 64) * 4e6  # what some experts of real Jambas put out
    right = exact(linear, x)
    assert (linear(x) - right).abs().max() <= 3e-4 * right.std()


def test_packing_is_undone_exactly() -> None:
    for rows, columns in SIZES:
        weight, scale = quantize_rows(normal(rows, columns))
        linear = PackedLinear(weight, scale, ())
        assert torch.equal(linear.weight, weight)
        ids = torch.tensor([0, rows - 1, 3])
        assert torch.equal(linear.some_rows(ids), linear.dequantized()[ids])
        with pytest.raises(IndexError):
            linear.some_rows(torch.tensor([rows]))


def plain_mlp(gate_up: PackedLinear, down: PackedLinear, x: torch.Tensor) -> torch.Tensor:
    gate, up = exact(gate_up, x).chunk(2, -1)
    return exact(down, F.silu(gate) * up)


@pytest.mark.parametrize("count", [1, 2, 5, 33])
def test_experts_equal_float64(count: int) -> None:
    pairs = [(packed(96, 64, seed=e), packed(64, 48, seed=e + 9)) for e in range(4)]
    x = normal(count, 64)
    one = plain_mlp(*pairs[0], x)
    assert (gated_mlp(*pairs[0], x) - one).abs().max() <= 2e-3 * one.std()
    weights, chosen = torch.topk(torch.softmax(normal(count, 4, seed=3), -1), 2, -1)
    right = torch.zeros(count, 64, dtype=torch.float64)
    for row in range(count):
        for weight, expert in zip(weights[row], chosen[row], strict=True):
            right[row] += weight * plain_mlp(*pairs[int(expert)], x[row : row + 1])[0]
    experts = PackedExperts([g for g, _ in pairs], [d for _, d in pairs])
    assert (experts(x, weights, chosen) - right).abs().max() <= 2e-3 * right.std()


@pytest.mark.parametrize("time", [1, 2, 3, 129])
@pytest.mark.parametrize("shift", [-2.0, 20.0, -14.0])
def test_convolution_and_scan_equal_the_reference(time: int, shift: float) -> None:
    batch, inner, states = 2, 72, 16
    projected, past = normal(batch * time, 2 * inner), normal(batch, 3, inner)
    taps, bias, skip = normal(4, inner), normal(inner), normal(inner, seed=5)
    u, last = conv_silu(projected, past, taps, bias)
    inputs = projected[:, :inner].unflatten(0, (batch, time))
    right, right_last = causal_conv(inputs, past, taps, bias)
    assert torch.allclose(u.view_as(right), F.silu(right), atol=1e-5)
    assert torch.equal(last, right_last)
    dt, low = normal(batch * time, inner) + shift, normal(batch * time, 5 + 2 * states)
    a, state = -16 * torch.rand(states, inner), normal(batch, states, inner)
    before = state.clone()
    y, following = gated_scan(u, dt, low, projected, a * LOG2_E, skip, state)
    pieces = [t.double().unflatten(0, (batch, time)) for t in (u, F.softplus(dt), low)]
    b, c = pieces[2][..., 5 : 5 + states], pieces[2][..., 5 + states :]
    swept, last_state = selective_scan_reference(*pieces[:2], b, c, a.double(), state.double())
    gate = F.silu(projected[:, inner:].double()).view_as(swept)
    wanted = (swept + pieces[0] * skip) * gate
    assert (y.view_as(wanted) - wanted).abs().max() <= 1e-5 * max(1.0, float(wanted.std())) * 10
    assert (following - last_state).abs().max() <= 1e-5 * max(1.0, float(last_state.std())) * 10
    assert torch.equal(state, before)


def test_any_number_of_threads_gives_the_same_numbers() -> None:
    linear, x = packed(1024, 576), normal(9, 576)
    results = []
    for threads in (1, 2, 5, 1, 3):
        use_threads(threads)
        results += [linear(x) for _ in range(20)]
    use_threads()
    assert all(torch.equal(result, results[0]) for result in results)


def test_plain_torch_gives_the_same_model(folder: Path, tmp_path: Path) -> None:
    program = (
        "import sys, torch; from mrkl.jamba_core import Jamba;"
        "from mrkl.jamba_core.kernels import library; assert library() is None;"
        "model = Jamba.from_pretrained(sys.argv[1], quantization='int8');"
        "torch.save(model(torch.load(sys.argv[2])).logits, sys.argv[2])"
    )
    ids, file = random_ids(2, 31), tmp_path / "logits.pt"
    torch.save(ids, file)
    subprocess.run(
        [sys.executable, "-c", program, str(folder), str(file)],
        check=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"MRKL_NATIVE": "0"},
        timeout=100,
    )
    plain = torch.log_softmax(torch.load(file), -1)
    ours = torch.log_softmax(Jamba.from_pretrained(folder, quantization="int8")(ids).logits, -1)
    assert float((plain.exp() * (plain - ours)).sum(-1).mean()) <= 5e-3


@pytest.mark.parametrize("width", [5, 16, 64, 77])
def test_norms_equal_torch(width: int) -> None:
    x, weight = normal(4, width), normal(width, seed=2)
    assert torch.allclose(rms_norm(x, weight, 1e-5), torch.rms_norm(x, (width,), weight, 1e-5))
    low, scale = normal(3, width + 32), normal(width + 32, seed=4)
    pieces = zip(low.split((width, 16, 16), -1), scale.split((width, 16, 16)), strict=True)
    right = torch.cat([torch.rms_norm(p, (p.shape[1],), w, 1e-6) for p, w in pieces], -1)
    norm_pieces(low, scale, 1e-6, width, 16)
    assert torch.allclose(low, right, atol=1e-5)
