"""Puts values into the wording of an answer, and says where every number comes from.

In: a template with slots `#k`, the plan, its outcomes and the question. Out: text and spans. A
number that is neither in the question nor a slot never gets out, nor a word for a thing that nobody
spoke of: the plain values stand in for such a sentence. Failures become one plain sentence each. It
words nothing else by itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache

from mrkl.answer import Span
from mrkl.experts.base import Failure, Result, Value
from mrkl.own_words import strange_words
from mrkl.plan import Plan, Step, references
from mrkl.prompt import WHOLE_QUESTION
from mrkl.tools.number_words import find_numbers

_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_AMOUNT = re.compile(r"-?\d{1,20}\.\d+")
_CENT = Decimal("0.01")
_CODE = re.compile(r" [A-Z]{3}$")
_WORD = re.compile(r" ?([^\W\d_]+|[°%][CF]?)")


@dataclass(frozen=True)
class Composed:
    """A finished text; `kept` is False where the template could not be used."""

    text: str
    spans: tuple[Span, ...]
    kept: bool = True


def compose(
    template: str, plan: Plan, outcomes: Mapping[int, Result | Failure], question: str
) -> Composed:
    """Fill a template, or fall back on the plain values where it cannot be supported."""
    text = " ".join(template.split())
    slots = list(references(text))
    results = {k: out for k, out in outcomes.items() if isinstance(out, Result)}
    named = {number for _, _, number in slots}
    complete = any(step.id in named for step in plan.outputs())
    if not complete or not named <= set(results) or not _supported(text, slots, question):
        return plain_values(plan, outcomes)
    sources = [question, *(step.subquery for step in plan), *map(str, results.values())]
    if strange_words(text, sources):
        return plain_values(plan, outcomes)
    writer = _Writer(question)
    at = 0
    for start, end, number in slots:
        before, value = _fitted(text[at:start], str(results[number]), text[end:])
        writer.words(before)
        writer.slot(_opening(value, text[:start], text[end:]), number)
        at = end
    writer.words(text[at:])
    return writer.done()


def with_others(
    composed: Composed, others: Mapping[int, tuple[str, str]], question: str
) -> Composed:
    """The text, and behind it what other experts say: (name, value) by step."""
    if not others:
        return composed
    writer = _Writer(question)
    writer.again(composed)
    for number, (expert, value) in others.items():
        writer.words(f" But {_named(expert)} says: ")
        writer.slot(value, number)
        writer.words(".")
    return writer.done(composed.kept)


def disagreement(
    first: Mapping[int, tuple[str, str]], second: Mapping[int, tuple[str, str]], question: str
) -> Composed:
    """What two experts say of the same: (name, value) by step, of the first and of the second."""
    writer = _Writer(question)
    writer.words("I am not sure: ")
    for count, (number, pair) in enumerate((k, p) for k in first for p in (first[k], second[k])):
        writer.words(f"{', but ' if count % 2 else '; ' if count else ''}{_named(pair[0])} says ")
        writer.slot(pair[1], number)
    writer.words(".")
    return writer.done()


def _named(expert: str) -> str:
    return expert.replace("_", " ")


def said(text: str, question: str) -> Composed:
    """Text of the language module alone; `kept` is False if it holds a number of its own."""
    line = " ".join(text.split())
    writer = _Writer(question)
    writer.words(line)
    done = writer.done()
    return Composed(done.text, done.spans, _supported(line, [], question))


def plain_values(plan: Plan, outcomes: Mapping[int, Result | Failure]) -> Composed:
    """The values themselves; several are named by their subqueries. What failed is said."""
    outputs = plan.outputs()
    writer = _Writer("")
    for step in outputs:
        outcome = outcomes.get(step.id)
        if not isinstance(outcome, Result):
            continue
        if writer.length:
            writer.words("; ")
        if len(outputs) > 1:
            writer.words(f"{_name(step, outcomes)}: ")
        writer.slot(str(outcome), step.id)
    for sentence in failures(plan, outcomes):
        writer.words(f"{'. ' if writer.length else ''}{sentence}")
    return writer.done(kept=False)


def failures(plan: Plan, outcomes: Mapping[int, Result | Failure]) -> list[str]:
    """A sentence for each step that failed by itself (not for want of an earlier one)."""
    sentences: list[str] = []
    for step in plan:
        outcome = outcomes.get(step.id)
        lost = any(isinstance(outcomes.get(k), Failure) for k in step.depends_on)
        if isinstance(outcome, Failure) and not lost:
            reason = outcome.message.rstrip(".")
            sentences.append(f"No answer for {_name(step, outcomes)}: {reason}.")
    return sentences


def output_value(plan: Plan, outcomes: Mapping[int, Result | Failure]) -> tuple[Value, str | None]:
    """The value and unit of the only step no other uses; of several, the list of values."""
    results = [outcomes.get(step.id) for step in plan.outputs()]
    found = [result for result in results if isinstance(result, Result)]
    if len(found) != len(results) or not found:
        return None, None
    if len(found) == 1:
        return found[0].value, found[0].unit
    units = {result.unit for result in found}
    return [result.value for result in found], units.pop() if len(units) == 1 else None


def _name(step: Step, outcomes: Mapping[int, Result | Failure]) -> str:
    """The subquery, with the results it names put in."""
    if step.subquery == WHOLE_QUESTION:
        return _named(step.expert)
    text = step.subquery
    for start, end, number in reversed(list(references(text))):
        outcome = outcomes.get(number)
        if isinstance(outcome, Result):
            text = f"{text[:start]}{outcome}{text[end:]}"
    return text


@lru_cache(maxsize=64)  # one question is asked about several times
def _values(text: str) -> frozenset[Fraction]:
    """The numbers of a text, in digits or words, without their signs."""
    spoken = {abs(Fraction(number)) for _, _, number in find_numbers(text, loose=True)}
    return frozenset(spoken | {_read(match[0]) for match in _NUMBER.finditer(text)})


def _read(digits: str) -> Fraction:
    return Fraction(digits.replace(",", "")) if len(digits) < 400 else Fraction(0)


def _supported(text: str, slots: list[tuple[int, int, int]], question: str) -> bool:
    """Whether every number written out in the text stands in the question."""
    known = _values(question)
    inside = {place for start, end, _ in slots for place in range(start, end)}
    return all(
        match.start() in inside or _read(match[0]) in known for match in _NUMBER.finditer(text)
    )


def _fitted(before: str, value: str, after: str) -> tuple[str, str]:
    """Leave out what would stand twice: a unit behind the slot, a currency sign before it."""
    if _is_sign(before[-1:]):
        if _is_sign(value[:1]) or _CODE.search(value):
            return before[:-1], value  # the result knows its currency
        value = _in_cents(value)
    value = _once(value, after)
    following = _WORD.match(after)
    if following is None:
        return before, value
    unit, rest = following[1], after[following.end() :]
    if unit == "in" and rest[:1] == " ":
        return before, value  # "#1 in total"
    if value.endswith("%") and unit == "%":
        return before, value[:-1]
    number, space, own = value.rpartition(" ")
    if space and number[-1:].isdigit() and _same_unit(own, unit):
        return before, number
    return before, value


def _once(value: str, after: str) -> str:
    """Without its last words where the wording goes on with the same: `20:00 in Oslo` in Oslo."""
    for start in (match.start() for match in re.finditer(" ", value)):
        end = value[start:]
        following = after[len(end) : len(end) + 1]
        said = after[: len(end)].casefold() == end.casefold() and not following.isalnum()
        if said and end.count(" ") > 1:  # single words are units, which come below
            return value[:start]
    return value


def _in_cents(value: str) -> str:
    """An amount as a price is written: 47.992 → 47.99, 4.5 → 4.50; whole and small ones stay."""
    if not _AMOUNT.fullmatch(value) or abs(Decimal(value)) < 1:
        return value
    return f"{Decimal(value).quantize(_CENT, ROUND_HALF_UP):f}"


def _opening(value: str, before: str, after: str) -> str:
    """A word that opens a sentence, with a capital: `no` → `No.`, but never `x` or `log(x)`."""
    opens = not before.strip() or before.rstrip()[-1] in ".?!"
    plain = len(value) > 1 and value.replace(" ", "").isalpha()
    return value[:1].upper() + value[1:] if opens and plain and after else value


def _is_sign(character: str) -> bool:
    """Whether it is a currency sign."""
    return bool(character) and unicodedata.category(character) == "Sc"


def _same_unit(own: str, word: str) -> bool:
    if own.casefold().rstrip("s") == word.casefold().rstrip("s"):
        return True
    from mrkl.tools.unit_phrases import QuantityError, read_unit

    try:
        mine, theirs = read_unit(own), read_unit(word)
    except QuantityError:
        return False
    return [(u.pint, power) for u, power in mine.factors] == [
        (u.pint, power) for u, power in theirs.factors
    ]


class _Writer:
    """Collects text and the spans in it."""

    def __init__(self, question: str) -> None:
        self._known = _values(question)
        self._pieces: list[str] = []
        self._spans: list[Span] = []
        self.length = 0

    def again(self, composed: Composed) -> None:
        """What is finished already."""
        self._spans += composed.spans
        self._add(composed.text)

    def words(self, text: str) -> None:
        """The language module's own words; numbers in them are the question's."""
        for match in _NUMBER.finditer(text):
            if _read(match[0]) in self._known:
                start = self.length + match.start()
                self._spans.append(Span(start, start + len(match[0]), match[0]))
        self._add(text)

    def slot(self, value: str, step: int) -> None:
        """The value of a step."""
        self._spans.append(Span(self.length, self.length + len(value), value, step))
        self._add(value)

    def _add(self, text: str) -> None:
        self._pieces.append(text)
        self.length += len(text)

    def done(self, kept: bool = True) -> Composed:
        return Composed("".join(self._pieces), tuple(self._spans), kept)
