"""Algebra and calculus on written formulas, by sympy.

In: a task (one of TASKS), a formula, a variable and, where the task has them, a point or bounds,
all as text. Out: a Solution (value and text), over the real numbers. It sets itself no limit of
time: run it where it can be killed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mrkl.tools.algebra_extrema import extremum
from mrkl.tools.algebra_parser import AlgebraError, BadFormula, parse, split, symbol, sympy
from mrkl.tools.algebra_solve import solve_equation, solve_inequality, solve_system
from mrkl.tools.algebra_text import Solution, as_text, as_value, solution

__all__ = ["TASKS", "AlgebraError", "BadFormula", "Solution", "work_out"]

_NAME = re.compile(r"[A-Za-z]+(?:_?[0-9A-Za-z]+)?|[πθαβγλ]")
_SUBSTITUTION = re.compile(r"\s*([A-Za-z]\w*)\s*(?:=|->|→)\s*(.+)")
_FUNCTION_HEAD = re.compile(r"\s*[A-Za-z]'?\s*\(\s*[A-Za-z]\w*\s*\)\s*=(?!=)")


def work_out(
    task: str,
    expression: str,
    variable: str = "x",
    at: str | None = None,
    lower: str | None = None,
    upper: str | None = None,
) -> Solution:
    """Do one task; raises BadFormula for texts that make no task, AlgebraError for no answer."""
    if task not in TASKS:
        raise BadFormula(f"unknown task {task!r}; known: {', '.join(TASKS)}")
    names = _NAME.findall(variable)
    if not names:
        raise BadFormula(f"{variable!r} names no variable")
    work = _Work(expression, names, at, lower, upper)
    result = TASKS[task](work)
    if not isinstance(result, Solution):
        _check_defined(result)
        result = solution(result, kept=task in ("simplify", "expand", "factor"))
    return result


class _Work:
    """The texts of a task, parsed as they are asked for."""

    def __init__(
        self, text: str, names: list[str], at: str | None, lower: str | None, upper: str | None
    ) -> None:
        self.text = text
        self.names = names
        self.at_text = at
        self.bounds = (self.point(lower), self.point(upper))

    def point(self, text: str | None) -> Any:
        """A value such as `0`, `pi/2`, `x = 3`, `infinity`; None stays None."""
        if text is None or not text.strip():
            return None
        named = _SUBSTITUTION.fullmatch(text)
        return parse(named.group(2) if named else text, self.names)

    @property
    def interval(self) -> tuple[Any, Any]:
        """The bounds, where only numbers will do."""
        for bound in self.bounds:
            if bound is not None and not (bound.is_number and bound.is_extended_real):
                raise BadFormula("lower and upper must be numbers")
        return self.bounds

    @property
    def formula(self) -> Any:
        """The expression; of `y = …` and `f(x) = …` the right side."""
        head = _FUNCTION_HEAD.match(self.text)
        found = parse(self.text[head.end() :] if head else self.text, self.names)
        if not found.is_Relational:
            return found
        if found.lhs.is_Symbol and found.lhs not in found.rhs.free_symbols:
            return found.rhs
        raise BadFormula("this task takes an expression, not an equation")

    def variable(self, formula: Any) -> Any:
        """The variable meant: the one named, or the only one there is."""
        named = symbol(self.names[0])
        free = formula.free_symbols
        return next(iter(free)) if named not in free and len(free) == 1 else named

    def substitutions(self, formula: Any) -> dict[Any, Any]:
        """What `at` puts in: `3`, `x = 3`, `x = 3, y = 4`."""
        pairs: dict[Any, Any] = {}
        for part in split(self.at_text or ""):
            named = _SUBSTITUTION.fullmatch(part)
            name = symbol(named.group(1)) if named else self.variable(formula)
            pairs[name] = self.point(part)
        return pairs


def _check_defined(value: Any) -> None:
    s = sympy()
    if value.has(s.nan, s.zoo) or isinstance(value, s.AccumBounds):
        raise AlgebraError("the result is not defined")
    if value.is_number and value.is_extended_real is False:
        raise AlgebraError("the result is not a real number")


def _solve(work: _Work) -> Solution:
    parts = [parse(part, work.names) for part in split(work.text) or [""]]
    if len(parts) > 1:
        return solve_system(parts, work.names)
    relation = parts[0]
    variable = work.variable(relation)
    if relation.is_Relational and not isinstance(relation, sympy().Equality):
        return solve_inequality(relation, variable)
    return solve_equation(relation, variable, work.interval)


def _shorter(value: Any) -> Any:
    """The value or its simplified form, whichever takes fewer operations."""
    simple = sympy().simplify(value)
    return simple if simple.count_ops() < value.count_ops() else value


def _simplify(work: _Work) -> Any:
    return sympy().simplify(work.formula)


def _expand(work: _Work) -> Any:
    return sympy().expand(work.formula)


def _factor(work: _Work) -> Any:
    formula = work.formula
    if formula.is_Integer and formula > 1:
        factors = sympy().factorint(formula, multiple=False)
        text = " * ".join(str(p) if k == 1 else f"{p}^{k}" for p, k in sorted(factors.items()))
        return Solution(text, text)
    return sympy().factor(formula)


def _derivative(work: _Work) -> Any:
    formula = work.formula
    variables = [symbol(name) for name in work.names]
    if len(variables) == 1:
        variables = [work.variable(formula)]
    slope = _shorter(sympy().diff(formula, *variables))
    return slope.subs(work.substitutions(formula))


def _integral(work: _Work) -> Any:
    s = sympy()
    formula = work.formula
    variable = work.variable(formula)
    lower, upper = work.bounds
    if (lower is None) != (upper is None):
        raise BadFormula("a definite integral needs both bounds")
    if lower is None:
        found = s.integrate(formula, variable)
        if found.has(s.Integral):
            raise AlgebraError("no antiderivative in closed form was found")
        return Solution(as_value(found, kept=True), f"{as_text(found, kept=True)} + C")
    found = s.integrate(formula, (variable, lower, upper))
    if found.has(s.Integral):
        found = s.Integral(formula, (variable, lower, upper)).evalf(17)
        if not found.is_number or found.has(s.Integral):
            raise AlgebraError("the integral could not be worked out")
    if found.has(s.oo, s.nan, s.zoo):
        raise AlgebraError("the integral diverges")
    return s.simplify(found) if not found.is_Rational else found


def _limit(work: _Work) -> Any:
    s = sympy()
    if not work.at_text:
        raise BadFormula("a limit needs the point that is approached (at)")
    text = work.at_text.strip()
    side = text[-1] if text[-1] in "+-" else "+-"
    formula = work.formula
    variable = work.variable(formula)
    point = work.point(text.rstrip("+-^ ") if side != "+-" else text)
    try:
        found = s.limit(formula, variable, point, "-" if point.is_infinite else side)
    except ValueError:  # how sympy says that the two sides differ
        raise AlgebraError("the limits from the left and the right differ") from None
    if isinstance(found, s.AccumBounds) or found.has(s.Limit, s.zoo, s.nan):
        raise AlgebraError("the limit does not exist")
    return found


def _evaluate(work: _Work) -> Any:
    formula = work.formula
    value = formula.subs(work.substitutions(formula))
    return value if value.is_number else sympy().simplify(value)


def _extremum(largest: bool) -> Callable[[_Work], Any]:
    def find(work: _Work) -> Any:
        formula = work.formula
        return extremum(formula, work.variable(formula), work.interval, largest)

    return find


TASKS: dict[str, Callable[[_Work], Any]] = {
    "solve": _solve,
    "simplify": _simplify,
    "expand": _expand,
    "factor": _factor,
    "derivative": _derivative,
    "integral": _integral,
    "limit": _limit,
    "evaluate": _evaluate,
    "minimum": _extremum(largest=False),
    "maximum": _extremum(largest=True),
}
