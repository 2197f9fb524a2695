"""English number words and informal numerals, read as exact numbers.

In: any text. Out: the numbers it contains with their places (`find_numbers`), or the one number it
is (`parse_number`): ints, or Fractions where they are not whole. Linear time. It knows `two hundred
and fifteen`, `three and a half`, `half a dozen`, `2k`, `1.5 million`, `1,200`, `1 1/2`, `½`, `1e6`.
It does not know units, dates or arithmetic, nor decimal commas (`1,5`), and it leaves `5m` as 5.
"""

from __future__ import annotations

import unicodedata
from fractions import Fraction
from typing import TypeAlias

from mrkl.tools.number_tokens import Number, Token, read_tokens, simplest
from mrkl.tools.number_vocabulary import (
    COLLECTIVE,
    MONTHS,
    MULTIPLES,
    ORDINALS,
    PARTS,
    SCALES,
    SMALL,
    SUFFIXES,
    UNIT_ORDINALS,
)

__all__ = ["Number", "NumberSpan", "find_numbers", "in_digits", "parse_number"]

NumberSpan: TypeAlias = "tuple[int, int, Number]"

_ARTICLES = ("a", "an", "one")


def find_numbers(text: str, loose: bool = False) -> list[NumberSpan]:
    """All numbers of a text, in order, as (start, end, value) with end exclusive.

    `loose` also takes ordinal words (`third largest` → 3) and multiples (`twice` → 2).
    """
    tokens = read_tokens(text)
    found: list[NumberSpan] = []
    at = 0
    while at < len(tokens):
        hit = _Reader(text, tokens, at).read(loose)
        if hit is None:
            at += 1
            continue
        after, value = hit
        start = tokens[at].start
        sign = _sign_start(text, tokens, at, found)
        if sign is not None:
            start, value = sign, -value
        found.append((start, tokens[after - 1].end, value))
        at = after
    return found


def in_digits(text: str, words: int = 6) -> str:
    """The text with whole numbers of so many words or more in digits, the others as they are.

    `two million, six hundred and nine thousand and four` → `2609004`: what takes long to read is
    easily misread.
    """
    for start, end, value in reversed(find_numbers(text)):
        said = text[start:end]
        long = len(said.replace("-", " ").split()) >= words and not any(c.isdigit() for c in said)
        if long and isinstance(value, int):
            text = f"{text[:start]}{value}{text[end:]}"
    return text


def parse_number(text: str) -> Number | None:
    """The number that the whole text is, or None: `two hundred and fifteen` → 215."""
    stripped = text.strip().rstrip(".")
    found = find_numbers(stripped)
    if len(found) == 1 and found[0][:2] == (0, len(stripped)):
        return found[0][2]
    return None


def _sign_start(text: str, tokens: list[Token], at: int, found: list[NumberSpan]) -> int | None:
    """Where the sign of the number at this token starts, if it has one."""
    start = tokens[at].start
    if start and text[start - 1] in "-−" and tokens[at].value is not None:
        before = text[max(0, start - 2) : start - 1]
        return start - 1 if not before or before in " (\t\n=<>[,:" else None
    if not at or tokens[at - 1].word not in ("minus", "negative"):
        return None
    if text[tokens[at - 1].end : start].strip():
        return None
    previous = tokens[at - 2] if at > 1 else None
    term = previous is not None and (
        len(previous.word) == 1 or previous.value is not None or bool(_ends(found, previous.end))
    )
    return None if term else tokens[at - 1].start


def _ends(found: list[NumberSpan], end: int) -> bool:
    return bool(found) and found[-1][1] == end


