"""The numbers a question holds, in the forms in which they may be written down again.

In: a question. Out: the literals that arguments may use (digits without separators; number words,
fractions and scales worked out; a few constants everyone knows) and those that an answer may
repeat. It knows no meaning: which number belongs where is the core's business.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction

from mrkl.tools.number_words import find_numbers
from mrkl.tools.numerals import number_text

# Known to everyone: counts of hours, months, degrees, per cent, and what halving or "g" needs.
CONSTANTS = (
    *(str(number) for number in range(13)),
    *("14", "16", "20", "24", "30", "31", "36", "50", "52", "60", "90", "100", "144", "180", "360"),
    *("365", "366", "500", "1000", "3600", "10000", "86400", "1000000", "1000000000"),
    *("0.1", "0.25", "0.5", "0.75", "1.5", "2.5", "9.81", "299792.458"),
)
_MOST = 64  # numbers of one question; the rest of a longer list stays out of reach
_LONGEST = 400  # digits of a number that can be copied
_TYPED = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_RUN = re.compile(r"\d+")


def argument_numbers(question: str) -> tuple[str, ...]:
    """Every literal that an argument may hold, without sign, longest first."""
    literals = dict.fromkeys(_of_question(question))
    literals.update(dict.fromkeys(CONSTANTS))
    return tuple(sorted(literals, key=lambda literal: (-len(literal), literal)))


def answer_numbers(question: str) -> tuple[str, ...]:
    """Every literal that an answer may repeat: as typed and as worked out, longest first."""
    literals = {match[0]: None for match in _TYPED.finditer(question)}
    literals.update(dict.fromkeys(_of_question(question)))
    kept = [literal for literal in literals if len(literal) <= _LONGEST][:_MOST]
    return tuple(sorted(kept, key=lambda literal: (-len(literal), literal)))


def unread_numbers(question: str, written: Sequence[str]) -> int:
    """How many of the question's numbers no written text holds, in any form."""
    held = {form for text in written for form in _literals(text)}
    asked = (abs(Fraction(value)) for _, _, value in find_numbers(question))
    return sum(held.isdisjoint(_forms(value)) for value in asked)


def repeated_numbers(question: str, written: Sequence[str]) -> int:
    """How often the written texts hold one of the question's numbers more often than it does."""
    held = Counter(match[0].replace(",", "") for text in written for match in _TYPED.finditer(text))
    asked = Counter(next(_forms(abs(Fraction(v))), "") for _, _, v in find_numbers(question))
    return sum(max(0, held[form] - count) for form, count in asked.items())


def _of_question(question: str) -> list[str]:
    found: dict[str, None] = {}
    for literal in _literals(question):
        if len(literal) <= _LONGEST:
            found[literal] = None
    return list(found)[:_MOST]


def _literals(question: str) -> Iterator[str]:
    for _, _, value in find_numbers(question, loose=True):
        yield from _forms(abs(Fraction(value)))
    for match in _TYPED.finditer(question):  # also those inside names and formulas: 3x, 10k, CO2
        plain = match[0].replace(",", "")
        yield plain
        if len(plain) <= _LONGEST:
            yield from _forms(Fraction(plain))
    for match in _RUN.finditer(question):  # the parts of 10:30 and 3.4.2025
        yield match[0]
        yield match[0].lstrip("0") or "0"


def _forms(value: Fraction) -> Iterator[str]:
    """The decimal, if it is a short one, and the two numbers of a fraction."""
    decimal = Fraction(value)
    if (10**12) % decimal.denominator == 0:
        text = number_text(decimal, 12)
        if "e" not in text:
            yield text
    if decimal.denominator != 1 and decimal.denominator <= 1000:
        yield str(decimal.numerator)
        yield str(decimal.denominator)
