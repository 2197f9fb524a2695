"""States on disk: the same session in another process, bit for bit."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mrkl.jamba_core import Jamba, Session, SnapshotError, generate_many
from mrkl.jamba_core.cache import AttentionState
from tests.jamba_core.conftest import random_ids, random_weights, tiny_config


def begun(model: Jamba, text: str = "the question is long") -> Session:
    session = Session(model)
    session.feed(text)
    return session


def same_state(one: Session, other: Session) -> bool:
    pairs = zip(one.state.layers, other.state.layers, strict=True)  # type: ignore[union-attr]
    for a, b in pairs:
        if isinstance(a, AttentionState):
            assert isinstance(b, AttentionState)
            if not torch.equal(a.keys_values(), b.keys_values()):
                return False
        elif not (torch.equal(a.conv, b.conv) and torch.equal(a.ssm, b.ssm)):  # type: ignore[union-attr]
            return False
    return torch.equal(one.logits, other.logits) and one.ids == other.ids


@pytest.mark.parametrize("mode", [None, "int8", "experts_int8"])
def test_a_session_comes_back_bit_for_bit(folder: Path, tmp_path: Path, mode: str | None) -> None:
    model = Jamba.from_pretrained(folder, quantization=mode)
    session = begun(model)
    list(session.decode(7, stop_ids=[]))
    session.save(tmp_path / "s")
    again = Session.restore(model, tmp_path / "s")
    assert same_state(session, again)
    rest = [token.id for token in session.fork().decode(20, stop_ids=[])]
    assert [token.id for token in again.fork().decode(20, stop_ids=[])] == rest
    for continued in (session, again):
        continued.feed("and more of it")
    assert torch.equal(session.logits, again.logits)


@pytest.mark.parametrize("cut", range(1, 15))
def test_a_snapshot_at_any_token(model: Jamba, tmp_path: Path, cut: int) -> None:
    ids = random_ids(1, 15, 3)[0].tolist()
    first = Session(model)
    first.feed(ids[:cut])
    first.save(tmp_path / "s")
    again = Session.restore(model, tmp_path / "s")
    again.feed(ids[cut:])
    assert torch.allclose(again.logits, model(ids).logits[0, -1], atol=1e-4)


def test_another_process_goes_on_with_the_same_tokens(folder: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from mrkl.jamba_core import Jamba, Session;"
        "session = Session.restore(Jamba.from_pretrained(sys.argv[1]), sys.argv[2]);"
        "print([token.id for token in session.decode(12, stop_ids=[])])"
    )
    session = begun(Jamba.from_pretrained(folder))
    session.save(tmp_path / "s")
    run = [sys.executable, "-c", program, str(folder), str(tmp_path / "s")]
    root = Path(__file__).parents[2]
    done = subprocess.run(run, check=True, capture_output=True, text=True, cwd=root, timeout=60)
    assert done.stdout.strip() == str([t.id for t in session.decode(12, stop_ids=[])])


def test_a_row_of_a_padded_batch_can_be_kept(model: Jamba, tmp_path: Path) -> None:
    rows = generate_many(model, ["a", "a longer one"], 4, stop_ids=[])
    for number, row in enumerate(rows):
        row.session.save(tmp_path / str(number))
        again = Session.restore(model, tmp_path / str(number))
        again.feed("more")
        row.session.feed("more")
        assert torch.equal(again.logits, row.session.logits)


def test_a_snapshot_of_another_model_is_refused(folder: Path, tmp_path: Path, model: Jamba) -> None:
    begun(model).save(tmp_path / "s")
    config = tiny_config()
    others = [
        Jamba.from_tensors(config, random_weights(config, 5)),
        Jamba.from_pretrained(folder, quantization="int8"),
        Jamba.from_pretrained(folder, dtype=torch.float32),
    ]
    for other in others:
        with pytest.raises(SnapshotError, match="written by another model"):
            Session.restore(other, tmp_path / "s")


def test_files_that_are_no_snapshots_are_one_line(tmp_path: Path, model: Jamba) -> None:
    path = tmp_path / "s"
    with pytest.raises(SnapshotError, match="cannot be read"):
        Session.restore(model, path)
    begun(model).save(path)
    whole = path.read_bytes()
    for size in (0, 5, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(SnapshotError, match="cannot be read") as caught:
            Session.restore(model, path)
        assert "\n" not in str(caught.value)
    save_file({"x": torch.ones(1)}, path)
    with pytest.raises(SnapshotError, match="not a snapshot"):
        Session.restore(model, path)


@pytest.mark.parametrize("name", ["0.ssm", "2.kv", "logits", "0.conv"])
def test_missing_or_wrong_parts_are_named(tmp_path: Path, model: Jamba, name: str) -> None:
    from safetensors import safe_open

    path = tmp_path / "s"
    begun(model).save(path)
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
    tensors = load_file(path)
    kept = tensors.pop(name)
    save_file(tensors, path, metadata=about)
    with pytest.raises(SnapshotError, match=f"not a whole snapshot.*{name}"):
        Session.restore(model, path)
    if name != "logits":
        save_file(tensors | {name: kept[..., :-1].contiguous()}, path, metadata=about)
        with pytest.raises(SnapshotError, match=f"layer {name[0]}: {name[2:]}"):
            Session.restore(model, path)


def test_nothing_to_save(model: Jamba, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing was fed"):
        Session(model).save(tmp_path / "s")
    assert not list(tmp_path.iterdir())
