"""Each grammar must take what the contract describes and stop at the first thing it forbids."""

import pytest

from mrkl import plan_grammar
from mrkl.experts.base import Card, Parameter
from mrkl.numbers_in import answer_numbers, argument_numbers
from tests.grammars import accepts

CALCULATOR = Card("calculator", "", (Parameter("expression", "str", copy=False),))
ALGEBRA = Card(
    "algebra",
    "",
    (
        Parameter("task", "enum[solve, expand]"),
        Parameter("expression", "str", copy=False),
        Parameter("variable", "str", required=False, copy=False),
    ),
)
KNOWLEDGE = Card(
    "knowledge",
    "",
    (
        Parameter("attribute", "enum[capital, population]"),
        Parameter("entity", "str", required=False),
        Parameter("kind", "enum[country, city]", required=False),
        Parameter("n", "int", required=False),
        Parameter("where", "str", required=False, copy=False),
    ),
)
UNITS = Card(
    "units", "", (Parameter("quantity", "str", copy=False), Parameter("to", "str", copy=False))
)
PACE = Card(
    "running_pace",
    "",
    (
        Parameter("distance_km", "float"),
        Parameter("minutes", "float"),
        Parameter("names", "list[str]", required=False),
        Parameter("laps", "list[float]", required=False),
        Parameter("fast", "bool", required=False),
        Parameter("day", "date", required=False),
    ),
)
QUESTION = 'average of 12, 15.50 and two hundred in 3h 45 for "Ann Lee" of peru or the netherlands'


def call(card: Card, text: str, step: int = 1, question: str = QUESTION) -> bool:
    return accepts(plan_grammar.arguments_grammar(question, card, step), f"{text})\n")


@pytest.mark.parametrize(
    "expression",
    [
        "mean(12, 15.5, 200)",
        "12*(15.50+200)/100",
        "200 / (1 + 12 / 100)",
        "12 - -15.5",
        "argmax(peru: 12, the netherlands: 15.5)",
        "12 > 3",
        "12% * 45",
        "12% of 45",
        "5!",
        "sin(30 deg)",
        "[12, 3]",
        "pi * 12^2",
        "200 mod 12",
    ],
)
def test_expressions_of_the_question(expression: str):
    assert call(CALCULATOR, f'expression="{expression}"')


@pytest.mark.parametrize(
    "expression",
    [
        "mean(12, 15.50, 201)",  # not in the question
        "1215.5",  # two of its numbers run together
        "#1 + 1",  # there is no earlier step
        "(12 + 3",
        "12 +",
        "x + 12",
        "import(12)",
        "",
    ],
)
def test_expressions_that_cannot_be_written(expression: str):
    assert not call(CALCULATOR, f'expression="{expression}"')


def test_references_point_backwards():
    assert call(CALCULATOR, 'expression="#1 / #2 * 100"', step=3)
    assert call(CALCULATOR, 'expression="argmax(peru: #1, the netherlands: #2)"', step=3)
    assert not call(CALCULATOR, 'expression="#3 + 1"', step=3)
    assert call(KNOWLEDGE, 'attribute="capital", entity="#1"', step=2)
    assert not call(KNOWLEDGE, 'attribute="capital", entity="#1"', step=1)


def test_algebra():
    question = "solve x^2 - 8x + 3 = 27, y"
    assert call(ALGEBRA, 'task="solve", expression="x^2 - 8*x + 3 = 27", variable="x"', 1, question)
    assert call(ALGEBRA, 'task="solve", expression="x^2 - 8x + 3 = 27"', 1, question)
    assert call(ALGEBRA, 'task="solve", expression="x + y = 3; x - y = 1"', 1, question)
    assert not call(ALGEBRA, 'task="solve", expression="x^2 - 17 = 3"', 1, question)
    assert not call(ALGEBRA, 'task="plot", expression="x"', 1, question)


def test_copies_are_whole_words_of_the_question():
    for entity in ("peru", "the netherlands", "Ann Lee"):
        assert call(KNOWLEDGE, f'attribute="population", entity="{entity}"'), entity
    for entity in ("chile", "eru", "Peru", "", " peru", "for Ann"):
        assert not call(KNOWLEDGE, f'attribute="population", entity="{entity}"'), entity


def test_signatures():
    where = 'attribute="capital", kind="country", n=3, where="population > 200 and area < 12"'
    assert call(KNOWLEDGE, where)
    assert call(KNOWLEDGE, 'attribute="capital"')
    assert not call(KNOWLEDGE, 'kind="country"')  # attribute is required
    assert not call(KNOWLEDGE, 'attribute="capital", n=3, kind="country"')  # order
    assert not call(KNOWLEDGE, 'attribute="capital", where="population > 201"')
    assert call(Card("now", ""), "")


def test_types():
    assert call(PACE, "distance_km=12, minutes=3*60+45")
    assert call(PACE, "distance_km=-12, minutes=(3+45)/2")
    assert call(PACE, 'distance_km=#1, minutes=45, names=["peru", "#1"], laps=[12, #1]', step=2)
    assert call(PACE, 'distance_km=12, minutes=45, names=#1, fast=true, day="2024-03-03"', step=2)
    assert not call(PACE, "distance_km=13, minutes=45")
    assert not call(PACE, 'distance_km="12", minutes=45')
    assert not call(PACE, "distance_km=12, minutes=45, fast=yes")


