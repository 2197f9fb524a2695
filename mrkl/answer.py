"""What a question gets back: text, value, status, the steps taken, and where each number is from.

`Answer.as_dict()` is the object that `mrkl ask --json` prints. Nothing is computed here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mrkl.budget import Used
from mrkl.experts.base import Failure, Result, Value, as_json
from mrkl.second_opinion import Opinion
from mrkl.trace import Trace


class Status(StrEnum):
    """How a question ended."""

    ANSWERED = "answered"
    ABSTAINED = "abstained"  # not known, or not sure enough
    REFUSED = "refused"  # a policy forbids a call
    FAILED = "failed"  # an expert failed, or the budget ran out


_EXIT = {Status.ANSWERED: 0, Status.ABSTAINED: 3, Status.REFUSED: 4, Status.FAILED: 5}
_EXIT_BUDGET = 6


@dataclass(frozen=True)
class Span:
    """A part of the answer's text and its origin: the step it came from, None for the question.

    `start` and `end` count characters of `Answer.text`, end exclusive.
    """

    start: int
    end: int
    text: str
    step: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end, "text": self.text, "step": self.step}


@dataclass(frozen=True)
class StepRecord:
    """One step as it went. Exactly one of `result` and `error` is set once it has run."""

    id: int
    subquery: str
    expert: str
    arguments: Mapping[str, Any]
    depends_on: tuple[int, ...] = ()
    result: Result | None = None
    error: Failure | None = None
    probability: float | None = None  # that this expert was the right one
    seconds: float = 0.0
    second: Opinion | None = None  # what another expert said that was nearly as likely

    def as_dict(self) -> dict[str, Any]:
        """The step as in the design's JSON."""
        result, error = self.result, self.error
        other = {"second": self.second.as_dict()} if self.second else {}
        return {
            "id": self.id,
            "subquery": self.subquery,
            "expert": self.expert,
            "arguments": dict(self.arguments),
            "result": None
            if result is None
            else {
                "value": as_json(result.value),
                "unit": result.unit,
                "text": str(result),
                "truncated": result.truncated,
            },
            "error": None if error is None else {"kind": error.kind, "message": error.message},
            "source": result.source if result else None,
            "seconds": round(self.seconds, 6),
            **other,
        }


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    `value` is typed (number, text, date, list of them) and None unless a step gave it; `unit`
    belongs to it. `confidence` is between 0 and 1. `error` says why, when `status` is failed or
    refused. `seconds` is the whole time, wall clock; `used` is what was spent of the
    budget. `run` is its number in the log.
    """

    question: str
    text: str
    status: Status
    value: Value = None
    unit: str | None = None
    confidence: float = 0.0
    steps: tuple[StepRecord, ...] = ()
    spans: tuple[Span, ...] = ()
    seconds: float = 0.0
    error: Failure | None = None
    used: Used = field(default_factory=Used, compare=False)
    run: int | None = field(default=None, compare=False)
    trace: Trace = field(default_factory=Trace, repr=False, compare=False)

    @property
    def exit_code(self) -> int:
        """The code `mrkl ask` ends with."""
        if self.error is not None and self.error.kind in ("budget", "timeout"):
            return _EXIT_BUDGET
        return _EXIT[self.status]

    @property
    def truncated(self) -> bool:
        """Whether a result was only a part."""
        return any(step.result is not None and step.result.truncated for step in self.steps)

    @property
    def source(self) -> str:
        """The sources of all results, each once, joined by `; `."""
        found = [step.result.source for step in self.steps if step.result and step.result.source]
        return "; ".join(dict.fromkeys(found))

    def as_dict(self) -> dict[str, Any]:
        """JSON's types only, with the keys of the design."""
        return {
            "question": self.question,
            "status": str(self.status),
            "answer": self.text,
            "value": as_json(self.value),
            "unit": self.unit,
            "confidence": round(self.confidence, 4),
            "steps": [step.as_dict() for step in self.steps],
            "spans": [span.as_dict() for span in self.spans],
            "seconds": round(self.seconds, 6),
        }

    def json(self, indent: int | None = None) -> str:
        """`as_dict` as JSON text."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=indent)

    def __str__(self) -> str:
        return self.text
