"""Patterns in parts: a question with slots, and texts that repeat its slots.

In: strings such as `{int:n} {items} cost {money:p}`. Out: `Question` (slot types, flat text, spans
that arguments copy) and `Template`. A slot is one private-use character in the flat text, so that
spans are found by plain search. It knows nothing of experts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

SLOT = re.compile(r"\{([a-z_]+(?::[a-z]+)?(?::[a-z]\w*)?|\w+)\}")
TYPES = {
    "int",
    "decimal",
    "percent",
    "fraction",
    "money",
    "bigint",
    "numberword",
    "ordinal",
    "date",
    "weekday",
    "month",
    "year",
    "time",
    "duration",
    "timezone_city",
    "country",
    "city",
    "continent",
    "language",
    "currency",
    "element",
    "planet",
    "unit",
    "variable",
    "polynomial",
    "equation",
    "expression",
    "person",
    "item",
    "items",
    "place",
    "animal",
    "food",
    "word",
    "sentence",
    "text",
    "compound",
    "topic",
}
_FIRST = 0xE000


@dataclass(frozen=True)
class Template:
    """Literal texts and slot names, alternating; `parts[i]` is (text, is_slot)."""

    parts: tuple[tuple[str, bool], ...]

    @property
    def slots(self) -> tuple[str, ...]:
        return tuple(text for text, slot in self.parts if slot)

    def fill(self, value: Callable[[str], str]) -> str:
        """The text with `value(slot name)` in each slot's place."""
        return "".join([value(text) if slot else text for text, slot in self.parts])


def slot_of(text: str) -> tuple[str | None, str]:
    """(type or None, name) of what stands between the braces."""
    head, _, rest = text.partition(":")
    if head == "unit":
        dimension, _, name = rest.partition(":")
        return f"unit:{dimension}", name or "unit"
    if rest:
        return head, rest
    return (head, head) if head in TYPES else (None, head)


def template(text: str) -> Template:
    """Parse a text with slots; types inside it are ignored."""
    parts: list[tuple[str, bool]] = []
    end = 0
    for match in SLOT.finditer(text):
        if match.start() > end:
            parts.append((text[end : match.start()], False))
        parts.append((slot_of(match[1])[1], True))
        end = match.end()
    if end < len(text):
        parts.append((text[end:], False))
    return Template(tuple(parts))


@dataclass
class Question:
    """A question under construction: spans may be asked for until `pieces` is called."""

    types: dict[str, str] = field(default_factory=dict[str, str])
    flat: str = ""
    names: list[str] = field(default_factory=list[str])
    cuts: set[int] = field(default_factory=set[int])
    frozen: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    @staticmethod
    def parse(text: str) -> Question:
        """Read slots and their types. Raises ValueError for a slot without a type."""
        question = Question()
        end = 0
        for match in SLOT.finditer(text):
            kind, name = slot_of(match[1])
            if name not in question.types:
                if kind is None:
                    raise ValueError(f"slot without a type: {match[0]}")
                question.types[name] = kind
                question.names.append(name)
            question.flat += text[end : match.start()] + chr(_FIRST + question.names.index(name))
            end = match.end()
        question.flat += text[end:]
        return question

    def flatten(self, text: str) -> str:
        """A template's text with this question's slot characters. KeyError: unknown slot."""
        return template(text).fill(lambda name: chr(_FIRST + self.names.index(name)))

    def find(self, text: str, whole_words: bool = True) -> tuple[int, int] | None:
        """Where a text with slots stands in the question, ignoring case."""
        try:
            wanted = self.flatten(text)
        except ValueError:
            return None
        body = re.sub(r"(\\ )+", r"\\s+", re.escape(wanted))
        if whole_words:
            body = r"(?<![^\W_])" + body + r"(?![^\W_])"
        match = re.search(body, self.flat, re.IGNORECASE)
        if match is None and "'" in wanted:
            match = re.search(body.replace("'", "['’]?"), self.flat, re.IGNORECASE)
        return match.span() if match else None

    def keep(self, start: int, end: int) -> tuple[int, int]:
        """Protect a span: it stays together and only its case may change."""
        self.cuts |= {start, end}
        self.frozen.append((start, end))
        return start, end

    def pieces(self) -> tuple[list[tuple[int, str, str | None, bool]], Mapping[int, int]]:
        """((start, text, slot name or None, frozen) …) cut at every slot and protected span."""
        marks = {0, len(self.flat)} | self.cuts
        for i, char in enumerate(self.flat):
            if ord(char) >= _FIRST and ord(char) < _FIRST + len(self.names):
                marks |= {i, i + 1}
        edges = sorted(marks)
        out: list[tuple[int, str, str | None, bool]] = []
        for start, end in pairwise(edges):
            text = self.flat[start:end]
            index = ord(text[0]) - _FIRST if len(text) == 1 else -1
            name = self.names[index] if 0 <= index < len(self.names) else None
            held = any(a <= start and end <= b for a, b in self.frozen)
            out.append((start, text, name, held))
        return out, {start: i for i, (start, *_rest) in enumerate(out)}
