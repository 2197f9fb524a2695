"""Questions with the calls they should lead to: what `mrkl train` learns from.

In: JSON lines of {"question", "expert", "arguments"}, {"question", "steps": [{"subquery",
"expert", "arguments"}, …]} or {"question", "abstain": reason}. Out: `Lesson`s whose plans fit
their experts and can be written under the grammar. A row that is wrong is one line with its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mrkl.experts.base import Card, Expert
from mrkl.plan import Plan, PlanError, given_plan
from mrkl.plan_grammar import arguments_grammar
from mrkl.prompt import (
    RESULTS,
    WHOLE_QUESTION,
    Row,
    StepText,
    clean,
    render_abstained,
    render_arguments,
    render_plan,
    render_prompt,
)
from mrkl.suites import SuiteError, entries

if TYPE_CHECKING:
    from mrkl.jamba_core.tokenizer import Tokenizer

MOST = 20_000  # rows of one file
_SHOWN = 40  # characters of an argument in an error


class LessonError(ValueError):
    """A row that cannot be learned from; one line with its place."""


@dataclass(frozen=True)
class Lesson:
    """A question and its plan, or None and the reason why no expert can answer it."""

    question: str
    plan: Plan | None
    reason: str = ""

    def row(self, cards: Sequence[Card], experts: Mapping[str, Expert]) -> Row:
        """The text to learn, with these cards on offer. Results and answer are not learned."""
        if self.plan is None:
            return render_abstained(self.question, cards, self.reason)
        steps = [
            StepText(s.subquery, s.expert, _written(s.as_written(), experts[s.expert].card))
            for s in self.plan
        ]
        return Row(render_prompt(self.question, cards), render_plan(steps) + RESULTS)


def read(path: Path, experts: Mapping[str, Expert], tokenizer: Tokenizer) -> list[Lesson]:
    """The lessons of a file, a question once; raises LessonError."""
    found: dict[str, Lesson] = {}
    cards = {name: expert.card for name, expert in experts.items()}
    try:
        for place, raw in entries(path):
            if len(found) >= MOST:
                raise LessonError(f"{path}: more than {MOST:,} questions")
            try:
                lesson = _lesson(raw, cards)
                _check_writable(lesson, cards, tokenizer)
            except ValueError as error:
                raise LessonError(f"{path}, {place}: {error}") from None
            key = lesson.question.casefold()
            if found.setdefault(key, lesson).plan != lesson.plan:
                raise LessonError(
                    f"{path}, {place}: the same question stood before, with other calls"
                )
    except SuiteError as error:
        raise LessonError(str(error)) from None
    if not found:
        raise LessonError(f"{path}: no questions in it")
    return list(found.values())


def _lesson(raw: Any, cards: Mapping[str, Card]) -> Lesson:
    if not isinstance(raw, dict):
        raise LessonError("expected an object with a question")
    row = cast("dict[str, Any]", raw)
    question = row.get("question")
    if not isinstance(question, str) or not question.strip():
        raise LessonError('expected a text "question"')
    question = clean(question)
    if "abstain" in row:
        return Lesson(question, None, clean(str(row["abstain"])) or "I cannot know that.")
    if "expert" in row:
        steps: Any = [row]
    else:
        steps = row.get("steps") or row.get("calls")
    if not isinstance(steps, list) or not steps:
        raise LessonError('a row needs "expert" and "arguments", or "steps", or "abstain"')
    calls = [_call(step, len(cast("list[Any]", steps))) for step in cast("list[Any]", steps)]
    try:
        return Lesson(question, given_plan(calls, cards))
    except PlanError as error:
        raise LessonError(str(error)) from None


def _call(step: Any, steps: int) -> tuple[str, str, Mapping[str, Any]]:
    """(subquery, expert, arguments) of one step of a row."""
    told = cast("dict[str, Any]", step if isinstance(step, dict) else {})
    expert = told.get("expert", told.get("module"))
    arguments: Any = told.get("arguments", told.get("args"))
    if not isinstance(expert, str) or not isinstance(arguments, dict):
        raise LessonError('a step needs a text "expert" and an object "arguments"')
    subquery = told.get("subquery")
    if subquery is None and steps > 1:
        raise LessonError('each of several steps needs a "subquery"')
    subquery = WHOLE_QUESTION if subquery is None else clean(str(subquery))
    if not subquery or "->" in subquery:
        raise LessonError(f"not a subquery: {subquery!r}")
    return subquery, expert, cast("dict[str, Any]", arguments)


def _written(arguments: Mapping[str, Any], card: Card) -> str:
    return render_arguments(arguments, card.parameters)


def _check_writable(lesson: Lesson, cards: Mapping[str, Card], tokenizer: Tokenizer) -> None:
    """The core writes under a grammar: what that does not allow cannot be learned."""
    from mrkl.jamba_core.grammar import GrammarError

    vocabulary = tokenizer.for_grammars(tokenizer.vocab_size, tokenizer.id_of("<|end|>"))
    for step in lesson.plan or ():
        card = cards[step.expert]
        matcher = vocabulary.matcher(arguments_grammar(lesson.question, card, step.id))
        written = step.as_written()
        names = [p.name for p in card.parameters if p.name in written]
        for number, name in enumerate(names, 1):
            one = _written({name: written[name]}, card)
            text = one + (", " if number < len(names) else ")\n")
            try:
                matcher.consume(tokenizer.encode(text))
            except GrammarError:
                raise LessonError(
                    f"the core cannot write {one[:_SHOWN]} in a call of {card.name}: a number must "
                    "stand in the question or be arithmetic over those that do (3.5*60), a text "
                    "must stand in it word for word"
                ) from None
