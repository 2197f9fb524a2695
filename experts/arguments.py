"""Checks both sides of a call: arguments against the card, results against the contract.

Arguments are coerced where nothing is lost ("8" and 8.0 to 8, "3.5*60" to 210) and refused with
what to fix otherwise. Results must be plain values of the declared type, finite and of a bearable
size. Faults are ExpertError: bad_arguments on the way in, contract on the way out.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, cast, get_args, get_origin

from mrkl.experts.base import Expert, ExpertError, Parameter, Result, Value, render
from mrkl.tools.arith import evaluate
from mrkl.tools.arith_exact import MAX_BITS, ArithError

MAX_TEXT = 100_000  # characters of a text, as an argument or a result
MAX_ITEMS = 10_000  # items of a list, nested ones included
SHOWN_TEXT = 10_000  # characters of a text result; of longer ones the rest is cut
SHOWN_ITEMS = 1_000  # items of a list result
_MAX_DEPTH = 8  # lists in lists
_TRUE, _FALSE = ("yes", "true", "y"), ("no", "false", "n")


class _Unfit(Exception):
    """An argument that does not fit; the message goes on from the parameter's name."""


def checked_arguments(expert: Expert, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments in signature order, coerced, defaults filled in; raises ExpertError."""
    names = [parameter.name for parameter in expert.card.parameters]
    for name in arguments:
        if name not in names:
            raise _bad(f"{expert.name} has no parameter {name!r}{_near(name, names)}")
    checked: dict[str, Any] = {}
    for parameter in expert.card.parameters:
        value = arguments.get(parameter.name)
        if value is None:
            if parameter.required:
                raise _bad(f"{expert.name} needs {parameter.name} ({parameter.type})")
            checked[parameter.name] = parameter.default
            continue
        try:
            checked[parameter.name] = _coerced(expert, parameter, value)
        except _Unfit as error:
            raise _bad(f"{expert.name}: {parameter.name} {error}") from None
        except ArithError as error:
            raise _bad(f"{expert.name}: {parameter.name}: {error}") from None
    return checked


def checked_result(expert: Expert, outcome: object) -> Result:
    """The result with a plain value of the declared type; raises ExpertError kind contract."""
    result = outcome if isinstance(outcome, Result) else Result(cast(Value, outcome))
    if result.value is None:
        raise ExpertError("no_answer", f"{expert.name} found no answer")
    value = _plain(expert, result.value, _MAX_DEPTH)
    _check_size(expert, value)
    if result.text is not None and len(result.text) > MAX_TEXT:
        raise _broken(expert, f"a text of {len(result.text):,} characters")
    return _cut(replace(result, value=_as_declared(expert, value)))


def _cut(result: Result) -> Result:
    """The result, or what may be shown of it, marked as a part."""
    value, text = result.value, result.text
    if isinstance(value, str) and len(value) > SHOWN_TEXT:
        value = value[:SHOWN_TEXT]
    if isinstance(value, list) and len(value) > SHOWN_ITEMS:
        value = value[:SHOWN_ITEMS]
    if text is not None and len(text) > SHOWN_TEXT:
        text = text[:SHOWN_TEXT]
    if value is result.value and text is result.text:
        return result
    return replace(result, value=value, text=text, truncated=True)


def _bad(message: str) -> ExpertError:
    return ExpertError("bad_arguments", message)


def _broken(expert: Expert, what: str) -> ExpertError:
    return ExpertError("contract", f"{expert.name} returned {what}")


def _near(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; it has {', '.join(names)}" if names else "; it has none"


def _coerced(expert: Expert, parameter: Parameter, value: Any) -> Any:
    """One argument as its card type, then against its Python annotation, if there is one."""
    annotation = expert.annotations.get(parameter.name)
    if parameter.choices:
        return _choice(parameter, value, annotation)
    if parameter.type.startswith("list["):
        items = list(cast("list[Any]", value)) if isinstance(value, (list, tuple)) else [value]
        if len(items) > MAX_ITEMS:
            raise _Unfit(f"has more than {MAX_ITEMS:,} items")
        kind = "int" if annotation is not None and _items_are_int(annotation) else ""
        plain: Any = [_scalar(kind or parameter.type[5:-1], item) for item in items]
    else:
        plain = _scalar(parameter.type, value)
    return plain if annotation is None else _annotated(annotation, plain)


def _items_are_int(annotation: Any) -> bool:
    base = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return get_args(base) == (int,)


def _scalar(kind: str, value: Any) -> Any:
    if kind == "str":
        return _text(value)
    if kind == "bool":
        return _truth(value)
    if kind == "date":
        return _date(value)
    number = _number(value)
    if kind == "int":
        return _integer(number)
    return _float(number) if kind == "float" else number


def _number(value: Any) -> int | float | Fraction:
    if isinstance(value, str):
        value = evaluate(value)
    if isinstance(value, Decimal) and value.is_finite():
        value = Fraction(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction)):
        raise _Unfit(f"must be a number, not {_shown(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise _Unfit("must be a finite number")
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def _integer(number: float | Fraction) -> int:
    if number != int(number):
        raise _Unfit(f"must be a whole number, not {render(number)}")
    return int(number)


def _float(number: float | Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        raise _Unfit("is too large for a float") from None


def _text(value: Any) -> str:
    if isinstance(value, (bool, list, dict)) or not isinstance(
        value, (str, int, float, Fraction, date)
    ):
        raise _Unfit(f"must be a text, not {_shown(value)}")
    text = render(value)
    if len(text) > MAX_TEXT:
        raise _Unfit(f"is longer than {MAX_TEXT:,} characters")
    return text


def _truth(value: Any) -> bool:
    if isinstance(value, str):
        word = value.strip().casefold()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
    if not isinstance(value, bool):
        raise _Unfit(f"must be true or false, not {_shown(value)}")
    return value


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value.strip())
    except (ValueError, AttributeError):
        raise _Unfit(f"must be a date such as 2026-03-18, not {_shown(value)}") from None


def _choice(parameter: Parameter, value: Any, annotation: Any) -> Any:
    """An enum value, compared without case, as the Literal member it stands for."""
    choices = parameter.choices
    word = " ".join(_text(value).split()).casefold()
    for choice in choices:
        if choice.casefold() == word:
            break
    else:
        near = difflib.get_close_matches(word, [c.casefold() for c in choices], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise _Unfit(f"must be one of {', '.join(choices)}, not {_shown(value)}{hint}")
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    members = get_args(annotation) if get_origin(annotation) is Literal else ()
    return next((member for member in members if str(member) == choice), choice)


def _annotated(annotation: Any, value: Any) -> Any:
    """What pydantic makes of the value, in strict mode: it knows the constraints in Annotated."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    base = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    if isinstance(value, Fraction) and Fraction not in (base, *get_args(base)):
        value = float(value)
    if base in (int, float, str, bool, date, list[str], list[float], list[int]):
        plain = annotation is base
    else:
        plain = base is Fraction
    if plain:
        return Fraction(value) if base is Fraction else value  # the coercion settled the type
    try:
        config = ConfigDict(arbitrary_types_allowed=True)
        adapter: Any = TypeAdapter(annotation, config=config)
        return adapter.validate_python(value, strict=True)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise _Unfit(f"{reason[0].lower()}{reason[1:]}, not {_shown(value)}") from None


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= 60 else text[:59] + "…"


def _plain(expert: Expert, value: Any, depth: int) -> Value:
    """The value in plain types: tuples as lists, Decimals as fractions, array scalars opened."""
    if isinstance(value, (bool, str, int, Fraction, date)) or value is None:
        if isinstance(value, Fraction) and value.denominator == 1:
            return value.numerator
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _broken(expert, f"{value}, which is not a finite number")
        return value
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > MAX_BITS:
            raise _broken(expert, "a Decimal that is not finite or too long")
        return _plain(expert, Fraction(value), depth)
    if isinstance(value, (list, tuple)):
        items = cast("list[Any]", value)
        if depth == 0 or len(items) > MAX_ITEMS:
            raise _broken(expert, f"a list of more than {MAX_ITEMS:,} items or {_MAX_DEPTH} levels")
        return [_plain(expert, item, depth - 1) for item in items]
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return _plain(expert, value.item(), depth)
    kind = type(value).__name__
    raise _broken(expert, f"a {kind}; possible are numbers, text, yes or no, dates and lists")


def _check_size(expert: Expert, value: Value) -> None:
    open_values: list[Value] = [value]
    count = characters = 0
    while open_values:
        item = open_values.pop()
        count += 1
        if isinstance(item, list):
            open_values += item
        elif isinstance(item, str):
            characters += len(item)
        elif isinstance(item, int) and item.bit_length() > MAX_BITS:
            raise _broken(expert, f"a number of {int(item.bit_length() * 0.30103):,} digits")
        elif isinstance(item, Fraction) and item.denominator.bit_length() > MAX_BITS:
            raise _broken(expert, "a fraction with too many digits")
        if count > MAX_ITEMS or characters > MAX_TEXT:
            raise _broken(expert, f"more than {MAX_ITEMS:,} items or {MAX_TEXT:,} characters")


def _as_declared(expert: Expert, value: Value) -> Value:
    """The value if it is of the type on the card; whole floats pass as int."""
    declared = expert.card.returns
    if declared.startswith("list["):
        if not isinstance(value, list):
            raise _broken(expert, f"{_shown(value)} where {declared} was declared")
        return [_item(expert, declared[5:-1], item) for item in value]
    return _item(expert, declared, value)


def _item(expert: Expert, declared: str, value: Value) -> Value:
    number = isinstance(value, (int, float, Fraction)) and not isinstance(value, bool)
    if declared == "int":
        if number and cast(float, value) == int(cast(float, value)):
            return int(cast(float, value))
        fits = False
    elif declared in ("float", "number"):
        fits = number
    elif declared.startswith("enum["):
        fits = str(value) in Parameter("", declared).choices
    else:
        kind = {"str": str, "bool": bool, "date": date}.get(declared)
        fits = kind is None or isinstance(value, kind)
    if not fits:
        raise _broken(expert, f"{_shown(value)} where {declared} was declared")
    return value
