"""Texts of every length and script, plans that are none, names that collide; hypothesis on parsers."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import mrkl
from mrkl.agent import Agent
from mrkl.experts.base import Result
from mrkl.experts.registry import builtin_expert, load_experts
from mrkl.plan import PlanError, parse_plan
from mrkl.prompt import SPECIAL_TOKENS, clean, render_result
from mrkl.scripted import ScriptedLanguage
from mrkl.tools.arith import evaluate
from mrkl.tools.arith_exact import ArithError
from mrkl.tools.date_phrases import read_moment
from mrkl.tools.moments import ClockError
from mrkl.tools.quantities import QuantityError, convert
from mrkl.tools.secrets import masked
from tests.hostile.rogues import typed

CALCULATOR = builtin_expert("calculator")
CARDS = {"calculator": CALCULATOR.card, "typed": typed.card}

STRANGE = {
    "nothing": "",
    "blanks": " \t\n\u3000\u00a0",
    "nul": "\x00",
    "controls": "".join(map(chr, range(32))),
    "right to left": "\u202e\u2066 2 + 2",
    "zero width": "\u200b\u200c\u200d\ufeff",
    "combining": "e" + "\u0301" * 5000,
    "emoji": "👩‍👩‍👧‍👦" * 200,
    "surrogate": "\ud800 lone",
    "noncharacters": "\ufffe\uffff\U0010ffff",
    "mathematical": "𝟚 ＋ ２",
    "arabic digits": "١٢ ÷ ٣",
    "greek": "πόσα;",
    "chinese": "二加三等于多少" * 20,
    "tokens": "".join(SPECIAL_TOKENS),
    "split tokens": "<|pl<|plan|>an|>",
    "ansi": "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "markup": "[bold red]x[/] <b>x</b> {{x}} %s {0}",
    "newlines": "a\nb\r\nc\u2028d\u2029e\x85f",
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_strange_questions_end_with_an_answer(text: str) -> None:
    answer = Agent([CALCULATOR], model=ScriptedLanguage({})).ask(text)
    assert answer.status == "abstained"
    assert answer.value is None
    assert answer.text


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_strange_results_are_inert_and_one_line(text: str) -> None:
    line = render_result(1, Result(text))
    assert not any(token in line for token in SPECIAL_TOKENS)
    assert line.endswith("\n") and line.count("\n") == 1


@pytest.mark.parametrize("power", range(0, 27, 2))
def test_questions_of_all_lengths(power: int) -> None:
    text = "x" * (1 << power)
    began = time.monotonic()
    answer = Agent([CALCULATOR], model=ScriptedLanguage({})).ask(text)
    assert answer.status == "abstained"
    assert time.monotonic() - began < 2
    assert len(answer.text) < 200


PLANS = {
    "empty": "",
    "prose": "I would call the calculator now.",
    "json": '{"tool": "calculator", "expression": "2+2"}',
    "no number": 'a -> calculator(expression="1")',
    "wrong number": '#2 a -> calculator(expression="1")',
    "no arrow": '#1 a calculator(expression="1")',
    "no subquery": '#1  -> calculator(expression="1")',
    "unknown": '#1 a -> calc(expression="1")',
    "missing": "#1 a -> calculator()",
    "extra": '#1 a -> calculator(expression="1", verbose=true)',
    "twice": '#1 a -> calculator(expression="1", expression="2")',
    "unclosed": '#1 a -> calculator(expression="1',
    "unclosed call": '#1 a -> calculator(expression="1"',
    "bare": "#1 a -> calculator(expression=one)",
    "itself": '#1 a -> calculator(expression="#1+1")',
    "later": '#1 a -> calculator(expression="#2")\n#2 b -> calculator(expression="1")',
    "zero": '#1 a -> calculator(expression="#0")',
    "list": '#1 a -> calculator(expression=["1"])',
    "null": "#1 a -> calculator(expression=null)",
    "float": "#1 a -> typed(number=1e5)",
    "nan": "#1 a -> typed(number=NaN)",
    "bool": "#1 a -> typed(number=true)",
    "positional": '#1 a -> calculator("1")',
    "nested": "#1 a -> typed(number=typed(number=1))",
    "escape": '#1 a -> calculator(expression="\\ud800\\q")',
    "seven": "".join(f'#{k} a -> calculator(expression="1")\n' for k in range(1, 8)),
    "long": '#1 a -> calculator(expression="' + "1" * 5000 + '")',
    "deep": "#1 a -> typed(number=" + "[" * 3000 + ")",
    "brackets": "#1 a -> typed(number=" + "(" * 3000 + ")",
    "attribute": "#1 a -> typed.__class__(number=1)",
    "import": '#1 a -> __import__(name="os")',
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_plans_that_are_none_are_failures(plan: str) -> None:
    answer = Agent(
        [CALCULATOR, typed], model=ScriptedLanguage({"go": plan + "\n<|answer|>#1"})
    ).ask("go")
    assert answer.status == "failed"
    assert answer.value is None
    assert len(answer.text) < 600


@pytest.mark.parametrize("name", ["two words", "a-b", "", "1st", "a.b", "x" * 10 + "(", "a\nb"])
def test_names_that_are_no_names(name: str) -> None:
    with pytest.raises(TypeError, match="name"):
        mrkl.expert(typed.plain, name=name or " ")


def test_names_that_collide() -> None:
    with pytest.raises(ValueError, match="two experts are named 'typed'"):
        Agent([typed, mrkl.expert(typed.plain, name="typed")], model=ScriptedLanguage({}))


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(3)",
        "1/0",
        "x =",
        "import no_such_module_here",
        "",
        "\x00",
        "raise KeyError",
    ],
)
def test_files_of_experts_that_cannot_be_loaded(code: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(code)
    with pytest.raises(ValueError) as caught:
        load_experts(str(path))
    assert "\n" not in str(caught.value)


ANY = some.text(max_size=200)
NEAR = some.text(alphabet="0123456789+-*/^%()[],.#! aeisqrtfxπ=<>°", max_size=60)
CALLS = some.text(alphabet='#12 ->calcutor(expsin="+,)[]\\\n', max_size=120)
WORDS = some.lists(
    some.sampled_from(
        ["30", "february", "2024", "next", "week", "3", "pm", "utc", "-", "31", "/", "99999"]
    ),
    max_size=6,
).map(" ".join)
FEW = settings(max_examples=150, deadline=3000)


@FEW
@given(some.one_of(ANY, NEAR))
def test_expressions_evaluate_or_say_why(text: str) -> None:
    try:
        evaluate(text)
    except ArithError as error:
        assert str(error)


@FEW
@given(some.one_of(ANY, CALLS))
def test_plans_parse_or_say_why(text: str) -> None:
    try:
        parse_plan(text, CARDS)
    except PlanError as error:
        assert str(error)


@FEW
@given(WORDS)
def test_dates_are_read_or_refused(text: str) -> None:
    try:
        read_moment(text, datetime(2026, 3, 18, tzinfo=UTC))
    except ClockError as error:
        assert str(error)


@FEW
@given(some.one_of(ANY, NEAR), some.sampled_from(["kg", "m", "°F", "l", "s"]))
def test_quantities_convert_or_say_why(text: str, to: str) -> None:
    try:
        convert(text, to)
    except QuantityError as error:
        assert str(error)


@FEW
@given(ANY)
def test_cleaning_leaves_no_token_and_masking_never_fails(text: str) -> None:
    assert "<|" not in clean(text)
    masked(text)


@mrkl.expert(isolate=False)
def screen(n: int) -> str:
    """Text that would take over a terminal."""
    return "a\x1b[31m\x1b]0;title\x07\x9b31m\u202eb\r\nnext\ttab 👩\u200d👩 é"


def test_text_from_outside_does_not_reach_the_terminal_as_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from mrkl.cli import print_answer

    script = {"go": "#1 \x1b[31mgo -> screen(n=1)\n<|answer|>It says #1"}
    answer = Agent([screen], model=ScriptedLanguage(script)).ask("go")
    print_answer(answer, why=True)
    shown = capsys.readouterr()
    for text in (shown.out, shown.err):
        assert not set("\x1b\x07\x9b\u202e\r") & set(text)
    assert shown.out.endswith("next\ttab 👩\u200d👩 é\n")
    assert answer.steps[0].result is not None
    assert "\x1b[31m" in str(answer.steps[0].result.value)  # the value is as it came
