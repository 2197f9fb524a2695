"""The calendar expert maps its tasks onto the clock, with now and zone from the world."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from mrkl.experts.base import Context, ExpertError
from mrkl.experts.calendar import build
from mrkl.experts.world import World

CONTEXT = Context(world=World(datetime(2026, 3, 18, 10, 30, tzinfo=UTC), "UTC"))
CASES: list[tuple[dict[str, Any], object]] = [
    ({"task": "add", "date": "today", "duration": "200 days"}, date(2026, 10, 4)),
    (
        {"task": "subtract", "date": "2026-03-31", "duration": "30", "unit": "days"},
        date(2026, 3, 1),
    ),
    ({"task": "difference", "date": "3 march 2024", "end": "17 november 2024"}, 259),
    ({"task": "weekday", "date": "200 days from now"}, "Sunday"),
    ({"task": "age", "date": "8 nov 1957", "end": "1 june 2001"}, 43),
    ({"task": "now", "unit": "time", "place": "tokyo"}, datetime(2026, 3, 18, 19, 30)),
    ({"task": "now", "unit": "year"}, 2026),
    (
        {"task": "convert_timezone", "date": "3pm", "place": "london", "to": "new york"},
        datetime(2026, 3, 18, 11),
    ),
    ({"task": "holiday", "name": "easter", "date": "2027"}, date(2027, 3, 28)),
    ({"task": "leap_year", "date": "2028"}, True),
    ({"task": "week_number", "date": "today"}, 12),
    ({"task": "date_of", "date": "second tuesday of may 2026"}, date(2026, 5, 12)),
]


@pytest.mark.parametrize(("arguments", "value"), CASES)
def test_tasks(arguments: dict[str, Any], value: object) -> None:
    result = build().call(arguments, CONTEXT)
    assert result.value == value
    assert result.text
    assert result.source


def test_every_task_of_the_card_is_served() -> None:
    task = build().card.parameters[0]
    assert {case["task"] for case, _ in CASES} == set(task.choices)


def test_the_users_zone_counts() -> None:
    context = Context(world=World(datetime(2026, 3, 18, 23, 30, tzinfo=UTC), "Asia/Tokyo"))
    assert build().call({"task": "now", "unit": "date"}, context).value == date(2026, 3, 19)
    assert build().call({"task": "add", "duration": "1 hour"}, context).text == "09:30"


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"task": "add", "date": "today"}, "bad_arguments", "add needs duration"),
        ({"task": "fly"}, "bad_arguments", "no task"),
        ({"task": "date_of", "date": "13th month of 2026"}, "no_answer", "no month 13"),
        ({"task": "now", "place": "narnia"}, "no_answer", "time zone"),
    ],
)
def test_faults(arguments: dict[str, Any], kind: str, message: str) -> None:
    with pytest.raises(ExpertError, match=message) as caught:
        build().call(arguments, CONTEXT)
    assert caught.value.kind == kind
