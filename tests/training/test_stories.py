"""Composed word problems: the steps end in the value asked, and nothing told is spare."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import islice
from typing import Any

import pytest

from mrkl.numbers_in import argument_numbers
from mrkl.prompt import PLAN, QUESTION
from mrkl.tools.number_words import find_numbers
from training.data import said_arithmetic, stories, story_sums
from training.data.firewall import Firewall
from training.data.problem_rows import chain, other_numbers, percents
from training.data.stories import Story, problem

SHOP: dict[str, Any] = {
    "id": "shop",
    "words": {"P": "she", "X": ["pears"]},
    "numbers": {
        "had": "int 20 90",
        "sold": "int 5 15",
        "left": "= had - sold",
        "price": "money 2 9",
        "taken": "= sold * price",
        "p": "percent",
        "tax": "= p % taken",
    },
    "say": {
        "had": ["{P} had {had} {X}."],
        "sold": ["{He:P} sold {sold} {X}"],
        "left": ["{left} {X} were left."],
        "price": ["Each cost {price}."],
        "taken": ["{He:P} took {taken}."],
        "p": ["{p} of it was tax."],
    },
    "ask": {n: ["How much?"] for n in ("had", "sold", "left", "price", "taken", "tax", "p")},
}


def test_every_story_is_well_written() -> None:
    """A sample; `python -m training.data.stories --check` looks at all in twenty seconds."""
    rows = stories.raw()
    assert len(rows) > 900
    assert len({row["id"] for _, row in rows}) == len(rows)
    sample = random.Random(0).sample(rows, 120)
    assert [f for _, row in sample for f in stories.faults(row)] == []


def test_the_steps_end_in_the_value_asked() -> None:
    rng = random.Random(1)
    seen = 0
    for story in rng.sample(stories.stories("train"), 250):
        made = problem(story, rng)
        if made is None:
            continue
        seen += 1
        results = chain(made.expressions)
        assert results is not None and Fraction(results[-1]) == made.value, made
        used = {k for e in made.expressions for k in range(1, 9) if f"#{k}" in e}
        assert used == set(range(1, len(made.expressions))), made
    assert seen > 240


def test_one_story_asks_for_every_number_it_can() -> None:
    story, rng = Story.read(SHOP), random.Random(2)
    asked: dict[str, int] = {}
    for _ in range(300):
        picked = stories.chosen(story, rng)
        assert picked is not None
        target, way = picked
        asked[target] = len(way.steps)
        assert target not in way.told
        assert not set(way.told) & set(way.derived)
    assert set(asked) == {"had", "sold", "left", "price", "taken", "tax"}  # nobody told the tax


def test_a_number_that_is_not_needed_is_told_but_not_used() -> None:
    story, rng = Story.read(SHOP), random.Random(3)
    for _ in range(200):
        made = problem(story, rng)
        assert made is not None
        numbers = [n for _, _, n in find_numbers(made.question)]
        if made.expressions == [f"{numbers[0]} - {numbers[1]}"] and len(numbers) > 2:
            return
    pytest.fail("every number told was used")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"say": {**SHOP["say"], "had": ["{P} had pears."]}}, "names no number"),
        ({"say": {**SHOP["say"], "had": ["{Q} had {had} {X}."]}}, "unknown slot {:Q}"),
        ({"ask": {"had": ["Were there {sold} more?"]}}, "must not tell a number"),
        ({"numbers": {**SHOP["numbers"], "left": "= had - sold * 2"}}, "one operation"),
        ({"numbers": {**SHOP["numbers"], "had": "int 2 4"}}, "whole and positive"),
        ({"numbers": {**SHOP["numbers"], "left": "= had - gone"}}, "no such number: gone"),
        ({"extra": 1}, "fields must be"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], fault: str) -> None:
    assert any(fault in found for found in stories.faults(SHOP | change))


@pytest.mark.parametrize(
    ("relation", "target", "expression"),
    [
        ("= a - b", "c", "A - B"),
        ("= a - b", "a", "C + B"),
        ("= a - b", "b", "A - C"),
        ("= a + b", "a", "C - B"),
        ("= a * b", "b", "C / A"),
        ("= a / b", "a", "C * B"),
        ("= a / b", "b", "A / C"),
        ("= a % b", "c", "A / 100 * B"),
        ("= a % b", "a", "C / B * 100"),
        ("= a % b", "b", "C * 100 / A"),
        ("= a * 7", "a", "C / 7"),
    ],
)
def test_relations_are_turned_round(relation: str, target: str, expression: str) -> None:
    read = story_sums.Relation.parse("c", relation.removeprefix("= "))
    written = {name: name.upper() for name in "cab"}
    found = read.towards(target, written)
    assert sorted(found.split()) == sorted(expression.split())
    if not set(expression) & set("+*"):
        assert found == expression


def test_rows_can_be_written_and_repeat_no_evaluation() -> None:
    wall = Firewall.load()
    for source in (
        stories.rows(random.Random(5), "heldout"),
        said_arithmetic.rows(random.Random(5)),
    ):
        for row in islice(source, 40):
            question = row.prompt.split(QUESTION)[1].removesuffix(PLAN)
            assert not wall.hit(question)
            numbers = set(argument_numbers(question))
            plan = row.target[0][0]
            for literal in _literals(plan):
                assert literal in numbers, (question, plan)


def _literals(plan: str) -> set[str]:
    found: set[str] = set()
    for line in plan.splitlines():
        if "expression=" in line:
            inside = line.split('expression="')[1].split('"')[0]
            bare = inside.replace("(", " ").replace(")", " ").replace(",", " ").replace("^", " ")
            found |= {w for w in bare.replace("-", " ").split() if w[0].isdigit()}
    return found


@pytest.mark.parametrize(
    "forms",
    [said_arithmetic.NOUNS, said_arithmetic.REVERSED, said_arithmetic.ORDERS, said_arithmetic.NEXT],
)
def test_the_sign_is_the_one_that_is_said(forms: tuple[tuple[str, str], ...]) -> None:
    words = {
        "+": ("sum", "total", "add", "together", "more", "on top", "up"),
        "-": ("difference", "tak", "subtract", "less", "fewer", "deduct", "minus", "left"),
        "*": ("product", "multipl", "times"),
        "/": ("quotient", "ratio", "fraction", "divid", "split", "over"),
    }
    for form, sign in forms:
        assert any(word in form for word in words[sign]), (form, sign)


def test_annotations_become_what_the_question_says() -> None:
    assert percents("80 * .15", "15% of 80") == "80 * 15 / 100"
    assert percents("80 * 0.5", "half of 80") == "80 * 0.5"
    assert percents("20 * .01 * 80", "20 percent of 80") == "20 / 100 * 80"


def test_a_problem_gets_other_numbers_and_still_comes_out() -> None:
    question = (
        "Ana has 40 pens in 8 boxes. She gives 3 boxes away. How many pens are left in 7 days?"
    )
    steps = ["40 / 8", "3 * #1", "40 - #2"]
    changed = {other_numbers(question, steps, random.Random(seed))[0] for seed in range(20)}
    assert len(changed) > 5 and all("7 days" in text for text in changed)
    told, sums = other_numbers(question, steps, random.Random(4))
    assert "1" not in sums[1].split() and chain(sums) is not None
    assert all(n in told for n in (sums[0].split()[0], sums[0].split()[2]))
