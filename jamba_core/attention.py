"""Grouped-query attention without positional encoding, over a growing store of keys and values.

In: x [B T, D] and the state of the past. Out: [B T, D] and the new state. Causal; padding before
the shorter sequences of a batch is seen by nobody. It does not know residuals or norms.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from mrkl.jamba_core.cache import AttentionState, Padding

if TYPE_CHECKING:
    from mrkl.jamba_core.weights import Weights


class Attention:
    """Letters: H heads, G key/value heads, E head_dim."""

    def __init__(self, weights: "Weights", prefix: str) -> None:
        config = weights.config
        self.heads, self.groups = config.num_attention_heads, config.num_key_value_heads
        self.width = config.head_dim
        hidden, inner = config.hidden_size, self.heads * self.width
        shared = self.groups * self.width
        rows = (("q_proj", inner), ("k_proj", shared), ("v_proj", shared))
        self.qkv = weights.linear(prefix, rows, hidden, "mixer")
        self.out = weights.linear(prefix, (("o_proj", hidden),), inner, "mixer")
        # On the CPU bfloat16 products this small only cost conversions.
        on_cpu = weights.device.type == "cpu"
        self.dtype = torch.float32 if on_cpu else weights.product
        self.device = weights.device

    def empty(self, batch: int) -> AttentionState:
        """The state before the first token."""
        return AttentionState.empty(batch * self.groups, self.width, self.dtype, self.device)

    def __call__(
        self, x: Tensor, state: AttentionState, batch: int, padding: Padding | None = None
    ) -> tuple[Tensor, AttentionState]:
        time, past = x.shape[0] // batch, state.length
        mask = padding and padding.mask(past, time, self.groups)
        q, kv = self._heads(self.qkv(x).to(self.dtype), batch, time)
        state = state.append(kv)
        k, v = state.keys_values().unbind(0)  # [B G, past + T, E]
        if time == 1:
            scores = torch.bmm(q, k.transpose(1, 2)).mul_(self.width**-0.5)  # [B G, H/G, past + 1]
            if mask is not None:
                scores.masked_fill_(~mask, -torch.inf)
            y = torch.bmm(torch.softmax(scores, -1), v)
        else:
            y = self._many(q, k, v, past, mask)
        y = y.view(batch, self.heads, time, self.width).transpose(1, 2)
        return self.out(y.reshape(batch * time, -1).float()), state

    def _heads(self, qkv: Tensor, batch: int, time: int) -> tuple[Tensor, Tensor]:
        """qkv [B T, (H + 2 G) E] -> q [B G, H/G T, E] and kv [2, B G, T, E]."""
        inner = self.heads * self.width
        q = qkv[:, :inner].view(batch, time, self.heads, self.width).transpose(1, 2)
        q = q.reshape(batch * self.groups, -1, self.width)
        kv = qkv[:, inner:].view(batch, time, 2, self.groups, self.width)
        kv = kv.permute(2, 0, 3, 1, 4).reshape(2, batch * self.groups, time, self.width)
        return q, kv

    def _many(self, q: Tensor, k: Tensor, v: Tensor, past: int, mask: Tensor | None) -> Tensor:
        """Several tokens at once: torch's own kernel, which never holds all scores."""
        batch, time = k.shape[0] // self.groups, k.shape[1] - past
        q = q.view(batch, self.heads, time, self.width)
        k, v = (t.unflatten(0, (batch, self.groups)) for t in (k, v))
        if mask is not None:
            mask = mask.unflatten(0, (batch, self.groups))[:, :1]
        elif past:
            mask = torch.ones(time, past + time, dtype=torch.bool, device=q.device).tril_(past)
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=mask is None, enable_gqa=self.heads != self.groups
        )

    def tensors(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        """The weights under their names on disk."""
        yield from self.qkv.tensors(prefix)
        yield from self.out.tensors(prefix)
