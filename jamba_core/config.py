"""The sizes of a Jamba model, under the field names of Hugging Face's `config.json`.

In: a `config.json` (or a dict). Out: a frozen `JambaConfig` and the kind of every layer.
Keys this file does not know are kept in `extra` and written back unchanged; they never change
what is computed. It does not read weights.
"""

import json
import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

IDENTITY: dict[str, Any] = {"model_type": "jamba", "architectures": ["JambaForCausalLM"]}
ACTIVATIONS = ("silu", "gelu", "relu")


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
            raise ConfigError(f"model_type is {kind!r}; only 'jamba' can be read")
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
        try:
            data = json.loads(path.read_text("utf-8"))
        except FileNotFoundError as error:
            raise ConfigError(f"{path}: no such file") from error
        except ValueError as error:
            raise ConfigError(f"{path}: not valid JSON ({error})") from error
        if not isinstance(data, dict):
            raise ConfigError(f"{path}: a JSON object is expected")
        return cls.from_dict(data)

    def _checked(self) -> "JambaConfig":
        whole = [f.name for f in fields(self) if f.type is int and not f.name.endswith("offset")]
        for name in whole:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
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
            raise ConfigError(f"hidden_act {self.hidden_act!r} is not one of {ACTIVATIONS}")
        return self


MAY_BE_ABSENT = ("mamba_dt_rank", "num_key_value_heads", "head_dim", "moe_intermediate_size")


def _check_types(known: dict[str, Any]) -> None:
    """Numbers where numbers belong; what may be left to be derived may be null or "auto"."""
    for each in fields(JambaConfig):
        value = known.get(each.name, each.default)
        if each.name in MAY_BE_ABSENT and value in (None, "auto"):
            continue
        kind: Any = (int, float) if each.type is float else each.type
        if each.type not in (int, float, bool, str):
            continue
        if not isinstance(value, kind) or (isinstance(value, bool) != (each.type is bool)):
            raise ConfigError(f"{each.name} must be {each.type.__name__}, got {value!r}")
    heads = known.get("num_attention_heads", JambaConfig.num_attention_heads)
    if heads < 1:
        raise ConfigError(f"num_attention_heads must be at least 1, got {heads}")


def _filled(known: dict[str, Any]) -> dict[str, Any]:
    """Put in the sizes that a file may leave to be derived from others."""
    hidden = known.get("hidden_size", JambaConfig.hidden_size)
    heads = known.get("num_attention_heads", JambaConfig.num_attention_heads)
    if known.get("mamba_dt_rank") in (None, 0, "auto"):
        known["mamba_dt_rank"] = math.ceil(hidden / 16)
    if known.get("num_key_value_heads", 0) is None:  # absent means 8, as in transformers
        known["num_key_value_heads"] = heads
    if not known.get("head_dim"):
        known["head_dim"] = hidden // heads
    if not known.get("moe_intermediate_size"):
        known["moe_intermediate_size"] = known.get(
            "intermediate_size", JambaConfig.intermediate_size
        )
    return known
