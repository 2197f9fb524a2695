"""Numbers in words, templates, conditions, operators, firewall."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrkl.tools.sql_schema import Column, Relation
from training.data import operators, patterns, sql_rows
from training.data.adapt import Adapter, Drop
from training.data.conditions import compile_condition
from training.data.filling import arguments_of, draw
from training.data.firewall import Firewall, blocked, training_texts, words
from training.data.numbers_as_words import in_words, ordinal, typed_int, value_of
from training.data.templates import Question
from training.data.units_table import convert


@given(st.integers(0, 10**11))
def test_words_read_back(n: int) -> None:
    assert value_of(in_words(n)) == n


@given(st.integers(13, 10**9), st.integers(0, 1000))
def test_typed_numbers_keep_their_value(n: int, seed: int) -> None:
    typed = typed_int(n, random.Random(seed))
    for mark, size in ((" million", 10**6), (" mln", 10**6), ("m", 10**6), ("k", 1000)):
        if typed.endswith(mark) and typed[0].isdigit():
            assert round(float(typed.removesuffix(mark)) * size) == n
            return
    assert value_of(typed.removeprefix("a ") if typed == "a dozen" else typed) == n


def test_ordinals() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 21, 112)] == [
        "1st", "2nd", "3rd", "4th", "11th", "21st", "112th"
    ]  # fmt: skip


def test_conditions() -> None:
    condition = compile_condition("f * s > t and mod(s, 3) == 0")
    assert condition({"f": 2, "s": 9, "t": 17})
    assert not condition({"f": 2, "s": 9, "t": 18})
    with pytest.raises(ValueError, match="not a condition"):
        compile_condition("__import__('os')")


def test_a_date_phrase_is_found_as_it_stands() -> None:
    question = Question.parse("last friday of {month:m} {year:y}, payday")
    arguments = Adapter(question).step(
        "calendar", {"task": "date_of", "date": "last Friday of {m} {y}"}
    )
    start, end = arguments[1].span or (0, 0)
    assert question.flat[start:end].startswith("last friday of ")


def test_what_nobody_said_is_dropped() -> None:
    question = Question.parse("how far is it to {city:c}")
    with pytest.raises(Drop, match="not in the question"):
        Adapter(question).step("weather", {"place": "{c}", "day": "tomorrow", "field": "rain"})


@pytest.mark.parametrize("seed", range(6))
def test_copies_follow_the_operators(seed: int) -> None:
    rng = random.Random(seed)
    known = [
        p for p in patterns.all_patterns() if p.id.startswith("knowledge/capital-of-country-a")
    ]
    draft = draw(known[0], rng)
    operators.vary(draft, rng, "heldout")
    operators.LowerCase().apply(draft, rng)
    assert arguments_of(draft)[0]["entity"] in draft.question
    assert set(draft.used) & {kind.__name__ for kind in operators.HELD_OUT}


def test_held_out_operators_are_not_trained_on() -> None:
    rng = random.Random(0)
    for pattern in rng.sample(patterns.all_patterns(), 200):
        if pattern.where:
            continue
        draft = draw(pattern, rng)
        operators.vary(draft, rng, "train")
        assert not set(draft.used) & {kind.__name__ for kind in operators.HELD_OUT}


def test_no_training_text_repeats_an_evaluation_question() -> None:
    wall = Firewall.load()
    assert len(wall.whole) > 5000 and len(wall.runs) > 20000
    found = {key: wall.hit(text) for text, key in training_texts() if key not in blocked()}
    assert len(found) > 10000
    assert {key: why for key, why in found.items() if why} == {}


def test_the_wall_is_kept_without_the_questions(tmp_path: Path) -> None:
    asked = "how many ducks cross the river when seven of 12 boats are full"
    Firewall([asked]).save(tmp_path / "wall")
    wall = Firewall.load(tmp_path / "wall")
    assert wall.hit("How many ducks cross the river when seven of 99 boats are full?")
    assert wall.hit("say, how many ducks cross the river when seven swim")
    assert wall.hit("how many geese cross the river when seven of 12 boats are full")
    assert wall.hit("how many geese cross the river when six of 12 boats are full") is None
    assert b"ducks" not in (tmp_path / "wall").read_bytes()


def test_firewall_masks_numbers_and_finds_runs() -> None:
    wall = Firewall(["What is 18 percent of 245?", "a b c d e f g h i j"])
    assert wall.hit("what is {int:n} percent of {int:m}")
    assert wall.hit("x b c d e f g h i y")
    assert wall.hit("something else entirely") is None
    assert words("It's 3.50, ok") == ("its", "0", "ok")


def test_the_schema_is_written_as_the_expert_writes_it() -> None:
    theme = sql_rows.THEMES[0]
    table = sql_rows.Table(theme, ("age",), {"city": "Oslo Berlin"})
    expected = Relation(
        "customers",
        (
            Column("id", "int"), Column("name", "text"), Column("city", "text", ("Berlin", "Oslo")),
            Column("age", "real"), Column("joined", "date"),
        ),
    )  # fmt: skip
    assert sql_rows.words(table, samples=True) == expected.words()


def test_units_convert_both_ways() -> None:
    there = convert(5, "miles", "kilometers")
    assert there is not None
    assert there[0] == pytest.approx(8.04672)
    assert convert(1, "miles", "kilograms") is None
