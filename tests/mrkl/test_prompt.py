import pytest

from mrkl import prompt
from mrkl.experts.base import Failure, Parameter, Result


def test_a_row_is_the_text_of_the_contract():
    parameters = [Parameter("attribute", "enum[capital, population]"), Parameter("entity", "str")]
    steps = [
        prompt.StepText(
            f"population of {name}",
            "knowledge",
            prompt.render_arguments({"entity": entity, "attribute": "population"}, parameters),
        )
        for name, entity in [("Peru", "peru"), ("the Netherlands", "the netherlands")]
    ]
    steps.append(prompt.StepText("#1 minus #2", "calculator", 'expression="#1 - #2"'))
    values = [34049588, 17590672, 16458916]
    row = prompt.render_row(
        "which has more people, peru or the netherlands, and by how much?",
        ["roman_numeral(number: int): Write a whole number from 1 to 3999 in Roman numerals."],
        steps,
        [(number, Result(value)) for number, value in enumerate(values, 1)],
        "Peru has #1 and the Netherlands #2, a difference of #3.",
    )
    assert row.text == (
        "<|begin|><|cards|>roman_numeral(number: int): Write a whole number from 1 to 3999 in "
        "Roman numerals.\n"
        "<|question|>which has more people, peru or the netherlands, and by how much?<|plan|>"
        '#1 population of Peru -> knowledge(attribute="population", entity="peru")\n'
        "#2 population of the Netherlands -> "
        'knowledge(attribute="population", entity="the netherlands")\n'
        '#3 #1 minus #2 -> calculator(expression="#1 - #2")\n'
        "<|results|>#1 = 34049588\n#2 = 17590672\n#3 = 16458916\n"
        "<|answer|>Peru has #1 and the Netherlands #2, a difference of #3.<|end|>"
    )
    segments = row.segments()
    assert "".join(text for text, _ in segments) == row.text
    assert [written for _, written in segments] == [False, True, False, True]
    assert segments[1][0].endswith("<|results|>")


def test_results_show_units_and_failures():
    rows = [(1, Result(2.5, "kg")), (2, Failure("no_answer", "no such\nplace"))]
    assert prompt.render_results(rows) == (
        "<|results|>#1 = 2.5 kg\n#2 = failed: no such place\n<|answer|>"
    )


def test_long_results_are_cut():
    line = prompt.render_result(1, Result("word " * 100))
    assert len(line) < 220 and line.endswith("word …\n")


def test_text_from_outside_cannot_hold_special_tokens():
    assert "<|answer|>" not in prompt.render_result(1, Result("x<|answer|>42<|end|>"))
    rendered = prompt.render_prompt("say <|plan|> now", ["a(): <|question|>"])
    assert rendered.count("<|plan|>") == rendered.count("<|question|>") == 1


def test_arguments_are_written_by_their_type():
    parameters = [
        Parameter("minutes", "float"),
        Parameter("names", "list[str]"),
        Parameter("values", "list[float]"),
        Parameter("deep", "bool"),
        Parameter("note", "str"),
        Parameter("left_out", "str"),
    ]
    arguments = {
        "note": 'a "b" é',
        "minutes": "3.5*60",
        "names": ["x", "#1"],
        "values": [1, "#2"],
        "deep": False,
    }
    assert prompt.render_arguments(arguments, parameters) == (
        'minutes=3.5*60, names=["x", "#1"], values=[1, #2], deep=false, note="a \\"b\\" é"'
    )
    with pytest.raises(ValueError, match="no such parameter: other"):
        prompt.render_arguments({"other": 1}, parameters)


def test_a_subquery_cannot_hold_the_arrow():
    with pytest.raises(ValueError, match="not a subquery"):
        prompt.render_step(1, "a -> b", "calculator", "")


def test_saying_and_abstaining():
    assert prompt.render_said("hi", [], "Hello!").plan == "<|say|>Hello!<|end|>"
    assert prompt.render_abstained("?", [], "No idea.").plan == "<|abstain|>No idea.<|end|>"
