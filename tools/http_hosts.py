"""Manners towards other hosts: a few requests to each at one time, and rest where one asks for it.

In: a host's name, then its status and `Retry-After`. Out: leave to ask it, after a wait where that
fits into the request's time, else an HttpError (busy). All threads of this process share what is
known; nothing is asked again here: that is the caller's choice.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Generator
from datetime import UTC
from email.utils import parsedate_to_datetime

from mrkl.tools.http_rules import HttpError, Limits

AT_ONCE = 4  # requests to one host
REST = 1.0  # seconds after status 429 without Retry-After
MOST_REST = 3600.0  # seconds that Retry-After is believed
_LEAST = 0.2  # seconds that must be left for the request itself
_KNOWN = 256  # hosts remembered
_BUSY = (429, 503)


class _Host:
    def __init__(self) -> None:
        self.free = threading.BoundedSemaphore(AT_ONCE)
        self.asking = 0
        self.rests_until = 0.0  # time.monotonic()


class Hosts:
    """What is known of the hosts asked by this process."""

    def __init__(self) -> None:
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    @contextlib.contextmanager
    def turn(self, name: str, limits: Limits) -> Generator[None]:
        """Wait for one's turn with a host and keep it. Raises HttpError (busy, timeout)."""
        with self._lock:
            host = self._known.setdefault(name, _Host())
            host.asking += 1
            self._known.move_to_end(name)
            self._drop_idle()
        try:
            rest = host.rests_until - time.monotonic()
            if rest > max(0.0, limits.remaining(name) - _LEAST):
                raise HttpError("busy", f"{name} asks to be left alone for another {rest:.0f} s")
            time.sleep(max(0.0, rest))
            if not host.free.acquire(timeout=limits.remaining(name)):
                raise HttpError("timeout", f"{name} took too long to answer")
            try:
                yield
            finally:
                host.free.release()
        finally:
            host.asking -= 1

    def heard(self, name: str, status: int, retry_after: str | None) -> None:
        """Note how a host answered. Raises HttpError (busy) where it wants to be asked later."""
        if status not in _BUSY:
            return
        rest = _seconds(retry_after)
        if rest is None and status == 429:
            rest = REST
        host = self._known.get(name)
        if rest and host is not None:
            host.rests_until = time.monotonic() + rest

    def _drop_idle(self) -> None:
        """Forget the host that was asked longest ago, where there are too many."""
        if len(self._known) > _KNOWN:
            now = time.monotonic()
            idle = (n for n, h in self._known.items() if not h.asking and h.rests_until < now)
            self._known.pop(next(idle, ""), None)

    def _forget(self) -> None:
        self._known: OrderedDict[str, _Host] = OrderedDict()
        self._lock = threading.Lock()


def whole_number(header: str | None) -> float | None:
    """The value of a header that is a whole number, such as Age; None for anything else."""
    text = (header or "").strip()
    return float(text[:12]) if text.isascii() and text.isdigit() else None


def moment(header: str | None) -> float | None:
    """The value of a header that is a date, such as Date, as Unix time; None for anything else."""
    try:
        found = parsedate_to_datetime((header or "").strip())
        return found.replace(tzinfo=found.tzinfo or UTC).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _seconds(retry_after: str | None) -> float | None:
    """The rest that a Retry-After header asks for: seconds or a date (RFC 9110, 10.2.3)."""
    seconds = whole_number(retry_after)
    if seconds is None:
        until = moment(retry_after)
        if until is None:
            return None
        seconds = until - time.time()
    return min(max(0.0, seconds), MOST_REST)
