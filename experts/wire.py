"""Calls and outcomes as one line of JSON text, without loss, for the way between processes.

Fractions, dates and long integers, which JSON lacks, travel as one-key objects. Values that are
not of `mrkl.experts.base.Value` raise TypeError.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from fractions import Fraction
from typing import Any, cast

from mrkl.experts.base import Failure, Result

_PLAIN_INT_BITS = 12_000  # longer ones pass Python's limit for decimal text


def dump_call(
    origin: str, arguments: dict[str, Any], remaining: float, memory: int, world: str
) -> str:
    """One line: which expert, its arguments, seconds left, bytes allowed, the world as JSON."""
    values = {name: _pack(value) for name, value in arguments.items()}
    return json.dumps([origin, values, remaining, memory, world])


def load_call(line: str) -> tuple[str, dict[str, Any], float, int, str]:
    """The parts that dump_call took."""
    origin, values, *rest = json.loads(line)
    return origin, {name: _unpack(value) for name, value in values.items()}, *rest


def dump_outcome(outcome: Result | Failure) -> str:
    """One line for a result or a failure."""
    fields = dict(vars(outcome))
    if not outcome.memory:
        del fields["memory"]
    if isinstance(outcome, Failure):
        return json.dumps({"failure": fields})
    return json.dumps({"result": fields | {"value": _pack(outcome.value)}})


def load_outcome(line: str) -> Result | Failure:
    """The result or failure that dump_outcome took."""
    parts = json.loads(line)
    if "failure" in parts:
        return Failure(**parts["failure"])
    fields = parts["result"]
    return Result(**(fields | {"value": _unpack(fields["value"])}))


def _pack(value: Any) -> Any:
    if isinstance(value, (bool, str, float)) or value is None:
        return value
    if isinstance(value, int):
        return value if value.bit_length() < _PLAIN_INT_BITS else {"int": hex(value)}
    if isinstance(value, Fraction):
        return {"fraction": [_pack(value.numerator), _pack(value.denominator)]}
    if isinstance(value, datetime):
        return {"datetime": value.isoformat(), "zone": getattr(value.tzinfo, "key", None)}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, list):
        return [_pack(item) for item in cast("list[Any]", value)]
    raise TypeError(f"a {type(value).__name__} cannot travel between processes")


def _unpack(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpack(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    packed = cast("dict[str, Any]", value)
    if "int" in packed:
        return int(packed["int"], 16)
    if "fraction" in packed:
        return Fraction(*(_unpack(part) for part in packed["fraction"]))
    if "date" in packed:
        return date.fromisoformat(packed["date"])
    moment = datetime.fromisoformat(packed["datetime"])
    return moment.astimezone(_zone(packed["zone"])) if packed["zone"] else moment


def _zone(key: str) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(key)
