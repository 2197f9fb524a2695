"""Compare a question with a catalogue of cards: one score for every expert, by matrix products.

A score is a weighted sum of comparisons whose weights hold for all experts: with the card, with
the example questions, token by token, and by spelling. The weights pass from those of cards without
examples to those of cards with many. An expert's score depends on its own card only, to the last
bit, whoever stands beside it: vectors are kept in whole numbers, whose products are exact in any
order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrkl.router.encoder import Array, Encoded
from mrkl.router.lexical import LexicalTable, Sparse

SHARPNESS = np.float32(12.0)  # of the soft maximum over examples, as in training
SHORTLIST = 256  # beyond so many experts, tokens are compared for the best only
PARTS = 10
REGIMES = 4
NONE_PARTS = 3 + PARTS
ENOUGH = 3.0  # examples at which the weights are half way between those of none and of many
GRID = np.float32(4000)  # of unit vectors: all sums stay below 2**24 and so are exact in float32


def whole(x: Array) -> Array:
    """Unit vectors as whole numbers of 1/GRID."""
    return np.rint(x * GRID)


def cosines(rows: Array, x: Array) -> Array:
    """Of rows [n, d] with a vector [d] or vectors [d, m], both from `whole`; exact."""
    return (rows @ x) / (GRID * GRID)


@dataclass(frozen=True)
class CardVectors:
    """An encoded card: pooled [128], tokens [time, 48], examples [count, 128], and spellings.

    `centre` and `habits` are what the spellings of its examples have in common; `described` says
    whether the card has more than a name."""

    pooled: Array
    tokens: Array
    examples: Array
    spelling: Sparse
    example_spellings: tuple[Sparse, ...]
    centre: Sparse
    habits: Sparse
    described: bool


@dataclass(frozen=True)
class Query:
    """An encoded question and its spelling."""

    encoded: Encoded
    spelling: Sparse


@dataclass(frozen=True)
class Mix:
    """The learned weights of the comparisons; shared by all experts."""

    # [4, 10], rows as in `regimes`. Columns: card, best example, blend, tokens, spelling of card, of
    # best example, whitened blend, spelling of all examples together, their habits, tokens back
    parts: Array
    count: float  # per log(1 + examples)
    guess: Array  # best example of a card without examples: guess[0] * card + guess[1]
    shrink: float  # how many examples the card counts for in the blend
    none: Array  # [4, 13], see `Catalogue.none_parts`
    centre: Array  # [128]: mean of questions
    whitening: Array  # [128, 128]: makes questions of one expert scatter alike in all directions

    def whitened(self, x: Array) -> Array:
        """Unit vectors [..., 128] in the whitened space."""
        y = (x - self.centre) @ self.whitening
        return y / (np.linalg.norm(y, axis=-1, keepdims=True) + np.float32(1e-6))


def regimes(examples: NDArray[Any], described: NDArray[Any]) -> NDArray[np.float64]:
    """How far each row of the weights counts for cards [4, cards]; the four add up to 1. Rows: a
    described card alone; a name alone; many examples and a description; many and a name."""
    many = examples / (examples + ENOUGH)
    few = 1 - many
    return np.stack([few * described, few * ~described, many * described, many * ~described])


class Catalogue:
    """The cards on offer, stacked. `cards` must not be empty."""

    def __init__(self, cards: list[CardVectors], mix: Mix) -> None:
        self.mix = mix
        self._cards = cards
        self.pooled = whole(np.stack([card.pooled for card in cards]))
        counts = np.array([len(card.examples) for card in cards])
        self.examples = whole(np.concatenate([card.examples for card in cards]))
        self.owner: NDArray[np.intp] = np.repeat(np.arange(len(cards)), counts)
        blends = [self._blended(card) for card in cards]
        self.blend = whole(np.stack(blends))
        self.white = whole(np.stack([mix.whitened(blend) for blend in blends]))
        described = np.array([card.described for card in cards])
        self.regimes = regimes(counts, described)
        # summed row by row, so that a card's weights are the same to the bit beside any others
        weights = [
            sum(r * w for r, w in zip(self.regimes, row, strict=True)) for row in mix.parts.T
        ]
        self.weights = np.stack(weights).astype(np.float32)
        self.bias: Array = (mix.count * np.log1p(counts)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.pooled)

    def _blended(self, card: CardVectors) -> Array:
        k = np.float32(self.mix.shrink)
        blend = (card.examples.sum(0) + k * card.pooled) / (len(card.examples) + k)
        return (blend / (np.linalg.norm(blend) + 1e-6)).astype(np.float32)

    @cached_property
    def _spellings(self) -> _Spellings:
        return _Spellings(self._cards, self.owner)

    @cached_property
    def _tokens(self) -> _Tokens:
        return _Tokens(self._cards)

    def scores(self, query: Query) -> Array:
        """One raw score an expert [experts]; larger is better."""
        return self.weighed(self.parts(query))

    def weighed(self, parts: Array) -> Array:
        """Scores [experts] of comparisons [10, experts]."""
        total = self.bias.copy()
        for part, weight in zip(parts, self.weights, strict=True):
            total += weight * part
        return total

    def parts(self, query: Query) -> Array:
        """The comparisons [10, experts], before they are weighed."""
        pooled, guess = whole(query.encoded.pooled), self.mix.guess
        to_card = cosines(self.pooled, pooled)
        total = np.exp(SHARPNESS * (guess[0] * to_card + guess[1]))
        if len(self.examples):
            near = np.exp(SHARPNESS * cosines(self.examples, pooled))
            total = total + np.bincount(self.owner, near, len(self)).astype(np.float32)
        best, blend = np.log(total) / SHARPNESS, cosines(self.blend, pooled)
        white = cosines(self.white, whole(self.mix.whitened(query.encoded.pooled)))
        card, example, centre, habits = self._spellings.compare(query.spelling)
        nothing = np.zeros_like(to_card)
        found = np.stack(
            [to_card, best, blend, nothing, card, example, white, centre, habits, nothing]
        ).astype(np.float32)
        found[[3, 9]] = self._token_parts(query, found)
        return found

    def _token_parts(self, query: Query, found: Array) -> Array:
        """Token matches [2, experts], there and back; in large catalogues for a shortlist only."""
        if len(self) <= SHORTLIST:
            return self._tokens.compare(query)
        best: list[int] = np.argpartition(-self.weighed(found), SHORTLIST)[:SHORTLIST].tolist()
        matches = _Tokens([self._cards[i] for i in best]).compare(query)
        out = np.repeat(matches.min(1, keepdims=True), len(self), axis=1)
        out[:, best] = matches
        return out

    def none_score(self, query: Query, parts: Array) -> float:
        """Raw score of *none of them*; `parts` as from `parts`."""
        return float((self.mix.none * self.none_parts(query, parts)).sum())

    def none_parts(self, query: Query, parts: Array) -> Array:
        """[4, 13]: for each regime, as far as the best expert is of it: the question's own
        none-score, 1, the log of the number of experts, and the best expert's comparisons."""
        best = int(np.argmax(self.weighed(parts)))
        told = [query.encoded.none, 1.0, np.log(len(self)), *parts[:, best]]
        return np.outer(self.regimes[:, best], told).astype(np.float32)


