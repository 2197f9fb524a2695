"""Stand-ins for a trained model: the real tokenizer, grammars and staging, but chosen logits.

`following(text)` always finds the text's next token likeliest; `noise(seed)` finds any token as
likely as another. Both remember only how many tokens they have read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

import mrkl.jamba_core
from mrkl.embedded import EmbeddedJamba
from mrkl.jamba_core.tokenizer import Tokenizer

FOLDER = Path(mrkl.jamba_core.__path__[0]) / "data"
VOCABULARY = 12288


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(FOLDER)


@dataclass(frozen=True)
class Config:
    vocab_size: int = VOCABULARY
    stop_ids: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Length:
    """The state of these models: rows of tokens read."""

    rows: tuple[tuple[int, ...], ...]

    def repeated(self, times: int) -> Length:
        return Length(self.rows * times)

    def release(self, earlier: Length) -> None:
        """These states share nothing."""


@dataclass(frozen=True)
class Output:
    logits: torch.Tensor
    state: Length


class ChosenLogits:
    """A model whose logits are a function of the tokens read so far."""

    def __init__(self, logits: Callable[[tuple[int, ...]], torch.Tensor]) -> None:
        self.logits = logits
        self.calls = 0
        self.config = Config()
        self.tokenizer = tokenizer()

    def __call__(
        self,
        input_ids: torch.Tensor | list[int],
        state: Length | None = None,
        logits_to_keep: int | None = None,
    ) -> Output:
        self.calls += 1
        ids = torch.atleast_2d(torch.as_tensor(input_ids)).tolist()
        past = state.rows if state else ((),) * len(ids)
        rows = tuple(old + tuple(new) for old, new in zip(past, ids, strict=True))
        kept = logits_to_keep or len(ids[0])
        found = [
            torch.stack([self.logits(row[: len(row) - back]) for back in reversed(range(kept))])
            for row in rows
        ]
        return Output(torch.stack(found), Length(rows))


def following(*texts: str) -> EmbeddedJamba:
    """A core that writes what stands in one of the texts (whole rows, prompt included)."""
    scripts = [tuple(tokenizer().encode(text, special=True)) for text in texts]

    def logits(read: tuple[int, ...]) -> torch.Tensor:
        values = torch.zeros(VOCABULARY)
        for script in scripts:
            if script[: len(read)] == read and len(script) > len(read):
                values[script[len(read)]] += 30.0
        return values

    return EmbeddedJamba(ChosenLogits(logits))


def noise(seed: int) -> EmbeddedJamba:
    """A core that finds everything about equally likely, what ends a text a little likelier."""
    named = tokenizer().special
    ends = [i for text in ('"', ")", "\n", " ->", "]") for i in tokenizer().encode(text)]

    def logits(read: tuple[int, ...]) -> torch.Tensor:
        generator = torch.Generator().manual_seed(hash((seed, *read)) & 0xFFFFFFFF)
        values = torch.rand(VOCABULARY, generator=generator) * 8
        values[[*ends, named["<|end|>"]]] += 3.0
        values[[named["<|say|>"], named["<|abstain|>"]]] -= 30.0
        return values

    return EmbeddedJamba(ChosenLogits(logits))
