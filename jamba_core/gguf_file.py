"""A model as a GGUF file, for llama.cpp: a second, independent implementation to compare with.

In: a model (int8 matrices are written as what they stand for). Out: one file in float32, or in
Q8_0 for the large matrices, without a vocabulary. Needs the package gguf (`pip install
'mrkl[gguf]'`). It reads no GGUF.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mrkl.jamba_core.config import JambaConfig

if TYPE_CHECKING:
    from mrkl.jamba_core.model import Jamba

TYPES = ("float32", "q8_0")
# Public name below `model.layers.i.` -> name below `blk.i.`; experts are handled apart.
LAYER = {
    "input_layernorm.weight": "attn_norm.weight",
    "pre_ff_layernorm.weight": "ffn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.o_proj.weight": "attn_output.weight",
    "mamba.in_proj.weight": "ssm_in.weight",
    "mamba.conv1d.weight": "ssm_conv1d.weight",
    "mamba.conv1d.bias": "ssm_conv1d.bias",
    "mamba.x_proj.weight": "ssm_x.weight",
    "mamba.dt_proj.weight": "ssm_dt.weight",
    "mamba.dt_proj.bias": "ssm_dt.bias",
    "mamba.A_log": "ssm_a",
    "mamba.D": "ssm_d",
    "mamba.out_proj.weight": "ssm_out.weight",
    "mamba.dt_layernorm.weight": "ssm_dt_norm.weight",
    "mamba.b_layernorm.weight": "ssm_b_norm.weight",
    "mamba.c_layernorm.weight": "ssm_c_norm.weight",
    "feed_forward.gate_proj.weight": "ffn_gate.weight",
    "feed_forward.up_proj.weight": "ffn_up.weight",
    "feed_forward.down_proj.weight": "ffn_down.weight",
    "feed_forward.router.weight": "ffn_gate_inp.weight",
}
TOP = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.final_layernorm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
# Small, or read by parts of llama.cpp that know float32 only.
ALWAYS_FLOAT = (
    "norm.weight",
    "ssm_a",
    "ssm_d",
    ".bias",
    "ssm_conv1d.weight",
    "ffn_gate_inp.weight",
)


class ExportError(ValueError):
    """A model that llama.cpp could not run, or a package that is missing."""


def export_gguf(model: "Jamba", path: str | Path, kind: str = "float32") -> None:
    """Write the file; raises ExportError."""
    try:
        import gguf
    except ImportError:
        raise ExportError("writing GGUF needs a package: pip install 'mrkl[gguf]'") from None
    if kind not in TYPES:
        raise ExportError(f"type {kind!r} is not one of {', '.join(TYPES)}")
    _check(model.config)
    path = Path(path)
    beside = path.with_name(path.name + ".part")
    writer: Any = gguf.GGUFWriter(beside, "jamba")
    _describe(writer, model.config)
    quants = gguf.GGMLQuantizationType
    for name, tensor in _named(model):
        data = tensor.float().cpu().numpy()
        small = name.endswith(ALWAYS_FLOAT) or data.shape[-1] % 32
        if kind == "float32" or small:
            writer.add_tensor(name, data)
        else:
            quantized = gguf.quants.quantize(data, quants.Q8_0)
            writer.add_tensor(name, quantized, raw_dtype=quants.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(beside, path)


def _check(config: JambaConfig) -> None:
    """llama.cpp's Jamba has fewer switches."""
    if config.mamba_expand != 2:
        raise ExportError(f"llama.cpp knows mamba_expand 2 only, this is {config.mamba_expand}")
    if config.mamba_proj_bias or not config.mamba_conv_bias or config.hidden_act != "silu":
        raise ExportError("llama.cpp wants SiLU, a convolution's bias and no other bias")
    if config.num_experts > 1 and config.moe_intermediate_size != config.intermediate_size:
        raise ExportError("llama.cpp wants experts as wide as the dense MLPs")


def _describe(writer: Any, config: JambaConfig) -> None:
    layers = range(config.num_hidden_layers)
    kv = [config.num_key_value_heads if config.is_attention(i) else 0 for i in layers]
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(kv)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_ssm_conv_kernel(config.mamba_d_conv)
    writer.add_ssm_inner_size(config.mamba_inner)
    writer.add_ssm_state_size(config.mamba_d_state)
    writer.add_ssm_time_step_rank(config.mamba_dt_rank)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    if any(map(config.is_moe, layers)):
        writer.add_expert_count(config.num_experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("no_vocab")


def _named(model: "Jamba") -> Iterator[tuple[str, Tensor]]:
    """Tensors under GGUF's names; a layer's experts as one."""
    experts: dict[str, list[Tensor]] = {}
    for name, tensor in _whole(model):
        if name in TOP:
            yield TOP[name], tensor
            continue
        number, _, rest = name.removeprefix("model.layers.").partition(".")
        if ".experts." in name:
            kind = name.rpartition("_proj.")[0].rpartition(".")[2]
            held = experts.setdefault(kind, [])
            held.append(tensor)
            if len(held) == model.config.num_experts:
                yield f"blk.{number}.ffn_{kind}_exps.weight", torch.stack(experts.pop(kind))
            continue
        if rest == "mamba.A_log":
            tensor = -torch.exp(tensor.float())
        elif rest == "mamba.conv1d.weight":
            tensor = tensor.squeeze(1)
        yield f"blk.{number}.{LAYER[rest]}", tensor


def _whole(model: "Jamba") -> Iterator[tuple[str, Tensor]]:
    """Tensors under their public names, int8 ones multiplied out (the scale follows the matrix)."""
    waiting: tuple[str, Tensor] | None = None
    for name, tensor in model.tensors():
        if waiting is not None:
            yield waiting[0], waiting[1].float() * tensor[:, None]
            waiting = None
        elif tensor.dtype == torch.int8:
            waiting = name, tensor
        else:
            yield name, tensor