class _Tokens:
    """Tokens of some cards, stacked for comparing."""

    def __init__(self, cards: list[CardVectors]) -> None:
        self.lengths = np.array([len(card.tokens) for card in cards])
        self.starts: NDArray[np.intp] = (np.cumsum(self.lengths) - self.lengths).astype(np.intp)
        self.tokens = whole(np.concatenate([card.tokens for card in cards]))

    def compare(self, query: Query) -> Array:
        """[2, cards]: the best matches of the question's tokens, weighed; those of the card's."""
        found = self.tokens @ whole(query.encoded.tokens).T
        there = np.maximum.reduceat(found, self.starts) / (GRID * GRID)
        # whole numbers in float64, so that their sums are exact as well
        back = np.add.reduceat(found.max(1).astype(np.float64), self.starts)
        back = back / (self.lengths * float(GRID) ** 2)
        return np.stack([(there * query.encoded.weights).sum(1), back]).astype(np.float32)


class _Spellings:
    """Spellings of all cards and of their examples, stacked for comparing."""

    def __init__(self, cards: list[CardVectors], owner: NDArray[np.intp]) -> None:
        self.cards = LexicalTable([card.spelling for card in cards])
        self.shown = LexicalTable([s for card in cards for s in card.example_spellings])
        self.centres = LexicalTable([card.centre for card in cards])
        self.habits = LexicalTable([card.habits for card in cards])
        self.owner = owner

    def compare(self, text: Sparse) -> tuple[Array, Array, Array, Array]:
        """[cards] each: the card, its best example, all its examples together, their habits."""
        card = self.cards.products(text)
        best = card.copy()
        np.maximum.at(best, self.owner, self.shown.products(text))
        return card, best, self.centres.products(text), self.habits.products(text.evenly())
