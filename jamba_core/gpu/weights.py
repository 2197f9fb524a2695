"""The weights of a model as the kernels read them, on one device.

In: public tensor names and tensors (a checkpoint's, or a `Jamba`'s own `tensors()`), or only a
shape for random ones, which are made on the device matrix by matrix, or for none at all (`outline`,
to count bytes). Out: `Weights`. Experts of a layer are one tensor; int8 matrices have a float32
scale a row, the others take `dtype`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass

import torch
from torch import Tensor

from mrkl.jamba_core.config import JambaConfig
from mrkl.jamba_core.quantize import groups_of, quantize_rows
from mrkl.jamba_core.scan import LOG2_E
from mrkl.jamba_core.weights import CheckpointError

Rows = tuple[tuple[str, int], ...]  # (name, rows)


@dataclass(frozen=True)
class Matrix:
    """weight [.., N, K] with scale [.., N] where it is int8, and perhaps a bias [N] float32."""

    weight: Tensor
    scale: Tensor | None = None
    bias: Tensor | None = None

    @property
    def bytes(self) -> int:
        """Bytes to read."""
        return sum(t.nbytes for t in (self.weight, self.scale, self.bias) if t is not None)


@dataclass(frozen=True)
class MambaWeights:
    """a2 [N, I] is A times log2(e); taps [K, I]; norms are those of dt, B and C in a row."""

    in_proj: Matrix
    x_proj: Matrix
    dt_proj: Matrix
    out_proj: Matrix
    a2: Tensor
    skip: Tensor
    taps: Tensor
    conv_bias: Tensor
    norms: Tensor


@dataclass(frozen=True)
class AttentionWeights:
    """q, k and v are one matrix."""

    qkv: Matrix
    out: Matrix


@dataclass(frozen=True)
class Forward:
    """gate_up [E, 2 F, D], down [E, D, F]; router [E, D] float32, or None for one MLP."""

    router: Tensor | None
    gate_up: Matrix
    down: Matrix


@dataclass(frozen=True)
class LayerWeights:
    norm: Tensor
    ff_norm: Tensor
    mixer: MambaWeights | AttentionWeights
    forward: Forward


@dataclass(frozen=True)
class Weights:
    """embed [V, D] in the activations' type."""

    config: JambaConfig
    embed: Tensor
    layers: list[LayerWeights]
    norm: Tensor
    head: Matrix

    @property
    def dtype(self) -> torch.dtype:
        """The type of activations and of matrices that are not int8."""
        return self.embed.dtype

    @property
    def device(self) -> torch.device:
        return self.embed.device

    @property
    def bytes(self) -> int:
        """Memory that all tensors take; what two names share counts once."""
        return sum({id(t): t.nbytes for t in _tensors(self)}.values())


def _tensors(part: object) -> Iterator[Tensor]:
    if isinstance(part, Tensor):
        yield part
    elif isinstance(part, list):
        for item in part:
            yield from _tensors(item)
    elif is_dataclass(part):
        for each in fields(part):
            yield from _tensors(getattr(part, each.name))


