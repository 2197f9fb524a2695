"""The engine in the place of `Jamba`: the same logits and texts, whatever shares its slots."""

from pathlib import Path

import pytest
import torch

from mrkl.jamba_core import Jamba, Sampling, Session, decode_together, generate_many
from tests.gpu.conftest import DEVICE
from tests.jamba_core.conftest import random_ids, random_weights, tiny_config

# a Mamba layer with an MLP, an attention layer with experts
SMALL = {"num_hidden_layers": 2, "attn_layer_period": 2, "attn_layer_offset": 1}


def pair(slots: int = 3, room: int = 64, mode: str | None = "jamba_int8", **changes):
    """A plain model and an engine of the same weights, two layers."""
    from mrkl.jamba_core.gpu import engine, weights

    config = tiny_config(**(SMALL | changes))
    model = Jamba.from_tensors(config, random_weights(config), torch.float32, quantization=mode)
    mine = weights.from_tensors(config, dict(model.tensors()), mode, torch.float32, DEVICE)
    return model, engine.Engine(mine, slots, room, piece=16)


def close(got: torch.Tensor, want: torch.Tensor) -> bool:
    return bool((got.cpu() - want).abs().max() <= 5e-5 * want.std())


def test_states_are_values_whoever_has_the_slots() -> None:
    model, engine = pair(slots=2)
    ids = random_ids(1, 12)[0].tolist()
    theirs, mine = model(ids), engine(ids)
    assert close(mine.logits, theirs.logits)
    # four futures of one past in two slots, then back to each of them, and to the past
    tokens = (3, 70, 200, 41)
    futures = [(model([t], theirs.state), engine([t], mine.state)) for t in tokens]
    for want, got in futures:
        assert close(got.logits, want.logits)
    for want, got in reversed(futures):
        more = [9, 8, 7, 6, 5]
        assert close(engine(more, got.state, 2).logits, model(more, want.state, 2).logits)
    again = engine([5], mine.state.fork())
    assert close(again.logits, model([5], theirs.state).logits)
    assert (mine.state.length, again.state.length) == (12, 13)


def test_sessions_fork_and_score() -> None:
    model, engine = pair()
    ids = random_ids(1, 9, seed=4)[0].tolist()
    found = []
    for each in (model, engine):
        session = Session(each, None)
        session.feed(ids)
        twin = session.fork()
        texts = [
            [t.id for t in s.decode(5, sampling=how, lookup=4, stop_ids=())]
            for s, how in ((twin, Sampling()), (session.fork(), Sampling(1.0, seed=3)))
        ]
        found.append((texts, session.score([[1, 2, 3], [4, 5]])))
    assert found[0][0] == found[1][0]
    assert found[0][1] == pytest.approx(found[1][1], abs=1e-3)


def test_batches_of_any_lengths() -> None:
    model, engine = pair(slots=2)  # fewer than texts: they take turns
    texts = [random_ids(1, n, seed=n)[0].tolist() for n in (3, 1, 8)]
    want, got = (
        [row.ids for row in generate_many(each, texts, 4, stop_ids=())] for each in (model, engine)
    )
    assert got == want
    sessions = [Session(each, None) for each in (model, engine)]
    for session in sessions:
        session.feed(texts[2])
    want, got = ([r.ids for r in decode_together(s, [None] * 3, None, 3, ())] for s in sessions)
    assert got == want


def test_what_does_not_fit_is_refused() -> None:
    _, engine = pair(room=16)
    state = engine([1] * 10).state
    with pytest.raises(ValueError, match="10 \\+ 7 tokens do not fit into the room of 16"):
        engine([1] * 7, state)
    with pytest.raises(IndexError, match="beyond the vocabulary"):
        engine([264])
    with pytest.raises(ValueError, match="the state holds 1 sequences, ids 2"):
        engine(torch.ones(2, 1), state)
    session = Session(engine, None)
    session.feed([1])
    with pytest.raises(ValueError, match="cannot be saved"):
        session.save("nowhere")


def test_a_folder(tmp_path: Path) -> None:
    from mrkl.jamba_core import CheckpointError, QuantizationError
    from mrkl.jamba_core.gpu.engine import Engine

    config = tiny_config(**SMALL)
    model = Jamba.from_tensors(config, random_weights(config))
    model.save_pretrained(tmp_path)
    engine = Engine.from_pretrained(tmp_path, "jamba_int8", 1, 32, torch.float32, DEVICE)
    small = Jamba.from_pretrained(tmp_path, torch.float32, quantization="jamba_int8")
    ids = random_ids(1, 5)[0].tolist()
    assert close(engine(ids, None, 1).logits, small(ids, None, 1).logits)
    assert engine.config == small.config and engine.store.room == 32
    stored = tmp_path / "int8"
    small.save_pretrained(stored)
    with pytest.raises(QuantizationError, match="stored as 'jamba_int8'"):
        Engine.from_pretrained(stored, "int8", 1, 32, torch.float32, DEVICE)
    assert Engine.from_pretrained(stored, None, 1, 32, torch.float32, DEVICE).config == config_of(
        stored
    )
    (tmp_path / "config.json").write_text(
        (tmp_path / "config.json").read_text().replace('"mamba_dt_rank": 8', '"mamba_dt_rank": 6')
    )
    with pytest.raises(CheckpointError, match="dt_layernorm.weight has shape .8., .6. is expected"):
        Engine.from_pretrained(tmp_path, None, 1, 32, torch.float32, DEVICE)


def config_of(folder: Path):
    from mrkl.jamba_core import JambaConfig

    return JambaConfig.from_file(folder)
