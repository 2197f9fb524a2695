"""Several continuations of one text, written side by side: one forward pass a step for all.

In: a session and, for each row, a grammar and a way to sample. Out: a `Row` each, with its tokens
and a session to go on from. Rows differ in text and length and leave the batch as they end; every
row writes what `Session.decode` would write alone (in plain torch, int8 and bfloat16 may round a
near-tie the other way; the compiled kernels never do). Forced tokens are read one a step, beside the
other rows' choices. It knows no stop strings.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mrkl.jamba_core.cache import State
from mrkl.jamba_core.grammar import Grammar, Matcher
from mrkl.jamba_core.sampling import Sampling
from mrkl.jamba_core.session import GREEDY, Session, Token


@dataclass
class Row:
    """One continuation. finish: stop, grammar, length or deadline, as in `Session`."""

    session: Session
    matcher: Matcher | None
    sampling: Sampling
    tokens: list[Token] = field(default_factory=list[Token])
    finish: str | None = None

    @property
    def ids(self) -> list[int]:
        """The ids written here."""
        return [token.id for token in self.tokens]

    @property
    def logprob(self) -> float:
        """Log-probability of the choices made, among what the grammar allowed."""
        return sum(token.masked_logprob for token in self.tokens)


class _Writing:
    """A row, and the tokens of it that the model has yet to read."""

    def __init__(self, row: Row, limit: int, stops: frozenset[int]) -> None:
        self.row, self.limit, self.stops = row, limit, stops
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
            if matcher.stopped:
                row.finish = "stop" if self.last in self.stops else "grammar"
                return
        if len(row.tokens) >= self.limit:
            row.finish = "length"

    def choose(self, logits: Tensor) -> None:
        """Write one token by logits [vocabulary]."""
        row, matcher = self.row, self.row.matcher
        mask = None if matcher is None else matcher.mask()
        token = row.session.pick(logits, mask, row.sampling, self.generator)
        if matcher is not None:
            matcher.consume([token.id])
        self._write(token)
        if token.id in self.stops:
            row.finish = "stop"

    def _write(self, token: Token) -> None:
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
    samplings = [GREEDY] * len(grammars) if samplings is None else samplings
    if len(samplings) != len(grammars):
        raise ValueError(f"{len(grammars)} grammars but {len(samplings)} samplings")
    if not grammars:
        return []
    stops = session.model.config.stop_ids if stop_ids is None else frozenset(stop_ids)
    first, state = session.logits, session.state
    assert state is not None
    live = [
        _Writing(Row(session.fork(), session.matcher(grammar), sampling), max_new_tokens, stops)
        for grammar, sampling in zip(grammars, samplings, strict=True)
    ]
    rows = [writing.row for writing in live]
    state, logits = state.repeated(len(live)), first.expand(len(live), -1)
    for writing in live:
        writing.look_ahead()
    while True:
        late = deadline is not None and time.monotonic() >= deadline
        for place, writing in enumerate(live):
            if late and not writing.row.finish:
                writing.row.finish = "deadline"
            elif not writing.waiting and not writing.row.finish:
                writing.choose(logits[place])
                writing.look_ahead()
        live, state = _leave(live, state, logits)
        if not live:
            return rows
        ids = torch.tensor([[writing.waiting.pop(0)] for writing in live])
        output = session.model(ids, state)
        state, logits = output.state, output.logits[:, -1]


def _leave(live: list[_Writing], state: State, logits: Tensor) -> tuple[list[_Writing], State]:
    """Let the rows that ended go, each with its part of the state."""
    stay = [place for place, writing in enumerate(live) if not writing.row.finish]
    for place, writing in enumerate(live):
        if writing.row.finish:
            read = len(writing.row.tokens) - len(writing.waiting)
            alone = state.picked([place])
            writing.row.session.resume(alone, logits[place], writing.row.ids, read)
    if len(stay) == len(live):
        return live, state
    return [live[place] for place in stay], state.picked(stay)
