"""The router's encoder in numpy: a small bidirectional transformer with int8 weights on disk.

In: token ids of one text; out: a unit vector of the whole [128], unit vectors of its tokens
[time, 48], the tokens' weights [time], a score for *none* and the summary behind it. One text at a time, so that a
card's vectors do not depend on what else is encoded. Trained in training/router/model.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float32]"

_EPSILON = np.float32(1e-6)


@dataclass(frozen=True)
class Encoded:
    """One text as vectors: pooled [128], tokens [time, 48], weights [time] (sum 1), none, and the
    summary [width] of unit length that pooled is made from."""

    pooled: Array
    tokens: Array
    weights: Array
    none: float
    summary: Array


@dataclass(frozen=True)
class Config:
    """What config.json holds: the sizes, and the temperature found on unseen experts."""

    heads: int
    layers: int
    length: int
    temperature: float = 1.0
    digest: str = ""  # of the weights

    @classmethod
    def read(cls, path: Path) -> Config:
        """Read config.json; a missing field is a ValueError."""
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        try:
            shape = raw["shape"]
            return cls(
                int(shape["heads"]),
                int(shape["layers"]),
                int(shape["length"]),
                float(raw["temperature"]),
                str(raw["digest"]),
            )
        except KeyError as missing:
            raise ValueError(f"{path} lacks the field {missing}") from None


def unpacked(table: NDArray[Any]) -> NDArray[np.int8]:
    """Two values of 4 bits a byte, uint8 [rows, n], as int8 [rows, 2n]; int8 stays as it is."""
    if table.dtype != np.uint8:
        return table
    halves = np.stack([table & 15, table >> 4], axis=-1).reshape(len(table), -1)
    return halves.astype(np.int8) - np.int8(8)


def _unit(x: NDArray[Any]) -> Array:
    return x / (np.sqrt(np.square(x).sum(-1, keepdims=True)) + _EPSILON)


def _softmax(x: NDArray[Any]) -> Array:
    raised = np.exp(x - x.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def _normed(x: NDArray[Any], gain: Array) -> Array:
    return x * (gain / np.sqrt(np.square(x).mean(-1, keepdims=True) + _EPSILON))


class Encoder:
    """Weights in float32 (the embedding table stays int8) and the forward pass."""

    def __init__(self, weights: dict[str, NDArray[Any]], config: Config) -> None:
        self.config = config
        self.table: NDArray[np.int8] = unpacked(weights["embedding.weight"])
        self.table_scale: Array = weights["embedding.weight.scale"].astype(np.float32)
        self.values: dict[str, Array] = {
            # transposed once: x @ w then reads both operands in order
            name: _restored(weights, name)
            for name in weights
            if not name.endswith(".scale") and name != "embedding.weight"
        }

    @classmethod
    def load(cls, folder: Path) -> Encoder:
        """Read router.safetensors and config.json from `folder`."""
        from safetensors.numpy import load_file  # pyright: ignore[reportUnknownVariableType]

        config = Config.read(folder / "config.json")
        weights: dict[str, NDArray[Any]] = load_file(folder / "router.safetensors")  # pyright: ignore[reportUnknownVariableType]
        return cls(weights, config)

    def encode(self, ids: list[int], role: int) -> Encoded:
        """Encode 1 to `config.length` ids; role 0: a question or example, 1: a card."""
        v = self.values
        embedded: Array = self.table[ids].astype(np.float32) * self.table_scale[ids][:, None]
        x: NDArray[Any] = (
            embedded @ v["project.weight"] + v["position"][: len(ids)] + v["role"][role]
        )
        for layer in range(self.config.layers):
            x = self._layer(x, f"layers.{layer}.")
        x = _normed(x, v["norm.weight"])
        gates = x @ v["gates.weight"] + v["gates.bias"]
        share = _softmax(gates[:, 0])
        tokens = _unit(x @ v["token.weight"] + embedded @ v["static.weight"])
        summary = share @ x
        pooled = _unit(summary @ v["pool.weight"])
        none = float(share @ gates[:, 2])
        return Encoded(pooled, tokens, _softmax(gates[:, 1]), none, _unit(summary))

    def _layer(self, x: NDArray[Any], prefix: str) -> Array:
        v, heads = self.values, self.config.heads
        time, width = x.shape
        size = width // heads
        qkv = _normed(x, v[prefix + "norm1.weight"]) @ v[prefix + "qkv.weight"]
        q, k, values = qkv.reshape(time, 3, heads, size).transpose(1, 2, 0, 3)
        mixed = _softmax(q @ k.transpose(0, 2, 1) * np.float32(size**-0.5)) @ values
        x = x + mixed.transpose(1, 0, 2).reshape(time, width) @ v[prefix + "out.weight"]
        hidden = np.maximum(
            _normed(x, v[prefix + "norm2.weight"]) @ v[prefix + "up.weight"], np.float32(0)
        )
        return x + np.square(hidden) @ v[prefix + "down.weight"]


def _restored(weights: dict[str, NDArray[Any]], name: str) -> Array:
    """float32 values; int8 matrices [out, in] come back as [in, out]."""
    value = weights[name]
    scale = weights.get(name + ".scale")
    if scale is None:
        return value.astype(np.float32)
    return np.ascontiguousarray((value.astype(np.float32) * scale.astype(np.float32)[:, None]).T)
