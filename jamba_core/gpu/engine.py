"""A Jamba on a CUDA GPU that stands where `Jamba` does: sessions, grammars, batches run on it.

In: a checkpoint, slots and room for texts. Out: an `Engine`: called like a model, it reads ids
after a `State` and returns logits and the new one; `submit` writes many texts at once, each
joining and leaving between steps (`batcher`). A state is a value as in `jamba_core.cache`: it
lives in a slot while it is the newest there, and is copied, on the device, when another takes its
place. Greedy tokens are those of `Jamba` up to near-ties in bfloat16.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import torch
from torch import Tensor

from mrkl.jamba_core.config import JambaConfig
from mrkl.jamba_core.gpu import NoDevice, interpreted, prefill, why_not
from mrkl.jamba_core.gpu.decode import Decoder
from mrkl.jamba_core.gpu.memory import need
from mrkl.jamba_core.gpu.states import Past, State
from mrkl.jamba_core.gpu.store import Store
from mrkl.jamba_core.gpu.weights import Weights, from_tensors
from mrkl.jamba_core.hub import checkpoint_folder
from mrkl.jamba_core.limits import RESERVE
from mrkl.jamba_core.load import CheckpointFiles
from mrkl.jamba_core.quantize import METHOD, QuantizationError, stored_mode
from mrkl.jamba_core.sampling import Sampling
from mrkl.jamba_core.weights import CheckpointError

if TYPE_CHECKING:
    from mrkl.jamba_core.generate import Generation
    from mrkl.jamba_core.gpu.batcher import Batcher, Request
    from mrkl.jamba_core.session import Token
    from mrkl.jamba_core.tokenizer import Tokenizer

ROWS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128)  # batches with a graph
FEW = 3  # tokens that are read one by one, each by a graph, rather than as a prompt
SLOTS, ROOM = 8, 16384


@dataclass(frozen=True)
class Output:
    """logits [batch, kept time, vocabulary] float32."""

    logits: Tensor
    state: State


class _Slot:
    """Who lives in a slot: the newest past, and older ones whose keys and values are a part."""

    def __init__(self) -> None:
        self.pasts: WeakSet[Past] = WeakSet()
        self.held = False  # by a running request
        self.used = 0


class Engine:
    """Weights and slots on one device. Calls may come from several threads; one runs at a time."""

    reads_ahead = False  # guesses cost a whole pass here, a step by graph is quicker

    def __init__(
        self,
        weights: Weights,
        slots: int = SLOTS,
        room: int = ROOM,
        folder: Path | None = None,
        piece: int = prefill.PIECE,
        graphs: bool | None = None,
    ) -> None:
        """piece: tokens of a prompt read at once; graphs: None uses them where there is a GPU."""
        self.weights, self.config, self.folder = weights, weights.config, folder
        self.device, self.product = weights.device, weights.dtype
        self.piece = self.read_tokens = piece
        self.store = Store(weights, slots, room)
        self.slots = [_Slot() for _ in range(slots)]
        self.graphs = weights.device.type == "cuda" if graphs is None else graphs
        self.lock = RLock()
        self.steps = 0  # made so far
        self._decoders: dict[int, Decoder] = {}
        self._clock = 0

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        quantization: str | None = None,
        slots: int | None = None,
        room: int = ROOM,
        dtype: torch.dtype | None = None,
        device: str | None = None,
    ) -> "Engine":
        """Load a checkpoint's folder, or one of the hub, for `slots` texts of up to `room` tokens.

        slots: None takes 8, or as many of them as fit. dtype, device: bfloat16 on CUDA, float32
        on the CPU for Triton's interpreter. Raises NoDevice and DoesNotFit before anything large
        is read, and ConfigError, CheckpointError or QuantizationError.
        """
        if reason := why_not():
            raise NoDevice(f"the GPU engine cannot run: {reason}")
        device = device or ("cpu" if interpreted() else "cuda")
        dtype = dtype or (torch.float32 if device == "cpu" else torch.bfloat16)
        folder = checkpoint_folder(folder)
        config = JambaConfig.from_file(folder)
        stored = stored_mode(config.quantization_config)
        if stored and quantization not in (None, stored):
            raise QuantizationError(
                f"{folder}: stored as {stored!r}, {quantization!r} was asked for"
            )
        mode = quantization or stored
        room = min(room, config.max_position_embeddings or room)
        slots = fitting(config, mode, slots, room, dtype, device)
        if mode is not None:
            config = replace(config, quantization_config={"quant_method": METHOD, "mode": mode})
        try:
            with torch.inference_mode():
                weights = from_tensors(config, CheckpointFiles(folder), mode, dtype, device)
        except CheckpointError as error:
            raise CheckpointError(f"{folder}: {error}") from error
        return cls(weights, slots, room, folder)

    @cached_property
    def tokenizer(self) -> "Tokenizer":
        """The tokenizer in the checkpoint's folder; raises FileNotFoundError."""
        from mrkl.jamba_core.tokenizer import Tokenizer

        if self.folder is None:
            raise FileNotFoundError("this model was not loaded from a folder: no tokenizer")
        return Tokenizer.from_file(self.folder)

    @cached_property
    def batcher(self) -> "Batcher":
        """What writes the texts of `submit`."""
        from mrkl.jamba_core.gpu.batcher import Batcher

        return Batcher(self)

    def submit(self, tokens: Sequence[int] | str, *args: Any, **options: Any) -> "Request":
        """Have a text written beside others; options as for `Batcher.submit`."""
        ids = self.tokenizer.encode(tokens) if isinstance(tokens, str) else tokens
        return self.batcher.submit(ids, *args, **options)

    def generate(self, tokens: Any, max_new_tokens: int = 256, **options: Any) -> "Generation":
        """Continue one text; options as for `mrkl.jamba_core.generate.generate`."""
        from mrkl.jamba_core.generate import generate

        return generate(self, tokens, max_new_tokens=max_new_tokens, **options)  # type: ignore[arg-type]

    def stream(self, tokens: Any, max_new_tokens: int = 256, **options: Any) -> "Iterator[Token]":
        """Like `generate`, token by token."""
        from mrkl.jamba_core.generate import stream

        return stream(self, tokens, max_new_tokens=max_new_tokens, **options)  # type: ignore[arg-type]

    def empty_state(self, batch: int = 1) -> State:
        """The state before the first token of `batch` sequences."""
        return State(tuple(Past(0) for _ in range(batch)))

    def __call__(
        self,
        input_ids: Tensor | Sequence[int],
        state: State | None = None,
        logits_to_keep: int | None = None,
        padding: Sequence[int] | None = None,
    ) -> Output:
        """Read ids [batch, time] (or one sequence as a list) after the text behind `state`.

        As `Jamba` does; ids that `padding` counts are not read at all. Raises ValueError for ids
        of the wrong shape and for texts longer than the room.
        """
        ids = torch.as_tensor(input_ids, dtype=torch.long).cpu()
        ids = ids[None] if ids.dim() == 1 else ids
        if ids.dim() != 2 or ids.shape[1] == 0:
            raise ValueError(f"ids of shape [batch, time] are expected, got {list(ids.shape)}")
        batch, time = ids.shape
        if int(ids.min()) < 0 or int(ids.max()) >= self.config.vocab_size:
            raise IndexError(f"ids beyond the vocabulary of {self.config.vocab_size}")
        if state is None:
            state = self.empty_state(batch)
        elif padding is not None:
            raise ValueError("padding belongs before the first token, not after a state")
        if state.batch != batch:
            raise ValueError(f"the state holds {state.batch} sequences, ids {batch}")
        keep = time if logits_to_keep is None else min(logits_to_keep, time)
        texts = [ids[row, (padding or [0] * batch)[row] :] for row in range(batch)]
        logits, rows = list[Tensor](), list[Past]()
        with self.lock, torch.inference_mode():
            free = max(1, sum(not slot.held for slot in self.slots))
            for start in range(0, batch, free):
                part = slice(start, start + free)
                found, after = self._read(list(state.rows[part]), texts[part], keep)
                logits += found
                rows += after
        return Output(torch.stack(logits), State(tuple(rows)))

    def _read(
        self, pasts: list[Past], texts: list[Tensor], keep: int
    ) -> tuple[list[Tensor], list[Past]]:
        """Texts after pasts, which stay as they are; logits [keep, V] and a new past each."""
        for past, text in zip(pasts, texts, strict=True):
            self.check_room(past.length, len(text))
        places = self.enter(pasts)
        long = max(map(len, texts))
        if len(set(map(len, texts))) == 1 and long <= FEW:
            tokens, steps = torch.stack(texts, 1).tolist(), list[Tensor]()
            for now in tokens:
                self.step(places, now)
                steps.append(self.logits(len(places)).clone())
            found = list(torch.stack(steps, 1)[:, long - keep :])
        else:
            found = [
                self.extend(place, past.length, text, keep)
                for place, past, text in zip(places, pasts, texts, strict=True)
            ]
        after = [
            self.settled(place, past.length + len(text))
            for place, past, text in zip(places, pasts, texts, strict=True)
        ]
        return found, after

    def check_room(self, past: int, more: int) -> None:
        """Raises ValueError where a text would become too long."""
        if past + more > self.store.room:
            raise ValueError(
                f"{past} + {more} tokens do not fit into the room of {self.store.room}"
            )

    # What follows is for `batcher` too; whoever calls it holds the lock.

    def enter(self, pasts: Sequence[Past]) -> list[int]:
        """A slot for each past, with its states in it; the pasts themselves stay what they are."""
        taken: set[int] = set()
        places: list[int] = []
        for past in pasts:
            place = self._place(past, taken)
            taken.add(place)
            places.append(place)
        return places

    def extend(self, place: int, past: int, ids: Tensor, keep: int = 1) -> Tensor:
        """Read ids [T] as a prompt in a slot; logits [keep, V] (fewer ids: the first are zero)."""
        found = prefill.extend(
            self.weights, self.store, place, past, ids, min(keep, len(ids)), self.piece
        )
        if len(found) == keep:
            return found
        return torch.cat((found.new_zeros(keep - len(found), found.shape[1]), found))

    def settled(self, place: int, length: int) -> Past:
        """The past that a slot holds now."""
        past, slot = Past(length, place), self.slots[place]
        slot.pasts.add(past)
        return past

    def decoder(self, rows: int) -> Decoder:
        """The steps of the least batch that holds so many rows."""
        most = max(len(self.slots), rows)
        size = next((size for size in ROWS if rows <= size <= most), rows)
        if size not in self._decoders:
            self._decoders[size] = Decoder(self.weights, size, store=self.store)
        return self._decoders[size]

    def step(
        self,
        places: Sequence[int],
        tokens: Sequence[int] | None,
        samplings: Sequence[Sampling] = (),
        seeds: Sequence[int] = (),
    ) -> Decoder:
        """Read a token in each of the slots; the decoder then has logits and next tokens.

        tokens: None for those that its last step chose, in the same slots.
        """
        decoder = self.decoder(len(places))
        decoder.settle(places, samplings, seeds)
        if tokens is not None:
            decoder.put(tokens)
        if self.graphs and decoder.drawing not in decoder.graphs:
            decoder.capture(decoder.drawing)
        decoder.advance()
        self.steps += 1
        return decoder

    def logits(self, rows: int) -> Tensor:
        """Those of the last step of so many rows: [rows, V]; the next step overwrites them."""
        return self.decoder(rows).logits[:rows]

    def hold(self, place: int, held: bool = True) -> None:
        """Keep a slot from being given to others, or let it go."""
        self.slots[place].held = held

    def _place(self, past: Past, taken: set[int]) -> int:
        """A slot with the past in it. Others' pasts there are copied out first."""
        self._clock += 1
        home = past.home
        if home is not None and home not in taken and self._may_go_on(past, home):
            slot = self.slots[home]
            if past.mamba is None:
                past.mamba = self.store.mamba(home)
            else:
                self.store.put(home, past.mamba, None, past.length)
            slot.used = self._clock
            return home
        mamba, kv = past.mamba, past.kv
        if home is not None:
            mamba = mamba or self.store.mamba(home)
            kv = self.store.keys_values(home, past.length)
        place = self._empty_slot(taken, home)
        self.slots[place].used = self._clock
        if past.length:
            assert mamba is not None and kv is not None
            self.store.put(place, mamba, kv, past.length)
        else:
            self.store.clear(place)
        return place

    def _may_go_on(self, past: Past, home: int) -> bool:
        """Whether going on in the past's own slot spoils no other past there."""
        slot = self.slots[home]
        if slot.held:
            return False
        return all(other is past or other.length <= past.length for other in slot.pasts)

    def _empty_slot(self, taken: set[int], home: int | None) -> int:
        """The slot that is missed least, without its pasts; raises RuntimeError if all are held."""
        free = [n for n, slot in enumerate(self.slots) if n not in taken and not slot.held]
        if not free:
            raise RuntimeError(f"all {len(self.slots)} slots are in use")
        place = min(
            free, key=lambda n: (bool(self.slots[n].pasts), n == home, self.slots[n].used, n)
        )
        slot = self.slots[place]
        pasts = sorted(slot.pasts, key=lambda past: past.length)
        if pasts:
            kv = self.store.keys_values(place, pasts[-1].length)
            for past in pasts:
                past.mamba = past.mamba or self.store.mamba(place)  # the newest's is still there
                past.kv, past.home = kv[..., : past.length, :], None
        slot.pasts = WeakSet()
        return place


def fitting(
    config: JambaConfig,
    mode: str | None,
    slots: int | None,
    room: int,
    dtype: torch.dtype = torch.bfloat16,
    device: str = "cuda",
) -> int:
    """The slots that a device has room for beside the model; raises DoesNotFit.

    slots: exactly so many; None: SLOTS, or fewer.
    """
    count = slots or SLOTS
    if torch.device(device).type == "cpu":
        return count
    free, total = torch.cuda.mem_get_info(device)
    free, name = free - int(RESERVE / 4 * total), torch.cuda.get_device_name(device)
    while True:
        wanted = need(config, mode, count, room, prefill.PIECE, dtype)
        if wanted.total <= free or slots is not None or count == 1:
            break
        count //= 2
    wanted.check(free, name)
    return count
