"""Compare a question with a catalogue of cards: one score for every expert, by matrix products.

A score is a weighted sum of six comparisons whose weights hold for all experts: with the card,
with the best example question, with the blend of card and examples, token by token, and by
spelling with card and best example. An expert's score depends on its own card only, whoever
stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mrkl.router.encoder import Array, Encoded
from mrkl.router.lexical import LexicalTable, Sparse

SHARPNESS = np.float32(12.0)  # of the soft maximum over examples, as in training
SHORTLIST = 256  # beyond so many experts, tokens and spelling are compared for the best only
PARTS = 6


@dataclass(frozen=True)
class CardVectors:
    """An encoded card: pooled [128], tokens [time, 48], examples [count, 128], and spellings."""

    pooled: Array
    tokens: Array
    examples: Array
    spelling: Sparse
    example_spellings: tuple[Sparse, ...]


@dataclass(frozen=True)
class Query:
    """An encoded question and its spelling, dense [BUCKETS]."""

    encoded: Encoded
    spelling: Array


@dataclass(frozen=True)
class Mix:
    """The learned weights of the comparisons; shared by all experts."""

    parts: Array  # [6]: card, best example, blend, tokens, spelling of card, of best example
    guess: Array  # best example of a card without examples: guess[0] * card + guess[1]
    shrink: float  # how many examples the card counts for in the blend
    none: Array  # [3]: of the question's own none-score, constant, per log(number of experts)


class Catalogue:
    """The cards on offer, stacked. `cards` must not be empty."""

    def __init__(self, cards: list[CardVectors], mix: Mix) -> None:
        self.mix = mix
        self._cards = cards
        self.pooled: Array = np.stack([card.pooled for card in cards])
        counts = np.array([len(card.examples) for card in cards])
        self.examples: Array = np.concatenate([card.examples for card in cards])
        self.owner: NDArray[np.intp] = np.repeat(np.arange(len(cards)), counts)
        self.blend: Array = np.stack([self._blended(card) for card in cards])

    def __len__(self) -> int:
        return len(self.pooled)

    def _blended(self, card: CardVectors) -> Array:
        k = np.float32(self.mix.shrink)
        blend = (card.examples.sum(0) + k * card.pooled) / (len(card.examples) + k)
        return (blend / (np.linalg.norm(blend) + 1e-6)).astype(np.float32)

    @cached_property
    def _details(self) -> _Details:
        return _Details(self._cards)

    def scores(self, query: Query) -> Array:
        """One raw score an expert [experts]; larger is better."""
        return self.mix.parts @ self.parts(query)

    def parts(self, query: Query) -> Array:
        """The six comparisons [6, experts], before they are weighed."""
        pooled, guess = query.encoded.pooled, self.mix.guess
        to_card = self.pooled @ pooled
        total = np.exp(SHARPNESS * (guess[0] * to_card + guess[1]))
        if len(self.examples):
            near = np.exp(SHARPNESS * (self.examples @ pooled))
            total = total + np.bincount(self.owner, near, len(self)).astype(np.float32)
        meaning = np.stack([to_card, np.log(total) / SHARPNESS, self.blend @ pooled])
        return np.concatenate([meaning, self._detail_parts(query, meaning)]).astype(np.float32)

    def _detail_parts(self, query: Query, meaning: Array) -> Array:
        """Tokens and spelling [3, experts]; in large catalogues for a shortlist only."""
        if len(self) <= SHORTLIST:
            return self._details.compare(query)
        rough = self.mix.parts[:3] @ meaning
        best: list[int] = np.argpartition(-rough, SHORTLIST)[:SHORTLIST].tolist()
        found = _Details([self._cards[i] for i in best]).compare(query)
        out = np.repeat(found.min(1, keepdims=True), len(self), axis=1)
        out[:, best] = found
        return out

    def none_score(self, query: Query) -> float:
        """Raw score of *none of them*."""
        own, constant, growth = self.mix.none.tolist()
        return own * query.encoded.none + constant + growth * float(np.log(len(self)))


class _Details:
    """Tokens and spellings of some cards, stacked for comparing."""

    def __init__(self, cards: list[CardVectors]) -> None:
        lengths = np.array([len(card.tokens) for card in cards])
        self.starts: NDArray[np.intp] = (np.cumsum(lengths) - lengths).astype(np.intp)
        self.tokens: Array = np.concatenate([card.tokens for card in cards])
        self.spelling = LexicalTable([card.spelling for card in cards])
        shown = [spelling for card in cards for spelling in card.example_spellings]
        self.shown = LexicalTable(shown) if shown else None
        counts = [len(card.example_spellings) for card in cards]
        self.owner: NDArray[np.intp] = np.repeat(np.arange(len(cards)), counts)

    def compare(self, query: Query) -> Array:
        """[3, cards]: best token matches weighed, spelling of the card, of its best example."""
        encoded = query.encoded
        sims = self.tokens @ encoded.tokens.T
        matches = np.maximum.reduceat(sims, self.starts, axis=0) @ encoded.weights
        card = self.spelling.cosines(query.spelling)
        best = card.copy()
        if self.shown is not None:
            np.maximum.at(best, self.owner, self.shown.cosines(query.spelling))
        return np.stack([matches, card, best])
