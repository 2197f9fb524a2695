"""Each kernel against float64 on small odd sizes; on a device in bfloat16 and at Mini's too."""

from dataclasses import replace

import pytest
import torch

from tests.gpu.conftest import DEVICE

# SiLU of minus a million: exp overflows to infinity, and x / infinity is the right zero
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")


def check(size, dtype: torch.dtype, batches: tuple[int, ...], seed: int) -> None:
    from benchmarks.gpu.cases import cases

    wrong = []
    for case in cases(size, DEVICE, dtype, batches, seed):
        error = case.error()
        if not error <= case.limit:
            wrong.append(f"{case.name}: {error:.2e}, at most {case.limit:.0e} is allowed")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("batches", [(1, 2), (3, 20)])
def test_float32(batches: tuple[int, ...]) -> None:
    from benchmarks.gpu.cases import SMALL

    check(SMALL, torch.float32, batches, seed=sum(batches))


def test_inputs_of_a_million() -> None:
    from benchmarks.gpu.cases import SMALL

    check(replace(SMALL, large=1e6, time=3), torch.float32, (1, 5), seed=9)


@pytest.mark.skipif(DEVICE == "cpu", reason="the interpreter does not multiply bfloat16")
@pytest.mark.parametrize("mini", [False, True])
def test_bfloat16(mini: bool) -> None:
    from benchmarks.gpu.cases import MINI, SMALL

    check(MINI if mini else SMALL, torch.bfloat16, (1, 8, 64), seed=4)
