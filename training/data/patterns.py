"""The pattern files, compiled.

In: `phrasings/*.jsonl`. Out: `Pattern`s whose steps fit the signatures, and `Drops`: why others
were left out. Filling and executing them is `filling.py`'s work.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mrkl.numbers_in import argument_numbers
from training.data.adapt import Adapter, Argument, Drop
from training.data.conditions import Compiled, compile_condition
from training.data.firewall import blocked
from training.data.slots import Hints
from training.data.templates import Question, Template, template

FOLDER = Path(__file__).with_name("phrasings")
FILES = (
    "lookups", "knowledge_3", "weather_3", "encyclopedia_3", "followups_3", "limits_3", "twins_3",
    "heldout_know_3",
    "arithmetic", "measures", "measures_2", "knowledge", "knowledge_2", "limits", "limits_2",
    "comparisons", "arithmetic_3", "measures_3", "mixed_3", "heldout_3",
    "arithmetic_4", "measures_4", "knowledge_4", "limits_4", "mixed_4",
    "arithmetic_5", "measures_5", "limits_5", "mixed_5", "knowledge_5", "mixed_6",
)  # fmt: skip
# which stream a file belongs to
HOME = {
    "lookups": "knowledge", "knowledge_3": "knowledge", "weather_3": "knowledge",
    "encyclopedia_3": "knowledge", "followups_3": "knowledge", "limits_3": "limits",
    "twins_3": "limits", "heldout_know_3": "knowledge",
    "comparisons": "knowledge", "knowledge_2": "knowledge", "measures_2": "measures",
    "limits_2": "limits", "arithmetic_3": "arithmetic", "measures_3": "measures", "mixed_3": "mixed",
    "heldout_3": "mixed", "arithmetic_4": "arithmetic", "measures_4": "measures",
    "knowledge_4": "knowledge", "limits_4": "limits", "mixed_4": "mixed",
    "arithmetic_5": "arithmetic", "measures_5": "measures", "limits_5": "limits",
    "mixed_5": "mixed", "knowledge_5": "knowledge", "mixed_6": "mixed",
}  # fmt: skip
NUMERIC = {"int", "bigint", "decimal", "percent", "fraction", "money", "numberword", "ordinal",
           "vary"}  # fmt: skip
_NUMBER = re.compile(r"(?<![\w.,^'’:/])\d[\d,]*(?:\.\d+)?(?![\w.,]*\d)(?![\w'’:/])")
_CONSTANTS = {7, 10, 12, 14, 16, 24, 25, 30, 36, 50, 52, 60, 90, 100, 180, 360, 365, 366, 500, 1000,
              1440, 3600, 1000000, 10000}  # fmt: skip
_VERDICT = re.compile(
    r"\b(yes|no|not|n't|enough|aren't|isn't|tiny|more than|less|over|under)\b", re.IGNORECASE
)
_MOST = (
    (r"^ ?(%|percent|per cent)", 100), (r"^ ?(years?|yrs?) old", 90), (r"^ ?(years?|yrs?)\b", 40),
    (r"^[ -]?months?\b", 48), (r"^ ?(weeks?|wks)\b", 60), (r"^ ?(hours?|hrs?|h)\b", 24),
    (r"^ ?(minutes?|mins?)\b", 180), (r"^ ?(seconds?|secs?)\b", 300), (r"^ ?(degrees|°)", 120),
    (r"^ ?(people|of us|friends|kids|mates|ppl)\b", 40), (r"^ ?cm\b", 250), (r"^ ?stone\b", 22),
    (r"^ ?(am|pm)\b", 12), (r"^ and an? (half|quarter)", 20), (r"^ ?oz\b", 40), (r"^ ?(days?)\b", 400), (r"^[ -]?(larg|bigg|small|most)", 10),
    (r"^ million\b", 300), (r"^ thousand\b", 900),
    (r"^[ -]?(least|high|low|cities|countries|elements|hottest|heaviest|lightest)", 10),
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step: its subquery and arguments as templates."""

    subquery: Template
    expert: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Pattern:
    """One way to ask, with its plan. `pieces`: (start, text, slot or None, frozen)."""

    id: str
    source: str
    kind: str
    question: str
    types: Mapping[str, str]
    pieces: tuple[tuple[int, str, str | None, bool], ...]
    steps: tuple[Step, ...]
    answer: Template
    where: tuple[Compiled, ...] = ()
    hints: Mapping[str, Hints] = field(default_factory=dict[str, Hints])
    ordered: tuple[tuple[str, str], ...] = ()  # date slots that must follow each other
    aside: bool = False  # from a file kept for tests: never trained on
    whole: bool = False  # results should be whole numbers
    positive: bool = True  # results should not be negative


