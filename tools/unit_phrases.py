"""Unit phrases as people write them, read into products of named units.

In: `km/h`, `minutes per km`, `l/100km`, `square feet`, `ft²`, `kg m^-3`, `US gallons`. Out: a
`UnitPhrase`: named units with exponents and a scale (the 100 of l/100km). A word that names no unit
raises QuantityError. It reads no numbers but scales and exponents, and knows no dimensions.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

from mrkl.tools.number_words import parse_number
from mrkl.tools.unit_names import (
    ALTERNATES,
    AMBIGUOUS,
    UnitName,
    find_unit,
    longest_name,
    near_names,
)

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+\.?|[°'\"′″’”%][^\W\d_]*|\*\*|\S")
_POWERS = {"square": 2, "sq": 2, "sqr": 2, "cubic": 3, "cu": 3, "cube": 3}
_AFTER_POWERS = {"squared": 2, "cubed": 3}
_QUALIFIERS = ("us", "uk", "usa", "imperial", "british", "american")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_LIMIT = 100  # characters of a unit phrase
_DIGITS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class QuantityError(ValueError):
    """A quantity or unit that cannot be read or converted; the message is one clear line."""


@dataclass(frozen=True)
class UnitPhrase:
    """A product of named units with exponents; `scale` of them make one (100 km in l/100 km)."""

    factors: tuple[tuple[UnitName, int], ...]
    scale: Fraction
    text: str  # as it was written

    @property
    def single(self) -> UnitName | None:
        """The unit, where the phrase is just one."""
        plain = len(self.factors) == 1 and self.factors[0][1] == 1 and self.scale == 1
        return self.factors[0][0] if plain else None

    def alternates(self) -> list[UnitPhrase]:
        """This phrase, then the other things it may mean: a pound of force, a fluid ounce."""
        readings: list[UnitPhrase] = [self]
        for name, other in ALTERNATES.items():
            unit = find_unit(other)
            if unit is not None and any(factor.pint == name for factor, _ in self.factors):
                swapped = ((unit if u.pint == name else u, power) for u, power in self.factors)
                readings.append(UnitPhrase(tuple(swapped), self.scale, self.text))
        return readings

    def symbol(self, one: bool = False) -> str:
        """The symbol shown: `km/h`, `L/100 km`, `ft²`; `one` gives the form beside a 1."""
        over = [(unit, power) for unit, power in self.factors if power > 0]
        under = [(unit, -power) for unit, power in self.factors if power < 0]
        alone = len(self.factors) == 1
        top = "·".join(
            (u.singular if one or not alone and len(u.symbol) > 4 else u.symbol) + _power_sign(p)
            for u, p in over
        )
        if not under:
            return top
        bottom = "·".join(unit.singular + _power_sign(power) for unit, power in under)
        scale = f"{1 / self.scale} " if self.scale != 1 else ""
        return f"{top or 1}/{scale}{f'({bottom})' if len(under) > 1 else bottom}"


def read_unit(text: str) -> UnitPhrase:
    """Read a whole unit phrase; raises QuantityError."""
    shown = text.strip()
    if len(shown) > _LIMIT:
        raise QuantityError(f"a unit of {len(shown)} characters is too long")
    tokens = _tokens(shown)
    if not tokens:
        raise QuantityError("a unit is missing")
    return _PhraseReader(tokens, shown).read()


def _power_sign(power: int) -> str:
    return "" if power == 1 else str(power).translate(_DIGITS)


def _tokens(text: str) -> list[str]:
    # Superscripts first: compatibility folding would make `10 m²` and `10 m2` differ in nothing.
    text = re.sub(r"([⁰¹²³⁴-⁹⁻]+)", lambda m: "^" + m[1].translate(_SUPERSCRIPTS), text)
    text = unicodedata.normalize("NFKC", text).replace("º", "°").replace("μ", "µ")
    text = text.rstrip(" ?.!,").replace("(", " ( ").replace(")", " ) ")
    tokens = [match[0] for match in _TOKEN.finditer(text)]
    tokens = [t for t in tokens if t not in ("(", ")") and t.casefold() not in ("the",)]
    if len(tokens) > 1 and tokens[-1].casefold() in _QUALIFIERS:
        tokens = [tokens[-1], *tokens[:-1]]  # `gallons (US)` is `US gallons`
    return tokens


class _PhraseReader:
    def __init__(self, tokens: list[str], shown: str) -> None:
        self.tokens = tokens
        self.shown = shown
        self.at = 0
        self.factors: list[tuple[UnitName, int]] = []
        self.scale = Fraction(1)

    def read(self) -> UnitPhrase:
        sign = 1
        if self._peek() in ("per", "/"):
            self.at, sign = 1, -1
        while self.at < len(self.tokens):
            word = self._peek()
            if word in ("per", "/", "a", "an", "each", "every") and self.factors:
                self.at += 1
                sign = -1
                self._scale()
            elif word in ("*", "·", "⋅", "×", "-", "x") and self.factors:
                self.at += 1
            else:
                self._factor(sign)
        if not self.factors or self.tokens[-1] in "/*·⋅×-":
            raise QuantityError(f"{self.shown!r} is not a unit")
        return UnitPhrase(tuple(self.factors), self.scale, self.shown)

    def _peek(self, ahead: int = 0) -> str:
        index = self.at + ahead
        return self.tokens[index].casefold().rstrip(".") if index < len(self.tokens) else ""

    def _scale(self) -> None:
        """The number of `per 100 km`."""
        number = parse_number(self._peek()) if self._peek()[:1].isdigit() else None
        if number:
            self.scale /= number
            self.at += 1
        elif self._peek() in ("a", "an"):
            self.at += 1

    def _factor(self, sign: int) -> None:
        power = _POWERS.get(self._peek(), 1)
        if power > 1:
            self.at += 1
        unit = self._name()
        power *= self._power()
        if power == 0 or abs(power) > 9:
            raise QuantityError(f"{self.shown!r} has no sensible exponent")
        self.factors.append((unit, sign * power))

    def _name(self) -> UnitName:
        for length in range(min(longest_name(), len(self.tokens) - self.at), 0, -1):
            words = self.tokens[self.at : self.at + length]
            if any(word in "/*·^" for word in words):
                continue
            unit = find_unit(" ".join(words))
            if unit is not None:
                self.at += length
                return unit
        raise QuantityError(self._unknown())

    def _unknown(self) -> str:
        word = self.tokens[self.at] if self.at < len(self.tokens) else self.shown
        if word in AMBIGUOUS:
            return f"{word!r} could be {AMBIGUOUS[word]}: write it out"
        near = near_names(word) if len(word) > 3 else []
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        return f"{word!r} is not a unit I know{hint}"

    def _power(self) -> int:
        """`2`, `^2`, `^-2`, `**2`, `squared` after a name."""
        word = self._peek()
        if word in _AFTER_POWERS:
            self.at += 1
            return _AFTER_POWERS[word]
        start = self.at
        explicit = word in ("^", "**")
        self.at += explicit
        negative = self._peek() == "-" and self._peek(1).isdecimal()
        self.at += negative
        digits = self._peek()
        if digits.isdecimal() and len(digits) == 1:
            self.at += 1
            return -int(digits) if negative else int(digits)
        self.at = start
        if explicit:
            raise QuantityError(f"{self.shown!r} has no sensible exponent")
        return 1
