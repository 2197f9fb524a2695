"""What a user adds to the shipped router: a linear head over examples of their own, a temperature
and the least probability at which to act.

In and out: a `Tuning`, stored in a folder of its own and never in the shipped weights: without
that folder the router is as before, to the last bit. mrkl.router.fitting makes one. An expert
that a head was not fitted to keeps its score.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mrkl.router.encoder import Array

if TYPE_CHECKING:
    from mrkl.router.scoring import Query

NGRAMS = 4096  # columns the buckets of n-grams are folded into
FILE = "tuning.safetensors"
SHELF = "cards.safetensors"  # vectors of cards, beside the weights or the tuning


class TuningError(ValueError):
    """Why a tuning cannot be fitted or read, and what to do."""


@dataclass(frozen=True)
class Head:
    """What some experts' scores gain or lose, linear in a text's features."""

    names: tuple[str, ...]
    weights: Array  # [features, names]

    def gains(self, query: Query) -> dict[str, float]:
        """By name of the expert."""
        found = features([query])[0] @ self.weights
        return dict(zip(self.names, found.tolist(), strict=True))


@dataclass(frozen=True)
class Tuning:
    """All that a user's examples add; `digest` names the weights it was fitted with. `examples`, by
    expert, are read like those of its card."""

    digest: str
    head: Head | None = None
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    temperature: float = 1.0
    least: float = 0.0  # an expert less probable than this is not named

    def save(self, folder: Path) -> None:
        """Write it; the folder is made where it is missing."""
        from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]

        head = self.head or Head((), np.zeros((0, 0), np.float32))
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            "weights": np.ascontiguousarray(head.weights.astype(np.float16)),
            "texts": np.frombuffer(
                json.dumps([self.digest, head.names, self.examples]).encode(), np.uint8
            ),
            "calibration": np.array([self.temperature, self.least], np.float64),
        }
        part = folder / (FILE + ".part")
        save_file(arrays, part)
        part.replace(folder / FILE)

    @classmethod
    def read(cls, folder: Path, digest: str) -> Tuning:
        """The stored one, or one that changes nothing. TuningError where it is of other weights
        or no tuning at all."""
        path = folder / FILE
        if not path.exists():
            return cls(digest)
        from safetensors import SafetensorError
        from safetensors.numpy import load_file  # pyright: ignore[reportUnknownVariableType]

        undo = f"fit again or undo it: mrkl router fit --undo ({path})"
        try:
            arrays: dict[str, NDArray[Any]] = load_file(path)
            stored, names, shown = json.loads(arrays["texts"].tobytes())
            head = Head(tuple(names), arrays["weights"].astype(np.float32))
            examples = {str(name): tuple(map(str, texts)) for name, texts in shown.items()}
            temperature, least = arrays["calibration"].tolist()
        except (SafetensorError, KeyError, ValueError):
            raise TuningError(f"the router's tuning is damaged; {undo}") from None
        if stored != digest:
            raise TuningError(f"the router's tuning belongs to another version; {undo}")
        return cls(digest, head if names else None, examples, temperature, least)


def undo(folder: Path) -> bool:
    """Remove the stored tuning; whether there was one."""
    there = (folder / FILE).exists()
    for name in (FILE, SHELF):
        (folder / name).unlink(missing_ok=True)
    return there


def features(queries: Sequence[Query]) -> Array:
    """Pooled vectors and folded n-grams of texts, float32 [texts, 128 + NGRAMS]."""
    width = len(queries[0].encoded.pooled)
    out = np.zeros((len(queries), width + NGRAMS), np.float32)
    for row, query in zip(out, queries, strict=True):
        row[:width] = query.encoded.pooled
        buckets = query.spelling.buckets
        # half of the buckets count against their column, so that collisions cancel out
        sign = np.where((buckets // NGRAMS) % 2, np.float32(-1), np.float32(1))
        np.add.at(row, width + buckets % NGRAMS, sign * query.spelling.weights)
    return out