class _Reader:
    """Reads one number that starts at a token; `at` moves on as tokens are taken."""

    def __init__(self, text: str, tokens: list[Token], at: int) -> None:
        self.text = text
        self.tokens = tokens
        self.begin = at
        self.at = at

    def read(self, loose: bool) -> tuple[int, Number] | None:
        """The index after the number and its value, or None."""
        if loose and SMALL.get(self._word(), 0) >= 20 and self._word(1) in UNIT_ORDINALS:
            return self.at + 2, SMALL[self._word()] + ORDINALS[self._word(1)]
        value = self._fraction()
        if value is None:
            value = self._whole()
            if value is None:
                return self._single(loose)
            value = self._mixed(value)
        return self.at, simplest(value)

    def _token(self, ahead: int = 0) -> Token | None:
        """The token so far ahead, if only blanks or a hyphen part it from the one before."""
        index = self.at + ahead
        if index >= len(self.tokens):
            return None
        token = self.tokens[index]
        if index > self.begin:
            gap = self.text[self.tokens[index - 1].end : token.start]
            parted = gap.strip(" \t\n\u00a0")
            if parted not in ("", "-") and not (parted == "," and self._goes_on(index)):
                return None
            if "-" in gap and token.value is not None:
                return None  # `10-20` is two numbers
        return token

    def _goes_on(self, index: int) -> bool:
        """Whether the number goes on behind a comma: `two thousand, three hundred and one`."""
        if self.tokens[index - 1].word.removesuffix("s") not in SCALES:
            return False
        for token in self.tokens[index : index + 4]:  # at most `ninety nine thousand`
            if token.word in ("hundred", *SCALES):
                return True
            if token.word not in SMALL:
                return False
        return False

    def _word(self, ahead: int = 0) -> str:
        token = self._token(ahead)
        return token.word if token else ""

    def _fraction(self) -> Fraction | None:
        """`half`, `a quarter`, `third of`, `two thirds`, `3/4`, `half a million`."""
        first = self._token()
        if first is None:
            return None
        if first.value is not None:
            return self._slashed() or self._counted_parts(first.value)
        if first.word in SMALL and SMALL[first.word] < 20:
            counted = self._counted_parts(SMALL[first.word])
            if counted is not None:
                return counted
        skip = 1 if first.word in _ARTICLES else 0
        part = self._word(skip)
        if part not in PARTS or part.endswith("s") or part == "halves":
            return None
        following = self._word(skip + 1)
        if part in ("half", "quarter") and following in ("past", "to", "after"):
            return None  # clock time
        if part == "half" and not skip and (self._token(1) or Token(0, 0)).value is not None:
            return None  # `half 7`
        if not skip and part != "half":
            month = self._word(2)[:3] in MONTHS
            if following != "of" or month or self._previous_word() == "the" and part != "quarter":
                return None
        if skip and first.word != "one" and part not in ("half", "quarter") and following != "of":
            return None  # `a third person`
        self.at += skip + 1
        return self._of_a(Fraction(1, PARTS[part]))

    def _previous_word(self) -> str:
        return self.tokens[self.begin - 1].word if self.begin else ""

    def _of_a(self, share: Fraction) -> Fraction:
        """Take `a million`, `of a dozen`, `an` after a fraction."""
        skip = 1 if self._word() == "of" else 0
        skip += 1 if self._word(skip) in _ARTICLES else 0
        size = self._size(self._word(skip))
        if size:
            self.at += skip + 1
            return share * size
        if self._word() in ("a", "an"):
            self.at += 1
        return share

    def _size(self, word: str) -> int:
        word = word[:-1] if word.endswith("s") and word != "gross" else word
        return SCALES.get(word, 0) or COLLECTIVE.get(word, 0) or (100 if word == "hundred" else 0)

    def _slashed(self) -> Fraction | None:
        """`3/4` and `1 3/4`, where it is a proper fraction; `3/4/2025` and `120/4` are not."""
        plain = self._proper(self.at)
        if plain is not None:
            self.at += 2
            return plain
        whole = self._token()
        following = self._token(1)
        if whole is None or following is None or not isinstance(whole.value, int):
            return None
        mixed = self._proper(self.at + 1)
        if mixed is not None:
            self.at += 3
            return whole.value + mixed
        vulgar = following.value
        if isinstance(vulgar, Fraction) and self.text[following.start] > "\x7f":
            self.at += 2
            return whole.value + vulgar
        return None

    def _proper(self, index: int) -> Fraction | None:
        if index + 1 >= len(self.tokens):
            return None
        top, bottom = self.tokens[index], self.tokens[index + 1]
        if not isinstance(top.value, int) or not isinstance(bottom.value, int):
            return None
        around = self.text[max(0, top.start - 1) : top.start] + self.text[bottom.end :][:1]
        if self.text[top.end : bottom.start] not in ("/", "⁄") or "/" in around:
            return None
        return Fraction(top.value, bottom.value) if 0 < top.value < bottom.value <= 100 else None

    def _counted_parts(self, count: Number) -> Fraction | None:
        """`two thirds`, `3 quarters`; not `5 seconds`, nor `twenty third`."""
        part = self._word(1)
        plural = part in PARTS and (part.endswith("s") or part == "halves")
        if not (plural or (count == 1 and part in PARTS)) or count != int(count):
            return None
        self.at += 2
        return self._of_a(Fraction(count, PARTS[part]))

    def _whole(self) -> Fraction | None:
        """`two hundred and fifteen`, `1.5 million`, `a dozen`, `twenty twenty six`, `2k`."""
        total, limit = Fraction(0), 10**30
        while True:
            group = self._group(first=self.at == self.begin, limit=limit)
            if group is None:
                break
            scale = SCALES.get(self._word().removesuffix("s"), 0)
            if not scale:
                total += group
                break
            self.at += 1
            total += group * scale
            limit = scale
        if self.at == self.begin:
            return None
        if limit < 10**30:
            tail = self._and_small()
            total += tail or 0
        word = self._word()
        word = word if word in COLLECTIVE else word.removesuffix("s")
        if word in COLLECTIVE and (word == "dozen" or self._word(1) != "income"):
            self.at += 1
            total *= COLLECTIVE[word]
        return total

    def _group(self, first: bool, limit: int) -> Fraction | None:
        """What stands before a scale: at most hundreds, tens and units, or one numeral."""
        token = self._token()
        if token is None:
            return None
        if token.value is not None:
            return self._numeral_group(token.value, first, limit)
        if first and token.word in ("a", "an"):
            if not self._size(self._word(1)) and self._word(1) != "couple":
                return None
            self.at += 1
            if self._word() == "couple":
                self.at += 1
                return Fraction(2)
            if self._word() != "hundred":
                return Fraction(1)
            return self._hundreds(1)
        small = self._small()
        if small is None:
            return None
        if first and 18 <= small <= 20 and self._word() in SMALL:
            century = self._small()
            return Fraction(small * 100 + (century or 0))
        return self._hundreds(small)

    def _numeral_group(self, value: Number, first: bool, limit: int) -> Fraction | None:
        token = self.tokens[self.at]
        following = self._word(1).removesuffix("s")
        adjacent = bool(following) and self.text[token.end : token.end + 1].isalpha()
        if not first and not 0 < SCALES.get(following, 0) < limit:
            return None
        self.at += 1
        money = token.start and unicodedata.category(self.text[token.start - 1]) == "Sc"
        if following in SUFFIXES and (adjacent or following in ("bn", "mln", "tn")):
            self.at += 1
            return Fraction(value) * SUFFIXES[following]
        if money and adjacent and following in ("m", "b"):
            self.at += 1
            return Fraction(value) * (10**6 if following == "m" else 10**9)
        if following == "hundred":
            self.at += 1
            return Fraction(value) * 100
        return Fraction(value)

    def _hundreds(self, small: int) -> Fraction:
        if self._word() not in ("hundred", "hundreds"):
            return Fraction(small) + self._point()
        self.at += 1
        # `between one hundred and two thousand` is two numbers, `one hundred and two thousand` one.
        joined = self._previous_word() not in ("between", "from")
        return Fraction(small * 100 + (self._and_small(joined) or self._small() or 0))

    def _small(self) -> int | None:
        """0 to 99 in words."""
        value = SMALL.get(self._word())
        if value is None:
            return None
        self.at += 1
        unit = SMALL.get(self._word(), 0)
        if value >= 20 and 1 <= unit <= 9:
            self.at += 1
            return value + unit
        return value

    def _and_small(self, scaled: bool = False) -> int | None:
        """`and six` after a hundred or a scale, unless `six` starts a number of its own.

        `scaled`: a scale may follow, as in `a hundred and two thousand`.
        """
        if self._word() != "and" or self._word(1) not in SMALL:
            return None
        before = self.at
        self.at += 1
        value = self._small()
        size = 0 if scaled and self._word() in SCALES else self._size(self._word())
        if size or self._word() in PARTS or self._word() == "point":
            self.at = before
            return None
        return value

    def _point(self) -> Fraction:
        """`point one four` after a whole number."""
        if self._word() != "point" or SMALL.get(self._word(1), 10) > 9:
            return Fraction(0)
        self.at += 1
        value, place = Fraction(0), Fraction(1, 10)
        while SMALL.get(self._word(), 10) < 10:
            value += SMALL[self._word()] * place
            place /= 10
            self.at += 1
        return value

    def _mixed(self, whole: Fraction) -> Fraction:
        """`and a half`, `and three quarters` after a whole number; `two and a half million`."""
        if self._word() != "and":
            return whole
        counted = SMALL.get(self._word(1), 0)
        part = self._word(2)
        if self._word(1) == "half":
            share, taken = Fraction(1, 2), 2
        elif self._word(1) in _ARTICLES and part in PARTS:
            share, taken = Fraction(1, PARTS[part]), 3
        elif 1 < counted < 10 and part in PARTS and part.endswith("s"):
            share, taken = Fraction(counted, PARTS[part]), 3
        else:
            return whole
        if share >= 1 or part == "third" and self._word(3) == "of":
            return whole
        last = self._size(self.tokens[self.at - 1].word)
        self.at += taken
        if last > 100 or last in (12, 20):
            return whole + share * last
        size = self._size(self._word())
        if size:
            self.at += 1
        return (whole + share) * (size or 1)

    def _single(self, loose: bool) -> tuple[int, Number] | None:
        """`point five`, and when loose ordinals and multiples."""
        word = self._word()
        if word == "point" and SMALL.get(self._word(1), 10) < 10:
            value = self._point()
            return self.at, value
        if not loose:
            return None
        if word in MULTIPLES:
            return self.at + 1, MULTIPLES[word]
        if word == "second" and self._previous_word() in ("a", "per", "each", "every", "one"):
            return None
        return (self.at + 1, ORDINALS[word]) if word in ORDINALS else None
