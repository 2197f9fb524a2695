"""The record of one question: what was decided, called and found, and when.

Events are appended as things happen (from any thread) and may be watched through a listener.
`Trace` prints itself with rich where rich is asked to print it; it interprets nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from mrkl.tools.secrets import masked


@dataclass(frozen=True)
class Event:
    """One thing that happened, `at` seconds after the question came in.

    `kind`: question, start, route, step, say, abstain, call, result, failure, answer, note.
    """

    kind: str
    at: float
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __str__(self) -> str:
        return ", ".join(f"{name}={_short(value)}" for name, value in self.data.items())


_ENCODER = json.JSONEncoder(ensure_ascii=False)


class Trace:
    """Events in order. `listener` is called with each, in the thread where it happens."""

    def __init__(self, listener: Callable[[Event], None] | None = None) -> None:
        self.events: list[Event] = []
        self._started = time.monotonic()
        self._listener = listener

    def add(self, kind: str, **data: Any) -> None:
        """Record one event."""
        shown = {name: masked_value(value) for name, value in data.items()}
        event = Event(kind, time.monotonic() - self._started, shown)
        self.events.append(event)
        if self._listener is not None:
            self._listener(event)

    def of(self, kind: str) -> list[Event]:
        """The events of one kind."""
        return [event for event in self.events if event.kind == kind]

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        """A table for `rich`: time, kind, what."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(justify="right", style="dim", no_wrap=True)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for event in self.events:
            # Text, not str: what was asked or found must not be read as markup
            table.add_row(f"{event.at * 1000:.0f} ms", event.kind, Text(str(event)))
        yield table


def masked_value(value: Any) -> Any:
    """The value without secrets, in texts and in what holds texts."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value)
        return {name: masked_value(item) for name, item in items.items()}
    if isinstance(value, list):
        return [masked_value(item) for item in cast("list[Any]", value)]
    return value


def masked_json(value: Any) -> str:
    """The value without secrets, as JSON text."""
    text = _ENCODER.encode(value)
    # One look at the whole: where nothing is escaped, each text in it stands there as it is.
    if "\\" not in text and masked(text) == text:
        return text
    return _ENCODER.encode(masked_value(value))


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value)
        return "{" + ", ".join(f"{key}: {_short(item)}" for key, item in items.items()) + "}"
    text = str(value)
    return text if len(text) <= 120 else f"{text[:119]}…"
