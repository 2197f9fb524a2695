"""Reading ahead changes how long a text takes, and nothing else."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mrkl.jamba_core import Jamba, Sampling, Session
from mrkl.jamba_core.reader import NGRAM, REREAD_TOKENS, Limits, Lookup, Reader
from tests.jamba_core.conftest import random_ids

REPEATED = "one two three, one two three, one two"


class Counted:
    """A model that counts how often it is asked."""

    def __init__(self, model: Jamba) -> None:
        self.model, self.calls, self.read = model, 0, 0

    def __call__(self, ids: Any, *args: Any, **options: Any) -> Any:
        self.calls += 1
        self.read += len(ids)
        return self.model(ids, *args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


@pytest.mark.parametrize("quantization", [None, "int8"])
@pytest.mark.parametrize("heat", [0.0, 1.2])
@pytest.mark.parametrize("text", [REPEATED, "nothing here stands twice"])
def test_the_tokens_are_the_same(
    folder: Path, text: str, heat: float, quantization: str | None
) -> None:
    model = Jamba.from_pretrained(folder, dtype=torch.float32, quantization=quantization)
    settings: dict[str, Any] = {"temperature": heat, "seed": 3, "stop_ids": []}
    plain = model.generate(text, 60, **settings)
    ahead = model.generate(text, 60, lookup=6, **settings)
    assert ahead.ids == plain.ids
    assert ahead.logprob == pytest.approx(plain.logprob, abs=1e-3)
    for one, other in ((ahead.session, plain.session), (ahead.session.fork(), plain.session)):
        assert torch.allclose(one.logits, other.logits, atol=1e-3)
        assert one.state is not None and one.state.length == len(one.ids)


class Round(Counted):
    """A model that is sure of going round in a circle of twelve tokens."""

    def __call__(self, ids: Any, state: Any = None, **options: Any) -> Any:
        output = super().__call__(ids, state, **options)
        logits = output.logits.clone()
        first = output.state.length - logits.shape[1] + 1
        for place in range(logits.shape[1]):
            logits[0, place, 50 + (first + place) % 12] += 1000
        return replace(output, logits=logits)


@pytest.mark.parametrize(("lookup", "most"), [(0, 121), (1, 70), (8, 40)])
def test_a_text_that_repeats_itself_needs_fewer_passes(
    model: Jamba, lookup: int, most: int
) -> None:
    counted: Any = Round(model)
    session = Session(counted)
    session.feed([50 + i for i in range(12)])
    ids = [token.id for token in session.decode(120, stop_ids=[], lookup=lookup)]
    assert ids == [50 + i % 12 for i in range(120)]
    assert counted.calls <= most and (lookup or counted.calls == 120)


class Guess(Lookup):
    """Always the same guess."""

    def __init__(self, guess: list[int]) -> None:
        super().__init__(len(guess))
        self.always = guess

    def guess(self, ids: Any) -> list[int]:
        return self.always


@pytest.mark.parametrize("right", range(5))
def test_right_and_wrong_guesses(model: Jamba, right: int) -> None:
    text = random_ids(1, 18, 4)[0].tolist()
    reader = Reader(model)
    reader.lookup = Guess(text[11 : 11 + right] + [(t + 1) % 256 for t in text[11 + right : 15]])
    reader.feed(text[:11])
    assert reader.read(text=text[:11]) is None
    for place in range(11, len(text)):
        assert reader.logits is not None
        wanted = model(text[:place]).logits[0, -1]
        assert torch.allclose(reader.logits, wanted, atol=1e-4), place
        reader.feed([text[place]])
        reader.lookup = None
        reader.read()
    state = reader.state()
    assert state is not None and state.length == len(text)


def test_a_state_that_someone_keeps_is_not_disturbed(model: Jamba) -> None:
    session = Session(model)
    session.feed(REPEATED)
    fork, kept = session.fork(), session.state
    assert kept is not None
    before = model([5, 6, 7], kept).logits
    list(session.decode(40, stop_ids=[], lookup=6))
    list(fork.decode(10, stop_ids=[], sampling=Sampling(1.0, seed=1), lookup=6))
    assert torch.equal(model([5, 6, 7], kept).logits, before)
    assert kept.length == len(REPEATED)


def test_a_session_may_read_ahead_for_a_while(model: Jamba) -> None:
    session = Session(model)
    session.feed(REPEATED)
    for lookup in (6, 0, 3, 0, 8):
        stream = session.decode(40, stop_ids=[], lookup=lookup)
        for _ in range(8):
            next(stream)
        stream.close()  # broken off, with guesses under way or not
    count = len(session.ids) - len(REPEATED)
    plain = Session(model)
    plain.feed(REPEATED)
    assert count >= 40 and len(list(plain.decode(count, stop_ids=[]))) == count
    assert session.ids == plain.ids
    assert torch.allclose(session.logits, plain.logits, atol=1e-4)
    assert session.score([[5, 6], [7]]) == pytest.approx(plain.score([[5, 6], [7]]), abs=1e-3)


def test_guesses_come_from_the_newest_repetition() -> None:
    lookup = Lookup(4)
    assert lookup.guess([1, 2]) == []
    assert lookup.guess([1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3]) == [5, 1]
    lookup.learn(2, 2)
    assert lookup.guess([1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3]) == [5, 1, 2, 3]
    lookup.learn(0, 4)
    lookup.learn(0, 2)
    lookup.learn(0, 1)
    assert lookup.length == 1
    assert lookup.guess([9] * NGRAM) == []


def test_wrong_guesses_do_not_pile_up(model: Jamba) -> None:
    counted: Any = Counted(model)
    reader = Reader(counted)
    reader.lookup = Lookup(1)
    text = [1, 2, 3, 4] * 60  # what followed (2, 3) alternates: every second guess is wrong
    text = [t if i % 8 else 9 for i, t in enumerate(text)]
    for place, token in enumerate(text):
        reader.feed([token])
        reader.read(text=text[: place + 1])
    assert counted.read < len(text) * (REREAD_TOKENS + 2)
    assert counted.calls <= len(text)
    state = reader.state()
    assert state is not None and state.length == len(text)


def test_cancelling_and_deadlines(model: Jamba) -> None:
    asked = iter([False] * 4 + [True])
    session = Session(model)
    session.feed("abc")
    written = list(session.decode(50, stop_ids=[], cancel=lambda: next(asked)))
    assert session.finish == "cancelled" and len(written) < 5
    assert Limits().reached() is None
    assert Limits(time.monotonic() - 1).reached() == "deadline"
    assert Limits(time.monotonic() + 60, lambda: True).reached() == "cancelled"
    result = model.generate("abc", cancel=lambda: True)
    assert result.finish == "cancelled" and result.ids == []


def test_the_likeliest_tokens_are_told(model: Jamba) -> None:
    result = model.generate("abc", 6, stop_ids=[], top_logprobs=3, lookup=3)
    for token in result.tokens:
        assert len(token.top) == 3 and token.top[0] == (token.id, pytest.approx(token.logprob))
        assert token.top[0][1] >= token.top[1][1] >= token.top[2][1]
    assert model.generate("abc", 2).tokens[0].top == ()
