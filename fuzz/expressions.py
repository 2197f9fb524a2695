"""Expressions: bytes as text into the calculator; what Python can work out too must agree."""

from __future__ import annotations

import ast
import math
import time
from fractions import Fraction
from typing import Any

from mrkl.tools.arith import evaluate
from mrkl.tools.arith_exact import ArithError

MOST_SECONDS = 2.0
SEEDS = [
    text.encode()
    for text in (
        *("2+3*4", "(12 + 15%) * sqrt(#1)", "18 / 100 * 245", "2^10 - 1/3", "9^9^9", "5!", "-2^2"),
        *(
            "root(27, 3)",
            "max(1, 2, [3, 4])",
            "mean([1,2,3])",
            "sin(30 deg)",
            "15% of 80",
            "1,200/7",
        ),
        *(
            'argmax(London: #1, "New York": 2)',
            "factorint(360)",
            "2 < 3",
            "0.1 + 0.2 = 0.3",
            "1e400",
        ),
        *(
            "ncr(10,3)",
            "gcd(12, 18)",
            "round(2.5, 1)",
            "7 mod 3",
            "√16 × 3 ÷ 4",
            "3(4+5)",
            "log(8, 2)",
        ),
    )
]
_SHARED = frozenset("0123456789+-*/() ")


def check(data: bytes) -> None:
    """One run; raises AssertionError where the calculator is wrong."""
    text = data.decode("utf-8", "replace")
    began = time.monotonic()
    value = _value(text)
    assert time.monotonic() - began < MOST_SECONDS, "too slow"
    assert _same(value, _value(text)), "another value the second time"
    expected = _by_python(text)
    if expected is not None and not isinstance(value, ArithError):
        assert value == expected, f"{value} is not {expected}"


def _value(text: str) -> Any:
    """The value, or why there is none: one line."""
    try:
        value = evaluate(text, {1: 16, 2: Fraction(1, 3)})
    except ArithError as error:
        assert str(error) and "\n" not in str(error)[:200], "no line that says why"
        return error
    assert not isinstance(value, float) or math.isfinite(value), "not a number"
    return value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, ArithError):
        return isinstance(other, ArithError) and str(one) == str(other)
    return bool(one == other)


def _by_python(text: str) -> Fraction | None:
    """What Python makes of whole numbers, brackets and the four operations; None for all else."""
    if not set(text) <= _SHARED or "**" in text or "//" in text or len(text) > 500:
        return None
    try:
        return _worked_out(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return None


def _worked_out(node: ast.AST) -> Fraction:
    match node:
        case ast.Constant(value=int(value)):
            return Fraction(value)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _worked_out(inner)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_worked_out(inner)
        case ast.BinOp(left=left, op=operation, right=right):
            one, other = _worked_out(left), _worked_out(right)
            match operation:
                case ast.Add():
                    return one + other
                case ast.Sub():
                    return one - other
                case ast.Mult():
                    return one * other
                case ast.Div():
                    return one / other
    raise ValueError("something else")
