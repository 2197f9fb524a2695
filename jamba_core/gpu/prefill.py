"""Reading a prompt: pieces of a few thousand tokens through every layer, from any state.

In: weights, a `Store`, one of its slots, ids [T]. Out: the slot's states after them, in place, and
the last tokens' logits. Large products are cuBLAS's (float32 sums), those of experts with few tokens
the kernels of `many`; memory does not grow with the prompt. It writes no tokens.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right

from mrkl.jamba_core.gpu import gathered, many, norms, one, recurrence
from mrkl.jamba_core.gpu.decode import Decoder
from mrkl.jamba_core.gpu.order import order_of, padded
from mrkl.jamba_core.gpu.store import Store
from mrkl.jamba_core.gpu.weights import AttentionWeights, Forward, MambaWeights, Matrix, Weights

PIECE = 8192  # tokens at once
COPIES_FROM = 256  # tokens of an expert from which dense copies of its weights pay (estimated)


@contextmanager
def _float32_sums() -> Iterator[None]:
    """cuBLAS may otherwise add up the parts of a long sum in bfloat16."""
    switches = torch.backends.cuda.matmul
    before = switches.allow_bf16_reduced_precision_reduction
    switches.allow_bf16_reduced_precision_reduction = False
    try:
        yield
    finally:
        switches.allow_bf16_reduced_precision_reduction = before


def read(decoder: Decoder, ids: Tensor, row: int = 0, piece: int = PIECE) -> Tensor:
    """Read ids [T] into a decoder's slot `row`; returns the last logits [V]. Raises ValueError."""
    past = int(decoder.position[row])
    return extend(decoder.weights, decoder.store, row, past, ids, piece=piece)[0]


@torch.inference_mode()
def extend(
    weights: Weights,
    store: Store,
    slot: int,
    past: int,
    ids: Tensor,
    keep: int = 1,
    piece: int = PIECE,
) -> Tensor:
    """Read ids [T] after the `past` tokens of a slot; returns the last `keep` logits [keep, V].

    Raises ValueError where they do not fit.
    """
    if ids.dim() != 1 or not len(ids):
        raise ValueError(f"ids of shape [time] are expected, got {list(ids.shape)}")
    if past + len(ids) > store.room:
        raise ValueError(f"{past} + {len(ids)} tokens do not fit into the room of {store.room}")
    states = [tuple(t[slot : slot + 1] for t in pair) for pair in store.states]
    kept: list[Tensor] = []
    with _float32_sums():
        left = len(ids)
        for part in ids.to(weights.device).split(piece):
            left -= len(part)
            wanted = min(len(part), max(1, keep - left))
            x = _Piece(weights, past, len(part)).read(part, states, wanted)
            kept = [*kept, x] if keep > left + 1 else [x]
            past += len(part)
    store.position[slot] = past
    x = torch.cat(kept)[-keep:]
    logits = torch.empty(len(x), weights.config.vocab_size, device=weights.device)
    eps = weights.config.rms_norm_eps
    one.linear(x, weights.head.weight, weights.head.scale, logits, norm=weights.norm, eps=eps)
    return logits


