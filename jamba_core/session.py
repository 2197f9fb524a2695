"""A text in the making: feed, look at the next token's odds, write under a grammar, fork.

In: ids or text. Out: tokens with their log-probabilities, and scores of alternatives. Nothing is
computed before it is needed: fed and forced tokens wait and are read together with the next ones.
It does not hold several texts at once (fork for that); not for use by two threads at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mrkl.jamba_core.cache import State
from mrkl.jamba_core.grammar import Grammar, Matcher
from mrkl.jamba_core.reader import Limits, Lookup, Reader
from mrkl.jamba_core.sampling import Sampling
from mrkl.jamba_core.tokenizer import TextStream, Tokenizer

if TYPE_CHECKING:
    from mrkl.jamba_core.model import Jamba

SCORE_TOKENS = 512  # positions scored at once
GREEDY = Sampling()


@dataclass(frozen=True)
class Token:
    """One token written.

    logprob: its log-probability under the model alone; None where it was forced and not asked.
    masked_logprob: the same among the tokens that the grammar allowed (0.0 where forced).
    text: the whole characters that became certain with it; special tokens have none.
    top: the likeliest ids under the model alone, with log-probabilities, where asked for.
    """

    id: int
    logprob: float | None
    masked_logprob: float
    forced: bool = False
    text: str = ""
    top: tuple[tuple[int, float], ...] = ()


class Written:
    """What can be said of `tokens` that were written."""

    tokens: Sequence[Token]

    @property
    def ids(self) -> list[int]:
        """The ids written, the one that ended the text included."""
        return [token.id for token in self.tokens]

    @property
    def text(self) -> str:
        """The text written, without special tokens and stop strings."""
        return "".join(token.text for token in self.tokens)

    @property
    def logprob(self) -> float:
        """Log-probability of the choices made, among what the grammar allowed."""
        return sum(token.masked_logprob for token in self.tokens)


class Session:
    """One text. `finish` says why the last `decode` ended:

    stop (a stop token), text (a stop string), grammar (it is complete), length, deadline,
    cancelled.
    """

    def __init__(
        self, model: "Jamba", tokenizer: Tokenizer | None = None, state: State | None = None
    ) -> None:
        self.model, self._tokenizer = model, tokenizer
        self.reader = Reader(model, state)
        self.ids: list[int] = []  # all that was fed or written here
        self.finish: str | None = None

    @property
    def tokenizer(self) -> Tokenizer:
        """The session's tokenizer, or the model's; raises FileNotFoundError."""
        return self._tokenizer or self.model.tokenizer

    @property
    def state(self) -> State | None:
        """The state after all tokens so far; reads those that wait."""
        return self.reader.state()

    @property
    def logits(self) -> Tensor:
        """Logits [vocabulary] for the next token; raises ValueError before any token."""
        self.reader.read()
        if self.reader.logits is None:
            raise ValueError("nothing was fed yet: there are no odds for a next token")
        return self.reader.logits

    def feed(self, tokens: Sequence[int] | str) -> None:
        """Add ids, or text (never special tokens), without computing yet."""
        ids = self.tokenizer.encode(tokens) if isinstance(tokens, str) else tokens
        self.reader.feed(ids)
        self.ids += ids

    def fork(self) -> "Session":
        """A second session from here; what waits is read once, for both. Costs nothing else."""
        twin = Session(self.model, self._tokenizer, self.state)
        twin.reader.logits, twin.ids = self.reader.logits, list(self.ids)
        return twin

    def save(self, path: str | Path) -> None:
        """Write this place to a file, for `restore`; raises ValueError before any token."""
        from mrkl.jamba_core.snapshot import save_session

        save_session(self, path)

    @classmethod
    def restore(
        cls, model: "Jamba", path: str | Path, tokenizer: Tokenizer | None = None
    ) -> "Session":
        """The session that was saved, bit for bit; raises SnapshotError."""
        from mrkl.jamba_core.snapshot import load_session

        return load_session(model, path, tokenizer=tokenizer)

    def logprobs(self) -> Tensor:
        """Log-probabilities [vocabulary] of the next token."""
        return torch.log_softmax(self.logits, -1)

    def step(
        self,
        mask: Tensor | None = None,
        sampling: Sampling = GREEDY,
        generator: torch.Generator | None = None,
        top: int = 0,
    ) -> Token:
        """Write one token, among those where mask [vocabulary] is true."""
        token = self.pick(self.logits, mask, sampling, generator)
        if top:
            best = self.logprobs().topk(min(top, len(self.logits)))
            pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
            token = replace(token, top=tuple(pairs))
        self.feed([token.id])
        return token

    @staticmethod
    def pick(
        logits: Tensor,
        mask: Tensor | None,
        sampling: Sampling,
        generator: torch.Generator | None,
    ) -> Token:
        """Choose one token by logits [vocabulary], among those where mask is true."""
        allowed = (
            logits if mask is None else logits.masked_fill(~mask.to(logits.device), -torch.inf)
        )
        chosen = sampling.pick(allowed, generator)
        alone = float(logits[chosen] - torch.logsumexp(logits, -1))
        among = alone if mask is None else float(allowed[chosen] - torch.logsumexp(allowed, -1))
        return Token(chosen, alone, among)

    def resume(self, state: State, logits: Tensor, written: Sequence[int], read: int) -> None:
        """Take over `written` ids, of which state and logits know the first `read`."""
        self.reader.resume(state, logits, written[read:])
        self.ids += written

    def score(self, candidates: Sequence[Sequence[int]]) -> list[float]:
        """Log-probability of each continuation as a whole; the session stays where it is."""
        return [sum(each) for each in self.score_tokens(candidates)]

    @torch.inference_mode()
    def score_tokens(self, candidates: Sequence[Sequence[int]]) -> list[list[float]]:
        """Log-probability of every token of each continuation, read side by side."""
        first = self.logprobs()
        scores = [[float(first[c[0]])] if c else [] for c in candidates]
        longer = sorted(
            (i for i, c in enumerate(candidates) if len(c) > 1), key=lambda i: len(candidates[i])
        )
        while longer:
            width = len(candidates[longer[-1]]) - 1
            count = max(1, SCORE_TOKENS // width)
            group, longer = longer[-count:], longer[:-count]
            self._score_group(group, [candidates[i] for i in group], scores)
        return scores

    def decode(
        self,
        max_new_tokens: int = 256,
        grammar: Grammar | Matcher | str | None = None,
        sampling: Sampling = GREEDY,
        stop_ids: Sequence[int] | None = None,
        stop: Sequence[str] = (),
        deadline: float | None = None,
        cancel: Callable[[], bool] | None = None,
        lookup: int = 0,
        top_logprobs: int = 0,
    ) -> Iterator[Token]:
        """Write tokens one by one until something ends it (see `finish`).

        grammar: Lark text, a Grammar or a Matcher; stop_ids: None means the model's own;
        stop: strings that end the text and are cut off; deadline: a `time.monotonic()` moment;
        cancel: asked before every token; lookup: read up to so many guesses ahead, taken from
        where the text repeats itself (the same tokens, sooner); top_logprobs: so many in `top`.
        The token that ends the text is yielded and stays part of it. Raises GrammarError.
        """
        ahead = lookup > 0 and getattr(self.model, "reads_ahead", True)
        self.reader.lookup = Lookup(lookup) if ahead else None
        limits = Limits(deadline, cancel)
        stream = self.text_stream(stop)
        waiting: Token | None = None
        for token in self._tokens(
            max_new_tokens, grammar, sampling, stop_ids, limits, top_logprobs
        ):
            if waiting:
                yield waiting
            token, waiting = replace(token, text=stream.push(token.id)), None
            if stream.holds:
                waiting = token  # if it is the last one, the rest of the text goes with it
                continue
            yield token
            if stream.stopped:
                self.finish = "text"
                return
        if waiting:
            yield replace(waiting, text=waiting.text + stream.flush())

    def _tokens(
        self,
        limit: int,
        grammar: Grammar | Matcher | str | None,
        sampling: Sampling,
        stop_ids: Sequence[int] | None,
        limits: Limits,
        top: int,
    ) -> Iterator[Token]:
        stops = self.model.config.stop_ids if stop_ids is None else frozenset(stop_ids)
        matcher, generator = self.matcher(grammar), sampling.generator()
        written, self.finish = 0, None
        while self.finish is None:
            mask = None
            if matcher is not None:
                for token in self._forced(matcher, limit - written):
                    written += 1
                    yield token
                if matcher.stopped:
                    self.finish = "stop" if self.ids and self.ids[-1] in stops else "grammar"
                    return
                mask = matcher.mask()
            if written >= limit:
                self.finish = "length"
            elif reached := self.reader.read(limits, self.ids):
                self.finish = reached
            else:
                token = self.step(mask, sampling, generator, top)
                written += 1
                if matcher is not None:
                    matcher.consume([token.id])
                if token.id in stops:
                    self.finish = "stop"
                yield token

    def _forced(self, matcher: Matcher, room: int) -> Iterator[Token]:
        """Write what the grammar leaves no choice about, without asking the model."""
        ids = [] if matcher.stopped else matcher.forced()[:room]
        if ids:
            matcher.consume(ids)
        for token in ids:
            self.feed([token])
            yield Token(token, None, 0.0, forced=True)

    def matcher(self, grammar: Grammar | Matcher | str | None) -> Matcher | None:
        """The beginning of a grammar for this session's vocabulary; raises GrammarError."""
        if grammar is None or isinstance(grammar, Matcher):
            return grammar
        ends = sorted(self.model.config.stop_ids)
        size = self.model.config.vocab_size
        vocabulary = self.tokenizer.for_grammars(size, ends[0] if ends else size - 1)
        return vocabulary.matcher(grammar)

    def text_stream(self, stop: Sequence[str]) -> TextStream:
        """What turns tokens into text; raises FileNotFoundError for stop strings without one."""
        try:
            return TextStream(self.tokenizer, stop)
        except FileNotFoundError:
            if stop:
                raise
            return TextStream(None)

    def _score_group(
        self, group: list[int], texts: list[Sequence[int]], scores: list[list[float]]
    ) -> None:
        """Append the scores of all tokens but the first; short texts are filled up behind."""
        state = self.state
        assert state is not None
        width = max(len(text) for text in texts) - 1
        ids = torch.tensor([[*text[:-1], *[0] * (width + 1 - len(text))] for text in texts])
        logits = self.model(ids, state.repeated(len(texts))).logits
        logprobs = torch.log_softmax(logits, -1)
        for row, (place, text) in enumerate(zip(group, texts, strict=True)):
            targets = torch.tensor(text[1:], device=logprobs.device)
            kept = logprobs[row, : len(targets)].gather(-1, targets[:, None])
            scores[place] += kept.squeeze(-1).tolist()