def test_a_day_is_a_phrase_of_the_question_or_an_iso_date():
    question = "5 km in 30 min, 14 June 2025 or 2026-01-02 or tomorrow"
    for day in ("14 June 2025", "2026-01-02", "2025-06-14", "tomorrow"):
        assert call(PACE, f'distance_km=5, minutes=30, day="{day}"', 1, question), day
    assert not call(PACE, 'distance_km=5, minutes=30, day="15 June 2025"', 1, question)


def test_free_text_holds_only_numbers_of_the_question():
    question = "17 stone 19 pounds in kilos"
    assert call(UNITS, 'quantity="17 stone 19 pounds", to="kilos"', 1, question)
    assert call(UNITS, 'quantity="#1 miles", to="km"', 2, question)
    assert not call(UNITS, 'quantity="13 km", to="kilos"', 1, "x")
    assert not call(UNITS, 'quantity="1719 stone", to="kilos"', 1, question)


def test_queries_name_only_what_is_on_the_card():
    card = Card(
        "database",
        "Answers questions about the tables orders(id INTEGER, status TEXT (paid, open), total "
        "REAL, ordered_on DATE); customers(id, name TEXT).",
        (Parameter("query", "str", copy=False),),
    )
    question = "how many orders over 55 were paid in 2019?"
    for query in (
        "SELECT COUNT(*) FROM orders WHERE total > 55 AND status = 'paid'",
        "SELECT status, AVG(total) FROM orders GROUP BY status ORDER BY COUNT(*) DESC LIMIT 3",
        "SELECT MAX(total) - MIN(total) FROM orders",
        "SELECT c.name FROM customers c JOIN orders o ON o.id = c.id WHERE o.total >= 55",
        "SELECT COUNT(*) FROM orders WHERE ordered_on > '2019-12-31' AND status LIKE 'p%'",
        "SELECT name FROM customers WHERE id IN (SELECT id FROM orders WHERE status = 'Old Town')",
    ):
        assert call(card, f'query="{query}"', 1, question), query
    for query in (
        "DROP TABLE orders",
        "SELECT password FROM orders",
        "SELECT id FROM secrets",
        "SELECT COUNT(*) FROM orders WHERE total > 56",
        "SELECT 1; DELETE FROM orders",
    ):
        assert not call(card, f'query="{query}"', 1, question), query


def test_the_start_of_a_step():
    first, third = plan_grammar.start_grammar(1), plan_grammar.start_grammar(3)
    for text in ("<|say|>", "<|abstain|>", "#1 @ ->", "#1 x-ray dose - total ->"):
        assert accepts(first, text), text
    for text in ("<|results|>", "#2 a ->", "#1 a\n ->", "#1  ->"):
        assert not accepts(first, text), text
    assert accepts(third, "<|results|>") and accepts(third, "#3 #1 minus #2 ->")
    assert not accepts(third, "<|say|>")
    last = plan_grammar.start_grammar(7)
    assert accepts(last, "<|results|>") and not accepts(last, "#7 a ->")


def test_answers_hold_slots_and_numbers_of_the_question_only():
    grammar = plan_grammar.answer_grammar(QUESTION, 2)
    for text in (
        "Peru has #1 and 12.",
        "$#1 and #2%!",
        "#1",
        "#1, #2",
        "Done: #1. Good, 200 it is.",
    ):
        assert accepts(grammar, f"{text}<|end|>"), text
    for text in ("It is #3.", "#1.5", "12.5", "#12", "13 of them", ""):
        assert not accepts(grammar, f"{text}<|end|>"), text


def test_what_is_said_holds_no_numbers_of_its_own():
    assert accepts(plan_grammar.said_grammar("hello"), "Hello! How can I help?<|end|>")
    assert not accepts(plan_grammar.said_grammar("hello"), "I am 7.<|end|>")
    assert accepts(plan_grammar.said_grammar("are you 7?"), "I am 7.<|end|>")


def test_a_question_full_of_signs_still_makes_a_grammar():
    question = r'a\b "c" [d] {e} %regex /f/ $1,000.50 (g|h) ^i "" \n ½ café'
    assert call(KNOWLEDGE, 'attribute="capital", entity="café"', 1, question)
    assert call(CALCULATOR, 'expression="1000.50 * 0.5"', 1, question)
    assert accepts(plan_grammar.answer_grammar(question, 1), "It is $1,000.50.<|end|>")


@pytest.mark.parametrize(
    ("question", "numbers"),
    [
        ("two hundred and fifteen", {"215"}),
        ("1,200 kg", {"1200"}),
        ("3.20 each", {"3.20", "3.2"}),
        ("2k people", {"2000"}),
        ("at 10:37", {"10", "37"}),
        ("3x^2 + 17y", {"3", "17"}),
        ("2024-03-01", {"2024", "03"}),
    ],
)
def test_numbers_that_arguments_may_hold(question: str, numbers: set[str]):
    assert numbers <= set(argument_numbers(question))


def test_a_list_of_a_thousand_numbers_stays_small():
    question = " ".join(str(number) for number in range(1000, 2000))
    assert len(argument_numbers(question)) < 130 and len(answer_numbers(question)) < 130
