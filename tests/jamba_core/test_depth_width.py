"""The rule against its published anchors, verdicts, and shapes for a budget."""

import pytest

from mrkl.jamba_core import JambaConfig
from mrkl.jamba_core.depth_width import (
    TOO_DEEP,
    TOO_SHALLOW,
    Budget,
    body_error,
    body_parameters,
    depth_for,
    proposals,
    shape_for_body,
    verdict,
    width_for,
)
from mrkl.jamba_core.shapes import shape
from mrkl.jamba_core.sizes import sizes

TABLE = [  # depth, width, weights of the body, error in per cent
    (6, 215, 3.34e6, 6),
    (8, 241, 5.56e6, 6),
    (12, 300, 13.0e6, 7),
    (16, 375, 27.0e6, 7),
    (24, 585, 98.4e6, 9),
    (32, 911, 319e6, 10),
    (48, 2215, 2.83e9, 14),
    (64, 5383, 22.2e9, 18),
    (80, 13082, 164e9, 22),
    (95, 30077, 1.03e12, 25),
]


@pytest.mark.parametrize(("depth", "width", "weights", "error"), TABLE)
def test_the_depth_table(depth: int, width: int, weights: float, error: int) -> None:
    assert width_for(depth) == pytest.approx(width, rel=2e-3)
    assert body_parameters(depth) == pytest.approx(weights, rel=4e-3)
    assert round(100 * body_error(depth)) == error
    assert depth_for(width_for(depth)) == pytest.approx(depth)


@pytest.mark.parametrize(
    ("weights", "depth", "width"),
    [
        (85e6, 23, 554),
        (302e6, 32, 892),
        (680e6, 37, 1231),
        (1.21e9, 42, 1555),
        (2.7e9, 47, 2110),
        (6.7e9, 54, 3144),
        (106e6, 24.5, 601),
        (175e9, 80, 13_400),
        (1e12, 95, 30_000),
    ],
)
def test_shapes_by_the_rule(weights: float, depth: float, width: float) -> None:
    found = shape_for_body(weights)
    assert found[0] == pytest.approx(depth, abs=1.0)
    assert found[1] == pytest.approx(width, rel=0.04)


def test_anchors() -> None:
    widths = (256, 384, 512, 768, 1024, 2048, 4096, 8192, 12288, 13824)
    depths = [9.1, 16.4, 21.6, 28.9, 34.1, 46.6, 59.1, 71.6, 78.9, 81.0]
    assert [depth_for(width) for width in widths] == pytest.approx(depths, abs=0.06)
    assert body_parameters(70) == pytest.approx(47.4e9, rel=1e-3)


@pytest.mark.parametrize(
    ("depth", "width", "word"),
    [
        (96, 12288, "within"),  # GPT-3: deeper than the rule, by less than 30 %
        (12, 768, "too shallow"),  # GPT-3 Small
        (32, 4096, "too shallow"),  # Jamba-Mini
        (72, 8192, "within"),  # Jamba-Large
        (30, 512, "too deep"),
        (4, 64, "too deep"),  # narrower than any network of the rule
    ],
)
def test_verdicts(depth: int, width: int, word: str) -> None:
    found = verdict(depth, width)
    assert found.text.startswith(word)
    assert (found.ratio > TOO_DEEP, found.ratio < TOO_SHALLOW) == (
        word == "too deep",
        word == "too shallow",
    )


@pytest.mark.parametrize(
    ("budget", "fields"),
    [
        (Budget(parameters=1e9), {}),
        (Budget(parameters=3e9), {"num_experts": 1, "num_experts_per_tok": 1}),
        (Budget(active=5e8), {"num_experts": 8}),
        (Budget(memory=24e9, context=65_536, batch=4), {}),
        (Budget(memory=24e9, precision="bfloat16"), {"vocab_size": 4096}),
        (Budget(parameters=4e7), {"vocab_size": 4096}),  # two of the depths coincide
    ],
)
def test_proposals_stay_within_the_budget_and_use_it(
    budget: Budget, fields: dict[str, int]
) -> None:
    found = proposals(budget, **fields)
    assert len(found) >= 2
    for config in found:
        assert budget.allows(config)
        assert TOO_SHALLOW <= verdict(config.num_hidden_layers, config.hidden_size).ratio <= 1.1
        assert any(map(config.is_attention, range(config.num_hidden_layers)))
        assert JambaConfig.from_dict(config.as_dict()) == config
        for name, value in fields.items():
            assert getattr(config, name) == value
        if budget.parameters:
            # widths are multiples of 64: a small budget cannot be met closely
            assert sizes(config).total > 0.35 * budget.parameters


def test_a_longer_context_leaves_less_for_the_weights() -> None:
    short, long = (proposals(Budget(memory=8e9, context=c, batch=64))[-1] for c in (1024, 262_144))
    assert sizes(long).total < sizes(short).total


def test_a_budget_without_any_shape() -> None:
    with pytest.raises(ValueError, match="budget is too small"):
        proposals(Budget(parameters=1e6))


def test_large_is_near_the_rule() -> None:
    large = shape("large")
    assert verdict(large.num_hidden_layers, large.hidden_size).ratio == pytest.approx(1, abs=0.02)
