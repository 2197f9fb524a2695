"""One call from a prompt to a finished text.

In: ids (or text), settings. Out: a `Generation`, or its tokens one by one. For work in several
pieces, with other grammars or with alternatives compared in between, see `session`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from mrkl.jamba_core.sampling import Sampling
from mrkl.jamba_core.session import Session, Token, Written

if TYPE_CHECKING:
    from mrkl.jamba_core.cache import State
    from mrkl.jamba_core.grammar import Grammar, Matcher
    from mrkl.jamba_core.model import Jamba
    from mrkl.jamba_core.tokenizer import Tokenizer


@dataclass(frozen=True)
class Generation(Written):
    """What was written. finish: stop, text, grammar, length, deadline, cancelled (`Session`)."""

    tokens: tuple[Token, ...]
    finish: str
    session: Session  # to go on from here


def stream(
    model: "Jamba", input_ids: "Tensor | Sequence[int] | str", **options: Any
) -> Iterator[Token]:
    """The tokens of `generate` as they are written; same options."""
    session, settings = _begin(model, input_ids, **options)
    return session.decode(**settings)


def generate(
    model: "Jamba", input_ids: "Tensor | Sequence[int] | str", **options: Any
) -> Generation:
    """Continue a text until a stop token, a stop string, the end of a grammar or a limit.

    input_ids: ids of one text ([time] or [1, time]) or the text itself.
    max_new_tokens (256); grammar: Lark text, Grammar or Matcher; temperature (0: greedy), top_p,
    min_p, seed; stop_ids (the model's own); stop: strings; deadline: a `time.monotonic()` moment;
    cancel: a function that is asked before every token; lookup: guess so many tokens where the
    text repeats itself; top_logprobs: the likeliest tokens of each place; state: what was read before; tokenizer: the model's own if left out.
    Raises ValueError for several texts at once and GrammarError.
    """
    session, settings = _begin(model, input_ids, **options)
    tokens = tuple(session.decode(**settings))
    return Generation(tokens, session.finish or "length", session)


def _begin(
    model: "Jamba",
    input_ids: "Tensor | Sequence[int] | str",
    max_new_tokens: int = 256,
    grammar: "Grammar | Matcher | str | None" = None,
    temperature: float = 0.0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    seed: int | None = None,
    stop_ids: Sequence[int] | None = None,
    stop: Sequence[str] = (),
    deadline: float | None = None,
    cancel: Callable[[], bool] | None = None,
    lookup: int = 0,
    top_logprobs: int = 0,
    state: "State | None" = None,
    tokenizer: "Tokenizer | None" = None,
) -> tuple[Session, dict[str, Any]]:
    if isinstance(input_ids, Tensor):
        if input_ids.dim() == 2 and input_ids.shape[0] != 1:
            raise ValueError(f"one text at a time, got a batch of {input_ids.shape[0]}")
        input_ids = input_ids.reshape(-1).tolist()
    session = Session(model, tokenizer, state)
    session.feed(input_ids)
    settings = {
        "max_new_tokens": max_new_tokens,
        "grammar": grammar,
        "sampling": Sampling(temperature, top_p, min_p, seed),
        "stop_ids": stop_ids,
        "stop": stop,
        "deadline": deadline,
        "cancel": cancel,
        "lookup": lookup,
        "top_logprobs": top_logprobs,
    }
    return session, settings