class Checkpoint:
    """Hands out tensors of a mapping by their public names; int8 ones as they are stored."""

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        quantization: str | None,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.tensors, self.groups = tensors, groups_of(quantization)
        self.dtype, self.device = dtype, device

    def has(self, name: str) -> bool:
        return name in self.tensors

    def vector(self, name: str, shape: tuple[int, ...]) -> Tensor:
        tensor = self._tensor(name)
        if tuple(tensor.shape) != shape:
            raise CheckpointError(
                f"{name} has shape {list(tensor.shape)}, {list(shape)} is expected"
            )
        return tensor.to(self.device, torch.float32).contiguous()

    def matrix(self, prefix: str, rows: Rows, columns: int, group: str | None) -> Matrix:
        """The rows of several tensors as one matrix; dense where group is None."""
        if group not in self.groups:
            return Matrix(torch.cat([self._dense(f"{prefix}{n}", r, columns) for n, r in rows]))
        pairs = [self._int8(f"{prefix}{n}", r, columns) for n, r in rows]
        return Matrix(torch.cat([w for w, _ in pairs]), torch.cat([s for _, s in pairs]))

    def _dense(self, name: str, rows: int, columns: int) -> Tensor:
        weight = self._weight(name, rows, columns)
        if weight.dtype == torch.int8:
            weight = weight.float() * self._tensor(f"{name}.weight_scale")[:, None]
        return weight.to(self.dtype)

    def _int8(self, name: str, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        weight = self._weight(name, rows, columns)
        if weight.dtype != torch.int8:
            whole, scale = quantize_rows(weight)
            if not torch.isfinite(scale).all():
                raise CheckpointError(f"{name} has numbers that are not finite")
            return whole, scale
        return weight, self._tensor(f"{name}.weight_scale").float()

    def _weight(self, name: str, rows: int, columns: int) -> Tensor:
        weight = self._tensor(f"{name}.weight")
        if tuple(weight.shape) != (rows, columns):
            raise CheckpointError(
                f"{name} has shape {list(weight.shape)}, [{rows}, {columns}] is expected"
            )
        return weight

    def _tensor(self, name: str) -> Tensor:
        if name not in self.tensors:
            raise CheckpointError(f"tensor {name} is missing")
        return self.tensors[name].to(self.device)


class Random:
    """Random tensors of a shape, made on the device; they answer nothing.

    Matrices are drawn so that a layer's output is as large as its input.
    """

    def __init__(
        self, quantization: str | None, dtype: torch.dtype, device: torch.device, seed: int = 0
    ) -> None:
        self.groups, self.dtype, self.device = groups_of(quantization), dtype, device
        self.generator = torch.Generator(device).manual_seed(seed)

    def has(self, name: str) -> bool:
        return name.endswith("conv1d.bias")

    def vector(self, name: str, shape: tuple[int, ...]) -> Tensor:
        if name.endswith("A_log"):
            states = torch.arange(1, shape[1] + 1, device=self.device).float()
            return states.log().expand(shape).contiguous()
        noise = torch.randn(shape, generator=self.generator, device=self.device)
        if name.endswith("dt_proj.bias"):
            return noise * 0.5 - 4.0
        if name.endswith("router.weight"):
            return noise * shape[1] ** -0.5
        return noise * 0.1 + (0.0 if name.endswith("bias") else 1.0)

    def matrix(self, prefix: str, rows: Rows, columns: int, group: str | None) -> Matrix:
        count = sum(r for _, r in rows)
        if group in self.groups:
            weight = torch.empty(count, columns, dtype=torch.int8, device=self.device)
            weight.random_(-127, 128, generator=self.generator)
            scale = torch.full((count,), columns**-0.5 / 73.0, device=self.device)
            return Matrix(weight, scale)
        weight = torch.empty(count, columns, dtype=self.dtype, device=self.device)
        return Matrix(weight.normal_(0, columns**-0.5, generator=self.generator))


class Outline:
    """Tensors without content, on torch's meta device."""

    device = torch.device("meta")

    def __init__(self, quantization: str | None, dtype: torch.dtype) -> None:
        self.groups, self.dtype = groups_of(quantization), dtype

    def has(self, name: str) -> bool:
        return False

    def vector(self, name: str, shape: tuple[int, ...]) -> Tensor:
        return torch.empty(shape, device=self.device)

    def matrix(self, prefix: str, rows: Rows, columns: int, group: str | None) -> Matrix:
        shape = (sum(r for _, r in rows), columns)
        if group not in self.groups:
            return Matrix(torch.empty(shape, dtype=self.dtype, device=self.device))
        scale = torch.empty(shape[0], device=self.device)
        return Matrix(torch.empty(shape, dtype=torch.int8, device=self.device), scale)


Source = Checkpoint | Random | Outline


def from_tensors(
    config: JambaConfig,
    tensors: Mapping[str, Tensor],
    quantization: str | None = "jamba_int8",
    dtype: torch.dtype = torch.bfloat16,
    device: str | torch.device = "cuda",
) -> Weights:
    """Take a checkpoint's tensors; what the quantisation names becomes int8 unless it is."""
    return _build(config, Checkpoint(tensors, quantization, dtype, torch.device(device)))


def random(
    config: JambaConfig,
    quantization: str | None = "jamba_int8",
    dtype: torch.dtype = torch.bfloat16,
    device: str | torch.device = "cuda",
    seed: int = 0,
) -> Weights:
    """Random weights of a shape."""
    return _build(config, Random(quantization, dtype, torch.device(device), seed))


def outline(
    config: JambaConfig, quantization: str | None, dtype: torch.dtype = torch.bfloat16
) -> Weights:
    """Weights without content: their shapes and bytes are those of the real ones."""
    return _build(config, Outline(quantization, dtype))


def _build(config: JambaConfig, source: Source) -> Weights:
    if config.hidden_act != "silu":
        raise ValueError(f"hidden_act {config.hidden_act!r}: the kernels know silu only")
    hidden, rows = config.hidden_size, config.vocab_size
    table = source.matrix("", (("model.embed_tokens", rows),), hidden, None)
    if not config.tie_word_embeddings:
        head = source.matrix("", (("lm_head", rows),), hidden, "embedding")
    elif "embedding" in source.groups and not isinstance(source, Random):
        head = source.matrix("", (("model.embed_tokens", rows),), hidden, "embedding")
    else:
        head = table
    layers = [_layer(config, source, number) for number in range(config.num_hidden_layers)]
    norm = source.vector("model.final_layernorm.weight", (hidden,))
    return Weights(config, table.weight, layers, norm, head)


def _layer(config: JambaConfig, source: Source, number: int) -> LayerWeights:
    prefix, size = f"model.layers.{number}.", (config.hidden_size,)
    attends = config.is_attention(number)
    return LayerWeights(
        source.vector(prefix + "input_layernorm.weight", size),
        source.vector(prefix + "pre_ff_layernorm.weight", size),
        _attention(config, source, prefix) if attends else _mamba(config, source, prefix),
        _forward(config, source, prefix + "feed_forward.", config.is_moe(number)),
    )


def _attention(config: JambaConfig, source: Source, prefix: str) -> AttentionWeights:
    prefix += "self_attn."
    inner = config.num_attention_heads * config.head_dim
    shared = config.num_key_value_heads * config.head_dim
    rows = (("q_proj", inner), ("k_proj", shared), ("v_proj", shared))
    return AttentionWeights(
        source.matrix(prefix, rows, config.hidden_size, "mixer"),
        source.matrix(prefix, (("o_proj", config.hidden_size),), inner, "mixer"),
    )


def _mamba(config: JambaConfig, source: Source, prefix: str) -> MambaWeights:
    prefix += "mamba."
    hidden, inner = config.hidden_size, config.mamba_inner
    states, rank, taps = config.mamba_d_state, config.mamba_dt_rank, config.mamba_d_conv

    def linear(name: str, rows: int, columns: int, group: str | None, bias: bool) -> Matrix:
        matrix = source.matrix(prefix, ((name, rows),), columns, group)
        shift = source.vector(f"{prefix}{name}.bias", (rows,)) if bias else None
        return Matrix(matrix.weight, matrix.scale, shift)

    skip = source.vector(prefix + "D", (inner,))
    bias = torch.zeros_like(skip)
    if config.mamba_conv_bias:
        bias = source.vector(prefix + "conv1d.bias", (inner,))
    sizes = {"dt": rank, "b": states, "c": states}
    norms = [source.vector(f"{prefix}{n}_layernorm.weight", (s,)) for n, s in sizes.items()]
    a_log = source.vector(prefix + "A_log", (inner, states))
    conv = source.vector(prefix + "conv1d.weight", (inner, 1, taps))
    projects = config.mamba_proj_bias
    return MambaWeights(
        linear("in_proj", 2 * inner, hidden, "mixer", projects),
        linear("x_proj", rank + 2 * states, inner, None, False),
        linear("dt_proj", inner, rank, None, True),
        linear("out_proj", hidden, inner, "mixer", projects),
        (-LOG2_E * a_log.exp()).T.contiguous(),
        skip,
        conv.squeeze(1).T.contiguous(),
        bias,
        torch.cat(norms),
    )


def _forward(config: JambaConfig, source: Source, prefix: str, moe: bool) -> Forward:
    hidden = config.hidden_size
    if not moe:
        make = _mlp(source, hidden, config.intermediate_size, "mlp")
        return Forward(None, *_stacked([prefix], make))
    router = source.vector(prefix + "router.weight", (config.num_experts, hidden))
    make = _mlp(source, hidden, config.moe_intermediate_size, "experts")
    experts = [f"{prefix}experts.{e}." for e in range(config.num_experts)]
    return Forward(router, *_stacked(experts, make))


def _mlp(
    source: Source, hidden: int, width: int, group: str
) -> Callable[[str], tuple[Matrix, Matrix]]:
    rows = (("gate_proj", width), ("up_proj", width))

    def make(prefix: str) -> tuple[Matrix, Matrix]:
        down = source.matrix(prefix, (("down_proj", hidden),), width, group)
        return source.matrix(prefix, rows, hidden, group), down

    return make


def _stacked(
    prefixes: list[str], make: Callable[[str], tuple[Matrix, Matrix]]
) -> tuple[Matrix, Matrix]:
    """The same matrices of several experts, [E, ..], without holding all of them twice."""
    whole: list[Matrix] = []
    for place, prefix in enumerate(prefixes):
        pair = make(prefix)
        if not whole:
            count = len(prefixes)
            whole = [
                Matrix(
                    m.weight.new_empty((count, *m.weight.shape)),
                    None if m.scale is None else m.scale.new_empty((count, *m.scale.shape)),
                )
                for m in pair
            ]
        for target, matrix in zip(whole, pair, strict=True):
            target.weight[place] = matrix.weight
            if target.scale is not None and matrix.scale is not None:
                target.scale[place] = matrix.scale
    return whole[0], whole[1]
