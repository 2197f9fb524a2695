"""A text cut into words and numerals, for the reader of numbers.

In: any text. Out: tokens with their places: lower-case words, and numerals with exact values
(`1,200`, `1.5`, `1e6`, `½`, `baker's dozen`). A run that is no single numeral (`1,2,3`, `3.4.2025`) becomes several.
Digits inside names (`CO2`, `m^2`) are left out. Signs are not its business.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

Number: TypeAlias = "int | Fraction"

_DIGIT_LIMIT = 4_000  # longer runs of digits are not read as numbers
_EXPONENT_LIMIT = 400

# One word, or one run of digits with separators. No repetition inside a repetition: linear.
_TOKEN = re.compile(
    r"(?P<digits>\d+(?:[,_]\d+)*(?:\.\d+)*(?:[eE][+-]?\d+(?![\w.]))?|\.\d+(?!\.))"
    r"|(?P<thirteen>(?i:\bbaker['’]?s['’]?[ -]dozens?\b))"
    r"|(?P<vulgar>[¼-¾⅐-⅞])|(?P<word>[^\W\d_¼-¾⅐-⅞]+)"
)


@dataclass(frozen=True)
class Token:
    """A word or a numeral of a text, `end` exclusive."""

    start: int
    end: int
    word: str = ""  # lower case; empty for numerals
    value: Number | None = None


def simplest(value: Fraction | int) -> Number:
    """A whole fraction as an int."""
    return value.numerator if value.denominator == 1 else value


def read_tokens(text: str) -> list[Token]:
    """The words and numerals of a text, in order."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        if match["word"]:
            tokens.append(Token(start, end, word=match["word"].lower()))
        elif match["thirteen"]:
            tokens.append(Token(start, end, value=13))
        elif match["vulgar"]:
            value = Fraction(unicodedata.numeric(match["vulgar"])).limit_denominator(10)
            tokens.append(Token(start, end, value=value))
        elif start and (text[start - 1].isalpha() or text[start - 1] in "^_"):
            continue  # CO2, m^2, B2B: part of a name
        else:
            tokens.extend(_numerals(match["digits"], start))
    return tokens


def _numerals(run: str, start: int) -> list[Token]:
    """One numeral, or the several that a run such as `1,2,3` or `3.4.2025` turns out to be."""
    value = _numeral(run)
    if value is not None:
        return [Token(start, start + len(run), value=value)]
    tokens: list[Token] = []
    separators = r"\d+" if run.count(".") > 1 else r"[\d.]+"
    for part in re.finditer(separators, run):
        value = _numeral(part[0])
        if value is not None:
            tokens.append(Token(start + part.start(), start + part.end(), value=value))
    return tokens


def _numeral(run: str) -> Number | None:
    mantissa, _, exponent = run.lower().partition("e")
    whole, _, decimals = mantissa.partition(".")
    if "." in decimals or len(run) > _DIGIT_LIMIT or not mantissa.isascii():
        return None
    groups = re.split("[,_]", whole)
    grouped = 1 <= len(groups[0]) <= 3 and all(len(group) in (2, 3) for group in groups[1:])
    if len(groups) > 1 and not (grouped and len(groups[-1]) == 3):
        return None
    if abs(int(exponent or 0)) > _EXPONENT_LIMIT:
        return None
    value = Fraction(int("".join([*groups, decimals]) or 0), 10 ** len(decimals))
    return simplest(value * Fraction(10) ** int(exponent or 0))
