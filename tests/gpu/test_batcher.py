"""Texts that join and leave a batch: each is what it is alone."""

import threading
import time

import pytest
import torch

from mrkl.jamba_core import Sampling, Session
from tests.gpu.test_engine import pair
from tests.jamba_core.conftest import random_ids

ids_of = {n: random_ids(1, n, seed=n)[0].tolist() for n in (2, 5, 7, 11, 19)}
HOT, GREEDY = Sampling(1.3, 0.9, 0.01, seed=5), Sampling()


def alone(engine, ids: list[int], count: int, how: Sampling = GREEDY) -> list[int]:
    return engine.submit(ids, count, sampling=how, stop_ids=()).wait().tokens


def test_joining_and_leaving_changes_no_text() -> None:
    model, engine = pair(slots=3)
    wanted = {n: (3 + n % 4, HOT if n in (5, 11) else Sampling()) for n in ids_of}
    want = {n: alone(engine, ids_of[n], *wanted[n]) for n in ids_of}
    session = Session(model, None)
    session.feed(ids_of[7])
    assert want[7] == [token.id for token in session.decode(wanted[7][0], stop_ids=())]
    requests = {}
    for n, ids in ids_of.items():  # five texts, three slots, one more every second step
        count, how = wanted[n]
        requests[n] = engine.submit(ids, count, sampling=how, stop_ids=())
        engine.batcher.step()
        engine.batcher.step()
    while engine.batcher.busy:
        engine.batcher.step()
    assert {n: r.tokens for n, r in requests.items()} == want
    assert {r.finish for r in requests.values()} == {"length"}
    assert not any(slot.held for slot in engine.slots)


def test_a_seed_repeats_a_text_and_another_does_not() -> None:
    _, engine = pair(slots=2)
    first, same, other = (
        alone(engine, ids_of[5], 8, Sampling(1.5, seed=seed)) for seed in (1, 1, 2)
    )
    assert first == same != other


def test_a_prefix_is_read_once() -> None:
    _, engine = pair(slots=2)
    want = [alone(engine, ids_of[19] + more, 4) for more in ([1, 2], [3])]
    reads = []
    extend = type(engine).extend
    engine.extend = lambda place, past, ids, keep=1: (
        reads.append(len(ids)) or extend(engine, place, past, ids, keep)
    )
    for more, text in zip(([1, 2], [3]), want, strict=True):
        request = engine.submit(ids_of[19] + more, 4, stop_ids=(), prefix=19)
        assert request.wait().tokens == text
    assert reads == [16, 3, 2, 1]


def test_going_on_from_a_texts_end() -> None:
    _, engine = pair(slots=2)
    whole = alone(engine, ids_of[7], 6)
    first = engine.submit(ids_of[7], 3, stop_ids=(), keep_state=True).wait()
    assert first.state is not None and first.state.length == 9 and len(first.unread) == 1
    alone(engine, ids_of[5], 2), alone(engine, ids_of[2], 2)  # others take the slots
    rest = engine.submit(first.unread, 3, stop_ids=(), state=first.state).wait()
    assert first.tokens + rest.tokens == whole


def test_threads_share_the_steps() -> None:
    _, engine = pair(slots=3)
    want = {n: alone(engine, ids_of[n], 5) for n in (2, 5, 7)}
    before, found = engine.steps, {}

    def ask(n: int) -> None:
        found[n] = list(engine.submit(ids_of[n], 5, stop_ids=()))

    threads = [threading.Thread(target=ask, args=(n,)) for n in want]
    with engine.lock:  # all of them wait for the first step
        for thread in threads:
            thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    assert found == want
    assert engine.steps - before < 12


def test_limits_and_mistakes() -> None:
    _, engine = pair(slots=1, room=24)
    with pytest.raises(ValueError, match="at least one token"):
        engine.submit([])
    with pytest.raises(ValueError, match="do not fit"):
        engine.submit([1] * 25)
    assert len(alone(engine, [1] * 20, 99)) == 5  # the room's end
    late = engine.submit([1], 5, deadline=time.monotonic() - 1)
    assert late.wait().finish == "deadline" and not late.tokens
    running, waiting = (engine.submit([n], 9, stop_ids=()) for n in (1, 2))
    for place, _ in enumerate(running):
        if place == 2:
            break
    engine.batcher.step()
    assert running.finish == "cancelled" and len(running.tokens) >= 3
    assert len(waiting.wait().tokens) == 9
    stop = waiting.tokens[3]
    ended = engine.submit([2], 9, stop_ids=[stop]).wait()
    assert (ended.finish, ended.tokens) == (
        "stop",
        waiting.tokens[: waiting.tokens.index(stop) + 1],
    )


