"""The Mamba-1 mixer with Jamba's RMSNorm on dt, B and C.

In: x [B T, D] and the state of the past. Out: [B T, D] and the new state; any split of a text
into calls gives the same result, because convolution and recurrence both start from the state.
It does not know residuals or norms around it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from mrkl.jamba_core.cache import MambaState
from mrkl.jamba_core.linear import ACTIVATION
from mrkl.jamba_core.packed import conv_silu, gated_scan, norm_pieces
from mrkl.jamba_core.scan import LOG2_E, causal_conv, selective_scan

if TYPE_CHECKING:
    from mrkl.jamba_core.weights import Weights


class Mamba:
    """Letters: I inner channels, N states, K convolution taps, R rank of dt."""

    def __init__(self, weights: "Weights", prefix: str) -> None:
        config = weights.config
        hidden, inner, states = config.hidden_size, config.mamba_inner, config.mamba_d_state
        rank, taps, bias = config.mamba_dt_rank, config.mamba_d_conv, config.mamba_proj_bias
        self.inner, self.taps, self.device = inner, taps, weights.device
        self.sizes, self.act = (rank, states, states), ACTIVATION[config.hidden_act]
        self.in_proj = weights.linear(prefix, (("in_proj", 2 * inner),), hidden, "mixer", bias=bias)
        x_rows = (("x_proj", rank + 2 * states),)
        self.x_proj = weights.linear(prefix, x_rows, inner, "mixer", widen=True)
        self.dt_proj = weights.linear(
            prefix, (("dt_proj", inner),), rank, "mixer", bias=True, widen=True
        )
        self.out_proj = weights.linear(prefix, (("out_proj", hidden),), inner, "mixer", bias=bias)
        self.small = {
            "A_log": weights.vector(prefix + "A_log", (inner, states)),
            "D": weights.vector(prefix + "D", (inner,)),
            "conv1d.weight": weights.vector(prefix + "conv1d.weight", (inner, 1, taps)),
        } | {
            f"{name}_layernorm.weight": weights.vector(f"{prefix}{name}_layernorm.weight", (size,))
            for name, size in zip(("dt", "b", "c"), self.sizes, strict=True)
        }
        if config.mamba_conv_bias:
            self.small["conv1d.bias"] = weights.vector(prefix + "conv1d.bias", (inner,))
        self.native = weights.packs and config.hidden_act == "silu"
        self.rms_eps = config.rms_norm_eps
        self._prepare(config.rms_norm_eps)

    def _prepare(self, eps: float) -> None:
        """Bring the small tensors into the layouts that the loop reads."""
        small = self.small
        self.a2 = (-LOG2_E * torch.exp(small["A_log"])).T.contiguous()  # [N, I]
        self.skip = small["D"]
        self.conv = small["conv1d.weight"].squeeze(1).T.contiguous()  # [K, I]
        self.conv_bias = small.get("conv1d.bias", torch.zeros_like(self.skip))
        # One matrix gives the mean square of each of the three pieces, at each place of it.
        blocks = [torch.full((n, n), 1 / n, device=self.device) for n in self.sizes]
        self.means = torch.block_diag(*blocks)
        self.eps = torch.full((sum(self.sizes),), eps, device=self.device)
        names = ("dt_layernorm", "b_layernorm", "c_layernorm")
        self.norms = torch.cat([small[f"{name}.weight"] for name in names])

    def empty(self, batch: int) -> MambaState:
        """The state before the first token."""
        conv = torch.zeros(batch, self.taps - 1, self.inner, device=self.device)
        return MambaState(conv, torch.zeros(batch, *self.a2.shape, device=self.device))

    def __call__(
        self, x: Tensor, state: MambaState, batch: int, blank: Tensor | None = None
    ) -> tuple[Tensor, MambaState]:
        """blank [B T, 1]: padding, which leaves convolution and state as if it were not there."""
        projected = self.in_proj(x)
        if blank is not None:
            projected.masked_fill_(blank, 0.0)
        if self.native:
            return self._native(projected, state, blank)
        inputs, gate = projected.chunk(2, -1)  # [B T, I] each
        inputs = inputs.unflatten(0, (batch, -1))
        u, conv = causal_conv(inputs, state.conv, self.conv, self.conv_bias)
        u = self.act(u.view(gate.shape))
        if blank is not None:  # the convolution's bias made something of nothing
            u = u.masked_fill(blank, 0.0)
        low = self.x_proj(u)  # [B T, R + 2 N]
        low = low * F.linear(low * low, self.means, self.eps).rsqrt_().mul_(self.norms)
        dt, b, c = low.split(self.sizes, -1)
        dt = F.softplus(self.dt_proj(dt))  # [B T, I]
        sequences = (t.unflatten(0, (batch, -1)) for t in (u, dt, b, c))
        y, ssm = selective_scan(*sequences, self.a2, state.ssm)
        y = y.view(gate.shape).addcmul_(u, self.skip).mul_(F.silu(gate))
        return self.out_proj(y), MambaState(conv, ssm)

    def _native(
        self, projected: Tensor, state: MambaState, blank: Tensor | None
    ) -> tuple[Tensor, MambaState]:
        """The same by the compiled kernels."""
        u, conv = conv_silu(projected, state.conv, self.conv, self.conv_bias)
        if blank is not None:
            u.masked_fill_(blank, 0.0)
        low = self.x_proj(u).contiguous()
        norm_pieces(low, self.norms, self.rms_eps, self.sizes[0], self.sizes[1])
        dt = self.dt_proj(low[:, : self.sizes[0]])
        y, ssm = gated_scan(u, dt, low, projected, self.a2, self.skip, state.ssm)
        return self.out_proj(y), MambaState(conv, ssm)

    def tensors(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        """The weights under their names on disk."""
        for linear in (self.in_proj, self.x_proj, self.dt_proj, self.out_proj):
            yield from linear.tensors(prefix)
        for name, tensor in self.small.items():
            yield prefix + name, tensor