def load(drops: Counter[str] | None = None) -> list[Pattern]:
    """All usable patterns; reasons of the others are counted into `drops`."""
    drops = Counter() if drops is None else drops
    replaced = {row["replaces"] for _, row in _rows() if "replaces" in row}
    found: list[Pattern] = []
    for name, row in _rows():
        if row["q"] in blocked():
            drops[f"{name}: blocked by the firewall"] += 1
            continue
        if row["q"] in replaced and "replaces" not in row:
            drops[f"{name}: replaced by a comparison"] += 1
            continue
        try:
            found.append(_compile(name, row))
        except (Drop, ValueError) as error:
            drops[f"{name}: {error}"] += 1
    return found


@cache
def all_patterns() -> tuple[Pattern, ...]:
    """`load`, once."""
    return tuple(load())


def _rows() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in FILES:
        path = FOLDER / f"{name}.jsonl"
        if not path.exists():
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            yield name, json.loads(line)


def _conditions(row: dict[str, Any]) -> list[str]:
    given = row.get("where", [])
    return [given] if isinstance(given, str) else given


def pattern_id(source: str, question: str) -> str:
    """Stable under additions to the files: source and the words of the question."""
    slug = re.sub(r"[^a-z0-9]+", "-", question.lower()).strip("-")
    return f"{source}/{slug[:60]}"


def _compile(source: str, row: dict[str, Any]) -> Pattern:
    text, steps, answer = _loosen(row)
    question = Question.parse(text)
    varied = {n: t for n, t in _varied(row).items() if n in question.types}
    question.types.update(varied)
    _narrow(question, steps)
    adapter = Adapter(question)
    built = tuple(
        Step(template(s["subquery"]), s["expert"], adapter.step(s["expert"], s["arguments"]))
        for s in steps
    )
    if any("->" in s["subquery"] for s in steps):
        raise Drop("arrow in a subquery")
    _check_answer(question, answer, text)
    _check_numbers(question, built)
    pieces, _ = question.pieces()
    whole, positive = _sanity(question, text, built)
    return Pattern(
        pattern_id(source, row["q"]), HOME.get(source, source), row["kind"], row["q"], question.types, tuple(pieces),
        built, template(answer.replace("\n- ", ", ").removeprefix("- ")),
        tuple(compile_condition(w) for w in _conditions(row)),
        _hints(question, pieces, built, _limits(steps), _bounds(_conditions(row))), _ordered(question, built),
        source.startswith("heldout"), whole, positive,
    )  # fmt: skip


_KEYS = (  # what a slot in a condition of the knowledge expert must be
    (r"capital = \{(\w+)\}", "capital"), (r"symbol = \{(\w+)\}", "symbol"),
    (r"internet domain = \.\{(\w+)\}", "domain"), (r"calling code = \+\{(\w+)\}", "callcode"),
)  # fmt: skip
_LIMITS = (  # conditions whose numbers have a range
    (r"atomic number [=<>]+ \{(\w+)\}", 118), (r"moons [=<>]+ \{(\w+)\}", 90),
    (r"discovery year [=<>]+ \{(\w+)\}", 2010), (r"group = \{(\w+)\}", 18),
)  # fmt: skip


def _narrow(question: Question, steps: list[dict[str, Any]]) -> None:
    """A slot that stands for a key (a capital, a symbol) must be filled with real ones."""
    for step in steps:
        where = str(step["arguments"].get("where", ""))
        for rule, kind in _KEYS:
            for name in re.findall(rule, where):
                if question.types.get(name) in ("city", "word", "int", "text"):
                    question.types[name] = kind


