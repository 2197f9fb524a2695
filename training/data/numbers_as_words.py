"""Numbers as people type them: words, thousands marks, `1.2k`, and back to digits.

In: ints and decimal texts. Out: typed forms. `value_of` reads one typed number back. Only
English; nothing here understands a sentence.
"""

from __future__ import annotations

import random
import re

ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = [".", ".", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
# words that are never misspelled, because a call's numbers are read off them
NUMBER_WORDS = frozenset(
    [*ONES, *TENS]
    + re.findall(
        r"\w+",
        "hundred thousand million billion trillion crore lakh dozen score gross grand pair couple "
        "half halves third thirds quarter quarters fifth fifths sixth eighth eighths tenth tenths "
        "plus minus times percent point twice thrice double triple squared cubed zero",
    )
)
_VALUES = {word: n for n, word in enumerate(ONES)} | {
    w: 10 * n for n, w in enumerate(TENS) if n > 1
}
_MULTIPLIERS = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_DIGITS = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?|-?\.\d+")


def in_words(n: int, joiner: str = " and ", hyphen: str = "-") -> str:
    """`215` → `two hundred and fifteen`; whole numbers of any sign below 10^12."""
    if n < 0:
        return "minus " + in_words(-n, joiner, hyphen)
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + (hyphen + ONES[n % 10] if n % 10 else "")
    for size, name in SCALES:
        if n >= size:
            head, rest = divmod(n, size)
            text = f"{in_words(head, joiner, hyphen)} {name}"
            if not rest:
                return text
            return text + (joiner if rest < 100 else " ") + in_words(rest, joiner, hyphen)
    raise ValueError(n)


def ordinal(n: int) -> str:
    """`21` → `21st`."""
    if 10 <= n % 100 <= 20:
        return f"{n}th"
    return f"{n}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th') }"


def ordinal_words(n: int) -> str:
    """`21` → `twenty-first`."""
    words = in_words(n)
    head, sep, last = words.rpartition("-") if "-" in words else words.rpartition(" ")
    last = ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return head + sep + last


def grouped(digits: str) -> str:
    """`1234.5` → `1,234.5`."""
    whole, dot, part = digits.partition(".")
    return f"{int(whole):,}{dot}{part}"


def typed_int(n: int, rng: random.Random) -> str:
    """One of the ways people write this whole number; always worth exactly `n`."""
    roll = rng.random()
    if n >= 1000:
        if roll < 0.42:
            return str(n)
        if roll < 0.76:
            return f"{n:,}"
        if roll < 0.84 and n % 100 == 0 and n < 10**6:
            return f"{n / 1000:g}k"
        if roll < 0.92 and n % 10**5 == 0 and n >= 10**6:
            # not `5m`: without a currency's sign that is read as metres
            return f"{n / 10**6:g}{rng.choice([' million', ' mln', ' million'])}"
        if roll < 0.95 and n < 10**7 and n % 50 == 0:
            return _words(n, rng)
        return str(n)
    if roll < (0.16 if n <= 12 else 0.09 if n <= 100 else 0.03):
        return _words(n, rng)
    return str(n)


def _words(n: int, rng: random.Random) -> str:
    if n % 100 == 0 and 1000 < n < 10000 and n % 1000 and rng.random() < 0.5:
        return f"{in_words(n // 100)} hundred"
    if n == 12 and rng.random() < 0.1:
        return "a dozen"
    if n in (100, 1000, 10**6) and rng.random() < 0.5:
        return "a " + in_words(n)[4:]
    joiner = rng.choice([" and ", " "])
    return in_words(n, joiner, rng.choice(["-", "-", " "]))


def value_of(text: str) -> float | int | None:
    """The value of one typed number (`1,200`, `12.4`, `two hundred and fifteen`), or None."""
    text = text.strip().lower()
    if _DIGITS.fullmatch(text):
        bare = text.replace(",", "")
        return float(bare) if "." in bare or "e" in bare else int(bare)
    words = [w for w in re.split(r"[\s-]+", text) if w and w != "and"]
    total = current = 0
    for word in words:
        if word in ("a", "an") and len(words) > 1:
            current = 1
        elif word in _VALUES:
            current += _VALUES[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _MULTIPLIERS:
            total, current = total + max(current, 1) * _MULTIPLIERS[word], 0
        else:
            return None
    return total + current if words else None
