"""Numbers of a question that a plan leaves unread or uses too often."""

from __future__ import annotations

import pytest

from mrkl.numbers_in import repeated_numbers, unread_numbers


@pytest.mark.parametrize(
    ("question", "written", "unread", "repeated"),
    [
        ("480 km in 3h 12min, average mph?", ["480 / 3", "#1 km/h", "mph"], 1, 0),
        ("15% of the number of days in 2028", ["15 / 100 * 365"], 1, 0),
        ("born on 8 nov 1957, how old on 1 june 2001", ["8 nov 1957", "1 june 2001"], 0, 0),
        ("two and a half hours in minutes", ["2.5 hours", "minutes"], 0, 0),
        ("1,200 divided by twelve", ["1200 / 12"], 0, 0),
        ("28 front 11 rear", ["11", "11"], 1, 1),
        ("28 front 11 rear", ["28", "11"], 0, 0),
        ("a dozen people, 540, 22 percent", ["22", "540", "12"], 0, 0),
        ("a bill of 90 for 90 people", ["90", "90"], 0, 0),
        ("is osmium dense", ["density", "osmium"], 0, 0),
    ],
)
def test_numbers_against_calls(
    question: str, written: list[str], unread: int, repeated: int
) -> None:
    assert unread_numbers(question, written) == unread
    assert repeated_numbers(question, written) == repeated