def test_what_fails_ends_and_frees_its_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    _, engine = pair(slots=2)
    bad, good = engine.submit(ids_of[5], 3, stop_ids=()), engine.submit(ids_of[2], 3, stop_ids=())
    extend = type(engine).extend

    def broken(place: int, past: int, ids: torch.Tensor, keep: int = 1) -> torch.Tensor:
        if len(ids) == 5:
            raise RuntimeError("out of memory")
        return extend(engine, place, past, ids, keep)

    monkeypatch.setattr(engine, "extend", broken)
    assert len(good.wait().tokens) == 3
    with pytest.raises(RuntimeError, match="out of memory"):
        bad.wait()
    running = engine.submit(ids_of[2], 3, stop_ids=())
    monkeypatch.setattr(engine, "step", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        running.wait()
    assert not engine.batcher.busy and not any(slot.held for slot in engine.slots)


def test_a_grammar_beside_a_free_text(tokenizer) -> None:
    from mrkl.jamba_core.gpu.engine import Engine

    model, engine = pair(slots=2)
    for each in (model, engine):
        each.__dict__["tokenizer"] = tokenizer
    assert isinstance(engine, Engine)
    rule = 'start: "ab" /[0-9]{2}/ <|end|>'
    session = Session(model)
    session.feed(ids_of[5])
    want = [token.id for token in session.decode(20, rule)]
    ruled = engine.submit(ids_of[5], 20, grammar=rule)
    free = engine.submit(ids_of[7], 6, stop_ids=())
    assert (ruled.wait().tokens, ruled.finish) == (want, session.finish)
    assert free.wait().tokens == alone(engine, ids_of[7], 6)
    drawn = engine.submit(ids_of[5], 20, grammar=rule, sampling=HOT).wait()
    assert tokenizer.decode(drawn.tokens)[:2] == "ab" and drawn.finish == ruled.finish


@pytest.fixture(scope="session")
def tokenizer():
    from mrkl.jamba_core import Tokenizer
    from tests.jamba_core.conftest import byte_tokenizer

    return Tokenizer(byte_tokenizer())


def test_choices_on_the_device() -> None:
    from mrkl.jamba_core.gpu.pick import pick
    from tests.gpu.conftest import DEVICE

    torch.manual_seed(0)
    rows, size = 200, 12
    logits = (2 * torch.randn(size)).expand(rows, size).contiguous().to(DEVICE)
    chances = torch.softmax(logits[0].cpu() / 0.8, -1)

    def draw(temperature: float, top_p: float = 1.0, min_p: float = 0.0) -> torch.Tensor:
        slots = torch.zeros(rows, dtype=torch.int32, device=DEVICE)
        slots[-1] = -1  # nobody's row is left alone
        chance = torch.tensor([[temperature, top_p, min_p]], device=DEVICE).expand(rows, 3)
        seeds = torch.arange(rows, device=DEVICE) + 7
        tokens = torch.full((rows,), -5, device=DEVICE)
        pick(logits, slots, slots.clamp(min=0), chance.contiguous(), seeds, tokens, True)
        assert int(tokens[-1]) == -5
        return tokens[:-1].cpu()

    assert set(draw(0.0).tolist()) == {int(chances.argmax())}
    counts = torch.bincount(draw(0.8), minlength=size)
    expected = chances * (rows - 1)
    likely = expected > 5
    assert ((counts - expected)[likely] ** 2 / expected[likely]).sum() < 3 * int(likely.sum())
    best = chances.sort(descending=True)
    nucleus = best.indices[: int((best.values.cumsum(0) < 0.7).sum()) + 1]
    assert set(draw(0.8, 0.7).tolist()) == set(nucleus.tolist())
    kept = (chances >= 0.2 * chances.max()).nonzero().flatten()
    assert set(draw(0.8, 1.0, 0.2).tolist()) == set(kept.tolist())
