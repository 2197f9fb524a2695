"""The calculator expert, called as the agent calls it."""

from __future__ import annotations

import pytest

from mrkl.experts.base import Failure, Result
from mrkl.experts.calculator import build
from mrkl.experts.run import call

CALCULATOR = build()


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("2 + 3 * 4", "14"),
        ("2.16 / 36 * 1000", "60"),
        ("10 / 3", "3.3333333"),
        ("94.50 / 6", "15.75"),
        ("0.1 + 0.2", "0.3"),
        ("3/7 > 0.43", "no"),
        ("argmax(London: 9, Cairo: 24)", "Cairo"),
        ("divisors(12)", "1, 2, 3, 4, 6, 12"),
        ("2^100", "1267650600228229401496703205376"),
    ],
)
def test_answers(expression: str, text: str) -> None:
    result = call(CALCULATOR, {"expression": expression})
    assert isinstance(result, Result), result
    assert str(result) == text
    assert result.source == "arithmetic"


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("9**9**9", "no_answer"),
        ("1/0", "no_answer"),
        ("2 +", "bad_arguments"),
        ("seven", "bad_arguments"),
        ("x" * 50_000, "no_answer"),
    ],
)
def test_failures_come_at_once(expression: str, kind: str) -> None:
    failure = call(CALCULATOR, {"expression": expression})
    assert isinstance(failure, Failure)
    assert failure.kind == kind
    assert failure.seconds < 0.5
