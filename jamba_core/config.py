"""The sizes of a Jamba model, under the field names of Hugging Face's `config.json`.

In: a `config.json` (or a dict). Out: a frozen `JambaConfig` and the kind of every layer.
Keys this file does not know are kept in `extra` and written back unchanged; they never change
what is computed. It does not read weights.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from reprlib import repr as shown  # short, whatever a file holds
from typing import Any

IDENTITY: dict[str, Any] = {"model_type": "jamba", "architectures": ["JambaForCausalLM"]}
ACTIVATIONS = ("silu", "gelu", "relu")
LARGEST = 2**31 - 1  # of a size; larger ones are no model's


class ConfigError(ValueError):
    """A configuration that cannot be read or does not fit together."""


@dataclass(frozen=True)
class JambaConfig:
    """Sizes and switches of one model; the defaults are Jamba v0.1's."""

    vocab_size: int = 65536
    hidden_size: int = 4096
    intermediate_size: int = 14336
    moe_intermediate_size: int = 0  # width of one expert; 0 in a file means intermediate_size
    num_hidden_layers: int = 32
    num_attention_heads: int = 32
    num_key_value_heads: int = 8
    head_dim: int = 0  # 0 in a file means hidden_size / num_attention_heads
    attn_layer_period: int = 8
    attn_layer_offset: int = 4
    expert_layer_period: int = 2
    expert_layer_offset: int = 1
    num_experts: int = 16
    num_experts_per_tok: int = 2
    mamba_d_state: int = 16
    mamba_d_conv: int = 4
    mamba_expand: int = 2
    mamba_dt_rank: int = 0  # 0 or "auto" in a file means ceil(hidden_size / 16)
    mamba_conv_bias: bool = True
    mamba_proj_bias: bool = False
    hidden_act: str = "silu"
    rms_norm_eps: float = 1e-6
    tie_word_embeddings: bool = False
    initializer_range: float = 0.02
    max_position_embeddings: int = 262144
    bos_token_id: int | None = 1
    eos_token_id: int | list[int] | None = 2
    pad_token_id: int | None = 0
    quantization_config: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=lambda: dict(IDENTITY))

    @property
    def mamba_inner(self) -> int:
        """Channels inside a Mamba mixer."""
        return self.mamba_expand * self.hidden_size

    @property
    def stop_ids(self) -> frozenset[int]:
        """The ids that end a text."""
        ids = self.eos_token_id
        if ids is None:
            return frozenset()
        return frozenset([ids] if isinstance(ids, int) else ids)

    def is_attention(self, layer: int) -> bool:
        """Whether layer number `layer` mixes by attention (else by Mamba)."""
        return layer % self.attn_layer_period == self.attn_layer_offset

    def is_moe(self, layer: int) -> bool:
        """Whether layer number `layer` has experts (else one dense MLP)."""
        return self.num_experts > 1 and layer % self.expert_layer_period == self.expert_layer_offset

    def as_dict(self) -> dict[str, Any]:
        """The content of a `config.json`, unknown keys included."""
        known = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "extra"}
        if known["quantization_config"] is None:
            del known["quantization_config"]
        return self.extra | known

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "JambaConfig":
        """Read the content of a `config.json`; raises ConfigError where it does not fit."""
        kind = data.get("model_type", "jamba")
        if kind != "jamba":
            raise ConfigError(f"model_type is {shown(kind)}; only 'jamba' can be read")
        names = {f.name for f in fields(cls)} - {"extra"}
        known = {name: data[name] for name in names if name in data}
        extra = IDENTITY | {k: v for k, v in data.items() if k not in names}
        _check_types(known)
        return cls(**_filled(known), extra=extra)._checked()

    @classmethod
    def from_file(cls, path: str | Path) -> "JambaConfig":
        """Read `config.json`, given as the file or its folder; raises ConfigError."""
        path = Path(path)
        path = path / "config.json" if path.is_dir() else path
        if not os.path.lexists(path):
            raise ConfigError(f"{path}: no such file")
        if not path.is_file():  # a pipe would be waited for
            raise ConfigError(f"{path}: not a regular file")
        try:
            data = json.loads(path.read_text("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path}: not valid JSON ({error})") from error
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
        if not isinstance(data, dict):
            raise ConfigError(f"{path}: a JSON object is expected")
        return cls.from_dict(data)

    def _checked(self) -> "JambaConfig":
        for item in fields(self):
            if item.type not in (int, float):
                continue
            least = 0 if item.type is float or item.name.endswith("_layer_offset") else 1
            value = getattr(self, item.name)
            if not least <= value <= LARGEST:
                bound = f"at least {least}" if value < least else f"at most {LARGEST}"
                raise ConfigError(f"{item.name} must be {bound}, got {shown(value)}")
        if self.num_attention_heads % self.num_key_value_heads:
            raise ConfigError(
                f"num_attention_heads ({self.num_attention_heads}) is not a multiple of "
                f"num_key_value_heads ({self.num_key_value_heads})"
            )
        for kind in ("attn", "expert"):
            period, offset = (getattr(self, f"{kind}_layer_{x}") for x in ("period", "offset"))
            if not 0 <= offset < period:
                raise ConfigError(f"{kind}_layer_offset ({offset}) must be below the {period=}")
        if self.num_experts > 1 and self.num_experts_per_tok > self.num_experts:
            raise ConfigError("num_experts_per_tok is larger than num_experts")
        if self.hidden_act not in ACTIVATIONS:
            raise ConfigError(f"hidden_act {shown(self.hidden_act)} is not one of {ACTIVATIONS}")
        return self


_DERIVED = ("mamba_dt_rank", "num_key_value_heads", "head_dim", "moe_intermediate_size")


def _check_types(known: dict[str, Any]) -> None:
    """Raise ConfigError where a value is not what the dataclass says.

    What may be left to be derived may also be null or "auto".
    """
    for item in fields(JambaConfig):
        value = known.get(item.name, item.default)
        derived = item.name in _DERIVED and (value is None or value == "auto")
        if item.name in known and not derived and not _FITS[item.type](value):
            kind = item.type.__name__ if isinstance(item.type, type) else item.type
            raise ConfigError(f"{item.name} must be {kind}, got {shown(value)}")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _token(value: Any) -> bool:
    return _whole(value) and abs(value) <= LARGEST


_FITS: dict[Any, Callable[[Any], bool]] = {
    int: _whole,
    float: lambda value: isinstance(value, float) or _whole(value),
    bool: lambda value: isinstance(value, bool),
    str: lambda value: isinstance(value, str),
    int | None: lambda value: value is None or _token(value),
    int | list[int] | None: lambda value: (
        value is None or all(map(_token, value if isinstance(value, list) else [value]))
    ),
    dict[str, Any] | None: lambda value: value is None or isinstance(value, dict),
}


def _filled(known: dict[str, Any]) -> dict[str, Any]:
    """Put in the sizes that a file may leave to be derived from others."""
    hidden = known.get("hidden_size", JambaConfig.hidden_size)
    heads = known.get("num_attention_heads", JambaConfig.num_attention_heads)
    if known.get("mamba_dt_rank") in (None, 0, "auto"):
        known["mamba_dt_rank"] = -(-hidden // 16)
    if known.get("num_key_value_heads", 0) is None:  # absent means 8, as in transformers
        known["num_key_value_heads"] = heads
    if not known.get("head_dim"):
        known["head_dim"] = hidden // max(heads, 1)
    if not known.get("moe_intermediate_size"):
        known["moe_intermediate_size"] = known.get(
            "intermediate_size", JambaConfig.intermediate_size
        )
    return known
