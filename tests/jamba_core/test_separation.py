"""Exact separation ranks: the table, the closed form, and a rank that floats get wrong."""

import numpy as np
import pytest

from mrkl.jamba_core.separation import PRIME, closed_form, measure, rank_mod, regimes

ONE_TOKEN = {
    (1, 2): 3,
    (1, 4): 5,
    (1, 6): 7,
    (2, 2): 15,
    (2, 3): 35,
    (2, 4): 70,
    (3, 1): 14,
    (3, 2): 105,
    (4, 1): 41,
}


@pytest.mark.parametrize(("case", "rank"), ONE_TOKEN.items())
def test_one_token_a_side(case: tuple[int, int], rank: int) -> None:
    found = measure(*case)
    assert (found.rank, found.closed_form, found.saturated) == (rank, rank, False)


@pytest.mark.parametrize(("width", "rank"), [(2, 18), (3, 49)])
def test_two_tokens_a_side(width: int, rank: int) -> None:
    found = measure(2, width, tokens=2)
    assert (found.rank, found.closed_form) == (rank, None)
    # the formula fitted on widths up to 4
    assert rank == closed_form(2, width) + (width - 1) * width * (width + 1) * (width + 4) // 12


def test_other_weights_give_the_same_rank() -> None:
    assert {measure(3, 2, seed=seed).rank for seed in range(3)} == {105}


def test_a_grid_that_is_too_small_says_so() -> None:
    found = measure(2, 3, grid=20)
    assert found.rank == 20 and found.saturated


def test_the_closed_form_stays_below_the_papers_bound() -> None:
    assert closed_form(3, 3) == 560 and closed_form(4, 2) == 861
    for depth in range(1, 5):
        for width in range(1, 9):
            assert closed_form(depth, width) <= (width + 1) ** ((3**depth - 1) // 2)


def test_ranks_modulo_the_prime() -> None:
    random = np.random.default_rng(0)
    for rank in (0, 1, 7, 20):
        left = random.integers(0, PRIME, (20, max(rank, 1)), dtype=np.int64)
        right = random.integers(0, PRIME, (max(rank, 1), 25), dtype=np.int64)
        exact = (left.astype(object) @ right.astype(object)) % PRIME * (rank > 0)
        assert rank_mod(exact.astype(np.int64)) == rank
    full = np.array([[1, 2], [2, 5]], dtype=np.int64)
    assert rank_mod(full) == 2


def test_both_regimes_are_told() -> None:
    found = [measure(d, w) for d, w in ONE_TOKEN]
    lines = "\n".join(regimes(found))
    assert "wide side, depth 2: rank ~ width^2." in lines and "width^4 in the limit" in lines
    assert "deep side, width 2: 3, 15, 105" in lines and "x9 in the limit" in lines
