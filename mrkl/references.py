"""Puts the results of earlier steps into the arguments of a later one, by type.

In: a step, its expert's card and the results so far. Out: plain arguments for the call, or a
`ReferenceFault`. Numbers go into expressions as numbers in brackets, never as raw text; texts go
into queries with their quotes doubled. It calls no expert.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any, Literal, TypeAlias, cast

from mrkl.experts.base import Card, Parameter, Result, Value, render
from mrkl.experts.world import World
from mrkl.plan import NUMERIC, Argument, Arithmetic, Reference, Step, references
from mrkl.tools.numerals import int_text

Writing: TypeAlias = Literal["copy", "text", "arithmetic", "algebra", "sql"]


class ReferenceFault(ValueError):
    """A result that does not fit where a step wants it."""


def writing(card: Card, parameter: Parameter) -> Writing:
    """The language that a text argument is written in."""
    if parameter.copy:
        return "copy"
    if card.name in ("calculator", "algebra") and parameter.name == "expression":
        return "arithmetic" if card.name == "calculator" else "algebra"
    # one expert a database: database, database_2, …
    if card.name.partition("_")[0] == "database" and parameter.name == "query":
        return "sql"
    return "text"


def fill(
    step: Step, card: Card, results: Mapping[int, Result], world: World | None = None
) -> dict[str, Any]:
    """The step's arguments with every reference replaced; raises ReferenceFault.

    `results` must hold all of `step.depends_on`. A date's place may hold a phrase of the question,
    such as `tomorrow`, which is read against the world's clock.
    """
    partial = next((k for k in step.depends_on if k in results and results[k].truncated), None)
    if partial is not None:  # a sum over a part would be stated as the sum
        raise ReferenceFault(f"result #{partial} is only a part of what there is")
    filled: dict[str, Any] = {}
    for parameter in card.parameters:
        if parameter.name in step.arguments:
            value = step.arguments[parameter.name]
            plain = _filled(value, parameter, writing(card, parameter), results)
            if parameter.type == "date" and isinstance(plain, str):
                plain = _day(plain, world or World())
            filled[parameter.name] = plain
    return filled


def _filled(
    value: Argument, parameter: Parameter, how: Writing, results: Mapping[int, Result]
) -> Any:
    if isinstance(value, list):
        inner = Parameter(parameter.name, parameter.type[5:-1], copy=parameter.copy)
        return [_filled(item, inner, how, results) for item in value]
    if isinstance(value, Reference):
        return _whole(results[value.step], parameter)
    if isinstance(value, Arithmetic):
        return _expression(str(value), results)
    if not isinstance(value, str) or "#" not in value:
        return value
    if how in ("arithmetic", "algebra"):
        return _expression(value, results)
    if how == "sql":
        return _query(value, results)
    return _text(value, parameter, results)


def _day(text: str, world: World) -> date:
    """The day that an ISO date or a phrase means."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    from mrkl.tools.date_phrases import read_moment
    from mrkl.tools.moments import ClockError

    try:
        return read_moment(text, world.now()).day
    except ClockError as error:
        raise ReferenceFault(str(error)) from None


def _whole(result: Result, parameter: Parameter) -> Any:
    """The value itself; a number's place wants a number, a text's place its text."""
    value = result.value
    if parameter.type in NUMERIC:
        if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
            raise ReferenceFault(f"{parameter.name} needs a number, not {render(value)!r}")
        return value
    return render(value) if parameter.type == "str" else value


def _expression(text: str, results: Mapping[int, Result]) -> str:
    """Each reference as a bracketed number or list; as a quoted name where a label stands."""
    pieces: list[str] = []
    at = 0
    for start, end, number in references(text):
        if number not in results:
            continue
        value = results[number].value
        label = text[end:].lstrip().startswith(":")
        pieces += [text[at:start], _label(value) if label else _literal(value, number)]
        at = end
    return "".join([*pieces, text[at:]])


def _label(value: Value) -> str:
    return '"' + render(value).replace('"', "'") + '"'


def _literal(value: Value, number: int) -> str:
    """A number or list of numbers, exact, in a form that no operator beside it can break up."""
    if isinstance(value, list):
        return "[" + ", ".join(_literal(item, number) for item in value) + "]"
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        raise ReferenceFault(f"result #{number} is not a number: {render(value)[:60]!r}")
    if isinstance(value, Fraction):
        return f"({int_text(value.numerator)}/{int_text(value.denominator)})"
    digits = int_text(value) if isinstance(value, int) else repr(value)
    return digits if digits.isdecimal() else f"({digits})"


def _query(text: str, results: Mapping[int, Result]) -> str:
    """Numbers bare; texts and dates as SQL text literals, inside quotes or with their own."""
    pieces: list[str] = []
    at = 0
    for start, end, number in references(text):
        if number not in results:
            continue
        before = text[:start]
        pieces += [text[at:start], _sql(results[number].value, before.count("'") % 2 == 1)]
        at = end
    return "".join([*pieces, text[at:]])


def _sql(value: Value, quoted: bool) -> str:
    if isinstance(value, list) and not quoted:
        return ", ".join(_sql(item, quoted=False) for item in value)
    if isinstance(value, Fraction):
        value = float(value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    escaped = render(value).replace("'", "''")
    if quoted:
        return escaped
    return repr(value) if number else f"'{escaped}'"


def _text(text: str, parameter: Parameter, results: Mapping[int, Result]) -> str:
    """References in any other text, as the text of the value."""
    found = [item for item in references(text) if item[2] in results]
    if len(found) == 1 and found[0][:2] == (0, len(text)):
        result = results[found[0][2]]
        # in free text (`quantity="#1"`) a number without its unit would mean something else
        return render(result.value, None if parameter.copy else result.unit)
    if parameter.copy:
        return text
    pieces: list[str] = []
    at = 0
    for start, end, number in found:
        pieces += [text[at:start], _measured(results[number], text[end:])]
        at = end
    return "".join([*pieces, text[at:]])


def _measured(result: Result, following: str) -> str:
    """The value for a place where `following` stands behind it: in that unit, if it is one."""
    value = result.value
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return _plain(value)
    unit = following.strip()
    if not result.unit or not unit or not following.startswith(" "):
        return _plain(value)
    converted = _converted(value, result.unit, unit)
    return _plain(value if converted is None else converted)


def _converted(value: float | Fraction, unit: str, to: str) -> float | Fraction | None:
    """The number in another unit; None where either is no unit; raises ReferenceFault."""
    from mrkl.tools.quantities import QuantityError, convert
    from mrkl.tools.unit_phrases import read_unit

    try:
        read_unit(unit)
        read_unit(to)
    except QuantityError:
        return None
    try:
        number = convert(f"{_plain(value)} {unit}", to).value
    except QuantityError as error:
        raise ReferenceFault(str(error)) from None
    return None if isinstance(number, str) else number


def _plain(value: Value) -> str:
    """A value inside a text: enough digits that nothing is lost in passing it on."""
    if isinstance(value, Fraction) and value.denominator != 1:
        return render(value, digits=17)
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, date):
        return value.isoformat()
    return render(value, digits=17) if isinstance(value, float) else render(value)


def shown(arguments: Mapping[str, Any]) -> str:
    """Filled arguments as one line, for the trace."""
    items = {
        key: cast(Any, item) if isinstance(item, bool | int | float) else str(item)
        for key, item in arguments.items()
    }
    return json.dumps(items, ensure_ascii=False)
