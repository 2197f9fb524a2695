"""Grammars that a text must obey while it is written, by llguidance.

In: a Lark grammar, a JSON schema or a regular expression, and the tokens written so far. Out:
which tokens may come next, and which must. Special tokens stand in Lark without quotes, as in
`start: /[0-9]+/ <|end|>`. It does not sample.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

KEPT_GRAMMARS = 64  # compiled grammars kept by a vocabulary


class GrammarError(ValueError):
    """A grammar that cannot be read, or tokens that break it."""


@dataclass(frozen=True)
class Grammar:
    """One grammar in llguidance's own notation; make it with one of the three methods."""

    source: str

    @classmethod
    def lark(cls, text: str) -> "Grammar":
        """From llguidance's dialect of Lark; the start rule is `start`."""
        from llguidance import LLMatcher

        return cls(LLMatcher.grammar_from_lark(text))

    @classmethod
    def json_schema(cls, schema: dict[str, Any] | str) -> "Grammar":
        """JSON that fits a schema."""
        from llguidance import LLMatcher

        try:
            schema = json.loads(schema) if isinstance(schema, str) else schema
            return cls(LLMatcher.grammar_from_json_schema(schema))
        except ValueError as error:
            raise GrammarError(f"not a JSON schema: {error}") from error

    @classmethod
    def regex(cls, pattern: str) -> "Grammar":
        """Text that matches a regular expression as a whole."""
        from llguidance import LLMatcher

        return cls(LLMatcher.grammar_from_regex(pattern))


class Matcher:
    """How far one text has got in a grammar."""

    def __init__(self, engine: Any, vocab_size: int) -> None:
        self._engine, self._vocab = engine, vocab_size

    def mask(self) -> Tensor:
        """Which tokens may come next: bool [vocabulary]; raises GrammarError at a dead end."""
        import numpy as np

        packed = np.frombuffer(self._engine.compute_bitmask(), dtype=np.uint8)
        self._check()
        bits = np.unpackbits(packed, bitorder="little")[: self._vocab]
        return torch.from_numpy(bits.view(np.bool_))

    def forced(self) -> list[int]:
        """The tokens that must come next, where there is no choice; they are not consumed."""
        return self._engine.compute_ff_tokens()

    def consume(self, tokens: Sequence[int]) -> None:
        """Take tokens as written; raises GrammarError where they break the grammar."""
        if not self._engine.consume_tokens(list(tokens)):
            raise GrammarError(f"the grammar does not allow these tokens: {self._reason()}")

    @property
    def accepting(self) -> bool:
        """Whether the text may end here."""
        return self._engine.is_accepting()

    @property
    def stopped(self) -> bool:
        """Whether the text must end here."""
        return self._engine.is_stopped()

    def fork(self) -> "Matcher":
        """The same place in the same grammar, to go on from independently."""
        return Matcher(self._engine.deep_copy(), self._vocab)

    def _check(self) -> None:
        if self._engine.is_error():
            raise GrammarError(self._reason())

    def _reason(self) -> str:
        return " ".join(str(self._engine.get_error()).split())[:400]


class GrammarTokenizer:
    """A vocabulary as the grammar engine knows it, with the grammars compiled for it."""

    def __init__(self, tokenizer_json: str, vocab_size: int, end: int) -> None:
        """`end` is the token that may follow where a grammar is satisfied."""
        from llguidance import LLTokenizer

        self.vocab_size = vocab_size
        # Without slices it is ready 40 ms sooner, and masks stay well below a forward pass.
        self._engine = LLTokenizer(tokenizer_json, n_vocab=vocab_size, eos_token=end, slices=[])
        self._compiled: OrderedDict[str, Any] = OrderedDict()

    def matcher(self, grammar: Grammar | str) -> Matcher:
        """Begin a text under a grammar (a plain string is Lark); raises GrammarError."""
        from llguidance import LLMatcher

        source = (Grammar.lark(grammar) if isinstance(grammar, str) else grammar).source
        if source in self._compiled:
            self._compiled.move_to_end(source)
        else:
            engine = LLMatcher(self._engine, source, log_level=0)
            if engine.is_error():
                raise GrammarError(" ".join(engine.get_error().split())[:400])
            self._compiled[source] = engine
            if len(self._compiled) > KEPT_GRAMMARS:
                self._compiled.popitem(last=False)
        return Matcher(self._compiled[source].deep_copy(), self.vocab_size)
