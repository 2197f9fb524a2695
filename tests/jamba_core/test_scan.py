"""The quick scan against the plain one in float64, from states that are not empty."""

import pytest
import torch
import torch.nn.functional as F

from mrkl.jamba_core.scan import (
    CHUNK_BYTES,
    LOG2_E,
    causal_conv,
    selective_scan,
    selective_scan_reference,
)

CHANNELS, STATES = 24, 16


def inputs(batch: int, time: int, dt: float | None = None) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(time)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    steps = F.softplus(normal(batch, time, CHANNELS) - 2)
    return {
        "u": normal(batch, time, CHANNELS),
        "dt": steps if dt is None else torch.full_like(steps, dt),
        "b": normal(batch, time, STATES),
        "c": normal(batch, time, STATES),
        "a": -torch.rand(STATES, CHANNELS, generator=generator, dtype=torch.float64) * 16,
        "state": normal(batch, STATES, CHANNELS),
    }


@pytest.mark.parametrize("time", [1, 2, 3, 5, 127, 128, 129, 1000])
@pytest.mark.parametrize("batch", [1, 3])
def test_scan_equals_the_reference(batch: int, time: int) -> None:
    exact = inputs(batch, time)
    y, state = selective_scan_reference(**exact)
    quick = {name: tensor.float() for name, tensor in exact.items()}
    quick["a2"] = quick.pop("a") * LOG2_E
    before = quick["state"].clone()
    ours, ours_state = selective_scan(**quick)
    assert (ours - y).abs().max() <= 1e-5 * y.std() * 10
    assert (ours_state - state).abs().max() <= 1e-5 * max(1.0, state.std())
    assert torch.equal(quick["state"], before)


@pytest.mark.parametrize("dt", [1e-6, 20.0])
def test_extreme_steps_stay_finite(dt: float) -> None:
    exact = inputs(2, 50, dt)
    y, _ = selective_scan_reference(**exact)
    quick = {name: tensor.float() for name, tensor in exact.items()}
    quick["a2"] = quick.pop("a") * LOG2_E
    ours, _ = selective_scan(**quick)
    assert torch.isfinite(ours).all()
    assert (ours - y).abs().max() <= 1e-4 * y.std()


def test_several_chunks_were_tested() -> None:
    assert CHUNK_BYTES // (4 * 3 * CHANNELS * STATES) < 1000


@pytest.mark.parametrize("time", [1, 2, 7])
def test_convolution_equals_torch(time: int) -> None:
    generator = torch.Generator().manual_seed(time)
    x, past = (torch.randn(2, n, CHANNELS, generator=generator) for n in (time, 3))
    taps, bias = torch.randn(4, CHANNELS, generator=generator), torch.randn(CHANNELS)
    ours, last = causal_conv(x, past, taps, bias)
    joined = torch.cat([past, x], 1)
    theirs = F.conv1d(joined.transpose(1, 2), taps.T[:, None], bias, groups=CHANNELS)
    assert torch.allclose(ours, theirs.transpose(1, 2), atol=1e-5)
    assert torch.equal(last, joined[:, -3:])
