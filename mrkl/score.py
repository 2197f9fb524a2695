"""Compare an answer with what a test row expects.

In: a row (answer, answer_any, rivals, type, tolerance, kind) and an Answer. Out: a verdict:
right, wrong (answered, sure and wrong), abstained or failed. It judges values first and falls
back on the text only for names; it never repairs an answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from mrkl.answer import Answer, Status

Verdict = Literal["right", "wrong", "abstained", "failed"]


@dataclass(frozen=True)
class Row:
    """One test question. `tolerance` is absolute; None allows a relative 1e-6."""

    id: str
    question: str
    answer: Any
    type: str = "number"
    kind: str = "single"
    tolerance: float | None = None
    answer_any: tuple[Any, ...] = ()
    rivals: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict[str, Any])


def verdict(row: Row, answer: Answer) -> Verdict:
    """Judge one answer."""
    if row.kind == "unanswerable":
        if answer.status in (Status.ABSTAINED, Status.REFUSED):
            return "right"
        if answer.status is Status.FAILED:
            return "failed"
        return "right" if any(says(answer, str(text)) for text in row.answer_any) else "wrong"
    if answer.status is Status.ABSTAINED or answer.status is Status.REFUSED:
        return "abstained"
    if answer.status is Status.FAILED:
        return "failed"
    if row.kind == "chitchat":
        return "right" if not answer.steps and len(answer.text.strip()) > 1 else "wrong"
    expected = [row.answer, *row.answer_any]
    return "right" if any(agrees(row, wanted, answer) for wanted in expected) else "wrong"


def agrees(row: Row, wanted: Any, answer: Answer) -> bool:
    """Whether the answer's value (or text, for names and dates) is the wanted one."""
    value = plain(answer.value)
    if row.type == "number":
        return _number(value, wanted, row.tolerance)
    if row.type == "bool":
        return _yes(value, answer.text) is bool(wanted)
    if row.type == "set":
        return _set(value, cast("list[Any]", wanted), row.tolerance)
    if row.type == "expr":
        return _same_expression(str(value), str(wanted))
    if row.type == "date":
        return str(value)[:10] == str(wanted) or str(wanted) in answer.text
    return _named(value, str(wanted), answer, row.rivals)


def plain(value: Any) -> Any:
    """Numbers as int or float, dates as ISO text, lists item by item."""
    from mrkl.experts.base import as_json

    return as_json(value)


def says(answer: Answer, text: str) -> bool:
    """Whether the answer's text contains the words."""
    return _words(text) in _words(answer.text)


def _words(text: str) -> str:
    kept = "".join(c if c.isalnum() or c in ".:/-" else " " for c in text.casefold())
    return f" {' '.join(word.rstrip('.:') for word in kept.split())} "


def _number(value: Any, wanted: Any, tolerance: float | None) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if not isinstance(wanted, (int, float)) or not math.isfinite(value):
        return False
    slack = abs(wanted) * 1e-6 if tolerance is None else tolerance
    return abs(value - wanted) <= slack + abs(wanted) * 1e-9


def _yes(value: Any, text: str) -> bool | None:
    if isinstance(value, bool):
        return value
    first = _words(text).split()[:1]
    return {"yes": True, "true": True, "no": False, "false": False}.get(first[0]) if first else None


def _numbers(value: Any) -> list[float]:
    items = cast("Iterable[Any]", value if isinstance(value, list) else [value])
    found: list[float] = []
    for item in items:
        try:
            found.append(float(item))
        except (TypeError, ValueError):
            return []
    return sorted(found)


def _set(value: Any, wanted: list[Any], tolerance: float | None) -> bool:
    have, want = _numbers(value), _numbers(wanted)
    slack = 1e-6 if tolerance is None else tolerance
    return len(have) == len(want) > 0 and all(
        abs(a - b) <= slack + abs(b) * 1e-9 for a, b in zip(have, want, strict=True)
    )


def _named(value: Any, wanted: str, answer: Answer, rivals: tuple[str, ...]) -> bool:
    if isinstance(value, str) and _words(value) == _words(wanted):
        return True
    if isinstance(value, str) and any(_words(value) == _words(rival) for rival in rivals):
        return False
    named = isinstance(value, str) and _words(wanted) in _words(value)
    return named or (says(answer, wanted) and not any(says(answer, rival) for rival in rivals))


def _same_expression(have: str, wanted: str) -> bool:
    """Equality of two expressions in one variable by their values at a few points."""
    return all(
        a is not None and b is not None and abs(a - b) <= 1e-6 * max(1.0, abs(b))
        for a, b in ((_at(have, x), _at(wanted, x)) for x in ("0.37", "1.21", "2.89"))
    )


def _at(expression: str, point: str) -> float | None:
    """The value at a point, or None where there is none."""
    from mrkl.tools.algebra import AlgebraError, work_out

    try:
        value: Any = work_out("evaluate", expression.replace("**", "^"), at=point).value
        return float(value)
    except (AlgebraError, TypeError, ValueError):
        return None


def wilson(hits: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion (Wilson 1927); (0, 1) when n is 0."""
    if n == 0:
        return 0.0, 1.0
    p = hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)
