"""Gives an answer the shape the caller asked for.

In: a type or a pydantic model, and an Answer. Out: an instance of it. Of a model's fields, those
named like a part of the answer (text, value, unit, status, confidence, source) get that part; the
others get the answer's values, in order. It asks nothing of any model.
"""

from __future__ import annotations

from typing import Any, cast

from mrkl.answer import Answer, Status
from mrkl.experts.base import as_json

_PARTS = ("text", "value", "unit", "status", "confidence", "source")


class NoAnswer(Exception):
    """There is nothing to give the asked shape to; `answer` says why."""

    def __init__(self, answer: Answer, reason: str) -> None:
        super().__init__(reason)
        self.answer = answer


class Shape:
    """A type that answers can be put into; raises TypeError for one that pydantic cannot check."""

    def __init__(self, wanted: Any) -> None:
        from pydantic import BaseModel, TypeAdapter
        from pydantic.errors import PydanticSchemaGenerationError

        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(wanted)
        except PydanticSchemaGenerationError:
            raise TypeError(f"returns={wanted!r} is not a type that can be checked") from None
        self._name = getattr(wanted, "__name__", str(wanted))
        is_model = isinstance(wanted, type) and issubclass(wanted, BaseModel)
        self._fields = list(cast(type[BaseModel], wanted).model_fields) if is_model else None

    def fill(self, answer: Answer) -> Any:
        """The instance; raises NoAnswer."""
        from pydantic import ValidationError

        if answer.status is not Status.ANSWERED:
            raise NoAnswer(answer, answer.text)
        value = as_json(answer.value) if answer.value is not None else answer.text
        content = value if self._fields is None else self._named(answer, value)
        try:
            return self._adapter.validate_python(content)
        except ValidationError as error:
            detail = error.errors()[0]["msg"]
            raise NoAnswer(answer, f"{value!r} does not fit {self._name}: {detail}") from None

    def _named(self, answer: Answer, value: Any) -> dict[str, Any]:
        fields = self._fields or []
        content = {
            name: value if name == "value" else getattr(answer, name)
            for name in fields
            if name in _PARTS
        }
        rest = [name for name in fields if name not in _PARTS]
        several = isinstance(value, list) and len(rest) > 1
        values = cast("list[Any]", value if several else [value])
        if len(rest) > len(values):
            reason = f"{self._name} has {len(rest)} fields for {len(values)} value(s)"
            raise NoAnswer(answer, reason)
        return content | dict(zip(rest, values, strict=False))
