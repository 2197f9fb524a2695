"""How a question ends: the Answer made of what was drafted, called and worded.

In: a draft, its outcomes, a wording. Out: an `Answer` with status, value, steps and spans. It
decides nothing that could still be called or asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mrkl import compose
from mrkl.answer import Answer, Status, StepRecord
from mrkl.budget import Meter
from mrkl.experts.base import Failure, Result
from mrkl.language import Draft, Outcomes
from mrkl.second_opinion import Opinion
from mrkl.trace import Trace

NOT_SURE = "I am not sure enough to answer that."
# an expert that knows no answer is no fault of anything
_STATUS = {"refused": Status.REFUSED, "no_answer": Status.ABSTAINED}


class Ending:
    """Makes the Answer in which a question ends."""

    def __init__(self, question: str, meter: Meter, trace: Trace) -> None:
        self.question = question
        self.meter = meter
        self.trace = trace

    def said(self, draft: Draft) -> Answer:
        """The module's own words, if they hold no number of its own making."""
        words = compose.said(draft.text, self.question)
        if not words.kept or not words.text:
            return self.abstained(NOT_SURE, draft.confidence)
        return self._end(
            words.text, Status.ANSWERED, confidence=draft.confidence, spans=words.spans
        )

    def abstained(self, why: str, confidence: float = 0.0, draft: Draft | None = None) -> Answer:
        """No answer, and why."""
        steps = () if draft is None else _records(draft, {})
        return self._end(why, Status.ABSTAINED, confidence=confidence, steps=steps)

    def undecided(
        self, draft: Draft, outcomes: Outcomes, opinions: Mapping[int, Opinion]
    ) -> Answer:
        """No answer after all calls: what was said where two experts differ."""
        differing = {k: o for k, o in opinions.items() if not o.agrees and k in outcomes}
        if not differing:
            return self.abstained(NOT_SURE, draft.confidence, draft)
        first = {s.id: (s.expert, str(outcomes[s.id])) for s in draft.plan if s.id in differing}
        second = {k: (o.expert, str(o.result)) for k, o in differing.items()}
        told = compose.disagreement(first, second, self.question)
        steps = _records(draft, outcomes, opinions)
        return self._end(
            told.text,
            Status.ABSTAINED,
            confidence=draft.confidence,
            steps=steps,
            spans=told.spans,
        )

    def failed(self, failure: Failure) -> Answer:
        """Something broke before any value was there."""
        return self._end(f"No answer: {failure.message}.", Status.FAILED, error=failure)

    def answered(
        self,
        draft: Draft,
        outcomes: Outcomes,
        template: str,
        opinions: Mapping[int, Opinion] | None = None,
    ) -> Answer:
        """Values, or what is left of them; a second opinion that differs is told."""
        opinions = opinions or {}
        composed = compose.compose(template, draft.plan, outcomes, self.question)
        differing = {k: (o.expert, str(o.result)) for k, o in opinions.items() if not o.agrees}
        composed = compose.with_others(composed, differing, self.question)
        value, unit = compose.output_value(draft.plan, outcomes)
        error = next((out for out in outcomes.values() if isinstance(out, Failure)), None)
        status = _STATUS.get(error.kind, Status.FAILED) if error else Status.ANSWERED
        return self._end(
            composed.text,
            status,
            value=None if error else value,
            unit=None if error else unit,
            confidence=draft.confidence if not error else 0.0,
            steps=_records(draft, outcomes, opinions),
            spans=composed.spans,
            error=error,
        )

    def _end(self, text: str, status: Status, **parts: Any) -> Answer:
        self.trace.add("answer", status=str(status), text=text)
        used = self.meter.used()
        return Answer(
            self.question,
            text,
            status,
            seconds=used.seconds,
            used=used,
            trace=self.trace,
            **parts,
        )


def _records(
    draft: Draft, outcomes: Outcomes, opinions: Mapping[int, Opinion] | None = None
) -> tuple[StepRecord, ...]:
    records: list[StepRecord] = []
    for step in draft.plan:
        outcome = outcomes.get(step.id)
        choice = draft.choices.get(step.id)
        records.append(
            StepRecord(
                step.id,
                step.subquery,
                step.expert,
                step.as_written(),
                step.depends_on,
                outcome if isinstance(outcome, Result) else None,
                outcome if isinstance(outcome, Failure) else None,
                choice.probability if choice else None,
                outcome.seconds if outcome else 0.0,
                (opinions or {}).get(step.id),
            )
        )
    return tuple(records)
