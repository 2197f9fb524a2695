"""Molar masses from chemical formulas, by the atomic masses it is given.

In: a formula such as `H2O`, `Ca(OH)2`, `CuSO4·5H2O`, also in lower case (`co2`) where only one
reading is possible. Out: how many atoms of each element, the formula in Hill order, the mass in
g/mol. It knows no names of substances, no charges and no isotopes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

MAX_LENGTH = 80  # characters of a formula
MAX_COUNT = 100_000  # of one subscript
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_PARTS = re.compile(r"[·•*.]")
_TOKEN = re.compile(r"[A-Z][a-z]?|\d+|[()\[\]]")
_MAX_READINGS = 64


def parse(formula: str, symbols: Collection[str]) -> Counter[str] | None:
    """Atoms of each element in a formula written in proper case, or None if it is none."""
    text = formula.strip().translate(_SUBSCRIPTS).replace(" ", "")
    if not 0 < len(text) <= MAX_LENGTH:
        return None
    total: Counter[str] = Counter()
    for part in _PARTS.split(text):
        factor, rest = re.fullmatch(r"(\d{0,6})(.*)", part, re.DOTALL).groups()  # type: ignore[union-attr]
        atoms = _part(rest, symbols)
        if atoms is None or (factor and not int(factor)):
            return None
        _add(total, atoms, int(factor or 1))
    return total if total and max(total.values()) <= MAX_COUNT else None


def _part(text: str, symbols: Collection[str]) -> Counter[str] | None:
    """Atoms of a formula without dots: brackets are kept on a stack."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != text or not tokens:
        return None
    stack: list[Counter[str]] = [Counter()]
    last: Counter[str] | None = None  # what a following number multiplies
    for token in tokens:
        if token.isdigit():
            if last is None or not 0 < int(token) <= MAX_COUNT:
                return None
            _add(stack[-1], last, int(token) - 1)
            last = None
        elif token in "([":
            stack.append(Counter())
            last = None
        elif token in ")]":
            if len(stack) == 1:
                return None
            last = stack.pop()
            _add(stack[-1], last, 1)
        elif token in symbols:
            last = Counter({token: 1})
            stack[-1][token] += 1
        else:
            return None
    return stack[0] if len(stack) == 1 else None


def _add(total: Counter[str], atoms: Mapping[str, int], factor: int) -> None:
    for symbol, count in atoms.items():
        total[symbol] += count * factor


def readings(text: str, symbols: Collection[str]) -> Iterator[Counter[str]]:
    """All formulas a text in any case can be: `co2` is CO2 or Co2. At most 64 of them."""
    folded = {symbol.casefold(): symbol for symbol in symbols}
    clean = text.strip().translate(_SUBSCRIPTS).replace(" ", "").casefold()
    if not 0 < len(clean) <= MAX_LENGTH // 2:
        return
    partial = [(0, "")]
    found = 0
    while partial and found < _MAX_READINGS and len(partial) < 4 * _MAX_READINGS:
        position, written = partial.pop()
        if position == len(clean):
            atoms = parse(written, symbols)
            if atoms is not None:
                found += 1
                yield atoms
            continue
        if not clean[position].isalpha():
            partial.append((position + 1, written + clean[position]))
            continue
        for size in (1, 2):
            symbol = folded.get(clean[position : position + size])
            if symbol is not None and position + size <= len(clean):
                partial.append((position + size, written + symbol))


def hill(atoms: Mapping[str, int]) -> str:
    """The formula in Hill order: carbon, hydrogen, then the alphabet; all by alphabet without C."""
    first = [symbol for symbol in ("C", "H") if symbol in atoms] if "C" in atoms else []
    order = first + sorted(symbol for symbol in atoms if symbol not in first)
    return "".join(f"{s}{atoms[s] if atoms[s] > 1 else ''}" for s in order)


def mass(atoms: Mapping[str, int], masses: Mapping[str, float]) -> float:
    """Grams a mole, rounded to the four decimals that the atomic masses bear."""
    return round(sum(masses[symbol] * count for symbol, count in atoms.items()), 4)
