"""Values, cards and how they are written."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from mrkl.experts.base import (
    Card,
    Context,
    Expert,
    ExpertError,
    Failure,
    Parameter,
    Result,
    Value,
    as_json,
    render,
)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3, None, "3"),
        (34049588, None, "34049588"),
        (0.1 + 0.2, None, "0.3"),
        (Fraction(53, 25), "oz", "2.12 oz"),
        (Fraction(1, 3), "kg", "0.33333333 kg"),
        (True, None, "yes"),
        (False, None, "no"),
        (-3.0, "°C", "-3 °C"),
        (15, "%", "15%"),
        ("Saturday", None, "Saturday"),
        (date(2024, 3, 3), None, "2024-03-03"),
        (datetime(2024, 3, 3, 10, 30, tzinfo=UTC), None, "2024-03-03 10:30+00:00"),
        ([1, Fraction(1, 2), "a"], None, "1, 0.5, a"),
        (None, None, "none"),
    ],
)
def test_values_are_written_as_people_do(value: Value, unit: str | None, text: str) -> None:
    assert render(value, unit) == text
    assert str(Result(value, unit)) == text


def test_own_text_wins_but_the_core_reads_the_value() -> None:
    result = Result("osmium", text="osmium (22.6 g/cm³)")
    assert str(result) == "osmium (22.6 g/cm³)"
    assert result.line() == "osmium"


def test_result_lines_are_short() -> None:
    assert Result(Fraction(1, 3)).line() == "0.333333333333"
    assert Result(list(range(20))).line() == "0, 1, 2, 3, 4, 5, 6, 7 …"
    assert Result([1, 2]).line() == "1, 2"
    assert Result(2, "km").line() == "2 km"
    assert Result(True).line() == "yes"
    assert Failure("no_answer", "nothing found").line() == "failed: nothing found"


def test_card_line_is_what_the_core_reads() -> None:
    card = Card(
        "jet_lag_days",
        "Days to recover\n  from a flight. " + "x" * 600,
        (
            Parameter("zones", "int", "time zones crossed"),
            Parameter("direction", "enum[east, west]", required=False, default="east"),
            Parameter("note", "str", required=False, default="today"),
            Parameter("age", "float", 'a "guess"', required=False),
            Parameter("ok", "bool", required=False, default=True),
        ),
    )
    head, _, description = card.line().partition("): ")
    assert head == (
        'jet_lag_days(zones: int "time zones crossed", direction: east|west = east, '
        'note: str = "today", age: float "a \'guess\'" = none, ok: bool = true'
    )
    assert description.startswith("Days to recover from a flight. xxx")
    assert len(description) == 480
    assert "\n" not in card.line()
    assert Card("now", "The time.").line() == "now(): The time."


def test_json_has_plain_types_only() -> None:
    value: Value = [Fraction(1, 4), Fraction(4, 2), date(2024, 1, 2), True, None, 10**5000, "a"]
    assert json.loads(json.dumps(as_json(value))) == [
        0.25,
        2,
        "2024-01-02",
        True,
        None,
        "1" + "0" * 5000,
        "a",
    ]
    assert as_json(Fraction(10**400 + 1, 3)) == "3" * 399 + "4"


def test_context_counts_down() -> None:
    assert Context().remaining() == float("inf")
    assert 4 < Context(deadline=time.monotonic() + 5).remaining() <= 5
    assert Context(deadline=time.monotonic() - 5).remaining() == 0


def test_an_expert_calls_its_function() -> None:
    card = Card("double", "Twice a number.", (Parameter("n", "int"),), "int")
    expert = Expert(card, lambda arguments, context: Result(2 * arguments["n"]))
    assert expert.call({"n": 4}, Context()) == Result(8)
    assert expert.name == "double"
    with pytest.raises(TypeError, match="not a decorated function"):
        expert(4)


def test_expert_errors_carry_kind_and_message() -> None:
    error = ExpertError("offline", "no network")
    assert (error.kind, error.message, str(error)) == ("offline", "no network", "no network")
