"""Composed rows: the grammar takes every call, every value stands in its question, pieces hold."""

from __future__ import annotations

import json
import random
import re
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pytest

from mrkl import plan_grammar
from mrkl.numbers_in import argument_numbers
from mrkl.plan import NUMERIC
from mrkl.prompt import ABSTAIN, CARDS, QUESTION
from mrkl.tools.arith import evaluate
from tests.grammars import accepts
from training.data import card_steps, composed, mixture, pieces, pieces_check
from training.data.composed_questions import question
from training.data.firewall import Firewall
from training.data.piece_values import Part, drawn, with_value
from training.data.pieces import load, role_of, task_of

PEOPLE = {
    "id": "people",
    "type": "int",
    "low": 1,
    "high": 40,
    "names": ["people", "guests"],
    "descriptions": ["how many people", "size of the party"],
    "said": ["{v} people", "{v} of us", "party of {v}", "{v} heads"],
    "other_units": [{"said": ["{v} couples"], "argument": "{v}*2"}],
    "none_said": [{"said": "just me", "value": 1}],
}
TASK = {
    "id": "split",
    "names": ["split", "share"],
    "descriptions": ["Equal share.", "What each pays"],
    "asked": ["per head", "what does each pay", "split it", "my share"],
    "roles": ["people"],
}


@pytest.fixture(scope="module")
def cases() -> list[composed.Case]:
    train = composed.cases(random.Random(5), load("train"))
    held = composed.cases(random.Random(6), load("heldout"))
    return [*islice(train, 300), *islice(held, 60)]


def test_every_call_is_within_the_grammar(cases: list[composed.Case]) -> None:
    for case in cases:
        grammar = plan_grammar.arguments_grammar(case.text, case.card, 1)
        call = card_steps.call(case.card, case.arguments)
        assert accepts(grammar, f"{call})\n"), (case.text, call)


def test_every_value_stands_in_its_question(cases: list[composed.Case]) -> None:
    for case in cases:
        known = {Fraction(number) for number in argument_numbers(case.text)}
        kinds = {parameter.name: parameter.type for parameter in case.card.parameters}
        for name, value in case.arguments.items():
            if kinds[name] in NUMERIC:
                for number in re.findall(r"\d+(?:\.\d+)?", str(value)):
                    assert Fraction(number) in known, case
                assert not isinstance(evaluate(str(value)), str), case
            elif kinds[name] in ("str", "date"):
                assert re.search(rf"(?<!\w){re.escape(str(value))}(?!\w)", case.text), case
        needed = {p.name for p in case.card.parameters if p.required}
        assert needed <= set(case.arguments), case


def test_rows_offer_the_called_card() -> None:
    found = list(islice(composed.rows(random.Random(3), "train"), 500))
    assert {row.source for row in found} == {"composed", "composed none", "composed two steps"}
    for row in found:
        cards = row.prompt.partition(CARDS)[2].rpartition(QUESTION)[0].splitlines()
        names = [line.partition("(")[0] for line in cards]
        assert 1 <= len(names) <= 4
        assert len(set(names)) == len(names)
        called = re.findall(r"^#\d .+ -> (\w+)\(", row.target[0][0], re.MULTILINE)
        assert set(called) <= {*names, "calculator", "units"}
        assert len(called) == {"composed": 1, "composed none": 0}.get(row.source, 2)
        assert bool(called) != row.target[0][0].startswith(ABSTAIN)


def test_what_is_held_out_is_never_trained_on() -> None:
    train, held = load("train"), load("heldout")
    aside = {role.id for role in held.free}
    assert not aside & set(train.roles)
    for task in held.tasks:
        whole = task.id not in {other.id for other in train.tasks}
        assert whole or aside & {*task.roles, *task.optional}
    assert any(task.id not in {other.id for other in train.tasks} for task in held.tasks)


def test_the_order_of_the_question_is_not_that_of_the_card(cases: list[composed.Case]) -> None:
    same = other = 0
    for case in cases:
        shown = [str(value) for value in case.arguments.values()]
        places = [case.text.find(value) for value in shown]
        if len(shown) == 2 and min(places) >= 0 and len(set(shown)) == 2:
            same += places[0] < places[1]
            other += places[0] > places[1]
    assert same > 15
    assert other > 15


def test_numbers_said_in_another_unit_become_arithmetic() -> None:
    role = role_of(PEOPLE)
    rng = random.Random(1)
    arguments = {str(drawn(role, rng).argument) for _ in range(400)}
    assert "1" in arguments
    assert any(re.fullmatch(r"\d+\*2", text) for text in arguments)
    assert all(1 <= Fraction(str(evaluate(text))) <= 40 for text in arguments)


