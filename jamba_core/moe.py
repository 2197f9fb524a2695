"""The feed-forward half of a layer: a gated MLP, or several of them behind a router.

In: x [S, D] float32, one row a token. Out: the same shape. The router's softmax runs over all experts in
float32; the top k are not renormalised. It does not know residuals, norms or training losses.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from mrkl.jamba_core.linear import ACTIVATION, Linear
from mrkl.jamba_core.packed import PackedExperts, PackedLinear, gated_mlp

if TYPE_CHECKING:
    from mrkl.jamba_core.weights import Weights


class GatedMLP:
    """down(act(gate(x)) * up(x)); gate and up are one matrix."""

    def __init__(self, gate_up: Linear, down: Linear, act: str) -> None:
        self.gate_up, self.down, self.act = gate_up, down, ACTIVATION[act]
        self.packed = act == "silu" and all(isinstance(m, PackedLinear) for m in (gate_up, down))

    @classmethod
    def load(cls, weights: "Weights", prefix: str, width: int, group: str) -> "GatedMLP":
        """Read the three matrices under `prefix`; `width` is the inner size."""
        hidden = weights.config.hidden_size
        gate_up = weights.linear(prefix, (("gate_proj", width), ("up_proj", width)), hidden, group)
        down = weights.linear(prefix, (("down_proj", hidden),), width, group)
        return cls(gate_up, down, weights.config.hidden_act)

    def __call__(self, x: Tensor) -> Tensor:
        if self.packed:
            return gated_mlp(self.gate_up, self.down, x)
        gate, up = self.gate_up(x).chunk(2, -1)
        return self.down(self.act(gate).mul_(up))

    def tensors(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        """The weights under their names on disk."""
        yield from self.gate_up.tensors(prefix)
        yield from self.down.tensors(prefix)


class MixtureOfExperts:
    """Letters: E experts, K of them per token, S tokens."""

    def __init__(self, weights: "Weights", prefix: str) -> None:
        config = weights.config
        self.top_k = config.num_experts_per_tok
        self.router = weights.vector(
            prefix + "router.weight", (config.num_experts, config.hidden_size)
        )
        self.experts = [
            GatedMLP.load(weights, f"{prefix}experts.{e}.", config.moe_intermediate_size, "experts")
            for e in range(config.num_experts)
        ]
        self.packed: PackedExperts | None = None
        if all(expert.packed for expert in self.experts):
            gate_ups, downs = [e.gate_up for e in self.experts], [e.down for e in self.experts]
            self.packed = PackedExperts(gate_ups, downs)

    def __call__(self, x: Tensor) -> Tensor:
        chances = torch.softmax(F.linear(x, self.router), -1)  # [S, E]
        weights, chosen = torch.topk(chances, self.top_k, -1)  # [S, K]
        if self.packed:
            return self.packed(x, weights, chosen)
        run = self._one if x.shape[0] == 1 else self._many
        return run(x, weights, chosen)

    def _one(self, row: Tensor, weights: Tensor, chosen: Tensor) -> Tensor:
        """A single token: no gathering, only its own experts."""
        first, *rest = zip(weights[0].tolist(), chosen[0].tolist(), strict=True)
        out = self.experts[first[1]](row).mul_(first[0])
        for weight, expert in rest:
            out.add_(self.experts[expert](row), alpha=weight)
        return out

    def _many(self, rows: Tensor, weights: Tensor, chosen: Tensor) -> Tensor:
        """Sort the S K (token, expert) pairs by expert; each expert reads its tokens once."""
        flat = chosen.flatten()  # [S K]
        order = torch.argsort(flat, stable=True)
        tokens = order // self.top_k
        counts = torch.bincount(flat, minlength=len(self.experts)).tolist()
        scale = weights.flatten()[order].unsqueeze(-1)
        out = torch.zeros_like(rows)
        start = 0
        for expert, count in zip(self.experts, counts, strict=True):
            if count:
                span = slice(start, start + count)
                mine = tokens[span]
                out.index_add_(0, mine, expert(rows[mine]).mul_(scale[span]))
            start += count
        return out

    def tensors(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        """The weights under their names on disk."""
        yield prefix + "router.weight", self.router
        for number, expert in enumerate(self.experts):
            yield from expert.tensors(f"{prefix}experts.{number}.")
