"""Texts written beside each other on an engine, each joining and leaving between two steps.

In: requests, from any thread. Out: their tokens as they are written, the same as alone (near-ties
in bfloat16 aside). A text holds a slot while it is written; prompts are read a piece a step, so
that the others go on meanwhile. Whoever waits for a text drives the steps of all.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from secrets import randbits
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mrkl.jamba_core.gpu.pick import pick
from mrkl.jamba_core.gpu.states import Past, State
from mrkl.jamba_core.grammar import Grammar, Matcher
from mrkl.jamba_core.reader import Limits
from mrkl.jamba_core.sampling import Sampling
from mrkl.jamba_core.session import GREEDY, Session

if TYPE_CHECKING:
    from mrkl.jamba_core.gpu.engine import Engine

PREFIXES_KEPT = 8


class Request:
    """A text that was asked for. `finish`: as in `Session`; iterate over it, or `wait`."""

    def __init__(
        self,
        batcher: "Batcher",
        ids: Sequence[int],
        limit: int,
        matcher: Matcher | None,
        sampling: Sampling,
        stops: frozenset[int],
        limits: Limits,
        past: Past,
        prefix: int,
        keep_state: bool,
    ) -> None:
        self.tokens: list[int] = []
        self.finish: str | None = None
        self.error: Exception | None = None
        self.state: State | None = None  # after the end, where wanted; all but the `unread` tokens
        self.unread: list[int] = []
        self._keep_state, self._asked = keep_state, list(ids)
        self._batcher, self._past, self._prefix = batcher, past, prefix
        self._limit, self._stops, self._limits = limit, stops, limits
        self._matcher, self._sampling = matcher, sampling
        self._seed = randbits(31) if sampling.seed is None else sampling.seed
        self._waiting, self._place, self._cancelled = list(ids), -1, False
        self._length = past.length  # tokens read

    def __iter__(self) -> Iterator[int]:
        """The tokens, driving the steps; who stops listening cancels the text."""
        given = 0
        try:
            while True:
                while given < len(self.tokens):
                    given += 1
                    yield self.tokens[given - 1]
                if self.finish is not None:
                    break
                self._batcher.step()
        finally:
            self.cancel()
        if self.error is not None:
            raise self.error

    def wait(self) -> "Request":
        """Until it is written; raises what went wrong with it."""
        for _ in self:
            pass
        return self

    def cancel(self) -> None:
        """End it at the next step, if it has not ended."""
        self._cancelled = True


class Batcher:
    """The texts being written on one engine."""

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine
        self._waiting: deque[Request] = deque()
        self._running: list[Request] = []
        self._kept: OrderedDict[tuple[int, ...], Past] = OrderedDict()
        self._last: list[Request] = []  # the rows whose next tokens lie on the device since step
        self._step = -1

    def submit(
        self,
        ids: Sequence[int],
        max_new_tokens: int = 256,
        grammar: Grammar | Matcher | str | None = None,
        sampling: Sampling = GREEDY,
        stop_ids: Sequence[int] | None = None,
        deadline: float | None = None,
        cancel: Callable[[], bool] | None = None,
        state: State | None = None,
        prefix: int = 0,
        keep_state: bool = False,
    ) -> Request:
        """Ask for a text; options as for `Session.decode`, and three more.

        state: a past to go on from; prefix: so many of the first ids are kept as a past of
        their own, for later texts that begin so; keep_state: the request then holds the past
        after its text. Raises ValueError for an empty text and one beyond the engine's room,
        and GrammarError.
        """
        engine = self.engine
        if not len(ids):
            raise ValueError("a text to go on from must have at least one token")
        if min(ids) < 0 or max(ids) >= engine.config.vocab_size:
            raise IndexError(f"ids beyond the vocabulary of {engine.config.vocab_size}")
        past = Past(0) if state is None else state.picked([0]).rows[0]
        engine.check_room(past.length, len(ids))
        limit = min(max_new_tokens, engine.store.room - past.length - len(ids) + 1)
        stops = engine.config.stop_ids if stop_ids is None else frozenset(stop_ids)
        matcher = None
        if grammar is not None:
            matcher = Session(engine, None).matcher(grammar)  # type: ignore[arg-type]
        limits = Limits(deadline, cancel)
        kept = min(prefix, len(ids) - 1) if state is None else 0
        how = (limit, matcher, sampling, stops, limits)
        request = Request(self, ids, *how, past, kept, keep_state)
        self._waiting.append(request)
        return request

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._waiting or self._running)

    def step(self) -> None:
        """Let texts join, read a piece of a prompt, write one token of all others; let some leave."""
        engine = self.engine
        with engine.lock, torch.inference_mode():
            self._end(self._running)
            self._give_up()
            self._join()
            reading = next((r for r in self._running if self._reads(r)), None)
            if reading is not None:
                self._guarded(reading, self._read)
            rows = [r for r in self._running if r._waiting and not self._reads(r)]
            if rows:
                self._write_guarded(rows)
            self._end(self._running)

    def _reads(self, request: Request) -> bool:
        """Whether it still has a prompt to read."""
        return not request.tokens and request.finish is None

    def _give_up(self) -> None:
        """Texts that end before they began."""
        for request in list(self._waiting):
            request.finish = "cancelled" if request._cancelled else request._limits.reached()
            if request.finish is not None:
                self._waiting.remove(request)

    def _join(self) -> None:
        slots = self.engine.slots
        while self._waiting and not all(slot.held for slot in slots):
            request = self._waiting.popleft()
            key = tuple(request._waiting[: request._prefix])
            if key and (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                request._past, request._prefix = found, 0
                request._length, request._waiting = found.length, request._waiting[len(key) :]
            self._enter(request, request._past)
            self._running.append(request)

    def _enter(self, request: Request, past: Past) -> None:
        request._place = self.engine.enter([past])[0]
        self.engine.hold(request._place)

    def _read(self, request: Request) -> None:
        """A piece of the prompt; after the last one the first token is chosen."""
        engine, place = self.engine, request._place
        piece = request._prefix or len(request._waiting)
        now = request._waiting[: min(piece, engine.piece)]
        logits = engine.extend(place, request._length, torch.tensor(now))
        request._length += len(now)
        del request._waiting[: len(now)]
        if request._prefix:
            request._prefix -= len(now)
            if not request._prefix:
                self._keep(request)
        if not request._waiting:
            self._choose(request, logits[0])

    def _keep(self, request: Request) -> None:
        """What was read so far becomes a past for later texts."""
        past = self.engine.settled(request._place, request._length)
        self.engine.hold(request._place, False)
        self._kept[tuple(request._asked[: request._length])] = past
        if len(self._kept) > PREFIXES_KEPT:
            self._kept.popitem(last=False)
        self._enter(request, past)

    def _write_guarded(self, rows: list[Request]) -> None:
        """A step that fails ends all its texts, so that their slots are free again."""
        try:
            self._write(rows)
        except Exception as error:  # noqa: BLE001 - as above
            for request in rows:
                request.error, request.finish = error, "failed"

    def _write(self, rows: list[Request]) -> None:
        """One step of all rows."""
        known = rows == self._last and self._step == self.engine.steps
        tokens = None if known else [r._waiting[0] for r in rows]
        for request in rows:
            del request._waiting[0]
            request._length += 1
        decoder = self.engine.step(
            [r._place for r in rows],
            tokens,
            [r._sampling for r in rows],
            [r._seed for r in rows],
        )
        chosen = decoder.tokens[: len(rows)].tolist()
        self._last, self._step = rows, self.engine.steps
        for row, request in enumerate(rows):
            if request._waiting:  # a forced token comes next
                self._last = []
            elif request._matcher is None:
                self._take(request, chosen[row])
            else:
                self._last = []
                self._guarded(request, self._choose, decoder.logits[row])

    def _choose(self, request: Request, logits: Tensor) -> None:
        """The next token by logits [V], under the grammar if there is one."""
        self._force(request)
        if request.finish or request._waiting:
            return
        if request._matcher is not None:
            mask = request._matcher.mask().to(logits.device)
            logits = logits.masked_fill(~mask, -torch.inf)
        how = request._sampling
        token = torch.zeros(1, dtype=torch.long, device=logits.device)
        chance = torch.tensor([[how.temperature, how.top_p, how.min_p]], device=logits.device)
        seed = torch.tensor([request._seed % 2**31], device=logits.device)
        # as the step's own choice: the noise belongs to the length before the last token read
        length = torch.tensor([request._length - 1], dtype=torch.int32, device=logits.device)
        pick(
            logits[None].contiguous(), torch.zeros_like(length), length, chance, seed, token,
            how.temperature > 0,
        )  # fmt: skip
        self._take(request, int(token))

    def _take(self, request: Request, token: int) -> None:
        """A token that was chosen; what the grammar forces after it follows at once."""
        if request._matcher is not None:
            request._matcher.consume([token])
        self._append(request, token)
        if token in request._stops and request.finish is None:
            request.finish = "stop"
        self._force(request)

    def _force(self, request: Request) -> None:
        matcher = request._matcher
        if matcher is not None and request.finish is None:
            forced = [] if matcher.stopped else matcher.forced()
            forced = forced[: request._limit - len(request.tokens)]
            if forced:
                matcher.consume(forced)
            for token in forced:
                self._append(request, token)
            if matcher.stopped and request.finish is None:
                last = request.tokens[-1] if request.tokens else -1
                request.finish = "stop" if last in request._stops else "grammar"
        if len(request.tokens) >= request._limit and request.finish is None:
            request.finish = "length"

    def _append(self, request: Request, token: int) -> None:
        if request.finish is None:
            request.tokens.append(token)
            request._waiting.append(token)

    def _guarded(self, request: Request, work: Callable[..., None], *args: Tensor) -> None:
        """What goes wrong with one text is that text's affair."""
        try:
            work(request, *args)
        except Exception as error:  # noqa: BLE001 - it is raised where the text is waited for
            request.error, request.finish = error, "failed"

    def _end(self, running: list[Request]) -> None:
        """Let those go that have ended, with their pasts."""
        stay: list[Request] = []
        for request in running:
            if request.finish is None:
                reached = "cancelled" if request._cancelled else request._limits.reached()
                request.finish = reached
            if request.finish is None:
                stay.append(request)
                continue
            self.engine.hold(request._place, False)
            if request._keep_state:
                past = self.engine.settled(request._place, request._length)
                request.state, request.unread = State((past,)), list(request._waiting)
        if len(stay) < len(running):
            self._last = []
        self._running = stay
