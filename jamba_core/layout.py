"""The public tensor names of a Jamba checkpoint and their shapes, and random weights of them.

In: a `JambaConfig`. Out: name -> shape, in the layout that Hugging Face writes to disk
(unquantised, one matrix per expert). Random weights are for tests, speed measurements and the
start of a training; they answer nothing.
"""

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from mrkl.jamba_core.config import JambaConfig

Shapes = dict[str, tuple[int, ...]]


def public_shapes(config: JambaConfig) -> Shapes:
    """Every tensor of the model; the head is absent where it is tied to the embedding."""
    hidden = config.hidden_size
    shapes: Shapes = {"model.embed_tokens.weight": (config.vocab_size, hidden)}
    for layer in range(config.num_hidden_layers):
        prefix = f"model.layers.{layer}."
        mixer = _attention(config) if config.is_attention(layer) else _mamba(config)
        forward = _experts(config) if config.is_moe(layer) else _mlp(config)
        norms: Shapes = {f"{n}.weight": (hidden,) for n in ("input_layernorm", "pre_ff_layernorm")}
        shapes |= {prefix + name: shape for name, shape in (mixer | forward | norms).items()}
    shapes["model.final_layernorm.weight"] = (hidden,)
    if not config.tie_word_embeddings:
        shapes["lm_head.weight"] = (config.vocab_size, hidden)
    return shapes


def random_tensors(config: JambaConfig, seed: int = 0) -> dict[str, Tensor]:
    """Float32 weights as Jamba is initialised: normal matrices, A = -(1..N), D = 1, norms 1."""
    generator = torch.Generator().manual_seed(seed)
    return {n: _initial(n, s, config, generator) for n, s in public_shapes(config).items()}


class RandomTensors(Mapping[str, Tensor]):
    """`random_tensors` made one by one when asked for, so that a large model fits into memory.

    The numbers are others than those of `random_tensors`; `dtype` is that of the matrices.
    """

    def __init__(self, config: JambaConfig, seed: int = 0, dtype: torch.dtype = torch.float32):
        self.config, self.seed, self.dtype = config, seed, dtype
        self.shapes = public_shapes(config)
        self.places = {name: place for place, name in enumerate(self.shapes)}

    def __getitem__(self, name: str) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed * len(self) + self.places[name])
        tensor = _initial(name, self.shapes[name], self.config, generator)
        return tensor.to(self.dtype) if tensor.dim() == 2 else tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


def parameter_count(config: JambaConfig) -> int:
    """The number of weights of the model."""
    return sum(math.prod(shape) for shape in public_shapes(config).values())


def _attention(config: JambaConfig) -> Shapes:
    hidden, width = config.hidden_size, config.head_dim
    rows = {"q": config.num_attention_heads, "k": config.num_key_value_heads}
    rows["v"] = rows["k"]
    shapes: Shapes = {f"self_attn.{n}_proj.weight": (r * width, hidden) for n, r in rows.items()}
    return shapes | {"self_attn.o_proj.weight": (hidden, rows["q"] * width)}


def _mamba(config: JambaConfig) -> Shapes:
    hidden, inner = config.hidden_size, config.mamba_inner
    states, rank = config.mamba_d_state, config.mamba_dt_rank
    shapes: Shapes = {
        "in_proj.weight": (2 * inner, hidden),
        "conv1d.weight": (inner, 1, config.mamba_d_conv),
        "x_proj.weight": (rank + 2 * states, inner),
        "dt_proj.weight": (inner, rank),
        "dt_proj.bias": (inner,),
        "A_log": (inner, states),
        "D": (inner,),
        "out_proj.weight": (hidden, inner),
        "dt_layernorm.weight": (rank,),
        "b_layernorm.weight": (states,),
        "c_layernorm.weight": (states,),
    }
    if config.mamba_conv_bias:
        shapes["conv1d.bias"] = (inner,)
    if config.mamba_proj_bias:
        shapes |= {"in_proj.bias": (2 * inner,), "out_proj.bias": (hidden,)}
    return {f"mamba.{name}": shape for name, shape in shapes.items()}


def _mlp(config: JambaConfig, prefix: str = "feed_forward.", width: int = 0) -> Shapes:
    hidden, width = config.hidden_size, width or config.intermediate_size
    return {
        f"{prefix}gate_proj.weight": (width, hidden),
        f"{prefix}up_proj.weight": (width, hidden),
        f"{prefix}down_proj.weight": (hidden, width),
    }


def _experts(config: JambaConfig) -> Shapes:
    shapes: Shapes = {"feed_forward.router.weight": (config.num_experts, config.hidden_size)}
    for expert in range(config.num_experts):
        shapes |= _mlp(config, f"feed_forward.experts.{expert}.", config.moe_intermediate_size)
    return shapes


def _initial(
    name: str, shape: tuple[int, ...], config: JambaConfig, generator: torch.Generator
) -> Tensor:
    if name.endswith("A_log"):
        return torch.arange(1, shape[1] + 1).float().log().expand(shape).contiguous()
    if name.endswith(("layernorm.weight", ".D")):
        return torch.ones(shape)
    if name.endswith("dt_proj.bias"):
        low, high = math.log(1e-3), math.log(1e-1)
        dt = torch.exp(low + torch.rand(shape, generator=generator) * (high - low))
        return dt + torch.log(-torch.expm1(-dt))  # the inverse of softplus
    if name.endswith(".bias"):
        return torch.zeros(shape)
    return torch.randn(shape, generator=generator) * config.initializer_range
