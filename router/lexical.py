"""Spelling beside meaning: texts as weighted words, pairs and letter groups, hashed into buckets.

In: text; out: a sparse unit vector (buckets, weights). Rare names, codes and typing errors, which
a small encoder knows little of, are compared here. The weights of the buckets (inverse document
frequency) come from training/router/export.py and hold for all experts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BUCKETS = 32768
SIZES = (3, 4, 5)  # letters in a group
_WORD = re.compile(r"[^\W_]+")
_LIMIT = 2000  # characters of a text that are read
PRIOR = 1.5  # how many examples the lexicon counts for
_NOTHING = np.zeros(0, np.int64)


def buckets_of(text: str) -> Counter[int]:
    """How often each bucket is hit by the words, word pairs and letter groups of `text`."""
    counts: Counter[int] = Counter()
    words = _WORD.findall(text[:_LIMIT].lower())
    for pair in pairwise(words):
        counts[crc32(" ".join(pair).encode()) % BUCKETS] += 1
    for word in words:
        counts[crc32(word.encode()) % BUCKETS] += 1
        framed = f" {word} "
        for size in SIZES:
            for start in range(max(1, len(framed) - size + 1)):
                counts[crc32(framed[start : start + size].encode(), size) % BUCKETS] += 1
    return counts


@dataclass(frozen=True)
class Sparse:
    """A sparse unit vector: sorted buckets and their weights, both [count]; maybe empty."""

    buckets: NDArray[np.int64]
    weights: NDArray[np.float32]

    def evenly(self) -> Sparse:
        """The same buckets, all with the same weight and 1 together."""
        share = np.full(len(self.buckets), 1 / max(1, len(self.buckets)), np.float32)
        return Sparse(self.buckets, share)


def average(vectors: Sequence[Sparse]) -> Sparse:
    """The unit vector in the direction of the sum of some vectors; empty for none."""
    buckets, sums, _ = _by_bucket(vectors)
    length = np.sqrt(np.square(sums).sum()) + 1e-9
    return Sparse(buckets, (sums / length).astype(np.float32))


def _by_bucket(
    vectors: Sequence[Sparse],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.intp]]:
    """The buckets of some vectors, the sum of their weights, and how many vectors hit them."""
    every = np.concatenate([_NOTHING, *(vector.buckets for vector in vectors)])
    weights = np.concatenate([_NOTHING, *(vector.weights for vector in vectors)])
    buckets, place = np.unique(every, return_inverse=True)
    sums: NDArray[Any] = np.bincount(place, weights, len(buckets))
    return buckets, sums, np.bincount(place, minlength=len(buckets))


class Lexicon:
    """Bucket weights `rarity` [BUCKETS], and the vectors they give."""

    def __init__(self, rarity: NDArray[Any]) -> None:
        if rarity.shape != (BUCKETS,):
            raise ValueError(f"the lexicon needs {BUCKETS} weights, not {rarity.shape}")
        self.rarity: NDArray[np.float32] = rarity.astype(np.float32)

    def habits(self, examples: Sequence[Sparse]) -> Sparse:
        """How much oftener than in any text the buckets of some examples are hit: log-odds of
        naive Bayes with the lexicon as its prior, less what they are for an unseen bucket."""
        buckets, _, hits = _by_bucket(examples)
        # rarity is 1 - log of the share of texts that hit the bucket
        expected = PRIOR * np.exp(1 - self.rarity[buckets])
        return Sparse(buckets, np.log1p(hits / expected).astype(np.float32))

    def vector(self, text: str) -> Sparse:
        """The text's unit vector; empty for a text without letters or digits."""
        counts = buckets_of(text)
        buckets = np.array(sorted(counts), np.int64)
        often = np.array([counts[bucket] for bucket in sorted(counts)], np.float32)
        weights = (1 + np.log(np.maximum(often, 1))) * self.rarity[buckets]
        length = float(np.sqrt(np.square(weights).sum()))
        return Sparse(buckets, (weights / (length + 1e-9)).astype(np.float32))


class LexicalTable:
    """Many sparse vectors, kept by bucket; `products` compares a text with all of them."""

    def __init__(self, vectors: Sequence[Sparse]) -> None:
        self.count = len(vectors)
        sizes = [len(vector.buckets) for vector in vectors]
        buckets = np.concatenate([_NOTHING, *(vector.buckets for vector in vectors)])
        weights = np.concatenate([_NOTHING, *(vector.weights for vector in vectors)])
        order = np.argsort(buckets, kind="stable")
        self.rows: NDArray[np.intp] = np.repeat(np.arange(self.count), sizes)[order]
        self.weights: NDArray[np.float64] = weights[order].astype(np.float64)
        self.ends: NDArray[np.intp] = np.searchsorted(buckets[order], np.arange(BUCKETS + 1))

    def products(self, text: Sparse) -> NDArray[np.float32]:
        """Inner product of each vector with a text's [vectors]; of unit vectors, the cosine."""
        starts, ends = self.ends[text.buckets], self.ends[text.buckets + 1]
        # the entries of each of the text's buckets, one bucket after the other: a vector's sum
        # runs over them in this order, whoever stands beside it
        spans = [slice(a, b) for a, b in zip(starts.tolist(), ends.tolist(), strict=True) if a < b]
        if not spans:
            return np.zeros(self.count, np.float32)
        terms = np.concatenate([self.weights[span] for span in spans])
        terms *= np.repeat(text.weights, ends - starts)
        rows = np.concatenate([self.rows[span] for span in spans])
        return np.bincount(rows, terms, self.count).astype(np.float32)
