"""Rows from word problems (MAWPS and GSM8K train rows).

In: the train files beside this one. Out: rows whose plan is the calculator's steps. GSM8K's
`<<a*b=c>>` annotations become steps; an operand equal to an earlier result becomes its `#k`.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any

from mrkl.experts.base import Result
from mrkl.prompt import StepText, render_row
from mrkl.tools.arith import evaluate
from mrkl.tools.number_words import find_numbers
from training.data.firewall import blocked
from training.data.row import Row, from_prompt
from training.data.styles import restyle

FOLDER = Path(__file__).parent / "problems"
NUMBER = re.compile(r"\d[\d,]*\.?\d*|\.\d+")
SIGNS = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}
CONSTANTS = frozenset(map(str, (*range(13), 16, 24, 28, 30, 31, 52, 60, 100, 365, 1000))) | {
    "0.5", ".5", ".01", "0.01",
}  # fmt: skip
# numbers that may mean a unit (minutes, days, months): they stay when a problem is renumbered
STAY = frozenset(map(str, (0, 1, 2, 7, 12, 16, 24, 30, 52, 60, 100, 365, 1000)))
ANSWERS = (
    "#K",
    "The answer is #K.",
    "It is #K.",
    "That makes #K.",
    "#K in all.",
    "It comes to #K.",
)


@cache
def problems(name: str) -> tuple[dict[str, Any], ...]:
    """The rows of one train file."""
    walled = blocked()
    with gzip.open(FOLDER / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines)
        return tuple(row for row in rows if row["question"] not in walled)


def words_of(expression: str) -> str:
    """`3 * (4 + 1)` in words, as a subquery."""
    text = expression
    for sign, word in SIGNS.items():
        text = text.replace(f" {sign} ", f" {word} ")
    return text


def result_of(expression: str, references: dict[int, Any]) -> Any:
    """The exact value, or None where the calculator refuses."""
    try:
        return evaluate(expression, references)
    except (ArithmeticError, ValueError):
        return None


def plan_row(question: str, expressions: list[str], rng: random.Random, source: str, key: str):
    """A row with one calculator step an expression; None if one cannot be evaluated."""
    values = chain(expressions)
    if values is None:
        return None
    steps = [StepText(words_of(e), "calculator", f'expression="{e}"') for e in expressions]
    results = [(number, Result(value)) for number, value in enumerate(values, 1)]
    answer = rng.choice(ANSWERS).replace("#K", f"#{len(steps)}")
    return from_prompt(render_row(question, [], steps, results, answer), source, key)


def infix(prefix: list[str], numbers: list[Any]) -> str:
    """`- number0 number1` in infix notation."""
    token = prefix.pop(0)
    if token in "+-*/":
        left, right = infix(prefix, numbers), infix(prefix, numbers)
        return f"({left} {token} {right})"
    if token.startswith("number"):
        return plain(numbers[int(token.removeprefix("number"))])
    return plain(float(token))


def plain(number: Any) -> str:
    value = Fraction(str(number))
    return str(value.numerator) if value.denominator == 1 else str(float(value))


def mawps(rng: random.Random, split: str) -> Row | None:
    """A MAWPS train problem with its numbers changed half of the time."""
    rows = problems("mawps_fold0_train")
    edge = len(rows) * 19 // 20
    row = rng.choice(rows[edge:] if split == "heldout" else rows[:edge])
    question, numbers = row["question"], list(row["numbers"])
    expression = infix(row["equation_prefix"].split(), numbers)[1:-1]
    if rng.random() < 0.6:
        question, expression = renumbered(question, expression, rng)
    if expression.count("(") == 1 and rng.random() < 0.5:
        inner = expression[expression.index("(") + 1 : expression.index(")")]
        outer = expression.replace(f"({inner})", "#1")
        return plan_row(restyle(question, (), rng), [inner, outer], rng, "mawps", row["id"])
    return plan_row(restyle(question, (), rng), [expression], rng, "mawps", row["id"])


def renumbered(question: str, expression: str, rng: random.Random) -> tuple[str, str]:
    """Other numbers in text and expression, in the same order of size where they all differ."""
    found = NUMBER.findall(question)
    values = sorted({plain(f.replace(",", "").rstrip(".")) for f in found}, key=float)
    used = set(NUMBER.findall(expression))
    if len(values) != len(found) or not used <= set(values) or any("." in v for v in values):
        return question, expression
    scale = rng.choice((1, 1, 3, 10))
    new, last = {}, 0
    for value in values:
        gap = max(2, int(float(value) * scale) - last)
        last += rng.randint(1, gap * 2)
        new[value] = str(last)
    before = result_of(expression, {})
    changed = NUMBER.sub(lambda m: new[m[0]], expression)
    after = result_of(changed, {})
    if before is None or after is None or after <= 0:
        return question, expression
    if Fraction(before).denominator == 1 and Fraction(after).denominator != 1:
        return question, expression

    def swap(match: re.Match[str]) -> str:
        text = match[0]
        bare = text.rstrip(".,")
        return new[plain(bare.replace(",", ""))] + text[len(bare) :]

    return NUMBER.sub(swap, question), changed


def gsm8k(rng: random.Random, split: str) -> Row | None:
    """A GSM8K train problem as a chain of calculator steps."""
    rows = problems("gsm8k_train")
    edge = len(rows) * 19 // 20
    row = rng.choice(rows[edge:] if split == "heldout" else rows[:edge])
    return gsm8k_row(row, rng)


def gsm8k_row(row: dict[str, Any], rng: random.Random) -> Row | None:
    expressions: list[str] = []
    results: list[Fraction] = []
    question = row["question"]
    for left, right in re.findall(r"<<([^=<>]+)=([^<>]+)>>", row["rationale"]):
        if ambiguous(left, results, question):
            return None
        expression = percents(linked(left, results), question)
        try:
            results.append(Fraction(right.replace(",", "").strip()))
        except (ValueError, ZeroDivisionError):
            return None
        expressions.append(expression)
    final = Fraction(str(row["answer"]))
    if not 1 <= len(expressions) <= 6 or results[-1] != final:
        return None
    used = " ".join(expressions)
    if any(f"#{k}" not in used for k in range(1, len(expressions))):
        return None
    if not set(NUMBER.findall(used)) <= known_numbers(question) | indices(used):
        return None  # a number from nowhere would teach the core to invent
    if rng.random() < 0.7:
        question, expressions = other_numbers(question, expressions, rng)
    return plan_row(restyle(question, (), rng), expressions, rng, "gsm8k", row["id"])


def ambiguous(left: str, results: list[Fraction], question: str) -> bool:
    """Whether a number may be an earlier result or one that the question tells."""
    told = known_numbers(question) - CONSTANTS
    numbers = {plain(text.replace(",", "").rstrip(".")) for text in NUMBER.findall(left)}
    return bool(numbers & told & {plain(result) for result in results})


def percents(expression: str, question: str) -> str:
    """`.15` of an annotation as `15 / 100` where the question says 15 %."""

    def written(match: re.Match[str]) -> str:
        hundredfold = plain(Fraction(match[0]) * 100)
        return f"{hundredfold} / 100" if said(hundredfold) else match[0]

    def said(number: str) -> bool:
        return bool(re.search(rf"(?<![\d.]){re.escape(number)} ?(%|percent)", question))

    expression = re.sub(r"\* 0?\.01\b", "/ 100", expression)
    return re.sub(r"(?<![\d#])0?\.\d+", written, expression)


def other_numbers(
    question: str, expressions: list[str], rng: random.Random
) -> tuple[str, list[str]]:
    """The problem with other numbers, when all steps still come out as natural as they did."""
    values = {text: plain(text.replace(",", "")) for text in _digits(question)}
    moved = [text for text, value in values.items() if value not in STAY and "." not in value]
    if len(set(values.values())) != len(values) or not moved:
        return question, expressions
    before = chain(expressions)
    for _ in range(12):
        new = {text: str(_near(int(values[text]), question, text, rng)) for text in moved}
        if len({*new.values(), *values.values()}) < len(new) + len(values):
            continue
        by_value = {values[text]: number for text, number in new.items()}
        changed = [_swapped(e, by_value) for e in expressions]
        after = chain(changed)
        if before and after and all(map(_as_natural, before, after)):
            return _DIGITS.sub(partial(_told, new), question), changed
    return question, expressions


def _told(new: dict[str, str], match: re.Match[str]) -> str:
    text = match[0].rstrip(",")
    return new.get(text, text) + match[0][len(text) :]


_DIGITS = re.compile(r"(?<![\w.,/:-])\d[\d,]*(?:\.\d+)?(?![\d/:]|[,.]\d|st\b|nd\b|rd\b|th\b)")


def _digits(question: str) -> list[str]:
    """The numbers in digits, each once, in the question's order: a seed gives the same row."""
    return list(dict.fromkeys(text.rstrip(",") for text in _DIGITS.findall(question)))


