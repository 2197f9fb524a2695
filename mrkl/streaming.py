"""Turns a piece of work that reports events into an iterator over them and its result.

In: a function that takes a listener. Out: its events as they happen, then what it returns. An
exception of the work comes out of the iterator. Leaving the iterator early sets `stop`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import TypeVar

from mrkl.trace import Event

T = TypeVar("T")


def follow(
    work: Callable[[Callable[[Event], None]], T], stop: threading.Event
) -> Iterator[Event | T]:
    """Run the work beside this thread and yield what it reports."""
    happened: SimpleQueue[Event | None] = SimpleQueue()
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work(happened.put))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            errors.append(error)
        finally:
            happened.put(None)

    threading.Thread(target=run, name="mrkl-stream", daemon=True).start()
    try:
        while (event := happened.get()) is not None:
            yield event
        if errors:
            raise errors[0]
        yield results[0]
    finally:
        stop.set()
