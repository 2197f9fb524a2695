"""Rows about unseen experts: every call can be written under the grammar, cards vary, families hold."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from mrkl import plan_grammar
from mrkl.experts.base import Card, Parameter
from mrkl.prompt import CARDS, PLAN, QUESTION
from tests.grammars import accepts
from tests.training.processes import said_by_processes
from training.data import card_offers, card_rows, card_surface
from training.data.card_files import Question, load
from training.data.card_redraw import redrawn
from training.data.row import Row

DOSE = Card(
    "weight_dose",
    "Single dose from body weight.",
    (
        Parameter("mg_per_kg", "float", "mg for each kg"),
        Parameter("weight_kg", "float", "body mass"),
        Parameter("names", "list[str]", "patients", required=False),
        Parameter("route", "enum[oral, nasal]", "how", required=False),
    ),
    "float, mg",
)


def question_of(row: Row) -> str:
    return row.prompt.rpartition(QUESTION)[2].removesuffix(PLAN)


def card_names(row: Row) -> list[str]:
    cards = row.prompt.partition(CARDS)[2].rpartition(QUESTION)[0]
    return [line.partition("(")[0] for line in cards.splitlines()]


@pytest.fixture(scope="module")
def sample() -> list[Row]:
    train = card_rows.rows(random.Random(11), "train")
    held = card_rows.rows(random.Random(12), "heldout")
    return [*islice(train, 700), *islice(held, 150)]


def test_written_calls_are_within_the_grammar() -> None:
    """On the hand-written question itself, and after its values were drawn anew."""
    rng = random.Random(4)
    for one in rng.sample(load("train"), 150):
        written = rng.choice(one.questions)
        for question in (written, redrawn(written, one.card, rng)) if written.at else ():
            grammar = plan_grammar.arguments_grammar(question.text, one.card, 1)
            call = card_rows.card_steps.call(one.card, question.arguments)
            assert accepts(grammar, f"{call})\n"), (question.text, call)


def test_the_called_card_is_on_offer(sample: list[Row]) -> None:
    for row in sample:
        names = card_names(row)
        assert 1 <= len(names) <= 4
        assert len(set(names)) == len(names)
        plan = row.target[0][0]
        for line in plan.splitlines():
            if "-> " in line:
                expert = line.rpartition(" -> ")[2].partition("(")[0]
                assert expert in (*names, "calculator", "units"), line


def test_rows_of_every_kind(sample: list[Row]) -> None:
    assert {row.source for row in sample} == {"card", "card none", "card two steps"}
    text = "".join(row.target[0][0] for row in sample)
    assert "-> units(" in text
    assert "-> calculator(" in text
    assert "=#1" in text


def test_places_move_with_their_values() -> None:
    text = "kid of 34 kg, Ann and Bo too, oral, 15 mg per kg"
    at = {"mg_per_kg": (36, 38), "weight_kg": (7, 9), "names": (14, 24), "route": (30, 34)}
    values = {"mg_per_kg": 15, "weight_kg": 34, "names": ["Ann", "Bo"], "route": "oral"}
    rng = random.Random(1)
    for _ in range(50):
        new = redrawn(Question(text, values, at), DOSE, rng)
        start, end = new.at["route"]
        assert new.text[start:end] == new.arguments["route"]
        start, end = new.at["names"]
        for name in new.arguments["names"]:
            assert name in new.text[start:end]
        assert new.text.endswith(" mg per kg")


def test_a_dressed_card_keeps_its_parameters() -> None:
    rng = random.Random(2)
    for _ in range(200):
        card, names = card_surface.dressed(DOSE, rng)
        assert set(names) == {p.name for p in DOSE.parameters}
        found = {p.name: p for p in card.parameters}
        assert len(found) == len(card.parameters)
        for parameter in DOSE.parameters:
            assert found[names[parameter.name]].required == parameter.required
        assert card.line().strip()


def test_families_stay_on_one_side() -> None:
    train, held = load("train"), load("heldout")
    assert not {one.family for one in train} & {one.family for one in held}
    assert 0.04 < len(held) / (len(train) + len(held)) < 0.13


def test_near_cards_share_words_with_the_question() -> None:
    near = card_offers.nearest("how many balls of yarn for 900 metres", 5)
    assert any("yarn" in one.card.line().lower() for one in near)


def test_a_question_with_the_arrow_is_asked_whole() -> None:
    """`22 -> 27 degrees`: written as a subquery it would end at the arrow."""
    with_arrow = [
        (one, question)
        for one in load("train")
        for question in one.questions
        if "->" in question.text
    ]
    rng = random.Random(9)
    for one, question in with_arrow * 20:
        planned = card_rows.planned(question, one.card, one, load("train"), rng)
        assert planned is not None
        assert [step.subquery for step in planned.steps] == ["@"]
        assert "->" in planned.question


def test_neighbours_do_not_depend_on_the_process() -> None:
    told = (
        "from training.data.card_files import load\n"
        "from training.data.card_offers import nearest\n"
        "asked = [one.questions[0].text for one in load('train')[:300]]\n"
        "print([[one.card.name for one in nearest(text, 9)] for text in asked])\n"
    )
    assert len(said_by_processes(told)) == 1
