"""The engine's tolerances, a test a row; those not here: prefill splits, steps and forks in
test_model, padding and mixed batches in test_padding, int8 products and modes in test_quantize,
snapshots in test_snapshot, files in test_load. transformers in float32 is the reference.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from mrkl.jamba_core import Jamba
from mrkl.jamba_core.kernels import library
from mrkl.jamba_core.packed import gated_scan
from mrkl.jamba_core.scan import LOG2_E, selective_scan, selective_scan_reference
from tests.jamba_core.conftest import hugging_face, random_ids, random_weights, tiny_config


def kl(wrong: torch.Tensor, right: torch.Tensor) -> float:
    p, q = torch.log_softmax(right.float(), -1), torch.log_softmax(wrong.float(), -1)
    return float((p.exp() * (p - q)).sum(-1).mean())


@pytest.fixture(scope="module")
def rounded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose weights are bfloat16 numbers."""
    config = tiny_config(initializer_range=0.06, hidden_size=128, intermediate_size=224)
    folder = tmp_path_factory.mktemp("rounded")
    weights = {n: t.bfloat16().float() for n, t in random_weights(config).items()}
    Jamba.from_tensors(config, weights).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("depth", [8, 16])
def test_float32_equals_transformers(depth: int, tmp_path: Path) -> None:
    config = tiny_config(num_hidden_layers=depth)
    ours = Jamba.from_tensors(config, random_weights(config, 2))
    ours.save_pretrained(tmp_path)
    ids = random_ids(2, 65, 3)
    with torch.inference_mode():
        theirs = hugging_face(tmp_path)(ids).logits
    allowed = 2e-5 * float(theirs.std()) * depth / 8
    assert (ours(ids).logits - theirs).abs().max() <= allowed


def test_bfloat16_beside_float32_of_the_same_weights(rounded: Path) -> None:
    ids = random_ids(3, 64, 4)
    exact = Jamba.from_pretrained(rounded, dtype=torch.float32)(ids).logits
    half = Jamba.from_pretrained(rounded, dtype=torch.bfloat16)(ids).logits
    error = (half - exact).square().mean().sqrt() / exact.square().mean().sqrt()
    assert error <= 0.05 and kl(half, exact) <= 5e-3
    twin = hugging_face(rounded).to(torch.bfloat16)
    with torch.inference_mode():
        theirs = twin(ids).logits.float()
    assert kl(half, exact) <= 1.1 * kl(theirs, exact)


def routed(model: Jamba, ids: torch.Tensor) -> list[torch.Tensor]:
    """The routers' probabilities [B T, E] of every MoE layer."""
    found: list[torch.Tensor] = []

    def watched(layer: Any) -> Any:
        forward = layer.feed_forward

        def run(x: torch.Tensor) -> torch.Tensor:
            found.append(torch.softmax(F.linear(x, forward.router), -1))
            return forward(x)

        return run

    for number, layer in enumerate(model.layers):
        if model.config.is_moe(number):
            layer.feed_forward = watched(layer)
    model(ids)
    return found


def test_routers_choose_the_experts_that_transformers_chooses(folder: Path, twin: Any) -> None:
    ids, compared = random_ids(3, 41, 5), 0
    with torch.inference_mode():
        theirs = twin(ids, output_router_logits=True).router_logits
    ours = routed(Jamba.from_pretrained(folder), ids)
    assert len(ours) == len(theirs) == 4
    for mine, logits in zip(ours, theirs, strict=True):
        chances = torch.softmax(logits.float(), -1).view_as(mine)
        ranked = chances.sort(-1, descending=True)
        clear = ranked.values[:, 1] - ranked.values[:, 2] > 1e-2
        chosen = mine.topk(2, -1).indices.sort(-1).values
        assert torch.equal(chosen[clear], ranked.indices[:, :2].sort(-1).values[clear])
        compared += int(clear.sum())
    assert compared > 300


def scan_inputs(time: int, dt: float | None) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(time)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    steps = F.softplus(normal(2, time, 32) - 2)
    return {
        "u": normal(2, time, 32),
        "dt": steps if dt is None else torch.full_like(steps, dt),
        "b": normal(2, time, 16),
        "c": normal(2, time, 16),
        "a": -16 * torch.rand(16, 32, generator=generator, dtype=torch.float64),
        "state": normal(2, 16, 32),
    }


@pytest.mark.parametrize("dt", [None, 1e-6, 20.0])
@pytest.mark.parametrize("time", [1, 2, 3, 4, 5, 127, 128, 129, 4096])
def test_scans_equal_the_recurrence_in_float64(time: int, dt: float | None) -> None:
    exact = scan_inputs(time, dt)
    y, last = selective_scan_reference(**exact)
    quick = {name: tensor.float() for name, tensor in exact.items()}
    quick["a2"] = quick.pop("a") * LOG2_E
    results = [selective_scan(**quick)]
    if library() is not None:
        results.append(compiled(quick))
    # over thousands of tiny steps float32 itself is no closer: there the plain loop is the limit
    plain = selective_scan_reference(**{n: t.float() for n, t in exact.items()})
    loop, loop_state = ((p - e).abs().max() for p, e in zip(plain, (y, last), strict=True))
    for ours, state in results:
        assert (ours - y).abs().max() <= max(1e-4 * y.std(), loop)
        assert (state - last).abs().max() <= max(1e-5 * max(1.0, float(last.std())), loop_state)


def compiled(x: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """The kernel's scan; it applies softplus and the gate itself, which are undone here."""
    batch, time, inner = x["u"].shape
    before = x["dt"].double()
    before = torch.where(before > 15, before, torch.log(torch.expm1(before))).float()
    low = torch.cat([x["b"], x["c"]], -1).flatten(0, 1)
    projected = torch.full((batch * time, 2 * inner), 30.0)  # silu(30) is 30
    y, state = gated_scan(
        *(x["u"].flatten(0, 1), before.flatten(0, 1), low, projected, x["a2"]),
        *(torch.zeros(inner), x["state"]),
    )
    return (y / 30.0).view(batch, time, inner), state
