import pytest

from mrkl.compose import compose, output_value, said
from mrkl.experts.base import Card, Failure, Result
from mrkl.plan import parse_plan

CARDS = {"f": Card("f", "")}


def plan(count: int = 1):
    return parse_plan("".join(f"#{k} part {k} -> f()\n" for k in range(1, count + 1)), CARDS)


@pytest.mark.parametrize(
    ("template", "result", "text"),
    [
        ("It is #1.", Result(42), "It is 42."),
        ("About #1 kg of it.", Result(2.5, "kg"), "About 2.5 kg of it."),
        ("That is #1 ounces!", Result(2.12, "oz", text="2.12 oz"), "That is 2.12 ounces!"),
        ("It is #1 in total.", Result(3, "in"), "It is 3 in in total."),
        ("It takes #1 minutes.", Result(5, "min"), "It takes 5 minutes."),
        ("It is #1 heavy.", Result(5, "kg"), "It is 5 kg heavy."),
        ("#1%", Result(18, "%", text="18%"), "18%"),
        ("#1%", Result(18), "18%"),
        ("$#1", Result(5, "USD", text="$5.00"), "$5.00"),
        ("$#1", Result(5, "EUR", text="5.00 EUR"), "5.00 EUR"),
        ("$#1", Result(5), "$5"),
        ("$#1", Result(47.992), "$47.99"),
        ("$#1 each", Result(4.5), "$4.50 each"),
        ("$#1 a gram", Result(0.034), "$0.034 a gram"),
        ("#1 kg", Result(47.992), "47.992 kg"),
        ("It is #1 in Oslo now.", Result("20:00 in Oslo"), "It is 20:00 in Oslo now."),
        ("It is #1 in Oslofjord.", Result("20:00 in Oslo"), "It is 20:00 in Oslo in Oslofjord."),
        ("#1", Result("Lima"), "Lima"),
        ("Is it one? #1.", Result(False), "Is it one? No."),
        ("#1 is denser.", Result("osmium"), "Osmium is denser."),
        ("#1 is the unknown.", Result("x"), "x is the unknown."),
        ("The denser one is #1.", Result("osmium"), "The denser one is osmium."),
        ("From 3 to 1,200: #1", Result(7), "From 3 to 1,200: 7"),
    ],
)
def test_slots(template: str, result: Result, text: str):
    asked = "between three and 1200 kg, ounces or $ each a gram: minutes, heavy, denser, unknown in Oslo or Oslofjord now"
    composed = compose(template, plan(), {1: result}, asked)
    assert (composed.text, composed.kept) == (text, True)
    for span in composed.spans:
        assert composed.text[span.start : span.end] == span.text


def test_spans_say_where_numbers_are_from():
    composed = compose("#1 of 200 is #2.", plan(2), {1: Result(15), 2: Result(30)}, "15 of 200")
    assert [(span.text, span.step) for span in composed.spans] == [
        ("15", 1),
        ("200", None),
        ("30", 2),
    ]


@pytest.mark.parametrize("template", ["It is 43.", "#1 in 2024.", "", "It is large.", "#2"])
def test_a_template_that_cannot_be_supported_gives_way(template: str):
    composed = compose(template, plan(), {1: Result(42)}, "how many?")
    assert (composed.text, composed.kept) == ("42", False)
    assert composed.spans[0].step == 1


def test_a_thing_that_nobody_spoke_of_gives_way():
    asked = "my gran is 5 foot 3"
    assert compose("The horse is #1.", plan(), {1: Result(160, "cm")}, asked).text == "160 cm"
    assert compose("Your gran is #1.", plan(), {1: Result(160, "cm")}, asked).kept


def test_several_plain_values_are_named():
    composed = compose("", plan(2), {1: Result(1), 2: Result("x")}, "?")
    assert composed.text == "part 1: 1; part 2: x"


def test_failures_are_said_and_partial_results_too():
    outcomes = {1: Result(1), 2: Failure("no_answer", "there is no Atlantis.")}
    composed = compose("#1 and #2", plan(2), outcomes, "?")
    assert composed.text == "part 1: 1. No answer for part 2: there is no Atlantis."
    alone = compose("", plan(), {1: Failure("timeout", "f took too long")}, "?")
    assert alone.text == "No answer for part 1: f took too long."


def test_what_is_said_alone():
    assert said("All 12 of them.", "the twelve of you").kept
    assert not said("All 13 of them.", "the twelve of you").kept


def test_the_value_of_an_answer():
    assert output_value(plan(), {1: Result(3, "kg")}) == (3, "kg")
    assert output_value(plan(2), {1: Result(3, "kg"), 2: Result(4, "m")}) == ([3, 4], None)
    assert output_value(plan(2), {1: Result(3), 2: Failure("crashed", "")}) == (None, None)