def _limits(steps: list[dict[str, Any]]) -> dict[str, float]:
    """Slot name → largest value that the knowledge expert can answer."""
    found: dict[str, float] = {}
    for step in steps:
        given = {key: str(value) for key, value in step["arguments"].items()}
        for rule, most in _LIMITS:
            found |= dict.fromkeys(re.findall(rule, given.get("where", "")), most)
        for key in ("n", "rank"):
            if slot := re.fullmatch(r"\{(\w+)\}", given.get(key, "")):
                found[slot[1]] = 7 if given.get("kind") == "planet" else 12
    return found


def _varied(row: dict[str, Any]) -> dict[str, str]:
    """Numbers of the question that may be exchanged: name → `vary:82.40`."""
    if not row["steps"] or row.get("where") or _VERDICT.search(row["answer"]):
        return {}
    if any(s["expert"] not in ("calculator", "units", "currency") for s in row["steps"]):
        return {}
    if any("date" in s["arguments"] for s in row["steps"]):
        return {}
    used = json.dumps([s["arguments"] for s in row["steps"]])
    found: dict[str, str] = {}
    plain = re.sub(r"\{[^}]*\}", lambda m: "_" * len(m[0]), row["q"])
    numbers = [m[0].rstrip(",") for m in _NUMBER.finditer(plain)]
    for number in dict.fromkeys(numbers):
        bare = number.replace(",", "")
        if numbers.count(number) > 1 or row["q"].count(number) > 1 or float(bare) < 13:
            continue
        if float(bare) in _CONSTANTS or not re.search(
            rf"(?<![\d.]){re.escape(bare)}(?![\d.])", used
        ):
            continue
        found[f"v{len(found)}"] = f"vary:{number}"
    return found


def _loosen(row: dict[str, Any]) -> tuple[str, list[dict[str, Any]], str]:
    """The row's texts with exchangeable numbers made into slots."""
    text, steps, answer = row["q"], json.dumps(row["steps"]), row["answer"]
    for name, kind in _varied(row).items():
        number = kind.partition(":")[2]
        bare = number.replace(",", "")
        text = text.replace(number, f"{{decimal:{name}}}", 1)
        exact = re.compile(rf"(?<![\d.]){re.escape(bare)}(?![\d]|\.\d)")
        steps = exact.sub(f"{{{name}}}", steps)
        answer = exact.sub(f"{{{name}}}", answer.replace(number, bare))
    return text, json.loads(_as_percent(row["q"], steps)), answer


def _as_percent(question: str, steps: str) -> str:
    """`0.15` and `1.15` for the question's `15 percent`, written with the number it has."""

    def rewrite(match: re.Match[str]) -> str:
        percent = str(int(match[2].ljust(2, "0")))
        if not re.search(rf"(?<![\d.]){percent} ?(%|percent|per cent)", question):
            return match[0]
        return f"({percent} / 100)" if match[1] == "0" else f"(1 + {percent} / 100)"

    return re.sub(r"(?<![\d.])([01])\.(\d{1,2})(?!\d)", rewrite, steps)


def _check_answer(question: Question, answer: str, text: str) -> None:
    """Digits of an answer must be references, slots or spans of the question."""
    bare = re.sub(r"\{\w+\}|#\d+", " ", re.sub(r"\{\w+:[\w:]+\}", " ", answer))
    asked = re.sub(r"\{[^}]*\}", " ", text)
    for number in re.findall(r"\d[\d.,]*\d|\d", bare):
        if number not in asked:
            raise Drop(f"number in the answer only: {number}")
    for name in template(answer).slots:
        if name not in question.types:
            raise Drop(f"slot in the answer only: {name}")


def _check_numbers(question: Question, steps: tuple[Step, ...]) -> None:
    """Numbers of arguments must be readable off the question, as the grammars demand it."""
    bare = re.sub(r"[\ue000-\uefff]", " ", question.flat)
    allowed = set(argument_numbers(bare))
    for step in steps:
        for argument in step.arguments:
            if argument.mode not in ("free", "number"):
                continue
            text = "".join(" " if slot else part for part, slot in argument.text.parts)
            for number in re.findall(r"(?<![\w.#])\d+(?:\.\d+)?", text):
                if number not in allowed:
                    raise Drop(f"number from nowhere: {number}")


