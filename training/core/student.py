"""The student: the training form of the shipped core, `mrkl.jamba_core.trainable`, and its sizes."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from mrkl.jamba_core.config import JambaConfig
from mrkl.jamba_core.trainable import Experts, TrainableJamba

__all__ = ["Experts", "Shape", "Student"]


@dataclass(frozen=True)
class Shape:
    """Sizes of the shipped core; names as in Hugging Face's JambaConfig."""

    vocab_size: int = 12288
    hidden_size: int = 576
    num_hidden_layers: int = 12
    intermediate_size: int = 576
    num_attention_heads: int = 9
    num_key_value_heads: int = 3
    attn_layer_period: int = 4
    attn_layer_offset: int = 2
    expert_layer_period: int = 2
    expert_layer_offset: int = 1
    num_experts: int = 4
    num_experts_per_tok: int = 2
    mamba_d_state: int = 16
    mamba_d_conv: int = 4
    mamba_expand: int = 2
    mamba_dt_rank: int = 36
    rms_norm_eps: float = 1e-5
    tie_word_embeddings: bool = True


class Student(TrainableJamba):
    """The training form, by default with the sizes of the shipped core."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(JambaConfig.from_dict(asdict(shape)))
