"""The `where` conditions of patterns: `"f * s > t"`, `"mod(n, 3) == 0"`.

In: the text of a condition. Out: a function of the slot values. Only arithmetic, comparisons and
mod; anything else raises ValueError when it is compiled. No code is ever executed from text.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

Values = Mapping[str, float]
Compiled = Callable[[Values], Any]

_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Mod: operator.mod, ast.Pow: operator.pow, ast.Gt: operator.gt, ast.Lt: operator.lt,
    ast.GtE: operator.ge, ast.LtE: operator.le, ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


def compile_condition(text: str) -> Compiled:
    """A condition as a function of slot values (a missing slot raises KeyError)."""
    try:
        return _build(ast.parse(text.strip().replace("^", "**"), mode="eval").body)
    except SyntaxError:
        raise ValueError(f"not a condition: {text}") from None


def _build(node: ast.AST) -> Compiled:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        constant = node.value
        return lambda values: constant
    if isinstance(node, ast.Name):
        name = node.id
        return lambda values: values[name]
    if isinstance(node, ast.BinOp):
        return _pair(_BINARY[type(node.op)], node.left, node.right)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _pair(_BINARY[type(node.ops[0])], node.left, node.comparators[0])
    if isinstance(node, ast.Compare) and len(node.ops) == 2:
        first = _pair(_BINARY[type(node.ops[0])], node.left, node.comparators[0])
        second = _pair(_BINARY[type(node.ops[1])], *node.comparators)
        return lambda values: first(values) and second(values)
    if isinstance(node, ast.BoolOp):
        parts = [_build(value) for value in node.values]
        if isinstance(node.op, ast.And):
            return lambda values: all(part(values) for part in parts)
        return lambda values: any(part(values) for part in parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _build(node.operand)
        return lambda values: -inner(values)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "mod":
        return _pair(operator.mod, *node.args)
    raise ValueError(f"not a condition: {ast.dump(node)[:80]}")


def _pair(apply: Callable[[Any, Any], Any], left: ast.AST, right: ast.AST) -> Compiled:
    a, b = _build(left), _build(right)
    return lambda values: apply(a(values), b(values))
