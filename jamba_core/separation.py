"""The separation rank of deep self-attention, exactly: what depth and width buy.

In: a depth, a width, tokens per side. Out: the rank, over the integers modulo a prime, of a grid
of outputs y(left half, right half) of the theorem's network (arXiv 2006.12467): self-attention
without softmax, MLP or normalisation, random weights. The rank is a certified lower bound of the
separation rank, and equal to it while it stays below the grid's size. For one token a side there
is a closed form. It proves nothing about softmax networks or Jamba. Floating point will not do:
the same grid in float64 gives 46 in place of 105.
"""

import math
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

PRIME = 2**31 - 1  # products of two residues fit into 64 bits, and reducing needs no division
ROWS = 64  # left halves whose grid rows are computed at once

# What `prove` checks: (depth, width, tokens a side), seconds in all.
CASES = (
    *((1, d, 1) for d in (2, 3, 4, 6)),
    *((2, d, 1) for d in (2, 3, 4, 5)),
    *((2, d, 2) for d in (2, 3, 4)),
    *((3, d, 1) for d in (1, 2, 3)),
    *((3, 2, 2), (4, 1, 1)),
)


@dataclass(frozen=True)
class Separation:
    """One measured rank. saturated: the grid was too small to show it all."""

    depth: int
    width: int
    tokens: int
    rank: int
    saturated: bool
    seconds: float

    @property
    def closed_form(self) -> int | None:
        """The rank by the formula for one token a side."""
        return closed_form(self.depth, self.width) if self.tokens == 1 else None


def degree(depth: int) -> int:
    """c_L = (3^L - 1) / 2: the highest degree that the weaker side can have."""
    return (3**depth - 1) // 2


def closed_form(depth: int, width: int) -> int:
    """C(d + c_L, d): the separation rank for one token a side."""
    return math.comb(width + degree(depth), width)


def measure(depth: int, width: int, tokens: int = 1, seed: int = 0, grid: int = 0) -> Separation:
    """The rank of a random grid; `grid` halves a side (0: a few more than the rank can need)."""
    begin = time.monotonic()
    grid = grid or closed_form(depth, width) * (3 if tokens > 1 else 1) + 8
    random = np.random.default_rng(seed)

    def draw(*size: int) -> Any:
        return random.integers(0, PRIME, size, dtype=np.int64)

    weights = [[draw(width, width) for _ in range(4)] for _ in range(depth)]
    left, right = draw(grid, tokens, width), draw(grid, tokens, width)
    rows = [_outputs(left[i : i + ROWS], right, weights) for i in range(0, grid, ROWS)]
    rank = rank_mod(np.concatenate(rows))
    return Separation(depth, width, tokens, rank, rank == grid, time.monotonic() - begin)


def _reduce(x: Any) -> Any:
    """x modulo PRIME for 0 <= x < 2^63: 2^31 counts as 1."""
    x = (x & PRIME) + (x >> 31)
    return np.where(x >= PRIME, x - PRIME, x)


def _times(x: Any, y: Any) -> Any:
    """The product of residues."""
    return _reduce(_reduce(x * y))


def _apply(x: Any, weight: Any) -> Any:
    """x [..., d] @ weight [d, e]; every product is reduced before it is added."""
    total = np.zeros((*x.shape[:-1], weight.shape[-1]), dtype=np.int64)
    for k in range(weight.shape[0]):
        total += _times(x[..., k, None], weight[k])
    return _reduce(total)


def _outputs(left: Any, right: Any, weights: list[list[Any]]) -> Any:
    """First coordinate at the first position: [rows of left, rows of right].

    A layer is y_i = W_O sum_j <W_Q x_i, W_K x_j> W_V x_j over all positions j of both halves.
    """
    shape = (left.shape[0], right.shape[0], *left.shape[1:])
    x = np.concatenate(
        [np.broadcast_to(left[:, None], shape), np.broadcast_to(right[None], shape)], 2
    )  # [rows, columns, 2 tokens, d]
    for w_q, w_k, w_v, w_o in weights:
        q, k, v = (_apply(x, w) for w in (w_q, w_k, w_v))
        y = np.zeros_like(x)
        for j in range(x.shape[2]):
            match = _reduce(_times(q, k[:, :, j, None]).sum(-1))  # [rows, columns, 2 tokens]
            y += _times(match[..., None], v[:, :, j, None])
        x = _apply(_reduce(y), w_o)
    return x[:, :, 0, 0]


def rank_mod(matrix: Any) -> int:
    """The rank of a matrix of residues, by elimination."""
    matrix = matrix.copy()
    rank = 0
    for column in range(matrix.shape[1]):
        places = np.flatnonzero(matrix[rank:, column])
        if not len(places):
            continue
        pivot = rank + int(places[0])
        matrix[[rank, pivot]] = matrix[[pivot, rank]]
        inverse = pow(int(matrix[rank, column]), PRIME - 2, PRIME)
        first = _times(matrix[rank, column:], inverse)
        below = matrix[rank + 1 :, column:]
        # minus a residue is PRIME minus it: everything stays non-negative
        below[:] = _reduce(below + _times(PRIME - below[:, :1], first))
        rank += 1
        if rank == matrix.shape[0]:
            break
    return rank


def prove() -> list[Separation]:
    """Measure all of CASES."""
    return [measure(*case) for case in CASES]


def regimes(found: list[Separation]) -> list[str]:
    """What the ranks say of the two regimes, a line each."""
    ranks = {(s.depth, s.width): s.rank for s in found if s.tokens == 1}
    lines: list[str] = []
    for depth in sorted({depth for depth, _ in ranks}):
        widths = sorted(w for d, w in ranks if d == depth)
        if len(widths) > 1:
            one, two = widths[-2:]
            slope = math.log(ranks[depth, two] / ranks[depth, one]) / math.log(two / one)
            lines.append(
                f"wide side, depth {depth}: rank ~ width^{slope:.1f} from width {one} to {two}, "
                f"width^{degree(depth)} in the limit"
            )
    for width in sorted({width for _, width in ranks if width > 1}):
        row = [ranks[d, width] for d in sorted(d for d, w in ranks if w == width)]
        if len(row) > 2:
            steps = ", ".join(f"x{b / a:.1f}" for a, b in pairwise(row))
            lines.append(
                f"deep side, width {width}: {', '.join(map(str, row))} with every layer ({steps}; "
                f"x{3**width} in the limit)"
            )
    lines += [
        "wide side: depth sets the exponent, (3^L - 1)/2, so a deeper network pays most",
        "deep side: a layer multiplies by 3^width, so depth and width count alike",
        "they meet near depth log3(2 width), the theorem's log3(width) up to a constant",
    ]
    return lines
