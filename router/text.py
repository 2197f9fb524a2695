"""How a card and a question read to the encoder, and how they become token ids.

In: a `Card` or any text; out: one line, or at most `length` ids of the shared tokenizer. Nothing
is interpreted here: names are split into words, long texts keep their beginning and their end.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from mrkl.experts.base import Card, Parameter

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_GAP = re.compile(r"[_\-.\s]+")


def words_of(name: str) -> str:
    """`convertTimezone` and `convert_timezone` both read `convert timezone`."""
    return _GAP.sub(" ", _HUMP.sub(" ", name)).strip().lower()


def _parameter_text(parameter: Parameter) -> str:
    # the values of an enum tell more of a parameter than a description of it does
    detail = ", ".join(words_of(choice) for choice in parameter.choices[:12])
    detail = detail or _GAP.sub(" ", parameter.description)
    return words_of(parameter.name) + (f" ({detail})" if detail else "")


def card_text(card: Card) -> str:
    """`name: description | parameters`, on one line; pieces the card lacks are left out."""
    description = re.sub(r"\s+", " ", card.description).strip()
    head = words_of(card.name)
    text = f"{head}: {description}" if description else head
    tail = ", ".join(_parameter_text(parameter) for parameter in card.parameters)
    return f"{text} | {tail}" if tail else text


def clip(ids: list[int], length: int) -> list[int]:
    """Long texts keep their first two thirds and their end, where questions are asked."""
    if len(ids) <= length:
        return ids
    head = length * 2 // 3
    return ids[:head] + ids[-(length - head) :]


@cache
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    return Tokenizer.from_str((files("mrkl.jamba_core") / "data/tokenizer.json").read_text("utf-8"))


def token_ids(text: str, length: int) -> list[int]:
    """Ids of the text, at least one (0 for an empty text) and at most `length`."""
    # beyond this many characters the middle is dropped anyway; it need not be tokenized
    if len(text) > 64 * length:
        text = text[: 32 * length] + text[-32 * length :]
    ids = _tokenizer().encode(re.sub(r"\s+", " ", text).strip(), add_special_tokens=False).ids
    return clip(ids, length) or [0]
