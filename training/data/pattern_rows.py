"""Rows from the hand-written patterns: slots filled, typed as people type, calls executed.

In: phrasings/{arithmetic,measures,knowledge,limits}*.jsonl. Out: rows with steps, small talk or a
reason to abstain. A copied argument is cut from the finished question, so it always is a span of
it. Patterns that no expert serves are left out (see `report`).
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mrkl.experts.base import Result
from mrkl.prompt import StepText, render_abstained, render_argument, render_row, render_said
from mrkl.tools.arith import evaluate
from training.data.adapt import Adapter, Argument, Drop
from training.data.conditions import compile_condition
from training.data.row import Row, from_prompt
from training.data.slots import Fill, Hints, fill
from training.data.styles import AFTER, BEFORE, SWAPS, slip
from training.data.templates import Question, Template, template

FOLDER = Path(__file__).parent / "phrasings"
FILES = ("arithmetic", "measures", "knowledge", "limits")
NUMERIC = {"n", "rank", "amount"}
WHICH = re.compile(r"\b(which|wich|who|whose|where|what city|what country|one|or)\b", re.I)
NUMBERS = {"population", "area", "density", "melting point", "boiling point", "atomic number",
           "atomic mass", "molar mass", "latitude", "longitude", "gravity", "diameter", "moons",
           "distance from the sun", "day length", "discovery year", "group", "count", "mass"}  # fmt: skip
TEXTS = ("Lisbon", "Bern", "Oslo", "Euro", "Europe", "Quito", "helium", "Mars", "Chad, Mali, Togo")


@dataclass(frozen=True)
class Pattern:
    """One pattern, ready to be filled."""

    key: str
    source: str
    kind: str
    question: Question
    steps: tuple[tuple[Template, str, tuple[Argument, ...]], ...]
    answer: Template
    conditions: tuple[Any, ...]
    hints: dict[str, Hints]


@cache
def load(split: str) -> dict[str, tuple[Pattern, ...]]:
    """Usable patterns by file; 8 % are held out."""
    found: dict[str, tuple[Pattern, ...]] = {}
    for path in sorted(FOLDER.glob("*.jsonl")):
        if path.name.startswith("expert_cards"):
            continue
        kept = []
        for number, line in enumerate(path.open(encoding="utf-8")):
            raw = json.loads(line)
            held = random.Random(f"pattern {raw['q']}").random() < 0.08
            if held != (split == "heldout"):
                continue
            try:
                kept.append(compiled(raw, f"{path.stem}:{number}", path.stem.rstrip("_0123456789")))
            except (Drop, ValueError, KeyError, IndexError) as reason:
                DROPPED[f"{type(reason).__name__}: {str(reason)[:60]}"] += 1
        found[path.stem] = tuple(kept)
    return found


DROPPED: Counter[str] = Counter()


def compiled(raw: dict[str, Any], key: str, source: str) -> Pattern:
    """Raises Drop or ValueError where the pattern cannot be used."""
    question = Question.parse(raw["q"])
    adapter = Adapter(question)
    given = [dict(step, arguments=dict(step["arguments"])) for step in raw["steps"]]
    if WHICH.search(raw["q"]):
        _name_the_largest(given)
    steps = tuple(
        (
            template(step["subquery"]),
            step["expert"],
            adapter.step(step["expert"], step["arguments"]),
        )
        for step in given
    )
    conditions = tuple(compile_condition(text) for text in raw.get("where", ()))
    past = {
        n for s in given for a, v in s["arguments"].items() if a == "birth_date" for n in _slots(v)
    }
    formula = re.search(r"[{}\d]\s*[*/^+=]\s*[{(\d]|\dx|}x|}\*", raw["q"]) is not None
    hints = {
        name: Hints(digits=formula, when="birth" if name in past else "any")
        for name in question.types
    }
    answer = template(raw["answer"])
    return Pattern(key, source, raw["kind"], question, steps, answer, conditions, hints)


def _slots(text: Any) -> list[str]:
    return list(template(str(text)).slots)


def _name_the_largest(steps: list[dict[str, Any]]) -> None:
    """`max(#1, #2)` over look-ups of named things becomes `argmax(name: #1, name: #2)`."""
    for step in steps:
        expression = step["arguments"].get("expression", "")
        match = re.fullmatch(r"(max|min)\((#\d(?:, #\d)+)\)", expression)
        if not match:
            continue
        named = []
        for reference in match[2].split(", "):
            arguments = steps[int(reference[1:]) - 1]["arguments"]
            name = arguments.get("entity") or arguments.get("place")
            if not name or name.startswith("#"):
                break
            named.append(f"{name}: {reference}")
        else:
            step["arguments"]["expression"] = f"arg{match[1]}({', '.join(named)})"


def filled(pattern: Pattern, rng: random.Random) -> dict[str, Fill] | None:
    """Values for all slots that meet the pattern's conditions; None after 25 attempts."""
    for attempt in range(25):
        fills = {}
        for name, kind in pattern.question.types.items():
            hint = pattern.hints[name]
            hint = Hints(hint.digits, hint.most, hint.when, attempt)
            fills[name] = fill(kind, rng, hint)
        typed = [f.typed for f in fills.values()]
        if len(set(typed)) < len(typed):
            continue
        numbers = {name: f.number for name, f in fills.items() if f.number is not None}
        try:
            if all(condition(numbers) for condition in pattern.conditions):
                return fills
        except (KeyError, ZeroDivisionError, TypeError, OverflowError):
            return None
    return None


