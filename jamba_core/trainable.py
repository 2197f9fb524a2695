"""Jamba in training form: whole sequences with gradients, packed documents, compilable blocks.

In: token ids [B, T] and each token's position in its document [B, T]. Out: hidden states or
logits. Parameter names follow Hugging Face's Jamba with packed experts; `trainable_state` and
`public_tensors` translate. Only the kind that ships: SiLU, a tied head. Generation and caches
live in `model`, which is for inference only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrkl.jamba_core import trainable_scan as scans
from mrkl.jamba_core.config import ConfigError, JambaConfig


class Norm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.float(), (x.shape[-1],), self.weight.float(), self.eps).to(x.dtype)


class Attention(nn.Module):
    """Grouped-query attention without positions; `mask` [B, 1, T, T] or None for causal."""

    def __init__(self, s: JambaConfig) -> None:
        super().__init__()
        self.heads, self.kv, self.dim = (
            s.num_attention_heads,
            s.num_key_value_heads,
            s.head_dim,
        )
        self.q_proj = nn.Linear(s.hidden_size, self.heads * self.dim, bias=False)
        self.k_proj = nn.Linear(s.hidden_size, self.kv * self.dim, bias=False)
        self.v_proj = nn.Linear(s.hidden_size, self.kv * self.dim, bias=False)
        self.o_proj = nn.Linear(self.heads * self.dim, s.hidden_size, bias=False)

    def forward(self, x: Tensor, position: Tensor, mask: Tensor | None) -> Tensor:
        rows, length, _ = x.shape
        q = self.q_proj(x).view(rows, length, self.heads, self.dim).transpose(1, 2)
        k = self.k_proj(x).view(rows, length, self.kv, self.dim).transpose(1, 2)
        v = self.v_proj(x).view(rows, length, self.kv, self.dim).transpose(1, 2)
        group = self.heads // self.kv
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        return self.o_proj(y.transpose(1, 2).reshape(rows, length, -1))


class Mamba(nn.Module):
    """Mamba-1 with RMSNorm on dt, B and C (Jamba, arXiv 2403.19887)."""

    def __init__(self, s: JambaConfig) -> None:
        super().__init__()
        inner = s.mamba_inner
        self.rank, self.states, self.taps = s.mamba_dt_rank, s.mamba_d_state, s.mamba_d_conv
        self.in_proj = nn.Linear(s.hidden_size, 2 * inner, bias=s.mamba_proj_bias)
        self.conv1d = nn.Conv1d(inner, inner, self.taps, groups=inner, padding=self.taps - 1)
        self.x_proj = nn.Linear(inner, self.rank + 2 * self.states, bias=False)
        self.dt_proj = nn.Linear(self.rank, inner)
        start = torch.arange(1, self.states + 1, dtype=torch.float32)
        self.A_log = nn.Parameter(start.log().repeat(inner, 1))
        self.D = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, s.hidden_size, bias=s.mamba_proj_bias)
        self.dt_layernorm = Norm(self.rank, s.rms_norm_eps)
        self.b_layernorm = Norm(self.states, s.rms_norm_eps)
        self.c_layernorm = Norm(self.states, s.rms_norm_eps)
        delta = torch.exp(torch.rand(inner) * (math.log(0.1) - math.log(1e-3)) + math.log(1e-3))
        with torch.no_grad():
            self.dt_proj.bias.copy_(delta + torch.log(-torch.expm1(-delta)))

    def forward(self, x: Tensor, position: Tensor, mask: Tensor | None) -> Tensor:
        u, z = self.in_proj(x).chunk(2, -1)
        weight = self.conv1d.weight.squeeze(1).to(u.dtype)  # [D, taps]
        mixed = u * weight[:, -1] + self.conv1d.bias.to(u.dtype)
        for back in range(1, self.taps):
            shifted = F.pad(u, (0, 0, back, 0))[:, : u.shape[1]]
            inside = (position >= back).unsqueeze(-1).to(u.dtype)
            mixed = mixed + shifted * inside * weight[:, -1 - back]
        u = F.silu(mixed)
        dt, b, c = self.x_proj(u).split([self.rank, self.states, self.states], -1)
        raw = self.dt_proj(self.dt_layernorm(dt))
        run = scans.scan if u.is_cuda else scans.on_cpu
        y = run(
            u.contiguous(),
            raw.contiguous(),
            -torch.exp(self.A_log.float()),
            self.b_layernorm(b).contiguous(),
            self.c_layernorm(c).contiguous(),
            self.D.float(),
            position,
        )
        return self.out_proj(y.to(x.dtype) * F.silu(z))


class Dense(nn.Module):
    def __init__(self, s: JambaConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(s.hidden_size, s.intermediate_size, bias=False)
        self.up_proj = nn.Linear(s.hidden_size, s.intermediate_size, bias=False)
        self.down_proj = nn.Linear(s.intermediate_size, s.hidden_size, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return y, x.new_zeros((), dtype=torch.float32)


class Experts(nn.Module):
    """Softmax over all experts, the best few kept, not renormalised."""

    def __init__(self, s: JambaConfig) -> None:
        super().__init__()
        self.n, self.top, self.width = s.num_experts, s.num_experts_per_tok, s.moe_intermediate_size
        self.router = nn.Linear(s.hidden_size, self.n, bias=False)
        gate_up = torch.empty(self.n, 2 * self.width, s.hidden_size)
        down = torch.empty(self.n, s.hidden_size, self.width)
        self.gate_up_proj = nn.Parameter(nn.init.normal_(gate_up, std=0.02))
        self.down_proj = nn.Parameter(nn.init.normal_(down, std=0.02))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        shares = torch.softmax(self.router(x).float(), -1)  # [B, T, E]
        best = shares.topk(self.top, -1).indices
        chosen = torch.zeros_like(shares).scatter(-1, best, 1.0)
        load = chosen.flatten(0, 1).mean(0) / self.top
        balance = self.n * (load * shares.flatten(0, 1).mean(0)).sum()
        weight = (shares * chosen).to(x.dtype)
        run = self._all if x.is_cuda else self._chosen
        return run(x, weight), balance

    def _all(self, x: Tensor, weight: Tensor) -> Tensor:
        """Every expert for every token, most with weight 0: on a GPU quicker than sorting."""
        both = F.linear(x, self.gate_up_proj.flatten(0, 1).to(x.dtype))
        gate, up = both.unflatten(-1, (self.n, 2, self.width)).unbind(-2)
        inner = F.silu(gate) * up * weight.unsqueeze(-1)  # [B, T, E, F]
        down = self.down_proj.transpose(0, 1).flatten(1).to(x.dtype)  # [H, E * F]
        return F.linear(inner.flatten(-2), down)

    def _chosen(self, x: Tensor, weight: Tensor) -> Tensor:
        """Each expert for its own tokens."""
        rows, shares = x.flatten(0, 1), weight.flatten(0, 1)
        out = torch.zeros_like(rows)
        for expert in range(self.n):
            mine = shares[:, expert].nonzero().squeeze(1)
            gate, up = F.linear(rows[mine], self.gate_up_proj[expert]).chunk(2, -1)
            inner = F.silu(gate) * up * shares[mine, expert, None]
            done = F.linear(inner, self.down_proj[expert]).to(out.dtype)
            out = out.index_add(0, mine, done)
        return out.view_as(x)


class Block(nn.Module):
    def __init__(self, s: JambaConfig, layer: int) -> None:
        super().__init__()
        self.input_layernorm = Norm(s.hidden_size, s.rms_norm_eps)
        self.pre_ff_layernorm = Norm(s.hidden_size, s.rms_norm_eps)
        if s.is_attention(layer):
            self.self_attn = Attention(s)
        else:
            self.mamba = Mamba(s)
        self.feed_forward = Experts(s) if s.is_moe(layer) else Dense(s)
        self.attends = s.is_attention(layer)

    def forward(self, x: Tensor, position: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        mixer = self.self_attn if self.attends else self.mamba
        x = x + mixer(self.input_layernorm(x), position, mask)
        y, balance = self.feed_forward(self.pre_ff_layernorm(x))
        return x + y, balance


class TrainableJamba(nn.Module):
    """Embedding, blocks, final norm; the head is the embedding (tied)."""

    def __init__(self, s: JambaConfig) -> None:
        """Random weights; raises ConfigError for a kind of Jamba that cannot be trained."""
        super().__init__()
        if s.hidden_act != "silu" or not (s.tie_word_embeddings and s.mamba_conv_bias):
            raise ConfigError(
                "only a Jamba with SiLU, a tied head and biased convolutions can be trained"
            )
        self.shape = s
        self.embed_tokens = nn.Embedding(s.vocab_size, s.hidden_size)
        nn.init.normal_(self.embed_tokens.weight, std=0.02)
        self.layers = nn.ModuleList(Block(s, i) for i in range(s.num_hidden_layers))
        self.final_layernorm = Norm(s.hidden_size, s.rms_norm_eps)

    def forward(
        self, ids: Tensor, position: Tensor, mask: Tensor | None = None, keep: bool = False
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Final hidden states [B, T, H], balance loss, and each block's output if `keep`."""
        x = self.embedded(ids)
        balance = x.new_zeros((), dtype=torch.float32)
        outs: list[Tensor] = []
        for block in self.layers:
            x, extra = block(x, position, mask)
            balance = balance + extra
            if keep:
                outs.append(x)
        return self.final_layernorm(x), balance, outs

    def embedded(self, ids: Tensor) -> Tensor:
        """What the first block reads [B, T, H]."""
        x = F.embedding(ids, self.embed_tokens.weight)
        return x.bfloat16() if x.is_cuda else x

    def between(self, x: Tensor, first: int, last: int) -> Tensor:
        """The stream x [B, T, H] from before block `first` to before block `last`, a document a row."""
        position = torch.arange(x.shape[1], device=x.device).expand(x.shape[:2])
        for block in self.layers[first:last]:
            x, _ = block(x, position, None)
        return x

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.embed_tokens.weight.to(hidden.dtype))


