"""Load test questions: a JSON-lines file of any of the known layouts, by name or by its keys.

In: a path (.jsonl or .jsonl.gz) and perhaps a suite's name. Out: rows for `mrkl.evaluate`. It
downloads nothing.
"""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

from mrkl.score import Row

SUITES = {
    "mrkl-calculator": "the MRKL paper's calculator questions (question, expression, answer)",
    "gsm8k": "grade-school word problems (question, answer)",
    "svamp": "one-step word problems (question, answer)",
    "clinc150": "150 intents with out-of-scope questions (question, label): routing",
}


class SuiteError(ValueError):
    """A data file that cannot be used; one line saying why."""


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file; raises SuiteError with file, line and fault."""
    rows: list[dict[str, Any]] = []
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    rows.append(_object(line, path, number))
    except OSError as error:
        raise SuiteError(f"{path}: {error.strerror or error}") from None
    if not rows:
        raise SuiteError(f"{path}: no questions in it")
    return rows


def _object(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        row: Any = json.loads(line)
    except ValueError:
        raise SuiteError(f"{path}, line {number}: not JSON") from None
    if not isinstance(row, dict) or not isinstance(row.get("question"), str):  # pyright: ignore[reportUnknownMemberType]
        raise SuiteError(f'{path}, line {number}: expected an object with a text "question"')
    return row  # pyright: ignore[reportUnknownVariableType]


def load(path: Path, limit: int | None = None, seed: int | None = None) -> list[Row]:
    """Rows in file order, or `limit` of them drawn with a seed."""
    raw = read_lines(path)
    if seed is not None:
        random.Random(seed).shuffle(raw)
    return [_row(item, number) for number, item in enumerate(raw[:limit])]


def _row(item: dict[str, Any], number: int) -> Row:
    known = {"id", "question", "answer", "type", "kind", "tolerance", "answer_any", "rivals"}
    kind = item.get("kind", "single")
    answer = item.get("answer")
    type_ = item.get("type") or ""
    if type_ not in ("number", "text", "bool", "date", "set", "expr", "none"):
        type_ = "number" if isinstance(answer, (int, float)) else "text"
    return Row(
        id=str(item.get("id", number)),
        question=item["question"],
        answer=answer,
        type=type_,
        kind=kind,
        tolerance=item.get("tolerance"),
        answer_any=tuple(item.get("answer_any") or ()),
        rivals=tuple(item.get("rivals") or ()),
        modules=tuple(item.get("modules") or ([item["expert"]] if "expert" in item else ())),
        extra={key: value for key, value in item.items() if key not in known},
    )
