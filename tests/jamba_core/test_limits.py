"""Rooflines against the published ones, and what fits where."""

from dataclasses import replace

import pytest

from mrkl.jamba_core.limits import (
    DEVICES,
    GIB,
    decode_limit,
    fit,
    most_context,
    prefill_flops,
    prefill_limit,
    step_bytes,
)
from mrkl.jamba_core.shapes import shape

MINI, LARGE = shape("mini"), shape("large")
H200, H100 = DEVICES["h200"], DEVICES["h100"]
K = 1024


@pytest.mark.parametrize(
    ("precision", "limits"),
    [
        ("bfloat16", {(1, 4): 181, (1, 64): 173, (1, 256): 154, (8, 4): 475, (64, 4): 2526}),
        ("experts_int8", {(1, 4): 237, (1, 64): 225, (8, 4): 804, (8, 256): 449, (64, 4): 4310}),
        ("jamba_int8", {(1, 4): 281, (1, 256): 220, (8, 64): 716, (64, 4): 4509}),
        ("int8", {(1, 4): 360, (1, 64): 332, (8, 4): 940, (64, 4): 4774}),
    ],
)
def test_decode_limits_of_mini(precision: str, limits: dict[tuple[int, int], int]) -> None:
    for (batch, context), wanted in limits.items():
        found = decode_limit(MINI, precision, context * K, batch, H200)
        assert found == pytest.approx(wanted, rel=4e-3), (batch, context)


def test_bytes_of_a_step() -> None:
    found = [step_bytes(MINI, "jamba_int8", 4 * K, batch) / 1e9 for batch in (1, 8, 64)]
    assert found == pytest.approx([15.3, 40.0, 61.0], rel=4e-3)


def test_decode_limits_elsewhere() -> None:
    on_h100 = [decode_limit(MINI, "experts_int8", 4 * K, batch, H100) for batch in (1, 8, 64)]
    assert on_h100 == pytest.approx([165, 561, 3007], rel=4e-3)
    eight = replace(H100, bandwidth=3.35e12).times(8)
    assert decode_limit(LARGE, "experts_int8", 4 * K, 1, eight) == pytest.approx(186, rel=0.07)


def test_compute_limits_a_large_batch() -> None:
    small, large = (decode_limit(MINI, "bfloat16", 1, b, H200) for b in (4096, 8192))
    assert small == pytest.approx(large)
    assert small == pytest.approx(790e12 / (2 * 11.842e9), rel=1e-3)


def test_prefill_limits_of_mini() -> None:
    gigaflops = [prefill_flops(MINI, n * K) / 1e9 for n in (4, 64, 256)]
    assert gigaflops == pytest.approx([23.8, 25.8, 32.3], abs=0.06)
    speeds = [prefill_limit(MINI, n * K, H200) for n in (4, 64, 256)]
    assert speeds == pytest.approx([33_200, 30_600, 24_500], rel=2e-3)
    assert 256 * K / speeds[2] == pytest.approx(10.7, abs=0.02)


def test_what_fits_where() -> None:
    assert fit(MINI, "bfloat16", 4 * K, 1, H200).fits
    assert not fit(MINI, "bfloat16", 1, 1, H100).fits
    assert fit(MINI, "experts_int8", 256 * K, 1, H100).fits
    assert most_context(MINI, "experts_int8", 1, H100) > 1_400_000
    assert most_context(MINI, "bfloat16", 1, H100) == 0
    eight = H100.times(8)
    large = fit(LARGE, "experts_int8", 256 * K, 1, eight)
    assert large.fits and large.caches == 9 * GIB
    assert not fit(LARGE, "bfloat16", 1, 1, eight).fits
    assert not fit(LARGE, "experts_int8", 256 * K, 1, H100.times(5)).fits
    cpu = DEVICES["cpu"]
    assert fit(shape("3b"), "bfloat16", 4 * K, 1, cpu).fits
    assert not fit(MINI, "int8", 1, 1, cpu).fits


def test_the_longest_text_just_fits() -> None:
    for precision, batch in (("experts_int8", 1), ("int8", 3)):
        longest = most_context(MINI, precision, batch, H100)
        assert fit(MINI, precision, longest, batch, H100).fits
        assert not fit(MINI, precision, longest + 1, batch, H100).fits
