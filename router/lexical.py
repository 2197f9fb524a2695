"""Spelling beside meaning: texts as weighted words and letter groups, hashed into buckets.

In: text; out: a sparse unit vector (buckets, weights). Rare names, codes and typing errors, which
a small encoder knows little of, are compared here. The weights of the buckets (inverse document
frequency) come from training/router/export.py and hold for all experts.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BUCKETS = 16384
SIZES = (3, 4, 5)  # letters in a group
_WORD = re.compile(r"[^\W_]+")
_LIMIT = 2000  # characters of a text that are read


def buckets_of(text: str) -> Counter[int]:
    """How often each bucket is hit by the words and letter groups of `text`."""
    counts: Counter[int] = Counter()
    for word in _WORD.findall(text[:_LIMIT].lower()):
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

    def dense(self) -> NDArray[np.float32]:
        """The same vector with all its buckets [BUCKETS]."""
        out = np.zeros(BUCKETS, np.float32)
        out[self.buckets] = self.weights
        return out


class Lexicon:
    """Bucket weights `rarity` [BUCKETS], and the vectors they give."""

    def __init__(self, rarity: NDArray[Any]) -> None:
        if rarity.shape != (BUCKETS,):
            raise ValueError(f"the lexicon needs {BUCKETS} weights, not {rarity.shape}")
        self.rarity: NDArray[np.float32] = rarity.astype(np.float32)

    def vector(self, text: str) -> Sparse:
        """The text's unit vector; empty for a text without letters or digits."""
        counts = buckets_of(text)
        buckets = np.array(sorted(counts), np.int64)
        often = np.array([counts[bucket] for bucket in sorted(counts)], np.float32)
        weights = (1 + np.log(np.maximum(often, 1))) * self.rarity[buckets]
        length = float(np.sqrt(np.square(weights).sum()))
        return Sparse(buckets, (weights / (length + 1e-9)).astype(np.float32))


class LexicalTable:
    """Many sparse vectors in one array; `cosines` compares a text with all or some of them."""

    def __init__(self, vectors: list[Sparse]) -> None:
        sizes = np.array([len(vector.buckets) for vector in vectors], np.int64)
        self.ends = np.cumsum(sizes)
        self.starts = self.ends - sizes
        self.buckets = np.concatenate([vector.buckets for vector in vectors])
        self.weights = np.concatenate([vector.weights for vector in vectors])

    def cosines(self, dense: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosine of each vector with a text's `Sparse.dense()` [vectors]."""
        # running sums rather than reduceat: they also serve vectors without any bucket
        sums = np.concatenate([[0.0], np.cumsum(dense[self.buckets] * self.weights, dtype=float)])
        return (sums[self.ends] - sums[self.starts]).astype(np.float32)
