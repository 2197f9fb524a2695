"""Arithmetic of one to four operations said in English in many ways, with its expression.

Out: rows for the calculator. The wordings are composed from a small grammar of phrases, not from
whole sentences, so that nesting has to be read.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from training.data.firewall import wall
from training.data.numbers_as_words import in_words
from training.data.row import Row
from training.data.styles import restyle

OPENERS = (
    "{e}", "{e}?", "what is {e}", "whats {e}?", "what's {e}", "calculate {e}", "compute {e}",
    "work out {e}", "tell me {e}", "I need {e}", "can you do {e}", "find {e}", "give me {e}",
    "how much is {e}", "how much would {e} be", "{e} =", "{e} equals what", "and {e}?",
    "my homework says {e}", "could you figure out {e} for me?", "do you know {e}", "{e} is",
    "{e} is?", "{e} makes", "{e} comes to what?", "so {e} gives", "what would {e} come to", "{e} -",
    "the answer to {e}", "what number is {e}?", "{e} is equal to", "{e} must be", "I get stuck at {e}",
)  # fmt: skip
ORDERED = (
    "{e}", "{e}.", "{e}!", "please {e}", "can you {e}", "could you {e}?", "if I {e}, what do I get?",
    "what do I get when I {e}", "{e}: what's that?", "I want you to {e}", "now {e}", "{e} for me",
    "what happens if you {e}", "the task says: {e}", "{e} and tell me what comes out",
)  # fmt: skip
VERBS = (
    "add ",
    "sum ",
    "put ",
    "subtract ",
    "take ",
    "deduct ",
    "start ",
    "multiply ",
    "divide ",
    "split ",
)


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


# closed phrases: they can stand inside any other
NOUNS = (
    ("the sum of {a} and {b}", "+"), ("the total of {a} and {b}", "+"), ("the sum total of {a} and {b}", "+"),
    ("the result of adding {a} to {b}", "+"), ("what {a} and {b} make together", "+"),
    ("the difference between {a} and {b}", "-"), ("the difference of {a} and {b}", "-"),
    ("the result of taking {b} from {a}", "-"), ("what is left of {a} after {b} is taken off", "-"),
    ("the result of subtracting {b} from {a}", "-"),
    ("the product of {a} and {b}", "*"), ("the result of multiplying {a} by {b}", "*"),
    ("the product of {a} with {b}", "*"), ("the product {a} times {b}", "*"),
    ("the quotient of {a} and {b}", "/"), ("the ratio of {a} to {b}", "/"), ("the ratio between {a} and {b}", "/"),
    ("the ratio of {a} and {b}", "/"), ("the quotient of {a} by {b}", "/"), ("the fraction {a} over {b}", "/"),
    ("the result of dividing {a} by {b}", "/"), ("the ratio {a} to {b}", "/"),
)  # fmt: skip
INFIX = {
    "+": ("plus", "plus", "+", "added to", "increased by", "and another"),
    "-": ("minus", "minus", "-", "take away", "less", "reduced by", "decreased by"),
    "*": ("times", "times", "x", "*", "multiplied by"),
    "/": ("divided by", "divided by", "over", "/"),
}
REVERSED = (
    ("{b} subtracted from {a}", "-"), ("{b} taken from {a}", "-"), ("{b} less than {a}", "-"),
    ("{b} more than {a}", "+"), ("{b} added onto {a}", "+"), ("{b} fewer than {a}", "-"),
    ("{b} deducted from {a}", "-"), ("{b} on top of {a}", "+"),
)  # fmt: skip
ORDERS = (
    ("add {b} to {a}", "+"), ("add {a} and {b}", "+"), ("add up {a} and {b}", "+"), ("sum {a} and {b}", "+"),
    ("put {a} and {b} together", "+"), ("add {a} and {b} together", "+"),
    ("subtract {b} from {a}", "-"), ("take {b} from {a}", "-"), ("take {b} away from {a}", "-"),
    ("deduct {b} from {a}", "-"), ("start with {a}, take {b} off", "-"),
    ("multiply {a} by {b}", "*"), ("multiply {a} and {b}", "*"), ("multiply {a} with {b}", "*"),
    ("divide {a} by {b}", "/"), ("split {a} by {b}", "/"), ("take {a} and divide it by {b}", "/"),
)  # fmt: skip
# what is done next, to the result of all before
NEXT = (
    (", then add {b}", "+"), (" and then add {b}", "+"), (" and add {b} to that", "+"), (", now add {b}", "+"),
    (" and then subtract {b}", "-"), (", then take away {b}", "-"), (" and take {b} off the result", "-"),
    (", minus {b} at the end", "-"), (", then subtract {b} from it", "-"),
    (", then multiply by {b}", "*"), (", all times {b}", "*"), (" and multiply the result by {b}", "*"),
    (", times {b}", "*"), (", and multiply all of it by {b}", "*"), (" and then times that by {b}", "*"),
    (", all divided by {b}", "/"), (" and divide the result by {b}", "/"), (", then divide by {b}", "/"),
    (", the whole thing over {b}", "/"), (" and then divide that by {b}", "/"),
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


def noun(rng: random.Random, depth: int) -> Piece:
    """A number or a closed phrase of at most `depth` nested operations."""
    if depth == 0:
        return _number(rng)
    if rng.random() < 0.12:
        return _halved(noun(rng, depth - 1), rng)
    form, sign = rng.choice(NOUNS)
    left, right = noun(rng, rng.randrange(depth)), noun(rng, rng.randrange(depth))
    return _joined(form, left, right, sign)


def _halved(inner: Piece, rng: random.Random) -> Piece:
    """Something done to one number; only what stands before it when it is a phrase."""
    form, expression = rng.choice([u for u in UNARY if inner.simple or u[0].endswith("{a}")])
    n, k = rng.choice((5, 8, 10, 12, 15, 17, 18, 20, 25, 30, 40, 75)), rng.randint(2, 9)
    function = expression.endswith(")") and expression[0].isalpha()
    inside = inner.expression if function else _wrap(inner)
    words = form.format(a=inner.words, n=n, k=k)
    return Piece(words, expression.format(a=inside, n=n, k=k), function)


def _joined(form: str, left: Piece, right: Piece, sign: str) -> Piece:
    words = form.format(a=left.words, b=right.words)
    return Piece(words, f"{_wrap(left)} {sign} {_wrap(right)}", False)


def infix(rng: random.Random, depth: int) -> Piece:
    """`a plus b`; the right side may be a closed phrase, the left one before plus and minus."""
    sign = rng.choice("+-*/")
    right = noun(rng, rng.randrange(depth))
    left = noun(rng, rng.randrange(depth))
    comma = "" if left.simple or sign in "+-" else ","
    if not comma and not left.words[0].isalnum():
        comma = ","
    return _joined(f"{{a}}{comma} {rng.choice(INFIX[sign])} {{b}}", left, right, sign)


def chain(rng: random.Random) -> Piece:
    """`a plus b times c`: as it is written, multiplication before addition."""
    words = expression = ""
    for place in range(rng.choice((3, 3, 3, 4))):
        number = _number(rng)
        if place:
            sign = rng.choice("+-*/")
            words += f" {rng.choice(INFIX[sign][:2])} "
            expression += f" {sign} "
        words, expression = words + number.words, expression + number.expression
    return Piece(words, expression, False)


def done_next(rng: random.Random, depth: int) -> Piece:
    """Something, and what to do with its result."""
    first = ordered(rng, 1) if rng.random() < 0.5 else infix(rng, 1)
    if rng.random() < 0.25:
        first = noun(rng, 1)
    for _ in range(rng.randint(1, depth)):
        form, sign = rng.choice(NEXT)
        first = _joined("{a}" + form, first, _number(rng), sign)
    return first


def ordered(rng: random.Random, depth: int) -> Piece:
    """`subtract b from a`."""
    form, sign = rng.choice(ORDERS)
    return _joined(form, noun(rng, rng.randrange(depth)), noun(rng, rng.randrange(depth)), sign)


def _paired(rng: random.Random) -> Piece:
    form, expression = rng.choice(PAIRS)
    a, b, k = _number(rng), _number(rng), str(rng.randint(2, 9))
    words = form.format(a=a.words, b=b.words, k=k)
    return Piece(words, expression.format(a=a.expression, b=b.expression, k=k), False)


def phrase(rng: random.Random) -> Piece:
    """A phrase of one to four operations."""
    depth = rng.choice((1, 1, 2, 2, 2, 3))
    kind = rng.random()
    if kind < 0.08:
        return _listed(rng)
    if kind < 0.16:
        return _paired(rng)
    if kind < 0.24:
        return _halved(noun(rng, depth - 1), rng)
    if kind < 0.45:
        return noun(rng, depth)
    if kind < 0.68:
        return infix(rng, depth)
    if kind < 0.76:
        return chain(rng)
    if kind < 0.82:
        form, sign = rng.choice(REVERSED)
        return _joined(form, _number(rng), _number(rng), sign)
    return ordered(rng, depth) if kind < 0.9 else done_next(rng, rng.choice((1, 1, 2)))


def rows(rng: random.Random) -> Iterator[Row]:
    """Endless rows of this kind."""
    while True:
        row = said(rng)
        if row is not None:
            yield row


def said(rng: random.Random) -> Row | None:
    """A row: the phrase in an opener, one calculator step."""
    from training.data.problem_rows import plan_row

    piece = phrase(rng)
    openers = OPENERS if not piece.words.startswith(VERBS) else ORDERED
    question = rng.choice(openers).format(e=piece.words)
    if len(piece.words) > 160 or wall().hit(question):
        return None
    return plan_row(restyle(question, (), rng), [piece.expression], rng, "arithmetic", "said")
