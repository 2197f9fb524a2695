"""What an engine will need, said before anything is loaded."""

from pathlib import Path

import pytest
import torch

from mrkl.jamba_core import Jamba
from mrkl.jamba_core.limits import DEVICES, fit
from mrkl.jamba_core.shapes import shape
from tests.jamba_core.conftest import random_weights, tiny_config


@pytest.mark.parametrize("mode", [None, "experts_int8", "jamba_int8", "int8"])
def test_the_planner_says_what_the_engine_lays_out(mode: str | None) -> None:
    from mrkl.jamba_core.gpu.memory import need

    config = shape("mini")
    for slots, room in ((1, 262144), (8, 16384)):
        mine = need(config, mode, slots, room, 4096)
        theirs = fit(config, mode or "bfloat16", room, slots, DEVICES["h100"])
        planned = theirs.weights + theirs.caches + theirs.states
        assert mine.weights + mine.states == pytest.approx(planned, rel=0.01)
        assert mine.work < 2 * 2**30


def test_bytes_are_those_of_the_tensors() -> None:
    from mrkl.jamba_core.gpu import weights
    from mrkl.jamba_core.gpu.memory import need
    from mrkl.jamba_core.gpu.store import Store

    for mode, tied in (("jamba_int8", False), ("int8", True), (None, True)):
        config = tiny_config(tie_word_embeddings=tied)
        mine = weights.from_tensors(config, random_weights(config), mode, torch.float32, "cpu")
        wanted = need(config, mode, 3, 40, 16, torch.float32)
        assert (wanted.weights, wanted.states) == (mine.bytes, Store(mine, 3, 40).bytes)


def test_too_large_is_said_before_weights_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mrkl.jamba_core.gpu import engine
    from mrkl.jamba_core.gpu.memory import DoesNotFit, need

    config = tiny_config()
    Jamba.from_tensors(config, random_weights(config)).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()  # reading it would raise another error
    two = need(config, "int8", 2, 64, 4096).total
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (two, 10))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a small card")
    with pytest.raises(DoesNotFit, match="8 texts of 64 tokens .* a small card has .* GiB free"):
        engine.Engine.from_pretrained(tmp_path, "int8", 8, 64, torch.bfloat16, "cuda")
    assert engine.fitting(config, "int8", None, 64) == 2
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 10))
    with pytest.raises(DoesNotFit, match="for a text of 64 tokens") as caught:
        engine.Engine.from_pretrained(tmp_path, "int8", None, 64, torch.bfloat16, "cuda")
    assert "\n" not in str(caught.value)
