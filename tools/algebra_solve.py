"""Equations, systems and inequalities over the real numbers.

In: sympy relations and symbols. Out: Solutions: a value for one root, a list for several, lists of
lists for systems, a text for inequalities. Roots without a closed form are found numerically.
AlgebraError where there is no real solution.
"""

from __future__ import annotations

from typing import Any

from mrkl.tools.algebra_parser import AlgebraError, BadFormula, symbol, sympy
from mrkl.tools.algebra_text import Answer, Solution, as_text, as_value

_SCAN = 20  # numeric roots are looked for from -_SCAN to _SCAN
_SCAN_STEPS = 160
_NONE = "there is no real solution"


def solve_equation(
    relation: Any, variable: Any, bounds: tuple[Any, Any] = (None, None)
) -> Solution:
    """All real roots of an equation (or of expression = 0) in one variable, in order."""
    difference = zero_form(relation)
    if variable not in difference.free_symbols:
        _refuse_constant(difference, variable)
    roots = [root for root in real_roots(difference, variable) if _inside(root, bounds)]
    if not roots:
        raise AlgebraError(_NONE)
    values: list[Answer] = [as_value(root) for root in roots]
    text = ", ".join(as_text(root) for root in roots)
    return Solution(values[0] if len(values) == 1 else values, text)


def zero_form(relation: Any) -> Any:
    """left - right of an equation; an expression stays."""
    return relation.lhs - relation.rhs if relation.is_Relational else relation


def real_roots(expression: Any, variable: Any) -> list[Any]:
    """The real roots of expression = 0, sorted where they are numbers; [] if there is none."""
    s = sympy()
    together = s.together(expression)
    top, bottom = s.fraction(together)
    polynomial = top.as_poly(variable, domain="QQ") if _rational(top, variable) else None
    if polynomial is not None and polynomial.degree() > 0:
        found = list(dict.fromkeys(s.real_roots(polynomial)))
    else:
        found = _closed_form(expression, variable)
    kept = [root for root in found if not _vanishes(bottom, variable, root)]
    return sorted(kept, key=s.N) if all(root.is_number for root in kept) else kept


def _rational(expression: Any, variable: Any) -> bool:
    poly = expression.as_poly(variable)
    return poly is not None and all(c.is_Rational for c in poly.all_coeffs())


def _closed_form(expression: Any, variable: Any) -> list[Any]:
    """Roots as sympy finds them, the complex ones left out; else numerically."""
    s = sympy()
    try:
        found: list[Any] = list(s.solve(expression, variable))
    except NotImplementedError:
        if expression.free_symbols != {variable}:
            raise AlgebraError(f"no way to solve this for {variable} was found") from None
        return _numeric(expression, variable)
    return [s.simplify(root) for root in found if root.is_extended_real is not False]


def _vanishes(bottom: Any, variable: Any, root: Any) -> bool:
    return bottom.has(variable) and bottom.subs(variable, root).is_zero is True


def _numeric(expression: Any, variable: Any) -> list[Any]:
    """Sign changes on a grid, narrowed by bisection; roots that only touch zero are missed."""
    s = sympy()
    step = s.Rational(2 * _SCAN, _SCAN_STEPS)
    roots: list[Any] = []
    before: Any = None
    for index in range(_SCAN_STEPS + 1):
        point = -_SCAN + index * step
        value = _real_at(expression, variable, point)
        if value == 0:
            roots.append(point)
        elif value is not None and before is not None and before[1] * value < 0:
            root = _bisect(expression, variable, before[0], point)
            if root is not None:
                roots.append(root)
        before = None if value is None else (point, value)
    return roots


def _real_at(expression: Any, variable: Any, point: Any) -> Any:
    value = expression.subs(variable, point).evalf(20)
    return value if value.is_real and value.is_finite else None