def trainable_state(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A `state_dict` in float32 from public names: int8 multiplied out, experts packed."""
    state: dict[str, Tensor] = {}
    experts: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.endswith("_scale"):
            continue
        scaled = f"{name}_scale" in tensors
        weight = value.float() * tensors[f"{name}_scale"][:, None] if scaled else value.float()
        stem, part, rest = name.removeprefix("model.").partition("experts.")
        if part:
            experts.setdefault(stem, {})[rest] = weight
        else:
            state[stem] = weight
    for stem, parts in experts.items():
        count = len(parts) // 3
        both = [
            torch.cat([parts[f"{i}.gate_proj.weight"], parts[f"{i}.up_proj.weight"]])
            for i in range(count)
        ]
        state[f"{stem}gate_up_proj"] = torch.stack(both)
        down = [parts[f"{i}.down_proj.weight"] for i in range(count)]
        state[f"{stem}down_proj"] = torch.stack(down)
    return state


def public_tensors(state: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Public names of a `state_dict`: `model.` in front, packed experts taken apart."""
    for name, value in state.items():
        if name.endswith("feed_forward.gate_up_proj"):
            stem = f"model.{name.removesuffix('gate_up_proj')}experts"
            for i, both in enumerate(value):
                gate, up = both.chunk(2, 0)
                yield f"{stem}.{i}.gate_proj.weight", gate
                yield f"{stem}.{i}.up_proj.weight", up
        elif name.endswith("feed_forward.down_proj"):
            stem = f"model.{name.removesuffix('down_proj')}experts"
            for i, down in enumerate(value):
                yield f"{stem}.{i}.down_proj.weight", down
        else:
            yield f"model.{name}", value