def test_a_value_is_only_given_to_a_role_that_can_have_it() -> None:
    role = role_of(PEOPLE)
    part = Part(role, "3 people", 3, "{v} people")
    rng = random.Random(0)
    assert with_value(part, 41, rng) is None
    assert with_value(part, 2.5, rng) is None
    again = with_value(part, 7, rng)
    assert again is not None
    assert again.argument == 7


def test_two_values_that_read_alike_are_never_asked() -> None:
    """Both roles are said in the same words, so no question can hold them."""
    twin = role_of(PEOPLE | {"id": "heads"})
    task = task_of(TASK | {"roles": ["people", "heads"]})
    alone = pieces.Pieces({twin.id: twin}, (task,), (twin,))
    rng = random.Random(0)
    for _ in range(100):
        made = composed.composed(task, [role_of(PEOPLE), twin], [], rng)
        assert made is None or question(task, made, alone, rng) is None


def test_the_shares_add_up() -> None:
    assert sum(mixture.SHARES.values()) == pytest.approx(1)


def test_the_pieces_are_well_written() -> None:
    assert not list(pieces_check.problems())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "integer"}, "type 'integer'"),
        ({"said": ["people", "{v} of us", "party of {v}", "{v} ppl"]}, "needs exactly one slot"),
        ({"decimals": 2}, "an int has no decimals"),
        ({"low": 50}, "low < high"),
        ({"names": ["People", "guests"]}, "snake_case"),
        ({"said": ["a -> {v}", "{v} of us", "party of {v}", "{v} ppl"]}, "must not hold"),
        ({"other_units": [{"said": ["{v} teams"], "argument": "{v}*500"}]}, "no amount gives"),
        ({"other_units": [{"said": ["{v} teams"], "argument": "{v}*2.7"}]}, "is not said there"),
        ({"other_units": [{"said": ["{v}"], "argument": "pow({v})"}]}, "only {v}"),
        ({"colour": "red"}, "unknown field colour"),
    ],
)
def test_bad_roles_are_named(
    change: dict[str, object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said in " ".join(wrong(tmp_path, monkeypatch, PEOPLE | change, None))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"roles": ["people", "bill"]}, "unknown role bill"),
        ({"asked": ["each of {bill}", "per head", "split it", "my share"]}, "needed roles"),
        ({"descriptions": ['say "x"', "What each pays"]}, "no double quotes"),
        ({"names": ["split", "split"]}, "stands twice"),
    ],
)
def test_bad_tasks_are_named(
    change: dict[str, object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said in " ".join(wrong(tmp_path, monkeypatch, PEOPLE, TASK | change))


def test_a_broken_line_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "roles_1.jsonl").write_text("{", encoding="utf-8")
    monkeypatch.setattr(pieces, "FOLDER", tmp_path)
    assert "roles_1.jsonl:1: no JSON" in " ".join(pieces_check.problems())


def wrong(folder: Path, monkeypatch: pytest.MonkeyPatch, role: object, task: object) -> list[str]:
    """The problems of one role and one task."""
    (folder / "roles_1.jsonl").write_text(json.dumps(role) + "\n", encoding="utf-8")
    (folder / "tasks_1.jsonl").write_text(json.dumps(task or TASK) + "\n", encoding="utf-8")
    monkeypatch.setattr(pieces, "FOLDER", folder)
    return list(pieces_check.problems())


@pytest.mark.parametrize(
    ("said", "returns"),
    [
        ("time in minutes", "float, time in minutes"),
        ("number of tiles", "int, number of tiles"),
        ("number of the order", "text, number of the order"),
        ("torque in newton metres", "float"),
        ("int, laps", "int, laps"),
    ],
)
def test_what_a_card_gives_back_has_a_type(said: str, returns: str) -> None:
    task = task_of(TASK | {"returns": said})
    made = composed.composed(task, [role_of(PEOPLE)], [], random.Random(0))
    assert made is not None
    assert made.card.returns == returns


def test_no_number_in_words_before_a_word_that_multiplies_it() -> None:
    """`five hundred gross` would be read as five hundred times 144."""
    role = role_of(PEOPLE | {"said": ["{v} gross"], "other_units": [], "none_said": []})
    rng = random.Random(0)
    assert all(drawn(role, rng).text.split()[0].isdecimal() for _ in range(200))


def test_no_two_texts_of_a_question_are_the_same(cases: list[composed.Case]) -> None:
    for case in cases:
        copied = [p.name for p in case.card.parameters if p.type == "str"]
        texts = [case.arguments[name] for name in copied if name in case.arguments]
        assert len(set(texts)) == len(texts), case


def test_nothing_composed_repeats_an_evaluation(cases: list[composed.Case]) -> None:
    wall = Firewall.load()
    assert not [case.text for case in cases if wall.hit(case.text)]
