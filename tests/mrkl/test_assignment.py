"""A question's numbers dealt out anew where a call used one twice and left another unread."""

from __future__ import annotations

from typing import Any

import pytest

from mrkl.assignment import MOST, other_ways
from mrkl.experts.base import Card, Parameter


def card(*types: str) -> Card:
    return Card(
        "f", "", tuple(Parameter(name, kind) for name, kind in zip("abcdef", types, strict=False))
    )


def test_each_number_is_used_as_often_as_it_is_said() -> None:
    ways = other_ways("from 43 to 62", card("int", "int"), {"a": "43", "b": "43"})
    assert ways == [{"a": "43", "b": "62"}, {"a": "62", "b": "43"}]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("from 43 to 62", {"a": "43", "b": "62"}),  # nothing is wrong
        ("from 43 on", {"a": "43", "b": "43"}),  # there is no other number
        ("43 and 43, not 5", {"a": "43", "b": "43"}),  # it was said twice
        ("from 43 to 62", {"a": "43+43", "b": "43*2"}),  # no bare numbers
    ],
)
def test_what_is_left_as_it_is(text: str, arguments: dict[str, Any]) -> None:
    assert other_ways(text, card("int", "int"), arguments) == []


def test_words_and_fixed_arguments_count_as_used() -> None:
    arguments = {"a": "two", "b": "7", "c": "7", "d": "3*4"}
    ways = other_ways("two things: 7, nine and 3 by 4", card("str", "int", "int", "int"), arguments)
    assert {(way["b"], way["c"]) for way in ways} == {("2", "7"), ("7", "2"), ("2", "9"), ("9", "2"),
                                                      ("7", "9"), ("9", "7")}  # fmt: skip
    assert all(way["d"] == "3*4" and way["a"] == "two" for way in ways)


def test_a_whole_number_stays_whole() -> None:
    ways = other_ways("2.5 and 3", card("int", "float"), {"a": "3", "b": "3"})
    assert ways == [{"a": "3", "b": "2.5"}]


def test_many_numbers_are_dealt_only_where_one_was_used_twice() -> None:
    text = "1 2 3 4 5 6"
    arguments = {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "f": "5"}
    ways = other_ways(text, card(*["int"] * 6), arguments)
    assert [(w["e"], w["f"]) for w in ways] == [("5", "6"), ("6", "5")]
    assert len(ways) <= MOST
