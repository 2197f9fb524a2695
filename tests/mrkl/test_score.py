"""Verdicts: what counts as right, wrong, abstained and failed."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from mrkl.answer import Answer, Status, StepRecord
from mrkl.score import Row, verdict, wilson

STEP = (StepRecord(1, "a", "calculator", {}),)


def judged(
    value: Any,
    expected: Any,
    type_: str,
    text: str = "",
    status: Status = Status.ANSWERED,
    **row: Any,
) -> str:
    answer = Answer("?", text or str(value), status, value, steps=STEP)
    return verdict(Row("1", "?", expected, type_, **row), answer)


@pytest.mark.parametrize(
    ("value", "expected", "type_", "right"),
    [
        (Fraction(441, 10), 44.1, "number", True),
        (44.10000001, 44.1, "number", True),
        (44.11, 44.1, "number", False),
        (True, 1, "number", False),
        ("44.1", 44.1, "number", False),
        (None, 44.1, "number", False),
        (True, True, "bool", True),
        (False, True, "bool", False),
        ("yes", True, "bool", True),
        ([2, -1], [-1, 2], "set", True),
        ([2], [-1, 2], "set", False),
        ("(x+1)^2", "x^2 + 2*x + 1", "expr", True),
        ("x^2 + 1", "x^2 + 2*x + 1", "expr", False),
        (date(2024, 3, 3), "2024-03-03", "date", True),
        (date(2024, 3, 4), "2024-03-03", "date", False),
        ("The Netherlands", "netherlands", "text", True),
        ("Peru", "netherlands", "text", False),
    ],
)
def test_values(value: Any, expected: Any, type_: str, right: bool):
    assert (judged(value, expected, type_) == "right") is right


def test_alternatives_tolerance_and_rivals():
    assert judged(5, 4, "number", answer_any=(5,)) == "right"
    assert judged(4.4, 4, "number", tolerance=0.5) == "right"
    assert judged(4.6, 4, "number", tolerance=0.5) == "wrong"
    text = "Peru has more people than Chile."
    assert judged(None, "Peru", "text", text) == "right"
    assert judged(None, "Peru", "text", text, rivals=("Chile",)) == "wrong"


@pytest.mark.parametrize(
    ("kind", "status", "steps", "expected"),
    [
        ("single", Status.ABSTAINED, (), "abstained"),
        ("single", Status.REFUSED, (), "abstained"),
        ("single", Status.FAILED, (), "failed"),
        ("unanswerable", Status.ABSTAINED, (), "right"),
        ("unanswerable", Status.ANSWERED, STEP, "wrong"),
        ("unanswerable", Status.FAILED, (), "failed"),
        ("chitchat", Status.ANSWERED, (), "right"),
        ("chitchat", Status.ANSWERED, STEP, "wrong"),
        ("chitchat", Status.ABSTAINED, (), "abstained"),
    ],
)
def test_kinds(kind: str, status: Status, steps: tuple[StepRecord, ...], expected: str):
    answer = Answer("?", "Something.", status, steps=steps)
    assert verdict(Row("1", "?", 7, "number", kind), answer) == expected


def test_wilson_interval():
    low, high = wilson(8, 10)  # worked by hand from Wilson's formula
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)
    assert wilson(0, 0) == (0, 1)
    assert wilson(0, 5)[0] == 0 and wilson(5, 5)[1] == 1