def _sanity(question: Question, text: str, steps: tuple[Step, ...]) -> tuple[bool, bool]:
    kinds = {kind for kind in question.types.values() if kind in NUMERIC}
    divides = any(
        "/" in t for s in steps for a in s.arguments for t, slot in a.text.parts if not slot
    )
    counting = kinds <= {"int", "bigint", "numberword"} and bool(kinds)
    free = re.search(r"negative|minus|below zero|overdrawn|°|degrees|\bsum\b", text, re.IGNORECASE)
    unknowns = any(s.expert == "algebra" for s in steps)
    return counting and divides, not free and not unknowns and bool(kinds)


_TIGHT_LEFT = re.compile(r"[\w^*/+=(){}$€£°%\-]$|[+*/=^×÷]\s$|\d\s[+\-*/]\s$")
# "39 million": a plan repeats the 39, which number words would hide
_TIGHT_RIGHT = re.compile(
    r"^[\w^*/=(){}$€£°%+\-]|^\s[+*/=^×÷]|^ (hundred|thousand|million|billion)"
)


_BOUND = re.compile(r"(\w+) ([<>])=? (\d+(?:\.\d+)?)")


def _bounds(conditions: list[str]) -> dict[str, tuple[float | None, float | None]]:
    """Slot name → (least, most) from conditions such as `n < 60`."""
    found: dict[str, tuple[float | None, float | None]] = {}
    for part in " and ".join(conditions).split(" and "):
        if match := _BOUND.fullmatch(part.strip()):
            low, high = found.get(match[1], (None, None))
            limit = float(match[3])
            found[match[1]] = (limit, high) if match[2] == ">" else (low, limit)
    return found


def _hints(
    question: Question,
    pieces: list[tuple[int, str, str | None, bool]],
    steps: tuple[Step, ...],
    limits: Mapping[str, float],
    bounds: Mapping[str, tuple[float | None, float | None]],
) -> dict[str, Hints]:
    formula = any(s.expert == "algebra" for s in steps)
    hints: dict[str, Hints] = {}
    for i, (_, _, name, _) in enumerate(pieces):
        if name is None or name in hints:
            continue
        left = pieces[i - 1][1] if i else ""
        right = pieces[i + 1][1] if i + 1 < len(pieces) else ""
        beside = i + 1 < len(pieces) and pieces[i + 1][2] is not None
        tight = beside or formula or bool(_TIGHT_LEFT.search(left) or _TIGHT_RIGHT.search(right))
        most = next((m for rule, m in _MOST if re.search(rule, right, re.IGNORECASE)), None)
        most = 18 if re.search(r"\bgroup $", left, re.IGNORECASE) else most
        most = limits.get(name, most)
        hints[name] = Hints(tight, most, _when(name, question, steps), *bounds.get(name, ()))
    return hints


def _when(name: str, question: Question, steps: tuple[Step, ...]) -> str:
    slot = ((name, True),)
    for step in steps:
        args = {a.name: a.text.parts for a in step.arguments}
        task = args.get("task", (("", False),))[0][0]
        if step.expert == "weather":
            return "near"
        if task == "age" and args.get("date") == slot:
            return "birth"
        if task == "difference" and args.get("end") == slot:
            return "future" if question.types.get(_only(args.get("date"))) != "date" else "any"
        if task == "difference" and args.get("date") == slot:
            return "past" if question.types.get(_only(args.get("end"))) != "date" else "any"
        if step.expert == "currency" and args.get("date") == slot:
            return "rate"
    return "any"


def _only(parts: tuple[tuple[str, bool], ...] | None) -> str:
    return parts[0][0] if parts and len(parts) == 1 and parts[0][1] else ""


def _ordered(question: Question, steps: tuple[Step, ...]) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    for step in steps:
        args = {a.name: a.text.parts for a in step.arguments}
        first, last = _only(args.get("date")), _only(args.get("end"))
        if question.types.get(first) == question.types.get(last) == "date" and first != last:
            pairs.append((first, last))
    return tuple(pairs)
