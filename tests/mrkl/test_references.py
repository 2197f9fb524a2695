from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from mrkl.experts.base import Card, Parameter, Result
from mrkl.experts.world import World
from mrkl.plan import parse_plan
from mrkl.references import ReferenceFault, fill

CARDS = {
    "calculator": Card("calculator", "", (Parameter("expression", "str", copy=False),)),
    "knowledge": Card("knowledge", "", (Parameter("entity", "str"),)),
    "units": Card("units", "", (Parameter("quantity", "str", copy=False),)),
    "database": Card("database", "", (Parameter("query", "str", copy=False),)),
    "custom": Card(
        "custom", "", (Parameter("n", "number"), Parameter("values", "list[float]", required=False))
    ),
}
EARLIER = "".join(f'#{k} x -> knowledge(entity="x")\n' for k in (1, 2))


def filled(call: str, *results: Result) -> object:
    step = parse_plan(f"{EARLIER}#3 y -> {call}", CARDS).steps[2]
    values = fill(step, CARDS[step.expert], dict(enumerate(results, 1)))
    return values if len(values) > 1 else next(iter(values.values()))


@pytest.mark.parametrize(
    ("call", "results", "value"),
    [
        ('calculator(expression="#1 - #2")', [Result(5), Result(-3)], "5 - (-3)"),
        ('calculator(expression="#1^2")', [Result(Fraction(1, 3))], "(1/3)^2"),
        ('calculator(expression="2 * #1")', [Result(1e-9)], "2 * (1e-09)"),
        ('calculator(expression="sum(#1)")', [Result([1, 2.5])], "sum([1, (2.5)])"),
        (
            'calculator(expression="argmax(#1: #2, b: 3)")',
            [Result('Ne"w (York)'), Result(7)],
            'argmax("Ne\'w (York)": 7, b: 3)',
        ),
        ('knowledge(entity="#1")', [Result("Lima")], "Lima"),
        ('knowledge(entity="#1")', [Result(date(2024, 3, 3))], "2024-03-03"),
        ('knowledge(entity="the #1 song")', [Result("Lima")], "the #1 song"),
        ('units(quantity="#1")', [Result(5, "kg")], "5 kg"),
        ('units(quantity="#1 miles")', [Result(1609344, "m")], "1000 miles"),
        ('units(quantity="#1 miles")', [Result(7, "people")], "7 miles"),
        ('units(quantity="#1 feet #2 inches")', [Result(5), Result(11)], "5 feet 11 inches"),
        ("custom(n=#1)", [Result(Fraction(1, 3))], Fraction(1, 3)),
        ("custom(n=#1*60+#2)", [Result(3), Result(-2)], "3*60+(-2)"),
        (
            "custom(n=1, values=[2, #1])",
            [Result(Fraction(1, 2))],
            {"n": 1, "values": [2, Fraction(1, 2)]},
        ),
        ("custom(n=1, values=#1)", [Result([1, 2])], {"n": 1, "values": [1, 2]}),
        (
            "database(query=\"select a from t where b = '#1' and c > #2\")",
            [Result("O'Hara'; drop table t; --"), Result(3)],
            "select a from t where b = 'O''Hara''; drop table t; --' and c > 3",
        ),
        (
            'database(query="select a from t where b in (#1)")',
            [Result(["x'", "y"])],
            "select a from t where b in ('x''', 'y')",
        ),
    ],
)
def test_results_go_in_by_type(call: str, results: list[Result], value: object):
    assert filled(call, *results) == value


def test_a_date_may_be_a_phrase():
    card = Card("planner", "", (Parameter("day", "date"),))
    world = World(fixed_now=datetime(2026, 3, 18, 10, 30, tzinfo=UTC), fixed_timezone="UTC")

    def day(text: str) -> date:
        step = parse_plan(f'#1 x -> planner(day="{text}")', {"planner": card}).steps[0]
        return fill(step, card, {}, world)["day"]

    assert day("tomorrow") == date(2026, 3, 19)
    assert day("3 march 2024") == day("2024-03-03") == date(2024, 3, 3)
    with pytest.raises(ReferenceFault):
        day("the other thing")


@pytest.mark.parametrize(
    ("call", "result", "reason"),
    [
        ('calculator(expression="#1 + 1")', Result("1); import os"), "not a number"),
        ('calculator(expression="#1 + 1")', Result(True), "not a number"),
        ("custom(n=#1)", Result("seven"), "needs a number"),
        ('units(quantity="#1 miles")', Result(5, "kg"), "kg"),
    ],
)
def test_what_does_not_fit_is_refused(call: str, result: Result, reason: str):
    with pytest.raises(ReferenceFault, match=reason):
        filled(call, result)