def _bisect(expression: Any, variable: Any, low: Any, high: Any) -> Any:
    """The root between two points of different sign, or None at a pole."""
    low, high = low.evalf(20), high.evalf(20)
    first = _real_at(expression, variable, low)
    for _ in range(60):
        middle = (low + high) / 2
        value = _real_at(expression, variable, middle)
        if value is None:
            return None
        if value * first > 0:
            low = middle
        else:
            high = middle
    end = _real_at(expression, variable, high)
    return high if end is not None and abs(end) < 1e-6 else None


def _inside(root: Any, bounds: tuple[Any, Any]) -> bool:
    lower, upper = bounds
    if not root.is_number:
        return True
    return (lower is None or bool(root >= lower)) and (upper is None or bool(root <= upper))


def _refuse_constant(difference: Any, variable: Any) -> None:
    if difference.free_symbols:
        names = ", ".join(sorted(str(name) for name in difference.free_symbols))
        raise BadFormula(f"{variable} does not occur in the equation, only {names}")
    zero = sympy().simplify(difference).is_zero
    raise AlgebraError("the equation is always true" if zero else "the equation is never true")


def solve_system(relations: list[Any], names: list[str]) -> Solution:
    """A system of equations; all its unknowns, unless others than the default x are named."""
    s = sympy()
    if any(r.is_Relational and not isinstance(r, s.Equality) for r in relations):
        raise BadFormula("a system may hold equations only")
    equations = [zero_form(relation) for relation in relations]
    free = sorted({name for e in equations for name in e.free_symbols}, key=str)
    named = [symbol(name) for name in names]
    unknowns = named if len(named) > 1 else free
    asked = unknowns if named == [symbol("x")] or len(named) > 1 else named
    if not set(asked) <= set(free):
        raise BadFormula(f"{asked[0]} does not occur in the equations")
    try:
        found = s.solve(equations, unknowns, dict=True)
    except NotImplementedError:
        raise AlgebraError("no way to solve this system was found") from None
    rows = [row for row in found if all(v.is_extended_real is not False for v in row.values())]
    if not rows:
        raise AlgebraError(_NONE)
    if any(name not in row for row in rows for name in asked):
        raise AlgebraError("the equations do not determine all unknowns")
    values: list[Answer] = []
    for row in rows:
        cells: list[Answer] = [as_value(row[name]) for name in asked]
        values.append(cells[0] if len(asked) == 1 else cells)
    text = "; ".join(", ".join(f"{n} = {as_text(row[n])}" for n in asked) for row in rows)
    return Solution(values[0] if len(values) == 1 else values, text)


def solve_inequality(relation: Any, variable: Any) -> Solution:
    """Where an inequality in one variable holds, as `x < -2 or x > 2`."""
    s = sympy()
    if relation.free_symbols != {variable}:
        raise BadFormula("an inequality may hold one variable only")
    try:
        found = s.solve_univariate_inequality(relation.doit(), variable, relational=False)
    except NotImplementedError:
        raise AlgebraError("no way to solve this inequality was found") from None
    if found is s.S.EmptySet:
        raise AlgebraError(_NONE)
    if found == s.S.Reals:
        return Solution(f"every {variable}", f"every {variable}")
    pieces = found.args if isinstance(found, s.Union) else (found,)
    value = " or ".join(_interval(piece, variable, str) for piece in pieces)
    text = " or ".join(_interval(piece, variable, as_text) for piece in pieces)
    return Solution(value, text)


def _interval(piece: Any, variable: Any, write: Any) -> str:
    s = sympy()
    if isinstance(piece, s.FiniteSet):
        return " or ".join(f"{variable} = {write(point)}" for point in piece)
    if not isinstance(piece, s.Interval):
        return str(piece)
    left = "<" if piece.left_open else "<="
    right = "<" if piece.right_open else "<="
    if piece.start == -s.oo:
        return f"{variable} {right} {write(piece.end)}"
    if piece.end == s.oo:
        return f"{variable} {left.replace('<', '>')} {write(piece.start)}"
    return f"{write(piece.start)} {left} {variable} {right} {write(piece.end)}"
