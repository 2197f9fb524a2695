"""The selective scan of Mamba-1 and its causal convolution, carried on from any state.

    h_t = exp(dt_t A) * h_{t-1} + (dt_t u_t) B_t        y_t = C_t . h_t

Letters: B batch, T time, D channels, N states, K taps of the convolution. States are [B, N, D]
(channels last, so that every inner loop is one contiguous run). All of it is float32. No state
is ever written to: a caller may keep one and go on from it again. No layers, no weights.
"""

import torch
from torch import Tensor

# Tokens whose decays [N, D] are held at once: few enough to stay in the processor's cache.
CHUNK_BYTES = 1_250_000
LOG2_E = 1.4426950408889634


def causal_conv(x: Tensor, past: Tensor, taps: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Depthwise convolution over time.

    x [B, T, D], past [B, K-1, D] (the inputs before x), taps [K, D], bias [D].
    Returns u [B, T, D] and the last K-1 inputs.
    """
    time, width = x.shape[1], taps.shape[0]
    window = torch.cat((past, x), 1)  # [B, K-1+T, D]
    if time == 1:
        return (window * taps).sum(1, keepdim=True).add_(bias), window[:, 1:]
    u = torch.addcmul(bias, window[:, :time], taps[0])
    for k in range(1, width):
        u.addcmul_(window[:, k : k + time], taps[k])
    return u, window[:, time:].clone()


def selective_scan(
    u: Tensor, dt: Tensor, b: Tensor, c: Tensor, a2: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """Run the recurrence over T tokens.

    u, dt [B, T, D]; a2 [N, D] is A times log2(e) (2**x is several times quicker than e**x);
    b, c [B, T, N]; state [B, N, D]. Returns y [B, T, D] and the state after the last token.
    """
    if u.shape[1] == 1:
        return _one_step(u, dt, b, c, a2, state)
    batch, time, _ = u.shape
    length = min(time, max(1, CHUNK_BYTES // (4 * batch * a2.numel())))
    drive, b = (dt * u).unsqueeze(2), b.unsqueeze(3)  # [B, T, 1, D], [B, T, N, 1]
    dt, c = dt.unsqueeze(2), c.unsqueeze(2)
    y = torch.empty_like(u)
    # Two buffers for all chunks: memory fresh from the system costs more than the arithmetic.
    decays, states = u.new_empty((2, batch, length, *a2.shape)).unbind(0)
    for start in range(0, time, length):
        span = slice(start, min(start + length, time))
        decay, now = decays[:, : span.stop - start], states[:, : span.stop - start]
        torch.mul(dt[:, span], a2, out=decay).exp2_()  # [B, L, N, D]
        torch.mul(drive[:, span], b[:, span], out=now)
        for here, factor in zip(now.unbind(1), decay.unbind(1), strict=True):
            state = here.addcmul_(factor, state)
        y[:, span] = torch.matmul(c[:, span], now).squeeze(2)
        state = state.clone()  # the buffers are written again
    return y, state


def _one_step(
    u: Tensor, dt: Tensor, b: Tensor, c: Tensor, a2: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """`selective_scan` for T = 1 in six calls."""
    state = torch.mul(dt, a2).exp2_().mul_(state)  # [B, N, D]
    state.addcmul_(b.transpose(1, 2), dt * u)
    return torch.bmm(c, state), state


def selective_scan_reference(
    u: Tensor, dt: Tensor, b: Tensor, c: Tensor, a: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """The recurrence as it is written in the paper, in the inputs' precision; a is A [N, D]."""
    outputs: list[Tensor] = []
    for t in range(u.shape[1]):
        step = dt[:, t, None]  # [B, 1, D]
        state = torch.exp(step * a) * state + step * u[:, t, None] * b[:, t, :, None]
        outputs.append((c[:, t, :, None] * state).sum(1))
    return torch.stack(outputs, 1), state
