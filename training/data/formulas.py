"""Polynomials, equations and formulas: as typed ("2x^2 - 3x") and as the plan writes them.

In: a random generator. Out: (typed, plan form with `*`). The variable is x unless another is asked
for. Nothing is solved here except linear and quadratic equations built from their solutions.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Formula:
    """`coefficients` from the constant upwards, for derivatives and values."""

    typed: str
    plan: str
    coefficients: tuple[int, ...] = ()
    solutions: tuple[str, ...] = ()


def _term(c: int, power: int, x: str, star: str) -> str:
    if power == 0:
        return str(c)
    base = x if power == 1 else f"{x}^{power}"
    return base if c == 1 else f"{c}{star}{base}"


def written(coefficients: tuple[int, ...], x: str, star: str, space: str = " ") -> str:
    """Highest power first: `3*x^2 - x + 4`."""
    out = ""
    for power in range(len(coefficients) - 1, -1, -1):
        c = coefficients[power]
        if not c:
            continue
        term = _term(abs(c), power, x, star)
        if out:
            out += f"{space}{'-' if c < 0 else '+'}{space}{term}"
        else:
            out = f"-{term}" if c < 0 else term
    return out or "0"


def typed_form(coefficients: tuple[int, ...], x: str, rng: random.Random) -> str:
    """As people type: mostly no star, spaces or none, now and then `²`."""
    text = written(
        coefficients,
        x,
        "*" if rng.random() < 0.12 else "",
        " " if rng.random() < 0.6 else "",
    )
    if rng.random() < 0.08:
        text = text.replace("^2", "²").replace("^3", "³")
    elif rng.random() < 0.05:
        text = text.replace("^", "**")
    return text


def polynomial(rng: random.Random, x: str = "x") -> Formula:
    """Degree 1 to 4 with small whole coefficients."""
    degree = rng.choices((1, 2, 3, 4), (1, 6, 4, 1))[0]
    c = [0 if rng.random() < 0.3 else rng.randint(-12, 12) for _ in range(degree)]
    coefficients = (*c, rng.choice((1, 1, 2, 3, 4, 5, 6, -1, -2, 8)))
    if not any(c):
        coefficients = (rng.randint(1, 20), *coefficients[1:])
    return Formula(typed_form(coefficients, x, rng), written(coefficients, x, "*"), coefficients)


def equation(rng: random.Random, x: str = "x") -> Formula:
    """Linear (one or both sides) or quadratic, with whole solutions mostly."""
    roll = rng.random()
    if roll < 0.55:
        a, s = rng.randint(2, 15), rng.randint(-12, 30)
        b = rng.randint(-40, 60) or 3
        left, right = (b, a), (a * s + b,)
        if roll < 0.2:
            d, e = rng.randint(1, a) if a > 1 else 1, rng.randint(-20, 40)
            if d == a:
                d = a - 1
            left, right = (b, a), (a * s + b - d * s, d)
            del e
        solutions: tuple[str, ...] = (str(s),)
    else:
        p, q = rng.randint(-9, 9), rng.randint(-9, 9)
        left, right = (p * q, -(p + q), 1), (0,)
        if roll > 0.85:
            k = rng.randint(1, 30)
            left, right = (p * q + k, -(p + q), 1), (k,)
        solutions = tuple(str(v) for v in sorted({p, q}))
    typed = f"{typed_form(left, x, rng)} = {typed_form(right, x, rng)}"
    if rng.random() < 0.35:
        typed = typed.replace(" ", "")
    plan = f"{written(left, x, '*')} = {written(right, x, '*')}"
    return Formula(typed, plan, (), solutions)


_EXPRESSIONS = (
    ("({a}x + {b})({c}x - {d})", "({a}*x + {b})*({c}*x - {d})"),
    ("(x + {a})^2", "(x + {a})^2"),
    ("{a}(x + {b}) - {c}x", "{a}*(x + {b}) - {c}*x"),
    ("({a}x^2 + {b}x)/x", "({a}*x^2 + {b}*x)/x"),
    ("x^2 - {a}", "x^2 - {a}"),
    ("{a}x + {b}x - {c}", "{a}*x + {b}*x - {c}"),
    ("sin(x)^2 + cos(x)^2 + {a}", "sin(x)^2 + cos(x)^2 + {a}"),
    ("{a}x^3 - {b}x", "{a}*x^3 - {b}*x"),
    ("sqrt({a}x^2)", "sqrt({a}*x^2)"),
    ("x(x + {a}) + {b}", "x*(x + {a}) + {b}"),
)


def expression(rng: random.Random) -> Formula:
    """A formula in x that is not just a polynomial written out."""
    typed, plan = rng.choice(_EXPRESSIONS)
    values = {key: rng.randint(2, 15) for key in "abcd"}
    text = typed.format(**values)
    return Formula(text.replace(" ", "") if rng.random() < 0.3 else text, plan.format(**values))


def derivative(f: Formula) -> str | None:
    """The derivative of a polynomial, written out."""
    if not f.coefficients:
        return None
    return written(tuple(k * c for k, c in enumerate(f.coefficients))[1:] or (0,), "x", "*")
