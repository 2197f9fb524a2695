"""The fuzz targets on their seeds and on fixed changes of them; atheris is not needed."""

from __future__ import annotations

import importlib
import subprocess
import sys
from fractions import Fraction
from types import ModuleType

import pytest

from fuzz.__main__ import TARGETS
from fuzz.mutations import mutations

COUNTS = {"expressions": 1000, "plans": 3000, "checkpoints": 300}


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(f"fuzz.{request.param}")


def test_the_seeds_pass(target: ModuleType) -> None:
    for seed in target.SEEDS:
        target.check(seed)


def test_changed_seeds_pass(target: ModuleType) -> None:
    for data in mutations(target.SEEDS, COUNTS[target.__name__.removeprefix("fuzz.")]):
        target.check(data)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff\xfe", b"\n", b"\xed\xa0\x80", b"(" * 9999])
def test_bytes_of_any_kind_pass(target: ModuleType, data: bytes) -> None:
    target.check(data)


def test_the_same_number_gives_the_same_changes() -> None:
    seeds = [b"one seed", b"another"]
    assert list(mutations(seeds, 50)) == list(mutations(seeds, 50))
    assert list(mutations(seeds, 50)) != list(mutations(seeds, 50, number=1))


def test_a_wrong_value_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from fuzz import expressions

    right = expressions.evaluate
    monkeypatch.setattr(expressions, "evaluate", lambda text, known: right(text, known) + 1)
    with pytest.raises(AssertionError, match="7 is not 6"):
        expressions.check(b"2 * (1 + 2)")
    assert expressions._by_python("1 / 3 - -2") == Fraction(7, 3)
    assert expressions._by_python("2(3)") is None


def test_an_unknown_target_is_said() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", "nonsense"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("usage: python -m fuzz expressions|plans|checkpoints")
