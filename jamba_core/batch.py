"""Several texts written side by side: one forward pass a step for all.

In: a session (`decode_together`) or texts of their own (`generate_many`) and, for each row, a
grammar and a way to sample. Out: a `Row` each, with its tokens and a session to go on from. Rows
differ in text and length and leave the batch as they end; every row writes what `Session.decode`
would write alone (in plain torch, int8 and bfloat16 may round a near-tie the other way; the
compiled kernels never do). Forced tokens are read one a step, beside the other rows' choices.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mrkl.jamba_core.cache import State
from mrkl.jamba_core.grammar import Grammar, Matcher
from mrkl.jamba_core.reader import Limits
from mrkl.jamba_core.sampling import Sampling
from mrkl.jamba_core.session import GREEDY, Session, Token, Written
from mrkl.jamba_core.tokenizer import TextStream, Tokenizer

if TYPE_CHECKING:
    from mrkl.jamba_core.model import Jamba


@dataclass
class Row(Written):
    """One continuation. finish: as in `Session`."""

    session: Session
    matcher: Matcher | None
    sampling: Sampling
    tokens: list[Token] = field(default_factory=list[Token])
    finish: str | None = None


class _Writing:
    """A row, and the tokens of it that the model has yet to read."""

    def __init__(
        self, row: Row, limit: int, stops: frozenset[int], stream: TextStream | None = None
    ) -> None:
        self.row, self.limit, self.stops, self.stream = row, limit, stops, stream
        self.waiting: list[int] = []
        self.generator = row.sampling.generator()
        self.last = row.session.ids[-1] if row.session.ids else -1

    def look_ahead(self) -> None:
        """Write what the grammar forces, and see whether that, or the limit, is the end."""
        row, matcher = self.row, self.row.matcher
        if row.finish:
            return
        if matcher is not None:
            forced = [] if matcher.stopped else matcher.forced()[: self.limit - len(row.tokens)]
            if forced:
                matcher.consume(forced)
            for token in forced:
                self._write(Token(token, None, 0.0, forced=True))
            if matcher.stopped and not row.finish:
                row.finish = "stop" if self.last in self.stops else "grammar"
        if len(row.tokens) >= self.limit and not row.finish:
            row.finish = "length"

    def choose(self, logits: Tensor) -> None:
        """Write one token by logits [vocabulary]."""
        row, matcher = self.row, self.row.matcher
        mask = None if matcher is None else matcher.mask()
        token = row.session.pick(logits, mask, row.sampling, self.generator)
        if matcher is not None:
            matcher.consume([token.id])
        self._write(token)
        if token.id in self.stops and not row.finish:
            row.finish = "stop"

    def finish(self) -> None:
        """Give the last token the text that was held back."""
        tokens = self.row.tokens
        if self.stream is not None and not self.stream.stopped and tokens:
            tokens[-1] = replace(tokens[-1], text=tokens[-1].text + self.stream.flush())

    def _write(self, token: Token) -> None:
        if self.row.finish:
            return
        if self.stream is not None:
            token = replace(token, text=self.stream.push(token.id))
            if self.stream.stopped:
                self.row.finish = "text"
        self.row.tokens.append(token)
        self.waiting.append(token.id)
        self.last = token.id


def decode_together(
    session: Session,
    grammars: Sequence[Grammar | Matcher | str | None],
    samplings: Sequence[Sampling] | None = None,
    max_new_tokens: int = 256,
    stop_ids: Sequence[int] | None = None,
    deadline: float | None = None,
) -> list[Row]:
    """Continue a session once for each grammar; the session itself stays where it is.

    samplings: one a row, None for greedy; stop_ids: None means the model's own; deadline: a
    `time.monotonic()` moment. Raises GrammarError, and ValueError where the numbers differ.
    """
    samplings = _as_many("samplings", samplings, GREEDY, len(grammars))
    if not grammars:
        return []
    stops = session.model.config.stop_ids if stop_ids is None else frozenset(stop_ids)
    first, state = session.logits, session.state
    assert state is not None
    live = [
        _Writing(Row(session.fork(), session.matcher(grammar), sampling), max_new_tokens, stops)
        for grammar, sampling in zip(grammars, samplings, strict=True)
    ]
    state, logits = state.repeated(len(live)), first.expand(len(live), -1)
    return _write_all(session.model, live, state, logits, Limits(deadline))


def generate_many(
    model: "Jamba",
    texts: Sequence[Sequence[int] | str],
    max_new_tokens: int = 256,
    grammars: Sequence[Grammar | Matcher | str | None] | None = None,
    samplings: Sequence[Sampling] | None = None,
    stop_ids: Sequence[int] | None = None,
    stop: Sequence[str] = (),
    deadline: float | None = None,
    cancel: Callable[[], bool] | None = None,
    tokenizer: Tokenizer | None = None,
) -> list[Row]:
    """Continue several texts of any lengths, as `generate` would each alone.

    The shorter ones are padded on the left, so all are read at once. Options as for `generate`;
    grammars and samplings: one a text. Raises GrammarError, and ValueError where the numbers
    differ or a text is empty.
    """
    grammars = _as_many("grammars", grammars, None, len(texts))
    samplings = _as_many("samplings", samplings, GREEDY, len(texts))
    stops = model.config.stop_ids if stop_ids is None else frozenset(stop_ids)
    sessions = [Session(model, tokenizer) for _ in texts]
    for session, text in zip(sessions, texts, strict=True):
        session.feed(text)
    if not all(session.ids for session in sessions):
        raise ValueError("a text to go on from must have at least one token")
    if not sessions:
        return []
    live = [
        _Writing(Row(s, s.matcher(g), how), max_new_tokens, stops, s.text_stream(stop))
        for s, g, how in zip(sessions, grammars, samplings, strict=True)
    ]
    longest = max(len(session.ids) for session in sessions)
    padding = [longest - len(session.ids) for session in sessions]
    ids = [[0] * n + s.ids for n, s in zip(padding, sessions, strict=True)]
    output = model(torch.tensor(ids), logits_to_keep=1, padding=padding)
    return _write_all(model, live, output.state, output.logits[:, -1], Limits(deadline, cancel))


def _as_many(name: str, given: Sequence[Any] | None, default: Any, count: int) -> Sequence[Any]:
    if given is not None and len(given) != count:
        raise ValueError(f"{count} texts but {len(given)} {name}")
    return [default] * count if given is None else given


def _write_all(
    model: "Jamba", live: list[_Writing], state: State, logits: Tensor, limits: Limits
) -> list[Row]:
    """Step by step until every row has ended."""
    rows = [writing.row for writing in live]
    for writing in live:
        writing.look_ahead()
    while True:
        reached = limits.reached()
        for place, writing in enumerate(live):
            if reached and not writing.row.finish:
                writing.row.finish = reached
            elif not writing.waiting and not writing.row.finish:
                writing.choose(logits[place])
                writing.look_ahead()
        live, state = _leave(live, state, logits)
        if not live:
            return rows
        ids = torch.tensor([[writing.waiting.pop(0)] for writing in live])
        output = model(ids, state)
        state, logits = output.state, output.logits[:, -1]


def _leave(live: list[_Writing], state: State, logits: Tensor) -> tuple[list[_Writing], State]:
    """Let the rows that ended go, each with its part of the state."""
    stay = [place for place, writing in enumerate(live) if not writing.row.finish]
    for place, writing in enumerate(live):
        if writing.row.finish:
            read = len(writing.row.tokens) - len(writing.waiting)
            writing.finish()
            alone = state.picked([place])
            writing.row.session.resume(alone, logits[place], writing.row.ids, read)
    if len(stay) == len(live):
        return live, state
    return [live[place] for place in stay], state.picked(stay)
