"""Continuations written side by side are those written one at a time."""

import time
from pathlib import Path

import pytest
import torch

from mrkl.jamba_core import Grammar, Jamba, Sampling, Session, decode_together
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
    with pytest.raises(ValueError, match="1 grammars but 2 samplings"):
        decode_together(session, [None], [Sampling()] * 2)


def test_sequences_picked_from_a_batch_go_on_alone(model: Jamba) -> None:
    ids = random_ids(3, 14, 5)
    state = model(ids[:, :9]).state.picked([2, 0])
    assert state.batch == 2
    whole = model(ids).logits[[2, 0], 9:]
    assert torch.allclose(model(ids[[2, 0], 9:], state).logits, whole, atol=1e-4)
