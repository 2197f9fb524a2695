"""Arithmetic of one to four operations said in English in many ways, with its expression.

Out: rows for the calculator. The wordings are composed from a small grammar of phrases, not from
whole sentences, so that nesting has to be read.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from training.data.numbers_as_words import in_words
from training.data.row import Row
from training.data.styles import restyle

OPENERS = (
    "{e}", "{e}?", "what is {e}", "whats {e}?", "what's {e}", "calculate {e}", "compute {e}",
    "work out {e}", "tell me {e}", "I need {e}", "can you do {e}", "find {e}", "give me {e}",
    "how much is {e}", "how much would {e} be", "{e} =", "{e} equals what", "and {e}?",
    "my homework says {e}", "could you figure out {e} for me?", "do you know {e}", "please add it up: {e}",
)  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """Words, expression, and whether the words are a noun phrase that can stand inside another."""

    words: str
    expression: str
    simple: bool


def _number(rng: random.Random) -> Piece:
    size = rng.choice((9, 20, 99, 99, 999, 9999, 10**6, 10**9))
    if rng.random() < 0.2:
        value = f"{rng.uniform(0, min(size, 999)):.{rng.randint(1, 3)}f}"
        return Piece(value, value, True)
    n = rng.randint(2, size)
    shape = rng.random()
    if shape < 0.2 and n < 10_000:
        return Piece(in_words(n), str(n), True)
    if shape < 0.35 and n > 999:
        return Piece(f"{n:,}", str(n), True)
    if rng.random() < 0.03:
        return Piece(f"minus {n}", f"(-{n})", True)
    return Piece(str(n), str(n), True)


BINARY = (
    ("{a} plus {b}", "+"), ("{a} + {b}", "+"), ("the sum of {a} and {b}", "+"),
    ("{a} added to {b}", "+"), ("{a} and {b} together", "+"), ("the total of {a} and {b}", "+"),
    ("{a} increased by {b}", "+"), ("{b} more than {a}", "+"),
    ("{a} minus {b}", "-"), ("{a} - {b}", "-"), ("{a} take away {b}", "-"), ("{a} less {b}", "-"),
    ("{b} subtracted from {a}", "-"), ("the difference between {a} and {b}", "-"),
    ("{b} less than {a}", "-"), ("{a} decreased by {b}", "-"), ("{a} reduced by {b}", "-"),
    ("{a} times {b}", "*"), ("{a} x {b}", "*"), ("{a} * {b}", "*"), ("the product of {a} and {b}", "*"),
    ("{a} multiplied by {b}", "*"), ("{a} by {b}, multiplied", "*"), ("{a} lots of {b}", "*"),
    ("{a} divided by {b}", "/"), ("{a} over {b}", "/"), ("{a} / {b}", "/"),
    ("the quotient of {a} and {b}", "/"), ("the ratio of {a} to {b}", "/"),
    ("{a} split into {b} equal parts", "/"), ("{a} shared among {b}", "/"),
)  # fmt: skip
UNARY = (
    ("twice {a}", "2 * {a}"), ("double {a}", "2 * {a}"), ("half of {a}", "{a} / 2"),
    ("a third of {a}", "{a} / 3"), ("a quarter of {a}", "{a} / 4"), ("triple {a}", "3 * {a}"),
    ("the square of {a}", "{a}^2"), ("{a} squared", "{a}^2"), ("{a} cubed", "{a}^3"),
    ("the square root of {a}", "sqrt({a})"), ("root {a}", "sqrt({a})"), ("{a} doubled", "2 * {a}"),
    ("{n} percent of {a}", "{n} / 100 * {a}"), ("{n}% of {a}", "{n} / 100 * {a}"),
    ("the absolute value of {a}", "abs({a})"), ("{a} to the power of {k}", "{a}^{k}"),
    ("{k} cubed minus {a}", "{k}^3 - {a}"), ("three quarters of {a}", "3 / 4 * {a}"),
    ("two thirds of {a}", "2 / 3 * {a}"), ("{a} plus {n} percent", "{a} * (1 + {n} / 100)"),
    ("{a} minus {n}%", "{a} * (1 - {n} / 100)"), ("one over {a}", "1 / {a}"),
    ("{a} mod {k}", "mod({a}, {k})"), ("the remainder of {a} divided by {k}", "mod({a}, {k})"),
    ("{k} factorial", "factorial({k})"), ("the cube root of {a}", "cbrt({a})"),
    ("log base {k} of {a}", "log({a}, {k})"), ("{a} rounded to the nearest whole number", "round({a})"),
)  # fmt: skip
PAIRS = (
    ("the absolute value of {a} minus {b}", "abs({a} - {b})"), ("the absolute value of {a} - {b}", "abs({a} - {b})"),
    ("|{a} - {b}|", "abs({a} - {b})"), ("the distance between {a} and {b}", "abs({a} - {b})"),
    ("e to the {k}", "e^{k}"), ("e^{k}", "e^{k}"), ("exp of {k}", "exp({k})"), ("pi times {a}", "pi * {a}"),
    ("{a} if a dozen is 12 of them: {k} dozen", "{k} * 12"), ("{k} dozen minus {a}", "{k} * 12 - {a}"),
    ("a third of {a} taken from {b}", "{b} - {a} / 3"), ("{b} less a quarter of {a}", "{b} - {a} / 4"),
    ("{a} out of {b} as a percentage", "{a} / {b} * 100"), ("{a} is what percent of {b}", "{a} / {b} * 100"),
    ("the percentage that {a} makes of {b}", "{a} / {b} * 100"), ("percent change from {a} to {b}", "({b} - {a}) / {a} * 100"),
    ("{k} things at {a} each", "{k} * {a}"), ("the price of {b} if {k} cost {a}", "{a} / {k} * {b}"),
    ("{b} of them when {k} cost {a}", "{a} / {k} * {b}"), ("half of {a} plus twice {b}", "{a} / 2 + 2 * {b}"),
)  # fmt: skip
LISTS = (
    ("the average of {l}", "mean({c})"), ("the mean of {l}", "mean({c})"), ("the median of {l}", "median({c})"),
    ("the sum of {l}", "sum({c})"), ("the largest of {l}", "max({c})"), ("the smallest of {l}", "min({c})"),
    ("{l} averaged", "mean({c})"), ("the biggest of {l}", "max({c})"), ("{l} all added up", "sum({c})"),
    ("the gcd of {l}", "gcd({c})"), ("the least common multiple of {l}", "lcm({c})"), ("{l} in total", "sum({c})"),
)  # fmt: skip
THEN = (
    ("{a}, then add {b}", "{a} + {b}"), ("{a}, then multiply by {b}", "{a} * {b}"),
    ("{a} and then subtract {b}", "{a} - {b}"), ("{a}, all divided by {b}", "{a} / {b}"),
    ("add {b} to {a}", "{a} + {b}"), ("subtract {b} from {a}", "{a} - {b}"),
    ("divide {a} by {b}", "{a} / {b}"), ("multiply {a} by {b}", "{a} * {b}"),
    ("take {b} away from {a}", "{a} - {b}"), ("{b} times as much as {a}", "{b} * {a}"),
    ("start with {a}, take {b} off", "{a} - {b}"), ("{a}, times {b}", "{a} * {b}"),
    ("{b} fewer than {a}", "{a} - {b}"), ("cut {a} by {b}", "{a} - {b}"),
)  # fmt: skip


def _wrap(piece: Piece) -> str:
    return piece.expression if piece.simple else f"({piece.expression})"


def _listed(rng: random.Random) -> Piece:
    count = rng.randint(2, 7)
    numbers = [_number(rng) for _ in range(count)]
    words, join = [n.words for n in numbers], rng.choice((", ", " ", ", "))
    said = join.join(words[:-1]) + rng.choice((" and ", join, ", and ")) + words[-1]
    form, expression = rng.choice(LISTS)
    if join == " " and any("," in w or " " in w for w in words):
        said = "; ".join(words)
    inside = ", ".join(n.expression for n in numbers)
    return Piece(form.format(l=said), expression.format(c=inside), True)


def phrase(rng: random.Random, depth: int) -> Piece:
    """A phrase of at most `depth` nested operations."""
    if depth == 0:
        return _number(rng)
    kind = rng.random()
    if kind < 0.12 and depth == 1:
        return _listed(rng)
    if kind < 0.3:
        form, expression = rng.choice(UNARY)
        inner = phrase(rng, depth - 1)
        n, k = rng.choice((5, 8, 10, 12, 15, 17, 18, 20, 25, 30, 40, 75)), rng.randint(2, 9)
        words = form.format(a=inner.words, n=n, k=k)
        function = expression.endswith(")") and expression[0].isalpha()
        inside = inner.expression if function else _wrap(inner)
        return Piece(words, expression.format(a=inside, n=n, k=k), function)
    if kind < 0.4 and depth == 1:
        form, expression = rng.choice(PAIRS)
        a, b, k = _number(rng), _number(rng), str(rng.randint(2, 9))
        return Piece(
            form.format(a=a.words, b=b.words, k=k),
            expression.format(a=a.expression, b=b.expression, k=k),
            False,
        )
    left, right = phrase(rng, depth - 1), phrase(rng, rng.choice((0, 0, depth - 1)))
    if kind < 0.5:
        form, expression = rng.choice(THEN)
        words = form.format(a=left.words, b=right.words)
        return Piece(words, expression.format(a=_wrap(left), b=_wrap(right)), False)
    form, sign = rng.choice(BINARY)
    if not left.simple and not form.startswith("{a}") and not form.startswith("the"):
        form = "{a} " + {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}[sign] + " {b}"
    words = form.format(a=left.words, b=right.words)
    return Piece(words, f"{_wrap(left)} {sign} {_wrap(right)}", False)


def said(rng: random.Random) -> Row | None:
    """A row: the phrase in an opener, one calculator step."""
    from training.data.problem_rows import plan_row

    piece = phrase(rng, rng.choice((1, 1, 1, 2, 2)))
    if len(piece.words) > 120 or _ambiguous(piece.words):
        return None
    question = restyle(rng.choice(OPENERS).format(e=piece.words), (), rng)
    return plan_row(question, [piece.expression], rng, "arithmetic", "said")


def _ambiguous(words: str) -> bool:
    """Whether two operations meet without words that say which comes first."""
    signs = (" plus ", " minus ", " times ", " over ", " divided by ", " + ", " - ", " * ", " / ",
             " x ", " take away ", " less ", " added to ", " and ", " than ")  # fmt: skip
    return sum(words.count(sign) for sign in signs) > 1 and words.count(", then") == 0 and (
        words.count("the sum of") + words.count("the product of") + words.count("the difference")
        + words.count("the quotient") + words.count("the average") + words.count("the median")
        + words.count("the total of") + words.count("the ratio") + words.count("the mean of")
    ) == 0  # fmt: skip
