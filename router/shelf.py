"""Card vectors kept in a file, so that a cold start need not encode the built-in experts' cards.

In and out: a dict from fingerprint (of a card's content and the weights) to `CardVectors`, as one
safetensors file of stacked arrays. A card that changed has another fingerprint and is simply
encoded again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrkl.router.lexical import Sparse
from mrkl.router.scoring import CardVectors

Arrays = dict[str, NDArray[Any]]


def write(path: Path, cards: Mapping[bytes, CardVectors]) -> None:
    """Store the vectors of at least one card."""
    from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]

    spellings = [
        spelling
        for card in cards.values()
        for spelling in (card.spelling, card.centre, card.habits, *card.example_spellings)
    ]
    arrays: Arrays = {
        "keys": np.array([list(key) for key in cards], np.uint8),
        "pooled": np.stack([card.pooled for card in cards.values()]),
        "described": np.array([card.described for card in cards.values()]),
        "tokens": np.concatenate([card.tokens for card in cards.values()]),
        "token_counts": np.array([len(card.tokens) for card in cards.values()]),
        "examples": np.concatenate([card.examples for card in cards.values()]),
        "example_counts": np.array([len(card.examples) for card in cards.values()]),
        "buckets": np.concatenate([s.buckets for s in spellings]).astype(np.uint16),
        "weights": np.concatenate([s.weights for s in spellings]),
        "bucket_counts": np.array([len(s.buckets) for s in spellings]),
    }
    save_file(arrays, path)
    path.chmod(0o644)  # it was made for its owner only; packages are for all


def read(path: Path) -> dict[bytes, CardVectors]:
    """The stored vectors; none where there is no file."""
    if not path.exists():
        return {}
    from safetensors.numpy import load_file  # pyright: ignore[reportUnknownVariableType]

    arrays: Arrays = load_file(path)
    tokens = _split(arrays["tokens"], arrays["token_counts"])
    examples = _split(arrays["examples"], arrays["example_counts"])
    buckets = _split(arrays["buckets"].astype(np.int64), arrays["bucket_counts"])
    weights = _split(arrays["weights"], arrays["bucket_counts"])
    out: dict[bytes, CardVectors] = {}
    each = zip(arrays["keys"], arrays["pooled"], arrays["described"], strict=True)
    for key, pooled, described in each:
        shown = next(examples)
        spelling, centre, habits, *spelled = [
            Sparse(next(buckets), next(weights)) for _ in range(len(shown) + 3)
        ]
        out[key.tobytes()] = CardVectors(
            pooled, next(tokens), shown, spelling, tuple(spelled), centre, habits, bool(described)
        )
    return out


def _split(values: NDArray[Any], counts: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Consecutive pieces of `values` with the lengths in `counts`."""
    return iter(np.split(values, np.cumsum(counts)[:-1]))
