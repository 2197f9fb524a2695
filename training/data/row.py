"""A training row of the language core: what it reads, what it writes, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass

from mrkl import prompt


@dataclass(frozen=True)
class Row:
    """`prompt` is only read; `target` is (text, learned) in order; `weight` scales the loss."""

    prompt: str
    target: tuple[tuple[str, bool], ...]
    source: str
    pattern_id: str
    weight: float = 1.0


def from_prompt(row: prompt.Row, source: str, pattern_id: str, weight: float = 1.0) -> Row:
    """A training row from a rendered one."""
    (first, _), *rest = row.segments()
    return Row(first, tuple(rest), source, pattern_id, weight)
