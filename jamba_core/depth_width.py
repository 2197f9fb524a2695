"""How deep a network should be for its width, and shapes for a budget.

The rule is "Limits to depth efficiencies of self-attention" (arXiv 2006.12467): below the width
exp(a + b L) a network of depth L is too deep for it, well above it too shallow. It was fitted on
attention networks; for hybrids with Mamba layers it is a heuristic, and the optimum is flat: 30 %
in depth cost about 1 % of loss. In: depths, widths, budgets. Out: numbers and configurations.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mrkl.jamba_core.config import JambaConfig
from mrkl.jamba_core.sizes import cache_bytes, sizes, state_bytes

INTERCEPT, SLOPE = 5.039, 0.0555  # log width = INTERCEPT + SLOPE * depth
INTERCEPT_ERROR, SLOPE_ERROR = 0.030, 0.0013
TOO_DEEP, TOO_SHALLOW = 1.3, 0.6  # times the rule's depth
DEPTHS = (0.6, 0.8, 1.0)  # the shapes proposed
PERIOD = 8  # one attention layer in so many
FEWEST_LAYERS = 4


def width_for(depth: float) -> float:
    """The width at which a network of this depth stops being too deep."""
    return math.exp(INTERCEPT + SLOPE * depth)


def depth_for(width: float) -> float:
    """The depth that the rule gives a width; below 1 for widths under 163."""
    return (math.log(width) - INTERCEPT) / SLOPE


def body_parameters(depth: float) -> float:
    """Weights of an attention network of this depth and its width by the rule: 12 L d^2."""
    return 12 * depth * width_for(depth) ** 2


def body_error(depth: float) -> float:
    """Relative error of `body_parameters` from the errors of the fit."""
    return 2 * math.hypot(INTERCEPT_ERROR, depth * SLOPE_ERROR)


def shape_for_body(parameters: float) -> tuple[float, float]:
    """Depth and width of an attention network with so many weights (no embeddings)."""
    low, high = 1e-6, 200.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if body_parameters(middle) < parameters else (low, middle)
    return low, width_for(low)


@dataclass(frozen=True)
class Verdict:
    """depth over the rule's depth for the width, and what that means."""

    ratio: float
    rule: float  # the rule's depth

    @property
    def text(self) -> str:
        """In one line."""
        if self.ratio > TOO_DEEP:
            word = "too deep for its width"
        elif self.ratio < TOO_SHALLOW:
            word = "too shallow for its width"
        else:
            word = "within the rule"
        return f"{word}: the rule gives {self.rule:.1f} layers, it has {self.ratio:.2f} times that"


def verdict(depth: int, width: int) -> Verdict:
    """Judge a shape; a width that is too narrow for the rule has the rule's smallest depth."""
    rule = max(1.0, depth_for(width))
    return Verdict(depth / rule, rule)


@dataclass(frozen=True)
class Budget:
    """What a model may take: one of total weights, active weights, or bytes with its texts."""

    parameters: float | None = None
    active: float | None = None
    memory: float | None = None
    precision: str = "int8"
    context: int = 4096
    batch: int = 1
    cache_width: int = 2

    def allows(self, config: JambaConfig) -> bool:
        """Whether a configuration stays within it."""
        found = sizes(config)
        if self.parameters is not None and found.total > self.parameters:
            return False
        if self.active is not None and found.active > self.active:
            return False
        if self.memory is None:
            return True
        text = cache_bytes(config, self.context, self.cache_width)
        text += state_bytes(config, self.cache_width)
        return found.bytes(self.precision) + self.batch * text <= self.memory


def configuration(hidden: int, depth: int, **fields: Any) -> JambaConfig:
    """A Jamba of this width and depth: 1 attention layer in 8, experts in every second layer."""
    width = 128 if hidden >= 1024 else 64
    heads = max(1, hidden // width)
    kv = max(1, heads // 4)
    while heads % kv:
        kv -= 1
    period = min(PERIOD, depth)
    sizes_: dict[str, Any] = {
        "hidden_size": hidden,
        "num_hidden_layers": depth,
        "intermediate_size": int(3.5 * hidden),
        "num_attention_heads": heads,
        "head_dim": width,
        "num_key_value_heads": kv,
        "attn_layer_period": period,
        "attn_layer_offset": period // 2,
    }
    return JambaConfig.from_dict(sizes_ | fields)


def proposals(budget: Budget, **fields: Any) -> list[JambaConfig]:
    """The widest shape within the budget at each of a few depths around the rule.

    fields: what is given, as in a configuration (num_experts, vocab_size, …). Raises ValueError
    where not even the narrowest shape fits.
    """
    found = [c for c in (_widest(budget, factor, fields) for factor in DEPTHS) if c]
    if not found:
        raise ValueError("the budget is too small for any shape: even the narrowest does not fit")
    return list({(c.hidden_size, c.num_hidden_layers): c for c in found}.values())


def _widest(budget: Budget, factor: float, fields: dict[str, Any]) -> JambaConfig | None:
    best = None
    for config in _ladder(lambda hidden: factor * depth_for(hidden), fields):
        if not budget.allows(config):
            break
        best = config
    return best


def _ladder(depth: Callable[[int], float], fields: dict[str, Any]) -> Iterator[JambaConfig]:
    """Shapes of growing width, each with its depth."""
    for hidden in range(64, 32769, 64):
        layers = max(FEWEST_LAYERS, math.ceil(depth(hidden)))
        yield configuration(hidden, layers, **fields)
