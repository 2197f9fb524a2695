"""Load test questions: a JSON-lines file of one's own, or a known benchmark as it is published.

In: a suite's name and a path (.jsonl, .json, either with .gz). Out: rows for `mrkl.evaluate`.
Every row may be in this project's layout (question, answer, …) or in its benchmark's own. It
downloads nothing.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, cast

from mrkl.score import Row

Item: TypeAlias = dict[str, Any]

MAX_BYTES = 500_000_000  # of a file, unpacked
_TYPES = ("number", "text", "bool", "date", "set", "expr", "none")
_NEEDS_NO_ANSWER = ("unanswerable", "chitchat")


class SuiteError(ValueError):
    """A data file that cannot be used; one line saying why."""


def load(suite: str, path: Path, limit: int | None = None, seed: int | None = None) -> list[Row]:
    """Rows in file order, or `limit` of them drawn with a seed; raises SuiteError."""
    if suite not in SUITES:
        raise SuiteError(f"there is no suite {suite!r}; there are {', '.join(SUITES)}")
    _, adapt = SUITES[suite]
    rows: list[Row] = []
    for place, raw in entries(path):
        try:
            rows.append(_row(adapt(raw), len(rows), suite))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise SuiteError(f"{path}, {place}: {reason}") from None
    if not rows:
        raise SuiteError(f"{path}: no questions in it")
    if seed is not None:
        random.Random(seed).shuffle(rows)
    return rows[:limit]


def entries(path: Path) -> Iterator[tuple[str, Any]]:
    """The entries of a file with their places: a list, JSON lines, or CLINC150's test parts.

    Raises SuiteError.
    """
    text = _text(path)
    try:
        whole: Any = json.loads(text)
    except (ValueError, RecursionError):
        whole = None  # more than one line of JSON, or something broken
    if isinstance(whole, dict) and "test" in whole:
        parts = cast("dict[str, list[Any]]", whole)
        whole = [*parts["test"], *parts.get("oos_test", [])]
    if isinstance(whole, list):
        entries = cast("list[Any]", whole)
        yield from ((f"entry {number}", entry) for number, entry in enumerate(entries, 1))
        return
    for number, line in enumerate(text.split("\n"), 1):  # other line breaks may stand in texts
        if line.strip():
            try:
                yield f"line {number}", json.loads(line)
            except (ValueError, RecursionError):
                raise SuiteError(f"{path}, line {number}: not JSON") from None


def _text(path: Path) -> str:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise SuiteError(f"{path}: larger than {MAX_BYTES:,} bytes")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SuiteError(f"{path}: not UTF-8 text") from None
    except (OSError, EOFError, zlib.error) as error:
        raise SuiteError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _own(raw: Any) -> Item:
    """This project's layout: an object with a question."""
    if not isinstance(raw, dict) or not isinstance(cast("Item", raw).get("question"), str):
        raise TypeError('expected an object with a text "question"')
    return cast("Item", raw)


def _calculator(raw: Any) -> Item:
    """AI21Labs/MRKL_synthetic_data: prompt, completion `X=(3+8)`, execution."""
    if "prompt" not in raw:
        return _own(raw)
    known = {"question": raw["prompt"], "answer": float(raw["execution"])}
    return {**known, "expression": raw.get("completion")}


def _gsm8k(raw: Any) -> Item:
    """openai/grade-school-math: the answer's text ends with `#### 1,234`."""
    item = dict(_own(raw))
    if isinstance(item.get("answer"), str):
        _, mark, last = item["answer"].rpartition("####")
        item["answer"] = float(last.strip().replace(",", "") if mark else item["answer"])
    return item


def _svamp(raw: Any) -> Item:
    """arkilpatel/SVAMP: Body, Question, Answer."""
    if "Body" not in raw:
        return _own(raw)
    body = str(raw["Body"]).strip()
    stop = "" if body.endswith((".", ",", "?", "!")) else "."
    question = f"{body}{stop} {str(raw['Question']).strip()}"
    return {"id": raw.get("ID", ""), "question": question, "answer": float(raw["Answer"])}


def _clinc(raw: Any) -> Item:
    """clinc/oos-eval: [text, label]; or an object with question and label."""
    if isinstance(raw, list):
        question, label = cast("list[Any]", raw)
        raw = {"question": question, "label": label}
    if not isinstance(_own(raw).get("label"), str):
        raise TypeError('clinc150 needs a text "label" beside the question')
    return cast("Item", raw)


SUITES: dict[str, tuple[str, Callable[[Any], Item]]] = {
    "questions": ("questions of your own (question, answer, …)", _own),
    "mrkl-calculator": ("the MRKL paper's calculator questions", _calculator),
    "gsm8k": ("grade-school word problems of several steps", _gsm8k),
    "svamp": ("word problems of one step", _svamp),
    "clinc150": ("150 intents and questions outside them: the router alone", _clinc),
}


def _row(item: Item, number: int, suite: str) -> Row:
    known = {"id", "question", "answer", "type", "kind", "tolerance", "answer_any", "rivals"}
    answer, kind = item.get("answer"), str(item.get("kind", "single"))
    alternatives = _listed(item, "answer_any")
    judged = suite != "clinc150" and kind not in _NEEDS_NO_ANSWER
    if judged and answer is None and not alternatives:
        raise ValueError('a question needs an "answer"')
    type_ = item.get("type") or ""
    if suite in ("mrkl-calculator", "gsm8k", "svamp") and not isinstance(answer, int | float):
        raise ValueError(f"the answer of a {suite} question is a number, not {answer!r}")
    tolerance = item.get("tolerance")
    if tolerance is not None and not isinstance(tolerance, int | float):
        raise ValueError(f"tolerance is a number, not {tolerance!r}")
    return Row(
        id=str(item.get("id") or number),
        question=str(item["question"]),
        answer=answer,
        type=type_ if type_ in _TYPES else _type(answer),
        kind=kind,
        tolerance=tolerance,
        answer_any=tuple(alternatives),
        rivals=tuple(map(str, _listed(item, "rivals"))),
        modules=tuple(_listed(item, "modules") or ([item["expert"]] if "expert" in item else ())),
        extra={"calls": _calls(item)}
        | {k: v for k, v in item.items() if k not in (*known, "calls")},
    )


def _calls(item: Item) -> list[Any]:
    """The calls that answer a question, where a row tells them: a list, or its one expert."""
    if isinstance(item.get("args"), dict) and "expert" in item:
        return [{"module": item["expert"], "args": item["args"]}]
    return _listed(item, "calls")


def _listed(item: Item, name: str) -> list[Any]:
    found: Any = item.get(name) or []
    if not isinstance(found, list):
        raise TypeError(f"{name} is a list, not {found!r}")
    return cast("list[Any]", found)


def _type(answer: Any) -> str:
    """The type of an answer that tells none."""
    if isinstance(answer, bool):
        return "bool"
    if isinstance(answer, list):
        return "set"
    return "number" if isinstance(answer, int | float) else "text"
