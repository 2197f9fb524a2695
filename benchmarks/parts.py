"""Where the time of a question goes: exclusive processor seconds by part.

In: functions to wrap and their labels. Out: `Parts.seconds`, `calls` and `tokens`. Time inside a
nested part counts for that part only. Processor time, since other programs disturb it less. For measuring; nothing of it runs in the package.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mrkl.agent
from mrkl.embedded import EmbeddedJamba
from mrkl.jamba_core.grammar import GrammarTokenizer, Matcher
from mrkl.jamba_core.model import Jamba
from mrkl.router import Router

REST = "everything else"
WORDING = "answer's wording"


class Parts:
    """A stopwatch with one hand for each part."""

    def __init__(self) -> None:
        self.seconds, self.calls, self.tokens = Counter[str](), Counter[str](), Counter[str]()
        self._open: list[str] = []
        self._since = time.process_time()
        self._prompt = False

    def start(self) -> None:
        """A question begins: what the core reads first is its prompt."""
        self._open, self._prompt, self._since = [REST], True, time.process_time()

    def stop(self) -> None:
        """The question is answered."""
        self._switch(None)

    def _switch(self, label: str | None) -> None:
        now = time.process_time()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now
        if label is None:
            self._open.pop()
        else:
            self._open.append(label)
            self.calls[label] += 1

    @contextmanager
    def part(self, label: str) -> Iterator[None]:
        """What runs inside counts for `label`."""
        self._switch(label)
        try:
            yield
        finally:
            self._switch(None)

    def wrap(self, owner: Any, name: str, label: str | Callable[..., str]) -> None:
        """Time every call of `owner.name`; a label may depend on the arguments."""
        inner = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            if not self._open:
                return inner(*args, **kwargs)
            with self.part(label if isinstance(label, str) else label(*args)):
                return inner(*args, **kwargs)

        setattr(owner, name, timed)

    def reading(self, model: Any, ids: Any, *_: Any) -> str:
        """The part that a forward pass belongs to, by how many tokens it reads."""
        if len(ids) and not isinstance(ids[0], int):
            label, count = "core: weighing alternatives", ids.numel()
        elif self._prompt:
            label, count, self._prompt = "core: prompt", len(ids), False
        else:
            label, count = f"core: {'free tokens' if len(ids) == 1 else 'forced text'}", len(ids)
        self.tokens[label] += count
        return label


def install() -> Parts:
    """Wrap the seams of the whole way of a question."""
    parts = Parts()
    parts.wrap(Jamba, "__call__", parts.reading)
    for name in ("mask", "forced", "consume"):
        parts.wrap(Matcher, name, "grammar: masks")
    parts.wrap(GrammarTokenizer, "matcher", "grammar: compiling")
    parts.wrap(Router, "route", "router")
    parts.wrap(mrkl.agent, "run_plan", "experts")
    inner = EmbeddedJamba.word

    def worded(*args: Any) -> str:
        began = time.process_time()
        try:
            return inner(*args)
        finally:
            parts.seconds[WORDING] += time.process_time() - began  # beside: it holds other parts
            parts.calls[WORDING] += 1

    EmbeddedJamba.word = worded
    return parts
