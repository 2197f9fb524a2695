"""Fine-tuning a tiny random core: it learns, stops, can be interrupted, and is saved as int8."""

from pathlib import Path

import pytest
import torch

from mrkl.jamba_core import Jamba
from mrkl.jamba_core.finetune import ROWS, Example, FineTuning, batches
from mrkl.jamba_core.load import CheckpointFiles
from mrkl.jamba_core.lora import rounded
from tests.jamba_core.conftest import byte_tokenizer, random_ids, random_weights, tiny_config


def example(seed: int, length: int = 20) -> Example:
    ids = tuple(random_ids(1, length, seed)[0].tolist())
    return Example(ids, tuple(at >= length // 2 for at in range(length)))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An int8 checkpoint that can be trained."""
    config = tiny_config(tie_word_embeddings=True, num_hidden_layers=4)
    place = tmp_path_factory.mktemp("start")
    Jamba.from_tensors(config, random_weights(config), quantization="int8").save_pretrained(place)
    (place / "tokenizer.json").write_text(byte_tokenizer(), "utf-8")
    return place


def test_it_learns_and_what_is_saved_has_learned(stored: Path, tmp_path: Path):
    tuning = FineTuning(stored, rate=0.02)
    examples = [example(seed) for seed in range(6)]
    before = tuning.loss(examples)
    tuning.run(examples, [example(9)], [], rounds=20, seconds=60)
    tuning.save(tmp_path)
    after = FineTuning(tmp_path).loss(examples)
    assert len(tuning.rounds) == 20
    assert tuning.loss(examples) < 0.8 * before
    assert after == pytest.approx(tuning.loss(examples), rel=0.05)
    assert Jamba.from_pretrained(tmp_path)(random_ids(1, 3)).logits.isfinite().all()


def test_only_adapted_matrices_change(stored: Path, tmp_path: Path):
    tuning = FineTuning(stored, rate=0.02)
    tuning.run([example(1)], [], [], rounds=3, seconds=60)
    tuning.save(tmp_path)
    old, new = CheckpointFiles(stored), CheckpointFiles(tmp_path)
    assert set(old) == set(new)
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert any(name.endswith("q_proj.weight") for name in changed)
    assert not {name for name in changed if "experts" in name or "embed" in name or "norm" in name}


def test_it_stops_when_the_held_out_loss_rises_and_keeps_the_best(stored: Path):
    tuning = FineTuning(stored, rate=0.02)
    learned = example(1)
    other = Example((*learned.ids[:10], *example(2).ids[10:]), learned.learned)
    tuning.run([learned] * 8, [], [other], rounds=40, seconds=60)
    assert len(tuning.rounds) < 40
    losses = [done.held_out for done in tuning.rounds]
    tuning._load(tuning.best)
    assert tuning.loss([other]) <= min(losses) + 1e-4


def test_an_interrupt_keeps_what_there_is(stored: Path, tmp_path: Path):
    tuning = FineTuning(stored, rate=0.02)

    def interrupted(done: int, whole: int, loss: float) -> None:
        assert done <= whole == 80 and loss > 0
        if done >= 2 * ROWS:
            raise KeyboardInterrupt

    start = tuning.loss([example(1)])
    tuning.run([example(1)] * 40, [], [], rounds=2, seconds=60, on_step=interrupted)
    tuning.save(tmp_path)
    assert FineTuning(tmp_path).loss([example(1)]) < start


def test_the_same_seed_gives_the_same_weights(stored: Path):
    found = []
    for _ in range(2):
        tuning = FineTuning(stored, seed=4)
        tuning.run([example(seed) for seed in range(5)], [example(7)], [], rounds=2, seconds=60)
        found.append(tuning.best)
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))


def test_time_ends_it(stored: Path):
    tuning = FineTuning(stored)
    tuning.run([example(1)], [], [], rounds=5, seconds=0)
    assert tuning.rounds == []


def test_small_changes_survive_rounding_on_average():
    weight = torch.randint(-100, 100, (40, 500), dtype=torch.int8)
    scale = torch.full((40,), 0.01)
    delta = torch.full((40, 500), 0.002)  # a fifth of a step
    new, same = rounded(weight, scale, delta, torch.Generator().manual_seed(0))
    assert torch.equal(same, scale)
    change = new.float() * same[:, None] - weight.float() * scale[:, None]
    assert float(change.mean()) == pytest.approx(0.002, rel=0.1)
    assert float(change.abs().max()) <= 0.01 + 1e-6


def test_a_row_that_outgrows_its_scale_gets_another():
    weight, scale = torch.tensor([[127, -3]], dtype=torch.int8), torch.tensor([0.01])
    new, larger = rounded(weight, scale, torch.tensor([[0.5, 0.0]]), torch.Generator())
    assert new[0, 0] == 127 and float(127 * larger) == pytest.approx(1.77)


def test_batches_hold_like_lengths():
    found = batches([example(seed, 10 + 20 * (seed % 3)) for seed in range(30)], None)
    assert sum(map(len, found)) == 30 and max(map(len, found)) == ROWS
