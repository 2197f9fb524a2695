"""A pen for the core: reads text, writes under grammars, scores alternatives, and keeps count.

In: a model with its tokenizer, and the state after some text. Out: written text with the model's
own log-probability of each free choice. Tokens that a grammar leaves no choice about are read in
one go. It knows nothing of plans or answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mrkl.budget import Meter

if TYPE_CHECKING:
    import torch

    from mrkl.jamba_core.cache import State
    from mrkl.jamba_core.model import Jamba


class Unfinished(Exception):
    """A grammar was not done when the tokens ran out; `text` is what there is."""

    def __init__(self, text: str) -> None:
        super().__init__("the tokens ran out")
        self.text = text


@dataclass(frozen=True)
class Snapshot:
    """The state after some text and the logits [vocabulary] for what comes next."""

    state: State
    logits: torch.Tensor


@dataclass(frozen=True)
class Written:
    """Text written under a grammar; a log-probability for each token that was a choice."""

    text: str
    choices: list[float] = field(default_factory=list[float])


class Core:
    """A model, its tokenizer, and the tokenizer as the grammars need it."""

    def __init__(self, model: Jamba, tokenizer: Any, matcher_tokenizer: Any) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.matcher_tokenizer = matcher_tokenizer

    def read(self, text: str, before: Snapshot | None = None) -> Snapshot:
        """The snapshot after more text. Special tokens in it are taken as such."""
        return self.read_ids(self.tokenizer.encode(text), before)

    def read_ids(self, ids: Sequence[int], before: Snapshot | None = None) -> Snapshot:
        """The snapshot after more tokens."""
        state = before.state if before else None
        output = self.model(ids, state, logits_to_keep=1)
        return Snapshot(output.state, output.logits[0, -1])


class Pen:
    """Goes on from a snapshot. Not for two threads at once."""

    def __init__(self, core: Core, start: Snapshot, meter: Meter) -> None:
        self.core = core
        self.meter = meter
        self._at = start
        self._pending: list[int] = []  # read by the model only when its opinion is needed

    @property
    def at(self) -> Snapshot:
        """Where the pen stands."""
        if self._pending:
            self._at = self.core.read_ids(self._pending, self._at)
            self._pending = []
        return self._at

    def read(self, text: str) -> None:
        """Take in text that the core did not write."""
        self._pending += self.core.tokenizer.encode(text)

    def write(self, grammar: str, limit: int) -> Written:
        """Write greedily until the grammar is complete.

        Raises Unfinished after `limit` tokens, ValueError for a grammar that cannot be used,
        BudgetExceeded.
        """
        from llguidance import LLMatcher

        matcher = LLMatcher(self.core.matcher_tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise ValueError(f"the grammar cannot be used: {matcher.get_error()}")
        ids: list[int] = []
        choices: list[float] = []
        while not matcher.is_stopped() and len(ids) < limit:
            forced = matcher.compute_ff_tokens()
            if not forced:
                token, logprob = self._choose(matcher)
                choices.append(logprob)
                forced = [token]
            if not matcher.consume_tokens(forced):
                raise ValueError(f"the grammar failed: {matcher.get_error()}")
            ids += forced
            self.meter.spend_tokens(len(forced))
            self._pending += forced
        text = self.core.tokenizer.decode(ids)
        if not matcher.is_stopped():
            raise Unfinished(text)
        return Written(text, choices)

    def _choose(self, matcher: Any) -> tuple[int, float]:
        """The likeliest allowed token, and its log-probability among all tokens."""
        import torch

        allowed = torch.frombuffer(bytearray(matcher.compute_logit_bias()), dtype=torch.uint8)
        logits = self.at.logits.float()
        banned = allowed.to(logits.device)[: len(logits)] == 0
        token = int(logits.masked_fill(banned, -math.inf).argmax())
        return token, float(logits[token] - logits.logsumexp(0))

    def likelihoods(self, texts: Sequence[str]) -> list[float]:
        """The log-probability of each text as what comes next; the pen stays where it is.

        Texts that differ in their first token are told apart by that token alone: what follows
        it is then as good as certain, and costs nothing to leave out.
        """
        encoded = [list(self.core.tokenizer.encode(text)) for text in texts]
        first = self.at.logits.float().log_softmax(0).cpu()
        scores = [float(first[ids[0]]) for ids in encoded]
        best = max(range(len(texts)), key=lambda index: scores[index])
        rivals = [i for i, ids in enumerate(encoded) if ids[0] == encoded[best][0]]
        if len(rivals) > 1:
            for index, more in zip(
                rivals, self._continuations([encoded[i] for i in rivals]), strict=True
            ):
                scores[index] += more
        return scores

    def _continuations(self, rows: list[list[int]]) -> list[float]:
        """The log-probability of all but the first token of each row, in one batch."""
        longest = max(len(row) for row in rows)
        padded = [row + [row[-1]] * (longest - len(row)) for row in rows]
        import torch

        output = self.core.model(torch.tensor(padded), self.at.state.repeated(len(rows)))
        logprobs = output.logits.float().log_softmax(-1).cpu().numpy()
        return [
            float(np.sum([logprobs[r, place, row[place + 1]] for place in range(len(row) - 1)]))
            for r, row in enumerate(rows)
        ]
