"""Compare a question with a catalogue of cards: one score for every expert, by matrix products.

A score is a weighted sum of four comparisons whose weights hold for all experts: with the card,
with the best example question, with the blend of card and examples, and token by token. An
expert's score depends on its own card only, whoever stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mrkl.router.encoder import Array, Encoded

SHARPNESS = np.float32(12.0)  # of the soft maximum over examples, as in training
SHORTLIST = 256  # beyond so many experts, tokens are compared for the best of them only


@dataclass(frozen=True)
class CardVectors:
    """An encoded card: pooled [128], tokens [time, 48], examples [count, 128]."""

    pooled: Array
    tokens: Array
    examples: Array


@dataclass(frozen=True)
class Mix:
    """The learned weights of the comparisons; shared by all experts."""

    parts: Array  # card, best example, blend, tokens
    guess: Array  # best example of a card without examples: guess[0] * card + guess[1]
    shrink: float  # how many examples the card counts for in the blend
    none_bias: Array  # constant, per log(number of experts)


class Catalogue:
    """The cards on offer, stacked. `cards` must not be empty."""

    def __init__(self, cards: list[CardVectors], mix: Mix) -> None:
        self.mix = mix
        self.pooled: Array = np.stack([card.pooled for card in cards])
        counts = np.array([len(card.examples) for card in cards])
        self.examples: Array = np.concatenate([card.examples for card in cards])
        self.owner: NDArray[np.intp] = np.repeat(np.arange(len(cards)), counts)
        self.blend: Array = np.stack([self._blended(card) for card in cards])
        self._cards = cards

    def __len__(self) -> int:
        return len(self.pooled)

    def _blended(self, card: CardVectors) -> Array:
        k = np.float32(self.mix.shrink)
        blend = (card.examples.sum(0) + k * card.pooled) / (len(card.examples) + k)
        return (blend / (np.linalg.norm(blend) + 1e-6)).astype(np.float32)

    @cached_property
    def _tokens(self) -> tuple[Array, NDArray[np.intp]]:
        """All cards' tokens in one matrix, and where each card's begin."""
        lengths = [len(card.tokens) for card in self._cards]
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.intp)
        return np.concatenate([card.tokens for card in self._cards]), starts

    def scores(self, query: Encoded) -> Array:
        """One raw score an expert [experts]; larger is better, scale as in training."""
        parts, guess = self.mix.parts, self.mix.guess
        to_card = self.pooled @ query.pooled
        total = np.exp(SHARPNESS * (guess[0] * to_card + guess[1]))
        if len(self.examples):
            near = np.exp(SHARPNESS * (self.examples @ query.pooled))
            total = total + np.bincount(self.owner, near, len(self)).astype(np.float32)
        to_best = np.log(total) / SHARPNESS
        score = parts[0] * to_card + parts[1] * to_best + parts[2] * (self.blend @ query.pooled)
        return score + parts[3] * self._token_matches(query, score)

    def _token_matches(self, query: Encoded, score: Array) -> Array:
        """For each query token its best token in the card, weighed [experts]."""
        if len(self) <= SHORTLIST:
            tokens, starts = self._tokens
            return np.maximum.reduceat(tokens @ query.tokens.T, starts, axis=0) @ query.weights
        best: list[int] = np.argpartition(-score, SHORTLIST)[:SHORTLIST].tolist()
        found = np.array(
            [(self._cards[i].tokens @ query.tokens.T).max(0) @ query.weights for i in best],
            dtype=np.float32,
        )
        out = np.full(len(self), found.min(), np.float32)
        out[best] = found
        return out

    def none_score(self, query: Encoded) -> float:
        """Raw score of *none of them*."""
        constant, growth = self.mix.none_bias
        return query.none + float(constant) + float(growth) * float(np.log(len(self)))
