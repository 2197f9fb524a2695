"""How many weights a Jamba has, how many bytes they take, and what a text costs beside them.

In: a `JambaConfig`. Out: parameters by component, total and active for one token; bytes in each
precision; keys, values and states per token and per sequence. Closed formulas without torch; the
tests compare them with the shapes of `layout` and with published figures. It knows no devices.
"""

from dataclasses import dataclass

from mrkl.jamba_core.config import JambaConfig

# Bytes of one weight of each component; what is not named here stays float32 in int8 models.
PRECISIONS: dict[str, dict[str, int]] = {
    "float32": {},
    "bfloat16": dict.fromkeys(("experts", "mlp", "mixer", "embedding", "small"), 2),
    "experts_int8": {"experts": 1, "mlp": 2, "mixer": 2, "embedding": 2, "small": 2},
    "jamba_int8": {"experts": 1, "mlp": 1, "mixer": 2, "embedding": 2, "small": 2},
    "int8": {"experts": 1, "mlp": 1, "mixer": 1, "embedding": 1},
}


@dataclass(frozen=True)
class Sizes:
    """Weights by component; `rows` are the output rows of the same matrices (an int8 scale each).

    `experts` counts all experts, `used` those that one token meets; `small` is everything that is
    no large matrix: norms, routers, convolutions, A, D.
    """

    mixer: int
    mlp: int
    experts: int
    used: int
    table: int  # the embedding
    head: int  # 0 where it is the embedding
    small: int
    rows: dict[str, int]

    @property
    def total(self) -> int:
        """All weights."""
        return self.mixer + self.mlp + self.experts + self.table + self.head + self.small

    @property
    def active(self) -> int:
        """Weights that one token meets, embedding and head included."""
        return self.total - self.experts + self.used

    @property
    def multiplied(self) -> int:
        """Active weights that are multiplied: all but a table that is only looked up."""
        return self.active - (self.table if self.head else 0)

    def bytes(self, precision: str) -> int:
        """Bytes of all weights, int8 scales included."""
        return self._weigh(precision, self.experts, self.table + self.head, self.rows["experts"])

    def step_bytes(self, precision: str, hit: float) -> float:
        """Bytes that one step reads where the share `hit` of the experts' weights is needed."""
        head = self.head or self.table
        return self._weigh(precision, self.experts * hit, head, self.rows["experts"] * hit)

    def _weigh(self, precision: str, experts: float, embedding: int, expert_rows: float) -> int:
        width = PRECISIONS[precision]
        counts = {"experts": experts, "mlp": self.mlp, "mixer": self.mixer, "embedding": embedding}
        rows = self.rows | {"experts": expert_rows}
        scales = sum(4 * rows[group] for group in counts if width.get(group) == 1)
        total = sum(
            n * width.get(group, 4) for group, n in (counts | {"small": self.small}).items()
        )
        return int(total + scales)


def sizes(config: JambaConfig) -> Sizes:
    """Count the weights of a configuration."""
    hidden, inner, rank = config.hidden_size, config.mamba_inner, config.mamba_dt_rank
    states, layers = config.mamba_d_state, range(config.num_hidden_layers)
    attending = sum(map(config.is_attention, layers))
    moe = sum(map(config.is_moe, layers))
    mamba, dense = len(layers) - attending, len(layers) - moe
    heads = config.num_attention_heads * config.head_dim
    shared = config.num_key_value_heads * config.head_dim
    matrices = hidden * 2 * inner + inner * (rank + 2 * states) + rank * inner + inner * hidden
    bias = (2 * inner + hidden) * config.mamba_proj_bias + inner * config.mamba_conv_bias
    vectors = inner * (config.mamba_d_conv + states + 2) + rank + 2 * states + bias
    expert = 3 * hidden * config.moe_intermediate_size
    table, tied = config.vocab_size * hidden, config.tie_word_embeddings
    rows = {
        "experts": moe * config.num_experts * (2 * config.moe_intermediate_size + hidden),
        "mlp": dense * (2 * config.intermediate_size + hidden),
        "mixer": attending * (heads + 2 * shared + hidden)
        + mamba * (3 * inner + rank + 2 * states + hidden),
        "embedding": config.vocab_size * (1 if tied else 2),
    }
    return Sizes(
        mixer=attending * 2 * hidden * (heads + shared) + mamba * matrices,
        mlp=dense * 3 * hidden * config.intermediate_size,
        experts=moe * config.num_experts * expert,
        used=moe * config.num_experts_per_tok * expert,
        table=table,
        head=0 if tied else table,
        small=mamba * vectors + moe * config.num_experts * hidden + (2 * len(layers) + 1) * hidden,
        rows=rows,
    )


def cache_per_token(layers: int, kv_heads: int, head_dim: int, width: int = 2) -> int:
    """Bytes of keys and values that `layers` attention layers keep of one token."""
    return 2 * layers * kv_heads * head_dim * width


def cache_bytes(config: JambaConfig, tokens: int, width: int = 2) -> int:
    """Bytes of keys and values of one sequence; `width` is the bytes of a number."""
    layers = sum(map(config.is_attention, range(config.num_hidden_layers)))
    return tokens * cache_per_token(layers, config.num_key_value_heads, config.head_dim, width)


def state_bytes(config: JambaConfig, width: int = 2) -> int:
    """Bytes of the Mamba states of one sequence: float32, their convolutions in `width` bytes."""
    mamba = sum(not config.is_attention(i) for i in range(config.num_hidden_layers))
    taps = (config.mamba_d_conv - 1) * width
    return mamba * config.mamba_inner * (4 * config.mamba_d_state + taps)


def experts_hit(experts: int, used: int, batch: int) -> float:
    """Different experts of a layer that `batch` tokens need on average, if routing is uniform."""
    return experts * (1 - (1 - used / experts) ** batch)
