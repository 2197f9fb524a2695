"""Reading tokens into a state, also ahead of what is certain.

In: tokens that are fed, and guesses of those that will follow. Out: the logits for the next token
and the state after all that was fed. Guesses are read together with the tokens before them: where
they come true, their logits are there at once; where not, the state before them still is. The
logits are those of reading one by one, so guessing changes the time a text takes and nothing
else. It chooses no tokens.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from mrkl.jamba_core.cache import State

if TYPE_CHECKING:
    from mrkl.jamba_core.model import Jamba

READ_TOKENS = 256  # read at once between two looks at the clock
REREAD_TOKENS = 16  # so many tokens may be read again after wrong guesses; more are read for good
NGRAM = 3  # tokens that must have stood together before, for what followed them to be a guess
FIRST_GUESS = 2


@dataclass(frozen=True)
class Limits:
    """When to stop: a `time.monotonic()` moment, or when `cancel()` says so."""

    deadline: float | None = None
    cancel: Callable[[], bool] | None = None

    def reached(self) -> str | None:
        """deadline, cancelled, or None to go on."""
        if self.cancel is not None and self.cancel():
            return "cancelled"
        late = self.deadline is not None and time.monotonic() >= self.deadline
        return "deadline" if late else None


NEVER = Limits()


class Lookup:
    """Guesses that a text goes on as it did after the same few tokens before."""

    def __init__(self, most: int) -> None:
        self.most, self.length = most, min(FIRST_GUESS, most)
        self._after: dict[tuple[int, ...], int] = {}
        self._known = 0

    def guess(self, ids: Sequence[int]) -> list[int]:
        """What could follow ids; nothing where their end is new."""
        for end in range(max(NGRAM, self._known), len(ids)):
            self._after[tuple(ids[end - NGRAM : end])] = end
        self._known = len(ids)
        place = self._after.get(tuple(ids[-NGRAM:]))
        return [] if place is None else list(ids[place : place + self.length])

    def learn(self, right: int, guessed: int) -> None:
        """Guess more after a guess that came true, less after one that did not."""
        if right == guessed:
            self.length = min(self.most, 2 * self.length)
        elif 2 * right < guessed:
            self.length = max(1, self.length // 2)


@dataclass
class _Ahead:
    """Tokens that were read, then guesses; the first `right` of them came true."""

    read: list[int]
    guesses: list[int]
    logits: Tensor  # [1 + guesses, vocabulary]
    state: State
    right: int = 0


class Reader:
    """One text on its way into the model."""

    def __init__(self, model: "Jamba", state: State | None = None) -> None:
        self.model = model
        self.logits: Tensor | None = None  # [vocabulary], once read
        self.lookup: Lookup | None = None
        self.at_once: int = getattr(model, "read_tokens", READ_TOKENS)
        self._state, self._pending = state, list[int]()
        self._ahead: _Ahead | None = None

    def feed(self, ids: Sequence[int]) -> None:
        """Add tokens without computing."""
        for place, token in enumerate(ids):
            if self._ahead is None:
                self._pending += ids[place:]
                return
            self._compare(self._ahead, token)

    def read(self, limits: Limits = NEVER, text: Sequence[int] = ()) -> str | None:
        """Read what was fed; returns which limit came first, if one did (the rest still waits).

        text: all tokens so far, where guesses are wanted.
        """
        while self._pending:
            if found := limits.reached():
                return found
            piece = self._pending[: self.at_once]
            guesses = self._guesses(piece, text)
            output = self.model(piece + guesses, self._state, logits_to_keep=1 + len(guesses))
            del self._pending[: len(piece)]
            self.logits = output.logits[0, 0]
            if guesses:
                self._ahead = _Ahead(piece, guesses, output.logits[0], output.state)
            else:
                self._state = output.state
        return limits.reached()

    def state(self) -> State | None:
        """The state after all that was fed."""
        self.read()
        if self._ahead is not None:
            self._give_up(self._ahead)
            self.read()
        return self._state

    def resume(self, state: State, logits: Tensor, rest: Sequence[int]) -> None:
        """Take over a text of which state and logits know all but the `rest`."""
        self._state, self.logits, self._pending, self._ahead = state, logits, list(rest), None

    def _guesses(self, piece: list[int], text: Sequence[int]) -> list[int]:
        last = len(piece) == len(self._pending) <= REREAD_TOKENS
        return self.lookup.guess(text) if self.lookup is not None and last else []

    def _compare(self, ahead: _Ahead, token: int) -> None:
        """Take a token that guesses were made for."""
        if ahead.guesses[ahead.right] != token:
            if self.lookup is not None:
                self.lookup.learn(ahead.right, len(ahead.guesses))
            self._give_up(ahead)
            self._pending.append(token)
            return
        ahead.right += 1
        self.logits = ahead.logits[ahead.right]
        if ahead.right == len(ahead.guesses):
            self._state, self._ahead = ahead.state, None
            if self.lookup is not None:
                self.lookup.learn(ahead.right, ahead.right)

    def _give_up(self, ahead: _Ahead) -> None:
        """Go back to before the guesses; what came true of them is read again."""
        if self._state is not None:
            ahead.state.release(self._state)
        self._pending = ahead.read + ahead.guesses[: ahead.right]
        self._ahead = None
