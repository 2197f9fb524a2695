"""Run a function beside this thread and wait for it no longer than a deadline.

In: a function and a time.monotonic() value. Out: what it returns, or TimeoutError. A thread
cannot be killed: one that takes too long is left to itself. Threads that are done wait for the
next function, since starting one costs more than most calls; each call has a context of its own.
"""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

MOST_IDLE = 8
_LOOK = 0.1  # seconds; a Ctrl-C that meets another thread wakes no longer wait


class _Helper(threading.Thread):
    """A thread that runs one function after another."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.work: SimpleQueue[tuple[Callable[[], Any], SimpleQueue[Any]]] = SimpleQueue()
        self.start()

    def run(self) -> None:
        kept = True
        while kept:
            function, done = self.work.get()
            found: Any = None
            try:
                found = contextvars.Context().run(function)
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                found = error
            kept = len(_idle) < MOST_IDLE
            if kept:
                _idle.append(self)
            done.put(found)
            del function, done, found  # what was called is not kept alive


_idle: list[_Helper] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # threads do not come along


def beside(
    function: Callable[[], T], deadline: float, cancelled: Callable[[], bool] = lambda: False
) -> T:
    """What the function returns or raises; TimeoutError at the deadline or once cancelled."""
    done: SimpleQueue[Any] = SimpleQueue()
    try:
        helper = _idle.pop()
    except IndexError:
        helper = _Helper()
    helper.work.put((function, done))
    while True:
        left = deadline - time.monotonic()
        try:
            found = done.get(timeout=min(max(0.0, left), _LOOK))
        except Empty:
            if left <= 0 or cancelled():
                raise TimeoutError from None
            continue
        if isinstance(found, BaseException):
            raise found
        return found
