"""Continuations written side by side are those written one at a time."""

import time
from pathlib import Path

import pytest
import torch

from mrkl.jamba_core import Grammar, Jamba, Sampling, Session, decode_together, generate_many
from mrkl.jamba_core.batch import Row
from mrkl.jamba_core.kernels import library
from tests.jamba_core.conftest import random_ids

GRAMMARS = [
    'start: "#1 " /[a-z ]{1,9}/ " -> knowledge(" /[a-z]{2,5}/ ")" <|end|>',
    "start: /[0-9]{3}/",
    Grammar.regex("(yes|no), said [a-z]{4}"),
    None,
    'start: "all of this is forced" <|end|>',
]


def begun(model: Jamba) -> Session:
    session = Session(model)
    session.feed("the question")
    return session


def alone(session: Session, row: int, sampling: Sampling) -> tuple[list[int], Session]:
    fork = session.fork()
    return [token.id for token in fork.decode(30, GRAMMARS[row], sampling)], fork


@pytest.mark.parametrize("quantization", [None, "int8"])
@pytest.mark.parametrize("heat", [0.0, 1.0])
def test_rows_write_what_they_would_write_alone(
    folder: Path, heat: float, quantization: str | None
) -> None:
    if quantization and library() is None:
        pytest.skip("plain torch rounds a bfloat16 product differently in a batch")
    session = begun(Jamba.from_pretrained(folder, quantization=quantization))
    samplings = [Sampling(heat, seed=seed) for seed in range(len(GRAMMARS))]
    rows = decode_together(session, GRAMMARS, samplings, max_new_tokens=30)
    lengths = set()
    for place, row in enumerate(rows):
        ids, single = alone(session, place, samplings[place])
        assert row.ids == ids
        assert row.finish == single.finish
        assert row.session.ids == single.ids
        assert torch.allclose(row.session.logits, single.logits, atol=2e-3)
        lengths.add(len(row.tokens))
    assert len(lengths) > 2 and len(session.ids) == len("the question")


def test_all_rows_may_share_a_grammar_and_differ_by_seed(model: Jamba) -> None:
    samplings = [Sampling(1.0, seed=seed) for seed in range(6)]
    rows = decode_together(begun(model), [GRAMMARS[0]] * 6, samplings, max_new_tokens=60)
    assert {row.finish for row in rows} == {"stop"}
    assert len({tuple(row.ids) for row in rows}) > 1
    assert all(row.logprob < 0 for row in rows)


def test_limits_deadlines_and_wrong_numbers(model: Jamba) -> None:
    session = begun(model)
    rows = decode_together(session, [None, GRAMMARS[4]], max_new_tokens=3, stop_ids=())
    assert [row.finish for row in rows] == ["length", "length"]
    late: list[Row] = decode_together(session, [None], deadline=time.monotonic() - 1)
    assert late[0].finish == "deadline" and not late[0].tokens
    assert torch.equal(late[0].session.logits, session.logits)
    assert decode_together(session, []) == []
    with pytest.raises(ValueError, match="1 texts but 2 samplings"):
        decode_together(session, [None], [Sampling()] * 2)


def test_sequences_picked_from_a_batch_go_on_alone(model: Jamba) -> None:
    ids = random_ids(3, 14, 5)
    state = model(ids[:, :9]).state.picked([2, 0])
    assert state.batch == 2
    whole = model(ids).logits[[2, 0], 9:]
    assert torch.allclose(model(ids[[2, 0], 9:], state).logits, whole, atol=1e-4)


TEXTS = ["the question", "x", "a longer text than all of the others", "how many?"]


@pytest.mark.parametrize("quantization", [None, "int8"])
def test_texts_of_any_length_are_continued_as_alone(folder: Path, quantization: str | None) -> None:
    if quantization and library() is None:
        pytest.skip("plain torch rounds a bfloat16 product differently in a batch")
    model = Jamba.from_pretrained(folder, quantization=quantization)
    samplings = [Sampling(heat, seed=seed) for seed, heat in enumerate([0.0, 1.0, 0.8, 0.0])]
    grammars = [None, GRAMMARS[0], None, GRAMMARS[1]]
    rows = generate_many(model, TEXTS, 24, grammars, samplings, stop=["e"])
    lengths = set()
    for text, row, grammar, sampling in zip(TEXTS, rows, grammars, samplings, strict=True):
        heat = {"temperature": sampling.temperature, "seed": sampling.seed}
        alone = model.generate(text, 24, grammar=grammar, stop=["e"], **heat)
        assert (row.ids, row.text, row.finish) == (alone.ids, alone.text, alone.finish)
        assert row.logprob == pytest.approx(alone.logprob, abs=1e-3)
        lengths.add(len(row.tokens))
        row.session.feed("more")
        alone.session.feed("more")
        assert torch.allclose(row.session.logits, alone.session.logits, atol=2e-3)
    assert len(lengths) > 1


def test_a_stop_string_ends_its_row_alone(model: Jamba) -> None:
    free = [model.generate(text, 30, stop_ids=[]).text for text in TEXTS]
    stop = next(c for c in free[0] if c.isascii())
    rows = generate_many(model, TEXTS, 30, stop=[stop], stop_ids=[])
    assert rows[0].finish == "text" and rows[0].text == free[0].partition(stop)[0]
    for row, text in zip(rows, free, strict=True):
        assert row.text == text.partition(stop)[0]
        assert row.finish == ("text" if stop in text else "length")


def test_many_texts_can_be_cancelled(model: Jamba) -> None:
    asked = iter([False] * 5 + [True] * 9)
    rows = generate_many(model, TEXTS, 50, stop_ids=[], cancel=lambda: next(asked))
    assert {row.finish for row in rows} == {"cancelled"}
    assert {len(row.tokens) for row in rows} == {5}
    assert generate_many(model, []) == []
    with pytest.raises(ValueError, match="at least one token"):
        generate_many(model, ["a", ""])
    with pytest.raises(ValueError, match="2 texts but 1 grammars"):
        generate_many(model, ["a", "b"], grammars=[None])
