"""A pen for the core: reads prompt text, writes under grammars, weighs alternatives, keeps count.

In: a session of `mrkl.jamba_core` and the question's meter. Out: written text with the model's own
log-probability of each free choice. It knows nothing of plans or answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mrkl.budget import Meter

if TYPE_CHECKING:
    from mrkl.jamba_core.session import Session


class Unfinished(Exception):
    """A grammar was not done when the tokens ran out; `text` is what there is."""

    def __init__(self, text: str) -> None:
        super().__init__("the tokens ran out")
        self.text = text


@dataclass(frozen=True)
class Written:
    """Text written under a grammar, and log-probabilities of each token that was a choice.

    choices: under the model alone; among: among what the grammar allowed there.
    """

    text: str
    choices: list[float] = field(default_factory=list[float])
    among: list[float] = field(default_factory=list[float])


class Pen:
    """Goes on from where a session stands. Not for two threads at once."""

    def __init__(self, session: Session, meter: Meter) -> None:
        self.session = session
        self.meter = meter

    def read(self, text: str) -> None:
        """Take in text that the core did not write; special tokens in it count as such."""
        self.session.feed(self.session.tokenizer.encode(text, special=True))

    def fork(self) -> Pen:
        """A second pen at this place."""
        return Pen(self.session.fork(), self.meter)

    def write(self, grammar: str, limit: int) -> Written:
        """Write greedily until the grammar is complete.

        Raises Unfinished after `limit` tokens, GrammarError (a ValueError), BudgetExceeded.
        """
        start = len(self.session.ids)
        choices, among = list[float](), list[float]()
        deadline = self.meter.deadline
        for token in self.session.decode(limit, grammar, stop_ids=(), deadline=deadline):
            self.meter.spend_tokens()
            if token.logprob is not None:
                choices.append(token.logprob)
                among.append(token.masked_logprob)
        self.meter.check()
        text = self.session.tokenizer.decode(self.session.ids[start:], special=True)
        if self.session.finish != "grammar":
            raise Unfinished(text)
        return Written(text, choices, among)

    def likelihoods(self, texts: Sequence[str]) -> list[float]:
        """The log-probability of each text as what comes next; the pen stays where it is.

        Texts that differ in their first token are told apart by that token alone: what follows
        it is then as good as certain, and costs nothing to leave out.
        """
        tokenizer = self.session.tokenizer
        encoded = [tokenizer.encode(text, special=True) for text in texts]
        first = self.session.logprobs().cpu()
        scores = [float(first[ids[0]]) for ids in encoded]
        best = max(range(len(texts)), key=lambda index: scores[index])
        rivals = [i for i, ids in enumerate(encoded) if ids[0] == encoded[best][0]]
        if len(rivals) > 1:
            whole = self.session.score([encoded[index] for index in rivals])
            for index, score in zip(rivals, whole, strict=True):
                scores[index] = score
        return scores
