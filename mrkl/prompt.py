"""The exact text the language core reads and writes (docs/contracts.md, section 3).

In: questions, cards, steps and results as plain values. Out: strings. The agent renders its
prompts here and the training data is made with the same functions, so the two cannot drift
apart. It loads nothing heavy and knows nothing of token ids, grammars or models.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Protocol, cast

from mrkl.tools.numerals import number_text

BEGIN = "<|begin|>"
CARDS = "<|cards|>"
QUESTION = "<|question|>"
PLAN = "<|plan|>"
RESULTS = "<|results|>"
ANSWER = "<|answer|>"
SAY = "<|say|>"
ABSTAIN = "<|abstain|>"
END = "<|end|>"
SPECIAL_TOKENS = (BEGIN, CARDS, QUESTION, PLAN, RESULTS, ANSWER, SAY, ABSTAIN, END)

ARROW = " ->"  # ends a subquery; the router decides here
WHOLE_QUESTION = "@"  # a subquery that is the question as it stands
SIGNIFICANT_DIGITS = 12
RESULT_CHARACTERS = 200  # a longer text is cut: the core only needs to see what kind of thing it is


class CardLike(Protocol):
    """Anything that can print itself as the one line the core reads."""

    def line(self) -> str: ...


class ParameterLike(Protocol):
    """What rendering needs of a parameter: its name and its declared type."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...


class OutcomeLike(Protocol):
    """A `Result` or `Failure` (mrkl.experts.base): it prints itself as the core reads it."""

    def line(self) -> str: ...


@dataclass(frozen=True)
class StepText:
    """One step of a plan, its arguments already written out."""

    subquery: str
    expert: str
    arguments: str  # what stands between the parentheses


@dataclass(frozen=True)
class Row:
    """One whole training row; `segments` says which parts the core itself writes."""

    prompt: str
    plan: str
    results: str = ""
    answer: str = ""

    @property
    def text(self) -> str:
        return self.prompt + self.plan + self.results + self.answer

    def segments(self) -> list[tuple[str, bool]]:
        """(text, written by the core) in order. Concatenated they are `text`."""
        parts = [(self.prompt, False), (self.plan, True), (self.results, False)]
        return [part for part in [*parts, (self.answer, True)] if part[0]]


def clean(text: str) -> str:
    """One line, with nothing in it that could be read as a special token."""
    line = " ".join(text.split())
    if not line.isascii():  # half a character (a surrogate) has no UTF-8
        line = line.encode("utf-8", "replace").decode("utf-8")
    return line.replace("<|", "< |") if "<|" in line else line


def render_prefix(cards: Sequence[CardLike | str] = ()) -> str:
    """What stands before the question: the same for all questions asked of the same cards."""
    if not cards:
        return BEGIN
    lines = (card if isinstance(card, str) else card.line() for card in cards)
    return BEGIN + CARDS + "".join(f"{clean(line)}\n" for line in lines)


def render_prompt(question: str, cards: Sequence[CardLike | str] = ()) -> str:
    """The text up to and including `<|plan|>`; cards only of experts that are not built in."""
    return f"{render_prefix(cards)}{QUESTION}{clean(question)}{PLAN}"


def render_result(number: int, outcome: OutcomeLike) -> str:
    """`#k = value unit` or `#k = failed: message`, with its newline."""
    text = clean(outcome.line())
    if len(text) > RESULT_CHARACTERS:
        text = f"{text[:RESULT_CHARACTERS].rstrip()} …"
    return f"#{number} = {text}\n"


def render_results(results: Iterable[tuple[int, OutcomeLike]]) -> str:
    """From `<|results|>` to `<|answer|>`, for (step number, Result or Failure) pairs."""
    return f"{RESULTS}{''.join(render_result(number, out) for number, out in results)}{ANSWER}"


def is_reference(value: Any) -> bool:
    """Whether a value is exactly one reference such as `#2`."""
    return isinstance(value, str) and value[:1] == "#" and value[1:].isdecimal()


def render_argument(value: Any, kind: str) -> str:
    """One argument value, written for a parameter declared as `kind`.

    In a number's place a string is arithmetic or a reference and stands bare; everywhere else
    a string is a JSON string.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        items = cast("Sequence[Any]", value)
        inner = kind.removeprefix("list[").removesuffix("]") if kind.startswith("list[") else "str"
        return "[" + ", ".join(render_argument(item, inner) for item in items) + "]"
    if isinstance(value, int | float | Fraction):
        return number_text(value, SIGNIFICANT_DIGITS)
    text = value.isoformat() if isinstance(value, date) else str(value)
    if kind in ("int", "float", "number", "bool") or (kind.startswith("list") and "#" in text):
        return text
    return json.dumps(text, ensure_ascii=False)


def render_arguments(arguments: Mapping[str, Any], parameters: Iterable[ParameterLike]) -> str:
    """`name=value, …` in signature order; what is absent from `arguments` is left out.

    Raises ValueError for a name that the signature does not have.
    """
    declared = list(parameters)
    unknown = set(arguments) - {parameter.name for parameter in declared}
    if unknown:
        raise ValueError(f"no such parameter: {', '.join(sorted(unknown))}")
    return ", ".join(
        f"{parameter.name}={render_argument(arguments[parameter.name], parameter.type)}"
        for parameter in declared
        if parameter.name in arguments
    )


def render_step(number: int, subquery: str, expert: str, arguments: str) -> str:
    """`#k SUBQUERY -> EXPERT(ARGUMENTS)` with its newline.

    Raises ValueError when the subquery holds the arrow, which would end it too early.
    """
    words = clean(subquery)
    if not words or "->" in words:
        raise ValueError(f"not a subquery: {subquery!r}")
    return f"#{number} {words}{ARROW} {expert}({arguments})\n"


def render_plan(steps: Iterable[StepText]) -> str:
    """All steps, numbered from 1."""
    return "".join(
        render_step(number, step.subquery, step.expert, step.arguments)
        for number, step in enumerate(steps, 1)
    )


def render_row(
    question: str,
    cards: Sequence[CardLike | str],
    steps: Sequence[StepText],
    results: Sequence[tuple[int, OutcomeLike]],
    answer: str,
) -> Row:
    """A whole row with steps: prompt, plan, results and the answer with its `<|end|>`."""
    if not steps:
        raise ValueError("a row without steps is render_said or render_abstained")
    # <|results|> is the core's own word for "the plan is complete"; it is part of the plan here
    fed = render_results(results).removeprefix(RESULTS)
    plan = render_plan(steps) + RESULTS
    return Row(render_prompt(question, cards), plan, fed, f"{clean(answer)}{END}")


def render_said(question: str, cards: Sequence[CardLike | str], text: str) -> Row:
    """A row where the core answers alone."""
    return Row(render_prompt(question, cards), f"{SAY}{clean(text)}{END}")


def render_abstained(question: str, cards: Sequence[CardLike | str], reason: str) -> Row:
    """A row where the core says that it cannot know."""
    return Row(render_prompt(question, cards), f"{ABSTAIN}{clean(reason)}{END}")
