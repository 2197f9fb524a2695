"""What a device allows: which weights and texts fit into it, and how fast it could be at best.

In: a configuration, a precision, context, batch, a device. Out: bytes and rooflines: decoding is
limited by reading weights, caches and states once a step, prefill by multiplications. No real
engine reaches them; they say what is possible and what holds it back. Routing counts as uniform,
the worst case for a batch. It measures nothing.
"""

from dataclasses import dataclass, replace

from mrkl.jamba_core.config import JambaConfig
from mrkl.jamba_core.sizes import cache_bytes, experts_hit, sizes, state_bytes

GIB = 2**30


@dataclass(frozen=True)
class Device:
    """memory in bytes, bandwidth in bytes/s, compute in operations/s (bfloat16), each of `count`.

    cache_width: bytes of a number in the caches (this engine keeps float32 on a CPU).
    """

    name: str
    memory: float
    bandwidth: float
    compute: float
    count: int = 1
    cache_width: int = 2

    def times(self, count: int) -> "Device":
        """So many of them, sharing every matrix; what they tell each other costs nothing here."""
        return replace(self, count=count)


# Bandwidth and compute as measured or achievable, not the data sheets' peaks (h200: 4.8 TB/s).
DEVICES = {
    "h200": Device("h200", 139 * GIB, 4.3e12, 790e12),
    "h100": Device("h100", 80 * GIB, 3.0e12, 790e12),
    "cpu": Device("cpu", 24 * GIB, 30.6e9, 392e9, cache_width=4),  # 2 cores, AVX-512
}
RESERVE = 0.04  # of a device's memory, for activations and the driver


@dataclass(frozen=True)
class Fit:
    """Bytes on all devices together; `left` is what the batch leaves, negative if it does not fit."""

    weights: int
    caches: int
    states: int
    left: int

    @property
    def fits(self) -> bool:
        """Whether weights, caches and states find room."""
        return self.left >= 0


def fit(config: JambaConfig, precision: str, context: int, batch: int, device: Device) -> Fit:
    """Lay a batch of texts of `context` tokens beside the weights."""
    weights = sizes(config).bytes(precision)
    caches = batch * cache_bytes(config, context, device.cache_width)
    states = batch * state_bytes(config, device.cache_width)
    room = int(device.memory * device.count * (1 - RESERVE))
    return Fit(weights, caches, states, room - weights - caches - states)


def most_context(config: JambaConfig, precision: str, batch: int, device: Device) -> int:
    """The longest text that fits `batch` times; 0 if the weights alone do not."""
    empty = fit(config, precision, 0, batch, device)
    each = batch * cache_bytes(config, 1, device.cache_width)
    return max(0, empty.left // each) if each else 2**63 - 1


def step_bytes(
    config: JambaConfig, precision: str, context: int, batch: int, width: int = 2
) -> float:
    """Bytes read and written for one token of each of `batch` texts."""
    used, experts = config.num_experts_per_tok, config.num_experts
    hit = experts_hit(experts, min(used, experts), batch) / experts
    weights = sizes(config).step_bytes(precision, hit)
    text = cache_bytes(config, context, width) + 2 * state_bytes(config, width)
    return weights + batch * text


def decode_limit(
    config: JambaConfig, precision: str, context: int, batch: int, device: Device
) -> float:
    """Tokens a second of the whole batch, if nothing but reading memory took time."""
    moved = step_bytes(config, precision, context, batch, device.cache_width)
    reading = moved / (device.bandwidth * device.count)
    multiplying = 2 * sizes(config).multiplied * batch / (device.compute * device.count)
    return batch / max(reading, multiplying)


def prefill_flops(config: JambaConfig, tokens: int) -> float:
    """Operations for one token of a prompt, on average over `tokens` of them."""
    attending = sum(map(config.is_attention, range(config.num_hidden_layers)))
    heads = config.num_attention_heads * config.head_dim
    return 2 * sizes(config).multiplied + 2 * attending * heads * tokens


def prefill_limit(config: JambaConfig, tokens: int, device: Device) -> float:
    """Tokens a second of a prompt, if nothing but multiplying took time."""
    return device.compute * device.count / prefill_flops(config, tokens)
