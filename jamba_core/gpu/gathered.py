"""Experts and MLPs of a long piece of a prompt: dense copies of the weights, and cuBLAS.

From a few hundred tokens an expert on, spreading its int8 weights out once costs less than what
cuBLAS is quicker by. Int8 numbers are exact in bfloat16, and a row's scale follows on the product.
Tokens are put in order of their experts; the host waits once a layer, to know how many each has.
"""

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor

from mrkl.jamba_core.gpu.one import power, silu
from mrkl.jamba_core.gpu.weights import Forward, Matrix


@triton.jit
def _silu_product(
    both_ptr, scale_ptr, out_ptr, F, line, BLOCK: tl.constexpr, SCALED: tl.constexpr
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    col = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    live = col < F
    gate = tl.load(both_ptr + row * 2 * F + col, mask=live, other=0.0).to(tl.float32)
    up = tl.load(both_ptr + row * 2 * F + F + col, mask=live, other=0.0).to(tl.float32)
    if SCALED:
        gate *= tl.load(scale_ptr + col, mask=live, other=0.0)
        up *= tl.load(scale_ptr + F + col, mask=live, other=0.0)
    y = (silu(gate) * up).to(out_ptr.dtype.element_ty)
    tl.store(out_ptr + row * line + col, y, mask=live)


@triton.jit
def _weighted(
    y_ptr, place_ptr, weight_ptr, expert_ptr, scale_ptr, out_ptr,
    D: tl.constexpr, DP: tl.constexpr, TOP: tl.constexpr, SCALED: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(0).to(tl.int64)
    col = tl.arange(0, DP)
    live = col < D
    total = tl.zeros([DP], tl.float32)
    for choice in tl.static_range(TOP):
        pair = token * TOP + choice
        place = tl.load(place_ptr + pair)
        y = tl.load(y_ptr + place * D + col, mask=live, other=0.0).to(tl.float32)
        if SCALED:
            expert = tl.load(expert_ptr + pair)
            y *= tl.load(scale_ptr + expert * D + col, mask=live, other=0.0)
        total += y * tl.load(weight_ptr + pair)
    tl.store(out_ptr + token * D + col, total, mask=live)


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x @ weight.T without scales; int8 is spread out for it."""
    return F.linear(x, weight.to(x.dtype))


def silu_product(both: Tensor, scale: Tensor | None) -> Tensor:
    """silu(gate) * up for gate and up side by side, [T, 2 F], and their scales [2 F]."""
    rows, width = both.shape[0], both.shape[1] // 2
    out = both.new_empty(rows, width)
    block = min(1024, power(width))
    _silu_product[(rows, triton.cdiv(width, block))](
        both, both if scale is None else scale, out, width, width, block, scale is not None
    )
    return out


def mlp(x: Tensor, gate_up: Matrix, down: Matrix) -> Tensor:
    """[1, T, D] to be added to the residual stream, for x [T, D] and matrices [1, .., ..]."""
    both = product(x, gate_up.weight[0])
    h = silu_product(both, None if gate_up.scale is None else gate_up.scale[0])
    del both
    out = product(h, down.weight[0])
    return (out if down.scale is None else out.mul_(down.scale[0]))[None]


def experts(x: Tensor, logits: Tensor, forward: Forward, top: int) -> Tensor:
    """The same for the `top` experts with the highest of a token's logits [T, E]; float32."""
    gate_up, down = forward.gate_up, forward.down
    weights, chosen = torch.topk(torch.softmax(logits, -1), top, -1)
    flat = chosen.flatten()
    order = torch.argsort(flat, stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device)
    counts = torch.bincount(flat, minlength=logits.shape[1]).tolist()
    sorted_x, y = x[order // top], x.new_empty(len(order), x.shape[1])
    first = 0
    for expert, count in enumerate(counts):
        if not count:
            continue
        rows = slice(first, first + count)
        scale = None if gate_up.scale is None else gate_up.scale[expert]
        h = silu_product(product(sorted_x[rows], gate_up.weight[expert]), scale)
        y[rows] = product(h, down.weight[expert])
        first += count
    out = torch.empty(1, *x.shape, device=x.device)
    _weighted[(len(x),)](
        y, place, weights, flat, weights if down.scale is None else down.scale, out,
        x.shape[1], power(x.shape[1]), top, down.scale is not None,
    )  # fmt: skip
    return out
