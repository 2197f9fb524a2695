"""Rows of task text into packed training sequences.

In: rows (prompt, target segments) from `training.data.mixture`. Out: arrays of fixed length:
ids, position inside the row (0 starts a row), and the weight of predicting each id. Rows never
span two sequences, so nothing leaks between questions.
"""

from __future__ import annotations

import multiprocessing as mp
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from tokenizers import Tokenizer

# what stands after an arrow to the end of its line, and which part comes next
_CALL = re.compile(r"->[^\n<]*|<\|\w+\|>")
PROMPT_WEIGHT = 0.04  # a little language modelling on questions keeps their English alive


def encode_row(tokenizer: Tokenizer, row: Any) -> tuple[list[int], list[float]]:
    """Ids of one row and the weight of each id as a target; prompt and results are only read."""
    segments = [(row.prompt, False), *row.target]
    ids: list[int] = []
    weights: list[float] = []
    texts = [text for text, _ in segments]
    for encoding, (_, learn) in zip(
        tokenizer.encode_batch(texts, add_special_tokens=False), segments, strict=True
    ):
        ids.extend(encoding.ids)
        weights.extend([row.weight if learn else PROMPT_WEIGHT] * len(encoding.ids))
    return ids, weights


def call_tokens(tokenizer: Tokenizer, row: Any) -> tuple[list[int], list[bool]]:
    """Ids of one row, and whether each is part of a call or of the choice between plan and talk."""
    ids: list[int] = tokenizer.encode(row.prompt, add_special_tokens=False).ids
    calls = [False] * len(ids)
    for text, learn in row.target:
        encoding = tokenizer.encode(text, add_special_tokens=False)
        spans = [match.span() for match in _CALL.finditer(text)] if learn else []
        ids += encoding.ids
        calls += [
            any(start <= begin < end for start, end in spans) for begin, _ in encoding.offsets
        ]
    return ids, calls


def pack(
    tokenizer: Tokenizer, rows: Iterator[Any], length: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Sequences (ids, position, weight), each [length + 1]; the tail is filled with weight 0."""
    pad = tokenizer.token_to_id("<|endoftext|>")
    ids: list[int] = []
    position: list[int] = []
    weight: list[float] = []
    for row in rows:
        new, worth = encode_row(tokenizer, row)
        if len(new) > length + 1:
            continue
        if len(ids) + len(new) > length + 1:
            rest = length + 1 - len(ids)
            yield (
                np.array(ids + [pad] * rest, np.int16),
                np.array(position + list(range(rest)), np.int16),
                np.array(weight + [0.0] * rest, np.float16),
            )
            ids, position, weight = [], [], []
        ids += new
        position += range(len(new))
        weight += [0.0, *worth[1:]]


def _produce(queue: Any, seed: int, batch: int, length: int, stop: Any) -> None:
    from training.data import mixture

    tokenizer = Tokenizer.from_file("jamba_core/data/tokenizer.json")
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for sequence in pack(tokenizer, mixture.rows(seed, 10**12, "train"), length):
        found.append(sequence)
        if len(found) == batch:
            queue.put(tuple(np.stack(parts) for parts in zip(*found, strict=True)))
            found = []
        if stop.is_set():
            return


class Feeder:
    """Worker processes that generate, tokenise and pack rows without end."""

    def __init__(self, workers: int, batch: int, length: int, seed: int) -> None:
        context = mp.get_context("spawn")
        self.queue = context.Queue(maxsize=64)
        self.stop = context.Event()
        self.workers = [
            context.Process(
                target=_produce,
                args=(self.queue, seed * 1000 + i, batch, length, self.stop),
                daemon=True,
            )
            for i in range(workers)
        ]
        for worker in self.workers:
            worker.start()

    def next(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.queue.get(timeout=120)

    def close(self) -> None:
        self.stop.set()
        for worker in self.workers:
            worker.terminate()
