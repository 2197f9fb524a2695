"""The shapes of the public Jamba models, by a short name.

Dimensions follow the papers and derivatives where a configuration is not public: Large's inner
width is the only one that gives 398B/94B, the 3B model's heads and inner width give 3.03B.
`mid` is the shape of our speed measurements, `small` the same for a quick run. No weights here.
"""

from typing import Any

from mrkl.jamba_core.config import JambaConfig

SHAPES: dict[str, dict[str, Any]] = {
    "mini": {},  # v0.1, 1.5, 1.6 and 1.7 Mini: the defaults of JambaConfig
    "large": {
        "hidden_size": 8192,
        "num_hidden_layers": 72,
        "intermediate_size": 24576,
        "num_attention_heads": 64,
    },
    "3b": {
        "hidden_size": 2560,
        "num_hidden_layers": 28,
        "intermediate_size": 8192,
        "num_attention_heads": 20,
        "num_key_value_heads": 1,
        "attn_layer_period": 14,
        "attn_layer_offset": 7,
        "num_experts": 1,
        "num_experts_per_tok": 1,
        "tie_word_embeddings": True,
    },
    "mid": {
        "hidden_size": 1024,
        "num_hidden_layers": 16,
        "intermediate_size": 3584,
        "num_attention_heads": 16,
        "num_key_value_heads": 4,
        "vocab_size": 8192,
    },
    "small": {
        "hidden_size": 512,
        "num_hidden_layers": 8,
        "intermediate_size": 1792,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "vocab_size": 8192,
    },
}


def shape(name: str) -> JambaConfig:
    """The configuration of a public model; raises KeyError."""
    return JambaConfig.from_dict(SHAPES[name])
