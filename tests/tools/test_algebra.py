"""Formulas as people write them, and what sympy makes of them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrkl.tools.algebra import TASKS, AlgebraError, BadFormula, work_out
from mrkl.tools.algebra_parser import parse, split, symbol, sympy


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2x^2 + 3x", "2*x**2 + 3*x"),
        ("2x(x+1)", "2*x*(x + 1)"),
        ("xy", "x*y"),
        ("sin 2x + 1", "sin(2*x) + 1"),
        ("sin2x", "sin(2*x)"),
        ("sin^2 x", "sin(x)**2"),
        ("sinx cosx", "sin(x)*cos(x)"),
        ("ln x / 2", "log(x)/2"),
        ("log10 1000", "3"),
        ("log(x, 3)", "log(x)/log(3)"),
        ("e^x", "exp(x)"),
        ("|x - 1|", "Abs(x - 1)"),
        ("2|x|", "2*Abs(x)"),
        ("√x + x²", "sqrt(x) + x**2"),
        ("-x^2", "-x**2"),
        ("2^-x", "2**(-x)"),
        ("3 × x ÷ 4 − 1", "3*x/4 - 1"),
        ("pi x", "pi*x"),
        ("x1 + x_2", "x1 + x_2"),
        ("(-8)^(1/3)", "-2"),
        ("0.5x", "x/2"),
        ("theta^2", "theta**2"),
    ],
)
def test_formulas_are_read_as_meant(text: str, meant: str) -> None:
    s: Any = sympy()
    names = {str(n): n for n in (symbol(c) for c in ("x", "y", "x1", "x_2", "theta"))}
    # The right sides are written here, not by a user.
    assert s.simplify(parse(text) - s.sympify(meant, locals=names)) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("2x +", "ends too early"),
        ("(x + 1", "ends too early"),
        ("x $ 2", "cannot read"),
        ("__import__('os')", "cannot read"),
        ("open('f')", "unknown name 'open'"),
        ("x.__class__", "cannot read"),
        ("(" * 200, "deep"),
        ("1" * 500, "digits"),
        ("x + " * 900 + "x", "longer"),
        ("2 = 3 = 4", "unexpected"),
    ],
)
def test_texts_that_are_no_formula(text: str, message: str) -> None:
    with pytest.raises(BadFormula, match=message):
        parse(text)


@settings(deadline=None)
@given(st.text(alphabet="xyab0123456789+-*/^()|=<., sincogle!√²π", max_size=25))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except AlgebraError as error:
        assert str(error)


def test_systems_are_split_outside_brackets() -> None:
    assert split("x + y = 1; log(x, 2) = 3, y = 2") == ["x + y = 1", "log(x, 2) = 3", "y = 2"]


SOLVED: list[tuple[str, str, dict[str, str], object]] = [
    ("solve", "3x + 7 = 22", {}, 5),
    ("solve", "3x = 1", {}, Fraction(1, 3)),
    ("solve", "x^2 - 5x + 6", {}, [2, 3]),
    ("solve", "x + y = 12; x - y = 4", {}, [8, 4]),
    ("solve", "x + y = 12, x*y = 35", {"variable": "x, y"}, [[5, 7], [7, 5]]),
    ("solve", "2a + b = 7; a - b = 2", {"variable": "a"}, 3),
    ("solve", "2y + 3 = 9", {}, 3),
    ("solve", "E = m c^2", {"variable": "m"}, "E/c**2"),
    ("solve", "price * 1.2 = 60", {"variable": "price"}, 50),
    ("solve", "x^2 < 4", {}, "-2 < x < 2"),
    ("solve", "x^2 > 4", {}, "x < -2 or x > 2"),
    ("solve", "(x^2 - 1)/(x - 1) = 0", {}, -1),
    ("solve", "2^x = 8", {}, 3),
    ("solve", "|x - 1| = 3", {}, [-2, 4]),
    ("simplify", "(x^2 - 1)/(x - 1)", {}, "x + 1"),
    ("simplify", "sqrt(8)", {}, "2*sqrt(2)"),
    ("expand", "(a + b)^2", {}, "a**2 + 2*a*b + b**2"),
    ("factor", "x^2 - 9", {}, "(x - 3)*(x + 3)"),
    ("factor", "360", {}, "2^3 * 3^2 * 5"),
    ("derivative", "ln(x^2 + 1)", {}, "2*x/(x**2 + 1)"),
    ("derivative", "f(x) = x^2", {"at": "3"}, 6),
    ("derivative", "x^3", {"variable": "x, x"}, "6*x"),
    ("integral", "x^2", {}, "x**3/3"),
    ("integral", "x^2", {"lower": "0", "upper": "3"}, 9),
    ("limit", "sin(x)/x", {"at": "0"}, 1),
    ("limit", "1/x", {"at": "0+"}, "infinity"),
    ("limit", "(2x^2 + 1)/(x^2 - 3)", {"at": "x -> infinity"}, 2),
    ("evaluate", "2x^2 - 3", {"at": "4"}, 29),
    ("evaluate", "x + y", {"at": "x = 1, y = 2"}, 3),
    ("minimum", "x^2 - 6x + 1", {}, 3),
    ("maximum", "x^2", {"lower": "0", "upper": "3"}, 3),
    ("minimum", "|x - 2|", {}, 2),
    ("minimum", "x + 1/x", {"lower": "0"}, 1),
]


@pytest.mark.parametrize(("task", "text", "more", "value"), SOLVED)
def test_values(task: str, text: str, more: dict[str, str], value: object) -> None:
    assert work_out(task, text, **more).value == value


def test_every_task_is_tried() -> None:
    assert {task for task, *_ in SOLVED} == set(TASKS)


@pytest.mark.parametrize(
    ("task", "text", "more", "value", "shown"),
    [
        (
            "solve",
            "x^2 = 2; ",
            {},
            [-(2**0.5), 2**0.5],
            "-sqrt(2) ≈ -1.4142136, sqrt(2) ≈ 1.4142136",
        ),
        ("solve", "x = cos x", {}, 0.7390851332151607, "0.73908513"),
        ("solve", "x^5 - x - 1 = 0", {}, 1.1673039782614187, "1.167304"),
        (
            "integral",
            "e^(-x^2)",
            {"lower": "-inf", "upper": "inf"},
            1.7724538509,
            "sqrt(pi) ≈ 1.7724539",
        ),
        ("integral", "x^x", {"lower": "0", "upper": "1"}, 0.7834305107, "0.78343051"),
        ("maximum", "sin x", {}, 1.5707963268, "1 at x = pi/2 ≈ 1.5707963"),
    ],
)
def test_irrational_values(
    task: str, text: str, more: dict[str, str], value: object, shown: str
) -> None:
    found = work_out(task, text, **more)
    assert found.value == pytest.approx(value)
    assert found.text == shown


@pytest.mark.parametrize(
    ("task", "text", "more", "shown"),
    [
        ("solve", "x + y = 12; x - y = 4", {}, "x = 8, y = 4"),
        ("integral", "x^2", {}, "x^3/3 + C"),
        ("minimum", "x^2 - 6x + 1", {}, "-8 at x = 3"),
        ("minimum", "x^3 - 3x", {}, "-2 at x = 1 (local)"),
        ("solve", "3x = 1", {}, "1/3 ≈ 0.33333333"),
        ("solve", "4x = 1", {}, "0.25"),
    ],
)
def test_texts(task: str, text: str, more: dict[str, str], shown: str) -> None:
    assert work_out(task, text, **more).text == shown


@pytest.mark.parametrize(
    ("task", "text", "more", "message"),
    [
        ("solve", "x^2 + 1 = 0", {}, "no real solution"),
        ("solve", "x = x + 1", {}, "never true"),
        ("solve", "x = x", {}, "always true"),
        ("solve", "a b = 3", {}, "x does not occur"),
        ("integral", "1/x", {"lower": "0", "upper": "1"}, "diverges"),
        ("integral", "x^x", {}, "no antiderivative"),
        ("integral", "x", {"lower": "0"}, "both bounds"),
        ("limit", "1/x", {"at": "0"}, "does not exist"),
        ("limit", "|x|/x", {"at": "0"}, "differ"),
        ("limit", "x", {}, "needs the point"),
        ("evaluate", "9^9^9", {}, "too large"),
        ("evaluate", "10000!", {}, "too large"),
        ("evaluate", "1/0", {}, "division by zero"),
        ("evaluate", "sqrt(-1)", {}, "not a real number"),
        ("maximum", "x^2", {}, "no maximum"),
        ("derivative", "x^2 = y^3", {}, "not an equation"),
        ("integrate", "x", {}, "unknown task"),
    ],
)
def test_errors(task: str, text: str, more: dict[str, str], message: str) -> None:
    with pytest.raises(AlgebraError, match=message):
        work_out(task, text, **more)


@settings(deadline=None)
@given(st.integers(-9, 9).filter(bool), st.integers(-50, 50), st.integers(-50, 50))
def test_linear_equations(a: int, b: int, c: int) -> None:
    assert work_out("solve", f"{a}x + {b} = {c}").value == Fraction(c - b, a)


@pytest.mark.parametrize("task", ["solve", "minimum"])
@pytest.mark.parametrize("bound", ["x^2", "y", "x > 3", "i"])
def test_bounds_of_a_range_are_numbers(task: str, bound: str) -> None:
    with pytest.raises(BadFormula):
        work_out(task, "x^2 = 4" if task == "solve" else "x^2", upper=bound)


def test_lg_is_the_logarithm_to_ten() -> None:
    assert work_out("evaluate", "lg(1000)").value == work_out("evaluate", "log10(1000)").value == 3
