"""The words of English numbers: small numbers, scales, ordinals, parts, multiples.

Plain tables from a lower-case word to its number, shared by the readers of numbers and of dates.
They say nothing of grammar.
"""

from __future__ import annotations

_SMALL_WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen
fourteen fifteen sixteen seventeen eighteen nineteen"""
_TENS_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_IRREGULAR = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}

SMALL: dict[str, int] = {
    **{word: value for value, word in enumerate(_SMALL_WORDS.split())},
    **{word: 20 + 10 * index for index, word in enumerate(_TENS_WORDS.split())},
}
ORDINALS: dict[str, int] = {
    **{
        _IRREGULAR.get(word, word.removesuffix("y") + ("ieth" if value > 19 else "th")): value
        for word, value in SMALL.items()
    },
    "hundredth": 100,
    "thousandth": 1000,
    "millionth": 10**6,
}
SMALL["fourty"] = 40  # the usual misspelling
SCALES: dict[str, int] = {
    "thousand": 10**3,
    "lakh": 10**5,
    "million": 10**6,
    "crore": 10**7,
    "billion": 10**9,
    "trillion": 10**12,
    "quadrillion": 10**15,
}
COLLECTIVE: dict[str, int] = {"dozen": 12, "score": 20, "gross": 144}
SUFFIXES: dict[str, int] = {
    "k": 10**3,
    "mn": 10**6,
    "mln": 10**6,
    "mil": 10**6,
    "bn": 10**9,
    "tn": 10**12,
}
UNIT_ORDINALS = frozenset(word for word, value in ORDINALS.items() if 0 < value < 10)
MULTIPLES: dict[str, int] = {
    "twice": 2,
    "double": 2,
    "doubled": 2,
    "halve": 2,
    "halved": 2,
    "both": 2,
    "thrice": 3,
    "triple": 3,
    "tripled": 3,
    "quadruple": 4,
}
_SINGULAR_PARTS: dict[str, int] = {
    **{word: value for word, value in ORDINALS.items() if value > 2},
    "quarter": 4,
}
PARTS: dict[str, int] = {
    **_SINGULAR_PARTS,
    **{word + "s": value for word, value in _SINGULAR_PARTS.items()},
    "half": 2,
    "halves": 2,
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
