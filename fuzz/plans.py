"""Plans: bytes as text into the parser of what a language model wrote."""

from __future__ import annotations

import json

from mrkl.experts.base import Card, Parameter
from mrkl.plan import MAX_STEPS, PlanError, parse_plan

CARDS = {
    card.name: card
    for card in (
        Card("calculator", "Arithmetic.", (Parameter("expression", "str", copy=False),)),
        Card(
            "knowledge",
            "Facts.",
            (
                Parameter("attribute", "enum[area, population]"),
                Parameter("entity", "str", required=False),
                Parameter("n", "int", required=False, default=1),
            ),
        ),
        Card(
            "mix",
            "Every type.",
            (
                Parameter("bill", "float"),
                Parameter("many", "list[float]", required=False),
                Parameter("words", "list[str]", required=False),
                Parameter("sure", "bool", required=False),
                Parameter("day", "date", required=False),
                Parameter("any", "number", required=False),
            ),
        ),
    )
}
SEEDS = [
    text.encode()
    for text in (
        '#1 a -> calculator(expression="2+3")\n#2 b -> calculator(expression="#1 * 2")\n',
        '#1 population of Peru -> knowledge(attribute="population", entity="peru")\n',
        '#1 @ -> knowledge(attribute="area", entity="#1", n=3)',
        "#1 x -> mix(bill=3.5*60, many=[1, 2.5, #1], sure=true, any=2+1)",
        '#1 x -> mix(bill=1, words=["a", "b\\n\\u00e9"], day="tomorrow")\n#2 y -> mix(bill=#1)',
        '#1 \\" -> calculator(expression="\\\\\\"")',
        '#1 a -> calculator(expression=")#2(")\n\n#2 b -> mix(bill=-1e5, day="2024-02-30")',
    )
]


def check(data: bytes) -> None:
    """One run; raises AssertionError where a plan came through that is none."""
    text = data.decode("utf-8", "replace")
    try:
        plan = parse_plan(text, CARDS)
    except PlanError as error:
        assert str(error), "no line that says why"
        assert len(str(error)) < 5000, "a line without end"
        return
    assert 0 < len(plan) <= MAX_STEPS
    for number, step in enumerate(plan, 1):
        card = CARDS[step.expert]
        assert step.id == number and step.subquery.strip()
        assert all(0 < earlier < number for earlier in step.depends_on)
        assert all(card.parameter(name) for name in step.arguments)
        required = {p.name for p in card.parameters if p.required}
        assert required <= set(step.arguments)
        json.dumps(step.as_written(), allow_nan=False)
    assert parse_plan(text, CARDS) == plan