def typed(pattern: Pattern, fills: dict[str, Fill], rng: random.Random) -> list[tuple[int, str]]:
    """The question in pieces (start in the flat text, text), in one person's way of typing."""
    pieces, _ = pattern.question.pieces()
    lower = rng.random() < 0.4
    sloppy = rng.random() < 0.22
    short = rng.sample(sorted(SWAPS.items()), 4) if rng.random() < 0.15 else []
    out = []
    for start, text, name, held in pieces:
        if name is not None:
            text = fills[name].typed
        elif not held:
            for old, new in short:
                text = f" {text} ".replace(f" {old} ", f" {new} ")[1:-1]
            text = slip(text, rng) if sloppy and rng.random() < 0.6 else text
        out.append((start, text.lower() if lower else text))
    if rng.random() < 0.35 and pieces and pieces[-1][2] is None and not pieces[-1][3]:
        out[-1] = (out[-1][0], out[-1][1].rstrip("?!. "))
    return out


def argument(arg: Argument, fills: dict[str, Fill], pieces: list[tuple[int, str]]) -> str:
    """One argument as text in the call."""
    if arg.mode == "copy" and arg.span is not None:
        begin, end = arg.span
        text = "".join(piece for start, piece in pieces if begin <= start < end).strip()
        return render_argument(text, "str")
    if arg.mode == "currency":
        return render_argument(fills[arg.text.slots[0]].copied or "", "str")
    text = arg.text.fill(lambda name: fills[name].plain)
    return text if arg.name in NUMERIC else render_argument(text, "str")


def outcome(expert: str, call: dict[str, str], values: dict[int, Any], rng: random.Random) -> Any:
    """A result of the right kind; the calculator's is computed. None: this row is no good."""
    if expert == "calculator":
        numbers = {
            k: v for k, v in values.items() if isinstance(v, int | float) or hasattr(v, "numerator")
        }
        try:
            value = evaluate(json.loads(call["expression"]), numbers)
        except (ArithmeticError, ValueError):
            return None
        return Result(value)
    if expert == "units":
        return Result(round(rng.uniform(0.1, 900), 3), json.loads(call["to"]))
    if expert == "currency":
        return Result(round(rng.uniform(1, 900), 2), rng.choice(("EUR", "USD", "JPY", "GBP")))
    if expert == "knowledge":
        attribute = json.loads(call["attribute"])
        if "order" in call and attribute != "name":
            return Result(rng.choice(TEXTS))
        number = attribute in NUMBERS
        return Result(round(rng.uniform(1, 9000), 1) if number else rng.choice(TEXTS))
    if expert == "weather":
        number = json.loads(call["field"]) not in ("summary", "sunrise", "sunset")
        return Result(rng.randint(-5, 35) if number else rng.choice(("sunny", "rain", "06:41")))
    if expert == "calendar":
        task = json.loads(call["task"])
        if task in ("difference", "age", "week_number"):
            return Result(rng.randint(1, 400))
        if task == "leap_year":
            return Result(rng.random() < 0.5)
        day = f"{rng.randint(1990, 2032)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        return Result("Tuesday" if task == "weekday" else day)
    return Result(
        f"x^{rng.randint(2, 5)} + {rng.randint(1, 9)}" if rng.random() < 0.4 else rng.randint(1, 60)
    )


def make(pattern: Pattern, rng: random.Random) -> Row | None:
    """One row of a pattern, or None when this filling does not work out."""
    fills = filled(pattern, rng)
    if fills is None:
        return None
    pieces = typed(pattern, fills, rng)
    question = "".join(text for _, text in pieces)
    if rng.random() < 0.08:
        question = rng.choice(BEFORE) + question
    if rng.random() < 0.07:
        question = question.rstrip("?!. ") + rng.choice(AFTER)
    answer = pattern.answer.fill(lambda name: fills[name].said)
    if not pattern.steps:
        render = render_said if pattern.kind == "chitchat" else render_abstained
        return from_prompt(
            render(question, [], answer), f"{pattern.source} {pattern.kind}", pattern.key
        )
    steps, results, values = [], [], {}
    for number, (subquery, expert, arguments) in enumerate(pattern.steps, 1):
        call = {arg.name: argument(arg, fills, pieces) for arg in arguments}
        result = outcome(expert, call, values, rng)
        if result is None or "->" in question:
            return None
        values[number] = result.value
        text = subquery.fill(lambda name: fills[name].sub)
        steps.append(StepText(text, expert, ", ".join(f"{k}={v}" for k, v in call.items())))
        results.append((number, result))
    made = render_row(question, [], steps, results, answer)
    return from_prompt(made, f"{pattern.source} {pattern.kind}", pattern.key)


def rows(rng: random.Random, split: str, source: str) -> Iterator[Row]:
    """Endless rows of the pattern files whose name starts with `source`."""
    pool = [p for name, found in load(split).items() if name.startswith(source) for p in found]
    while True:
        row = make(rng.choice(pool), rng)
        if row is not None:
            yield row