def _near(value: int, question: str, text: str, rng: random.Random) -> int:
    """Another number of about this size; a percentage stays below a hundred."""
    if re.search(rf"{re.escape(text)} ?(%|percent)", question):
        return rng.choice(range(5, 100, 5))
    if value % 10 == 0 and value >= 20:
        unit = 100 if value % 100 == 0 and value >= 200 else 10
        return rng.randint(max(1, value // unit // 2), value // unit * 2) * unit
    return rng.randint(max(2, value // 2), max(4, value * 2))


def _swapped(expression: str, new: dict[str, str]) -> str:
    return re.sub(r"(?<![\d.#])\d+(?:\.\d+)?(?!\d)", lambda m: new.get(m[0], m[0]), expression)


def chain(expressions: list[str]) -> list[Any] | None:
    """The results of all steps, or None where one has none."""
    values: dict[int, Any] = {}
    for number, expression in enumerate(expressions, 1):
        values[number] = result_of(expression, values)
        if values[number] is None:
            return None
    return list(values.values())


def _as_natural(before: Any, after: Any) -> bool:
    """Positive, and whole (or in cents) where it was."""
    old, new = Fraction(before), Fraction(after)
    return new > 0 and (
        new.denominator == 1 or (old.denominator != 1 and 100 % new.denominator == 0)
    )


@cache
def known_numbers(question: str) -> frozenset[str]:
    """Numbers of the question as digits, and those a plan may bring along (dozen, week, hour)."""
    return CONSTANTS | {plain(number) for _, _, number in find_numbers(question)}


def indices(expression: str) -> set[str]:
    """The digits of the references in it."""
    return set(re.findall(r"#(\d)", expression))


def linked(left: str, results: list[Fraction]) -> str:
    """The annotation's left side, numbers that are earlier results written as references."""

    def link(match: re.Match[str]) -> str:
        text = match[0].rstrip(".")
        value = Fraction(text.replace(",", ""))
        for k in range(len(results), 0, -1):
            if results[k - 1] == value:
                return f"#{k}"
        return text.replace(",", "")

    text = re.sub(r"\s+", "", left).replace("$", "").replace("%", "/100").replace("x", "*")
    text = NUMBER.sub(link, text)
    return re.sub(r"(?<=[\w)])([+\-*/])(?=[\w#(.])", r" \1 ", text)


def rows(rng: random.Random, split: str) -> Iterator[Row]:
    """Endless word problems."""
    while True:
        row = mawps(rng, split) if rng.random() < 0.35 else gsm8k(rng, split)
        if row is not None:
            yield row
