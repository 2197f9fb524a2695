"""The teacher as a torch module: SmolLM2-135M-Instruct, a Llama of 30 layers with RoPE.

In: ids of the teacher's own vocabulary [B, T]. Out: hidden states before every layer and full
logits; and, on a GPU, sampled text through a static cache in a CUDA graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEADS, KV, DIM, WIDTH, THETA, EPS = 9, 3, 64, 576, 100_000.0, 1e-5
NAMES = {
    "q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output",
    "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down",
    "norm1": "attn_norm", "norm2": "ffn_norm",
}  # fmt: skip


def rope_table(length: int, device: str) -> tuple[Tensor, Tensor]:
    """cos and sin [length, DIM], halves repeated as in Hugging Face's Llama."""
    inverse = THETA ** (-torch.arange(0, DIM, 2, device=device).float() / DIM)
    angle = torch.arange(length, device=device).float()[:, None] * inverse
    angle = torch.cat([angle, angle], -1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply RoPE to [B, heads, T, DIM]."""
    left, right = x.chunk(2, -1)
    return (x * cos + torch.cat([-right, left], -1) * sin).to(x.dtype)


def norm(x: Tensor, weight: Tensor) -> Tensor:
    return F.rms_norm(x.float(), (WIDTH,), weight.float(), EPS).to(x.dtype)


class Layer(nn.Module):
    """One Llama layer; weights frozen in the given dtype."""

    def __init__(
        self, tensors: dict[str, np.ndarray[Any, Any]], i: int, dtype: torch.dtype
    ) -> None:
        super().__init__()
        for short, long in NAMES.items():
            value = torch.from_numpy(tensors[f"blk.{i}.{long}.weight"]).to(dtype)
            self.register_buffer(short, value)

    def project(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows, length, _ = x.shape
        h = norm(x, self.norm1)
        q = F.linear(h, self.q).view(rows, length, HEADS, DIM).transpose(1, 2)
        k = F.linear(h, self.k).view(rows, length, KV, DIM).transpose(1, 2)
        v = F.linear(h, self.v).view(rows, length, KV, DIM).transpose(1, 2)
        return rotate(q, cos, sin), rotate(k, cos, sin), v

    def finish(self, x: Tensor, mixed: Tensor) -> Tensor:
        x = x + F.linear(mixed, self.o)
        h = norm(x, self.norm2)
        return x + F.linear(F.silu(F.linear(h, self.gate)) * F.linear(h, self.up), self.down)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        rows, length, _ = x.shape
        q, k, v = self.project(x, cos, sin)
        group = HEADS // KV
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.finish(x, y.transpose(1, 2).reshape(rows, length, -1))

    def activity(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Importance of each MLP neuron [1536]: mean |activation| times its output's norm."""
        rows, length, _ = x.shape
        q, k, v = self.project(x, cos, sin)
        k, v = k.repeat_interleave(3, 1), v.repeat_interleave(3, 1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + F.linear(y.transpose(1, 2).reshape(rows, length, -1), self.o)
        h = norm(x, self.norm2)
        act = (F.silu(F.linear(h, self.gate)) * F.linear(h, self.up)).abs().float().mean((0, 1))
        return act * self.down.float().norm(dim=0)


class Teacher(nn.Module):
    def __init__(self, tensors: dict[str, np.ndarray[Any, Any]], dtype: torch.dtype) -> None:
        super().__init__()
        self.register_buffer("embed", torch.from_numpy(tensors["token_embd.weight"]).to(dtype))
        self.register_buffer("last", torch.from_numpy(tensors["output_norm.weight"]).to(dtype))
        count = sum(name.endswith("attn_q.weight") for name in tensors)
        self.layers = nn.ModuleList(Layer(tensors, i, dtype) for i in range(count))

    @torch.no_grad()
    def hidden(self, ids: Tensor) -> list[Tensor]:
        """Residual stream before each layer and after the last: 31 tensors [B, T, 576]."""
        cos, sin = rope_table(ids.shape[1], str(ids.device))
        outs = [F.embedding(ids, self.embed)]
        for layer in self.layers:
            outs.append(layer(outs[-1], cos, sin))
        return outs

    def logits(self, hidden: Tensor) -> Tensor:
        """Full logits [B, T, 49152] from the stream after the last layer."""
        return F.linear(norm(hidden, self.last), self.embed)


class Sampler:
    """Samples many sequences at once: static key-value cache, one CUDA graph a step."""

    def __init__(self, teacher: Teacher, origin: Tensor, rows: int, length: int) -> None:
        self.teacher, self.origin, self.length = teacher, origin, length
        device = origin.device
        shape = (len(teacher.layers), rows, KV, length, DIM)
        self.keys = torch.zeros(shape, device=device, dtype=torch.bfloat16)
        self.values = torch.zeros_like(self.keys)
        self.out = torch.zeros(rows, length, dtype=torch.long, device=device)  # new ids
        self.forced = torch.full_like(self.out, -1)
        self.at = torch.zeros(1, dtype=torch.long, device=device)
        self.cos, self.sin = rope_table(length, str(device))
        self.cells = torch.arange(length, device=device)
        self.head = teacher.embed[origin]

    def _step(self) -> None:
        ids = self.origin[self.out.index_select(1, self.at)]
        x = F.embedding(ids, self.teacher.embed)
        cos, sin = self.cos.index_select(0, self.at), self.sin.index_select(0, self.at)
        mask = (self.cells <= self.at)[None, None, None, :]
        for i, layer in enumerate(self.teacher.layers):
            q, k, v = layer.project(x, cos, sin)
            self.keys[i].index_copy_(2, self.at, k)
            self.values[i].index_copy_(2, self.at, v)
            q = q.view(q.shape[0], KV, HEADS // KV, DIM)
            y = F.scaled_dot_product_attention(q, self.keys[i], self.values[i], attn_mask=mask)
            x = layer.finish(x, y.reshape(q.shape[0], 1, -1))
        logits = F.linear(norm(x[:, 0], self.teacher.last), self.head).float()
        noise = -torch.log(-torch.log(torch.rand_like(logits).clamp_(1e-9, 1 - 1e-7)))
        picked = (logits + noise).argmax(-1, keepdim=True)
        forced = self.forced.index_select(1, (self.at + 1).clamp_max(self.length - 1))
        self.out.index_copy_(
            1, (self.at + 1).clamp_max(self.length - 1), torch.where(forced >= 0, forced, picked)
        )
        self.at += 1

    @torch.no_grad()
    def capture(self) -> None:
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            for _ in range(3):
                self.at.zero_()
                self._step()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        self.at.zero_()
        with torch.cuda.graph(self.graph):
            self._step()

    @torch.no_grad()
    def sample(self, prefixes: list[list[int]]) -> Tensor:
        """Continue each prefix (new ids) to the full length; returns [rows, length]."""
        self.forced.fill_(-1)
        filled = torch.full(self.forced.shape, -1, dtype=torch.long)
        for row, prefix in enumerate(prefixes):
            filled[row, : len(prefix)] = torch.tensor(prefix[: self.length])
        self.forced.copy_(filled)
        self.out[:, 0] = self.forced[:, 0].clamp_min(0)
        self.at.zero_()
        for _ in range(self.length - 1):
            self.graph.replay()
        return self.out.clone()
