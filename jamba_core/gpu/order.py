"""Four int8 weights in one number, and the order of x that goes with them.

A tensor core wants neighbouring columns of a weight in one register; read byte by byte that costs
more instructions than all the rest. So a matrix is read as numbers of four bytes, and byte j of
all numbers of a tile makes one left operand. Its columns are every fourth: x is kept in that order.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

QUADS = 32  # numbers of four int8 weights at a time


@triton.jit
def place(col, QUADS: tl.constexpr):
    """Where a column goes in the order of `ordered`; QUADS = 0 leaves it."""
    if QUADS > 0:
        col = col // (4 * QUADS) * (4 * QUADS) + col % 4 * QUADS + col % (4 * QUADS) // 4
    return col


@triton.jit
def four_bytes(w, OP: tl.constexpr):
    """The four signed bytes of each number of w, in the product's type.

    For bfloat16 two instructions a weight (the compiler's own way takes seven): the low seven
    bits become the mantissa of 128 + m; then minus 128, or minus 256 where the sign is set. Exact.
    """
    if tl.bfloat16 == OP:
        return tl.inline_asm_elementwise(
            """{
            .reg .b32 p, t, c, one;
            mov.b32 one, 0x3f803f80;
            prmt.b32 p, $4, $5, 0x4400;
            lop3.b32 t, p, 0x007f007f, 0x43004300, 0xea;
            lop3.b32 c, p, 0x00800080, 0xc300c300, 0x6a;
            fma.rn.bf16x2 $0, t, one, c;
            prmt.b32 p, $4, $5, 0x5511;
            lop3.b32 t, p, 0x007f007f, 0x43004300, 0xea;
            lop3.b32 c, p, 0x00800080, 0xc300c300, 0x6a;
            fma.rn.bf16x2 $1, t, one, c;
            prmt.b32 p, $4, $5, 0x6622;
            lop3.b32 t, p, 0x007f007f, 0x43004300, 0xea;
            lop3.b32 c, p, 0x00800080, 0xc300c300, 0x6a;
            fma.rn.bf16x2 $2, t, one, c;
            prmt.b32 p, $4, $5, 0x7733;
            lop3.b32 t, p, 0x007f007f, 0x43004300, 0xea;
            lop3.b32 c, p, 0x00800080, 0xc300c300, 0x6a;
            fma.rn.bf16x2 $3, t, one, c;
            }""",
            "=r,=r,=r,=r,r,r", [w], is_pure=True, pack=2,
            dtype=(tl.bfloat16, tl.bfloat16, tl.bfloat16, tl.bfloat16),
        )  # fmt: skip
    return (
        ((w << 24) >> 24).to(OP),
        ((w << 16) >> 24).to(OP),
        ((w << 8) >> 24).to(OP),
        (w >> 24).to(OP),
    )


def ordered(x: Tensor) -> Tensor:
    """x [M, K] as int8 products read it: columns padded to whole groups of 4 QUADS, and in each
    group first every fourth column, then every fourth from the second one on, and so on.

    So the bytes of four neighbouring weights, which come in one number, meet four tiles of x that
    each lie together. Kernels that make x put it so themselves (`place`).
    """
    tokens, columns = x.shape
    wide = x.new_zeros(tokens, padded(columns))
    wide[:, :columns] = x
    return wide.view(tokens, -1, QUADS, 4).transpose(2, 3).reshape(tokens, -1)


def padded(columns: int) -> int:
    """How long a row of `ordered` is."""
    return -(-columns // (4 * QUADS)) * 4 * QUADS


def order_of(weight: Tensor) -> int:
    """QUADS where a matrix wants its x `ordered`, else 0."""
    return QUADS if weight.dtype == torch.int8 else 0
