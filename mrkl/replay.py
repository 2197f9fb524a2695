"""Recordings of questions, and their replay: the same questions with the recorded results.

In: Answers, or a recording (JSON lines: question, plan, a line a step, answer; no durations). Out:
the recording, or the first difference. On replay the language module plans anew, at the recorded
moment, and every call gets its recorded outcome; no expert runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from mrkl.agent import Agent
from mrkl.answer import Answer
from mrkl.calls import Outcome
from mrkl.experts.base import Context, Expert, Failure
from mrkl.experts.wire import dump_outcome, load_outcome
from mrkl.experts.world import World
from mrkl.references import shown
from mrkl.run_log import without_secrets
from mrkl.tools.secrets import masked
from mrkl.trace import masked_value

_MOST = 100 << 20  # bytes of a recording
_COMPARED = ("status", "answer", "value", "unit")  # without --strict


class RecordingError(ValueError):
    """A recording that cannot be read; one line."""


@dataclass(frozen=True)
class Difference:
    """The first difference of one question: the line of the recording, and both texts."""

    line: int
    recorded: str
    replayed: str

    def __str__(self) -> str:
        at = next(
            (
                i
                for i, (a, b) in enumerate(zip(self.recorded, self.replayed, strict=False))
                if a != b
            ),
            min(len(self.recorded), len(self.replayed)),
        )
        begin = max(0, at - 40)
        old, new = (text[begin : at + 60] for text in (self.recorded, self.replayed))
        return f"line {self.line}, character {at + 1}: recorded …{old}… replayed …{new}…"


def record(answer: Answer, world: World, now: datetime) -> list[str]:
    """The lines of one question asked at `now`: nothing in them depends on how long it took."""
    called = {e.data["step"]: e.data["arguments"] for e in answer.trace.of("call")}
    whole = masked_value(answer.as_dict())
    del whole["seconds"]
    steps: list[dict[str, Any]] = []
    for step in answer.steps:
        outcome = step.result or step.error
        line = None if outcome is None else json.loads(dump_outcome(_unmeasured(outcome)))
        arguments = called.get(step.id)
        steps.append({"step": step.id, "expert": step.expert, "called": arguments, "outcome": line})
    for step in whole["steps"]:
        del step["seconds"]
    begun = {"question": masked(answer.question), "now": now.isoformat(), "zone": world.timezone}
    plan = {
        "plan": [
            [s.subquery, s.expert, masked_value(s.as_dict()["arguments"])] for s in answer.steps
        ]
    }
    parts: list[dict[str, Any]] = [begun, plan, *steps, {"answer": whole}]
    return [json.dumps(part, ensure_ascii=False, sort_keys=True) for part in parts]


def _unmeasured(outcome: Outcome) -> Outcome:
    """Without secrets, and without what differs from run to run."""
    return replace(without_secrets(outcome), seconds=0.0, memory=0)


def ask_recorded(agent: Agent, question: str, path: Path) -> Answer:
    """Ask at one fixed moment and add the question to a recording, in one write.

    Raises OSError, before asking, where the file cannot be written.
    """
    with path.open("a", encoding="utf-8") as file:
        now = agent.world.now()
        world = replace(agent.world, fixed_now=now, fixed_timezone=agent.world.timezone)
        answer = agent.in_world(world).ask(question)
        file.write("".join(f"{line}\n" for line in record(answer, world, now)))
    return answer


def replay(agent: Agent, path: Path, strict: bool = False) -> Iterator[Difference | None]:
    """Ask every recorded question again; each gives None or its first difference.

    `strict` compares every byte, otherwise only status, text, value and unit. Raises
    RecordingError.
    """
    for first, lines in _questions(path):
        try:
            begun = json.loads(lines[0])
            now, zone = datetime.fromisoformat(begun["now"]), begun["zone"]
            question = str(begun["question"])
            caller = _Recorded([json.loads(line) for line in lines[2:-1]])
        except (ValueError, KeyError, TypeError) as error:
            raise RecordingError(f"{path}, line {first}: not a recording: {error}") from None
        world = replace(agent.world, fixed_now=now, fixed_timezone=zone)
        again = record(agent.with_calls(caller, world).ask(question), world, now)
        yield _difference(first, lines, again, strict)


class _Recorded:
    """Gives each call the outcome that was recorded for it."""

    def __init__(self, steps: list[dict[str, Any]]) -> None:
        self._outcomes: dict[tuple[str, str], Outcome] = {
            (step["expert"], step["called"]): load_outcome(json.dumps(step["outcome"]))
            for step in steps
            if step["called"] is not None
        }

    def __call__(self, expert: Expert, arguments: Mapping[str, Any], context: Context) -> Outcome:
        found = self._outcomes.get((expert.name, masked(shown(arguments))))
        return found or Failure("contract", f"the recording has no such call of {expert.name}")


def _questions(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each question's first line number (from 1) and lines."""
    try:
        if path.stat().st_size > _MOST:
            raise RecordingError(f"{path} is longer than {_MOST >> 20} MB")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path} cannot be read: {error}") from None
    begin = 0
    for number, line in enumerate(lines):
        if line.startswith('{"answer": '):
            yield begin + 1, lines[begin : number + 1]
            begin = number + 1
    if begin < len(lines) or not lines:
        raise RecordingError(f"{path}, line {begin + 1}: a question without its answer")


def _difference(
    first: int, recorded: list[str], replayed: list[str], strict: bool
) -> Difference | None:
    if not strict:
        recorded, replayed = ([_outcome_of(lines[-1])] for lines in (recorded, replayed))
    length = max(len(recorded), len(replayed))
    for at in range(length):
        old, new = (lines[at] if at < len(lines) else "" for lines in (recorded, replayed))
        if old != new:
            return Difference(first + at, old, new)
    return None


def _outcome_of(line: str) -> str:
    answer = cast("dict[str, Any]", json.loads(line)["answer"])
    return json.dumps({key: answer.get(key) for key in _COMPARED}, ensure_ascii=False)