class _Piece:
    """`time` tokens after `past` ones of one sequence."""

    def __init__(self, weights: Weights, past: int, time: int) -> None:
        self.weights, self.past, self.time = weights, past, time
        self.config, self.eps = weights.config, weights.config.rms_norm_eps
        config, device = self.config, weights.device
        self.blocks = {
            True: many.Blocks(time, config.num_experts_per_tok, config.num_experts, device),
            False: many.Blocks(time, 1, 1, device).everything(),
        }
        # zeros: what pads a row meets weights that are not there
        self.normed = self._room(padded(config.hidden_size)).zero_()

    def _room(self, *shape: int) -> Tensor:
        kind, device = self.weights.dtype, self.weights.device
        return torch.empty((self.time, *shape), dtype=kind, device=device)

    def read(self, ids: Tensor, states: list[tuple[Tensor, ...]], keep: int = 1) -> Tensor:
        """Through all layers; the last tokens' residuals [keep, D]."""
        x = F.embedding(ids, self.weights.embed).float()
        parts: Tensor | None = None
        for layer, state in zip(self.weights.layers, states, strict=True):
            norms.add_norm(x, parts, layer.norm, self.normed, self.eps)
            del parts
            attends = isinstance(layer.mixer, AttentionWeights)
            mixed = (self._attend if attends else self._recur)(layer.mixer, *state)
            by_copies = self._by_copies(layer.forward)
            quads = 0 if by_copies else order_of(layer.forward.gate_up.weight)
            norms.add_norm(x, mixed[None], layer.ff_norm, self.normed, self.eps, quads)
            parts = self._forward(layer.forward, x, layer.ff_norm)
        assert parts is not None
        return x[-keep:] + parts[:, -keep:].sum(0)

    def _recur(self, mixer: MambaWeights, conv: Tensor, ssm: Tensor) -> Tensor:
        rank, bias = self.config.mamba_dt_rank, mixer.dt_proj.bias
        assert bias is not None
        projected = _product(self.normed[:, : self.config.hidden_size], mixer.in_proj)
        u, y = self._room(self.config.mamba_inner), self._room(self.config.mamba_inner)
        recurrence.conv_many(projected, conv, mixer.taps, mixer.conv_bias, u)
        raw = _product(u, mixer.x_proj)
        low = torch.empty_like(raw, dtype=torch.float32)
        norms.norm_pieces(raw[None], mixer.norms, low, rank, self.eps)
        dt = F.linear(low[:, :rank].to(raw.dtype), mixer.dt_proj.weight)
        recurrence.scan_many(u, low, dt, bias, projected, mixer.a2, mixer.skip, ssm, y)
        return _product(y, mixer.out_proj)

    def _attend(self, mixer: AttentionWeights, keys: Tensor, values: Tensor) -> Tensor:
        config, end = self.config, self.past + self.time
        heads, groups, width = config.num_attention_heads, keys.shape[1], config.head_dim
        qkv = (
            _product(self.normed[:, : self.config.hidden_size], mixer.qkv)
            .view(self.time, -1, width)
            .transpose(0, 1)[None]
        )
        q, k, v = qkv.split([heads, groups, groups], 1)
        keys[:, :, self.past : end] = k
        values[:, :, self.past : end] = v
        if self.past:
            y = self._after(q, keys[:, :, :end], values[:, :, :end])
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=heads != groups)
        return _product(y[0].transpose(0, 1).reshape(self.time, -1), mixer.out)

    def _after(self, q: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attention to what came before as well, a group of heads at a time.

        The mask that no kernel needs in memory wants a key for every head; in a group they are
        one and the same key, which needs no copy.
        """
        mask = causal_lower_right(self.time, keys.shape[2])
        share = q.shape[1] // keys.shape[1]
        parts: list[Tensor] = []
        for group in range(keys.shape[1]):
            seen = [t[:, group : group + 1].expand(-1, share, -1, -1) for t in (keys, values)]
            mine = q[:, group * share : (group + 1) * share]
            parts.append(F.scaled_dot_product_attention(mine, *seen, attn_mask=mask))
        return torch.cat(parts, 1)

    def _by_copies(self, forward: Forward) -> bool:
        """Whether dense copies of the weights pay (`gathered`), by the tokens of an expert."""
        return self.time * self.blocks[forward.router is not None].top >= (
            COPIES_FROM * len(forward.gate_up.weight)
        )

    def _forward(self, forward: Forward, x: Tensor, norm: Tensor) -> Tensor:
        gate_up, down, natural = forward.gate_up, forward.down, self.normed[:, : x.shape[1]]
        blocks, by_copies = self.blocks[forward.router is not None], self._by_copies(forward)
        if forward.router is not None:
            exact = F.rms_norm(x, norm.shape, norm, self.eps)
            logits = F.linear(exact, forward.router)
            if by_copies:
                return gathered.experts(natural, logits, forward, blocks.top)
            blocks.route(logits)
        elif by_copies:
            return gathered.mlp(natural, gate_up, down)
        width = down.weight.shape[2]
        h = self._room(blocks.top, padded(width)).flatten(0, 1)
        if padded(width) > width:
            h.zero_()
        many.gate_up(self.normed, gate_up.weight, gate_up.scale, blocks, h)
        parts = torch.empty(blocks.top, *x.shape, device=x.device)
        many.down(h, down.weight, down.scale, blocks, parts)
        return parts


def _product(x: Tensor, matrix: Matrix) -> Tensor:
    """x @ (weight * scale).T + bias by cuBLAS; int8 numbers are spread out, the scale follows."""
    out = gathered.product(x, matrix.weight)
    if matrix.scale is not None:
        out.mul_(matrix.scale)
    return out if matrix.bias is None else out.add_(matrix.bias)
