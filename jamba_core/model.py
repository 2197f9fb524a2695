"""The Jamba language model: embedding, layers, head.

In: token ids [batch, time] and, to carry on from an earlier text, its state. Out: logits and the
new state. Every split of a text into calls gives the same logits. For inference only: nothing
here records gradients. It does not know text; `generate` and `session` do.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mrkl.jamba_core.attention import Attention
from mrkl.jamba_core.cache import LayerState, Padding, State
from mrkl.jamba_core.config import JambaConfig
from mrkl.jamba_core.hub import checkpoint_folder
from mrkl.jamba_core.layout import random_tensors
from mrkl.jamba_core.linear import rms_norm
from mrkl.jamba_core.load import SHARD_BYTES, CheckpointFiles, save_checkpoint
from mrkl.jamba_core.mamba import Mamba
from mrkl.jamba_core.moe import GatedMLP, MixtureOfExperts
from mrkl.jamba_core.packed import one_torch_thread
from mrkl.jamba_core.quantize import ALL, METHOD, QuantizationError, stored_mode
from mrkl.jamba_core.weights import CheckpointError, Weights

if TYPE_CHECKING:
    from mrkl.jamba_core.generate import Generation
    from mrkl.jamba_core.session import Token
    from mrkl.jamba_core.tokenizer import Tokenizer

# Long prompts are read in pieces, so that memory does not grow with their length.
PREFILL_TOKENS = 1024

Pads = tuple[Padding | None, Tensor | None]  # what attention, and what Mamba, must not see


@dataclass(frozen=True)
class Output:
    """logits [batch, kept time, vocabulary] float32; hidden [batch, time, D] after the last norm."""

    logits: Tensor
    state: State
    hidden: Tensor


class Layer:
    """x += mixer(norm(x)); x += feed_forward(norm(x))."""

    def __init__(self, weights: Weights, number: int) -> None:
        config, prefix = weights.config, f"model.layers.{number}."
        size = (config.hidden_size,)
        self.eps = config.rms_norm_eps
        self.norm = weights.vector(prefix + "input_layernorm.weight", size)
        self.ff_norm = weights.vector(prefix + "pre_ff_layernorm.weight", size)
        self.attends = config.is_attention(number)
        self.mixer_prefix = prefix + ("self_attn." if self.attends else "mamba.")
        self.mixer: Any = (Attention if self.attends else Mamba)(weights, self.mixer_prefix)
        self.ff_prefix, self.prefix = prefix + "feed_forward.", prefix
        self.feed_forward: GatedMLP | MixtureOfExperts
        if config.is_moe(number):
            self.feed_forward = MixtureOfExperts(weights, self.ff_prefix)
        else:
            width = config.intermediate_size
            self.feed_forward = GatedMLP.load(weights, self.ff_prefix, width, "mlp")

    def __call__(
        self, x: Tensor, state: LayerState, batch: int, pads: Pads = (None, None)
    ) -> tuple[Tensor, LayerState]:
        unread = pads[not self.attends]
        mixed, state = self.mixer(rms_norm(x, self.norm, self.eps), state, batch, unread)
        x = mixed.add_(x)
        return x.add_(self.feed_forward(rms_norm(x, self.ff_norm, self.eps))), state

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """The weights under their names on disk."""
        yield self.prefix + "input_layernorm.weight", self.norm
        yield from self.mixer.tensors(self.mixer_prefix)
        yield self.prefix + "pre_ff_layernorm.weight", self.ff_norm
        yield from self.feed_forward.tensors(self.ff_prefix)


class Jamba:
    """A Jamba model on one device; make one with `from_pretrained` or `random`."""

    def __init__(self, weights: Weights, folder: Path | None = None) -> None:
        config = weights.config
        self.device, self.folder, self.product = weights.device, folder, weights.product
        shape = (("model.embed_tokens", config.vocab_size),)
        table = weights.linear("", shape, config.hidden_size, "embedding")
        self.embed, self.embed_matrix, self.head = table.some_rows, table, table
        self.layers = [Layer(weights, i) for i in range(config.num_hidden_layers)]
        self.norm = weights.vector("model.final_layernorm.weight", (config.hidden_size,))
        if not config.tie_word_embeddings:
            shape = (("lm_head", config.vocab_size),)
            self.head = weights.linear("", shape, config.hidden_size, "embedding")
        elif weights.has("lm_head.weight"):
            weights.used |= {"lm_head.weight", "lm_head.weight_scale"}  # a copy of the table
        if unused := weights.unused():
            more = f" and {len(unused) - 1} more" if len(unused) > 1 else ""
            raise CheckpointError(f"unexpected tensor {unused[0]}{more} in the checkpoint")
        self.config = config
        # Where the kernels do the work, torch's threads only get into their way.
        self.threads = one_torch_thread if weights.packs and weights.groups == ALL else nullcontext

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        dtype: torch.dtype | None = None,
        device: str = "cpu",
        quantization: str | None = None,
    ) -> "Jamba":
        """Load a checkpoint folder, or `owner/model` from the hub (public layout, safetensors).

        dtype: None keeps what is stored (float16 becomes float32) and multiplies int8 matrices
        as bfloat16; float32 multiplies everything in float32 (exact, slower).
        quantization: None, "experts_int8", "jamba_int8" or "int8"; applied while loading, unless
        the checkpoint is stored so. Raises ConfigError, CheckpointError or QuantizationError.
        """
        folder = checkpoint_folder(folder)
        config, files = JambaConfig.from_file(folder), CheckpointFiles(folder)
        stored = stored_mode(config.quantization_config)
        if stored and quantization not in (None, stored):
            raise QuantizationError(
                f"{folder}: stored as {stored!r}, {quantization!r} was asked for"
            )
        try:
            return cls.from_tensors(config, files, dtype, device, quantization or stored, folder)
        except CheckpointError as error:
            raise CheckpointError(f"{folder}: {error}") from error

    @classmethod
    def from_tensors(
        cls,
        config: JambaConfig,
        tensors: Any,
        dtype: torch.dtype | None = None,
        device: str = "cpu",
        quantization: str | None = None,
        folder: Path | None = None,
    ) -> "Jamba":
        """Build a model from a mapping of public names to tensors."""
        if quantization is not None:
            stored = {"quant_method": METHOD, "mode": quantization}
            config = replace(config, quantization_config=stored)
        with torch.inference_mode():
            return cls(Weights(tensors, config, dtype, device, quantization), folder)

    @classmethod
    def random(cls, config: JambaConfig, seed: int = 0, **options: Any) -> "Jamba":
        """A model with random weights; options as for `from_tensors`."""
        return cls.from_tensors(config, random_tensors(config, seed), **options)

    def save_pretrained(self, folder: str | Path, shard_bytes: int = SHARD_BYTES) -> None:
        """Write config and weights in the public layout; int8 matrices with their scales.

        Up to shard_bytes are held in memory a second time on the way.
        """
        save_checkpoint(folder, self.config, self.tensors(), shard_bytes)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """The weights under their names on disk."""
        yield from self.embed_matrix.tensors("")
        for layer in self.layers:
            yield from layer.tensors()
        yield "model.final_layernorm.weight", self.norm
        if self.head is not self.embed_matrix:
            yield from self.head.tensors("")

    def empty_state(self, batch: int = 1, padding: Sequence[int] | None = None) -> State:
        """The state before the first token of `batch` sequences."""
        layers = tuple(layer.mixer.empty(batch) for layer in self.layers)
        if padding is None or not any(padding):
            return State(layers, 0, batch)
        if len(padding) != batch or min(padding) < 0:
            raise ValueError(f"padding {list(padding)} does not fit {batch} sequences")
        return State(layers, 0, batch, Padding(torch.tensor(padding, device=self.device)))

    @torch.inference_mode()
    def __call__(
        self,
        input_ids: Tensor | Sequence[int],
        state: State | None = None,
        logits_to_keep: int | None = None,
        padding: Sequence[int] | None = None,
    ) -> Output:
        """Read ids [batch, time] (or one sequence as a list) after the text behind `state`.

        logits_to_keep: only the last so many positions' logits are computed; None means all.
        padding: how many ids before each sequence are not part of it (any id will do there); only
        at the beginning, and the state remembers it. Their logits mean nothing.
        Raises ValueError for ids of the wrong shape and IndexError for ids beyond the vocabulary.
        """
        ids = torch.as_tensor(input_ids, dtype=torch.long, device=self.device)
        ids = ids[None] if ids.dim() == 1 else ids
        if ids.dim() != 2 or ids.shape[1] == 0:
            raise ValueError(f"ids of shape [batch, time] are expected, got {list(ids.shape)}")
        if state is None:
            state = self.empty_state(ids.shape[0], padding)
        elif padding is not None:
            raise ValueError("padding belongs before the first token, not after a state")
        elif state.batch != ids.shape[0]:
            raise ValueError(f"the state holds {state.batch} sequences, ids {ids.shape[0]}")
        if ids.shape[1] > PREFILL_TOKENS:
            state = state.with_room(ids.shape[1])
        with self.threads():
            hidden: list[Tensor] = []
            for piece in ids.split(PREFILL_TOKENS, 1):
                x, state = self._read(piece, state)
                hidden.append(x)
            x = hidden[0] if len(hidden) == 1 else torch.cat(hidden, 1)
            kept = x if logits_to_keep is None else x[:, x.shape[1] - logits_to_keep :]
            logits = self.head(kept.reshape(-1, kept.shape[2])).unflatten(0, kept.shape[:2])
        return Output(logits, state, x)

    def _read(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        x = self.embed(ids.reshape(-1))  # [B T, D]
        padding = state.padding
        pads = (padding, padding and padding.blank(state.length, ids.shape[1]))
        states: list[LayerState] = []
        for layer, past in zip(self.layers, state.layers, strict=True):
            x, new = layer(x, past, state.batch, pads)
            states.append(new)
        x = rms_norm(x, self.norm, self.config.rms_norm_eps)
        length = state.length + ids.shape[1]
        return x.unflatten(0, ids.shape), State(tuple(states), length, state.batch, padding)

    @cached_property
    def tokenizer(self) -> "Tokenizer":
        """The tokenizer in the checkpoint's folder; raises FileNotFoundError."""
        from mrkl.jamba_core.tokenizer import Tokenizer

        if self.folder is None:
            raise FileNotFoundError("this model was not loaded from a folder: no tokenizer")
        return Tokenizer.from_file(self.folder)

    def generate(self, input_ids: Any, max_new_tokens: int = 256, **options: Any) -> "Generation":
        """Continue a text; options as for `mrkl.jamba_core.generate.generate`."""
        from mrkl.jamba_core.generate import generate

        return generate(self, input_ids, max_new_tokens=max_new_tokens, **options)

    def stream(
        self, input_ids: Any, max_new_tokens: int = 256, **options: Any
    ) -> "Iterator[Token]":
        """Like `generate`, token by token."""
        from mrkl.jamba_core.generate import stream

        return stream(self, input_ids, max_new_tokens=max_new_tokens, **options)
