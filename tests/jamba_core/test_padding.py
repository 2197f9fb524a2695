"""Sequences of different lengths side by side, with padding before the shorter ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mrkl.jamba_core import Jamba
from mrkl.jamba_core.model import PREFILL_TOKENS
from tests.jamba_core.conftest import random_ids, random_weights, tiny_config
from tests.jamba_core.test_model import close

LENGTHS = [19, 4, 1, 11]
Load = Callable[[], Jamba]


def padded(lengths: list[int], seed: int = 0) -> tuple[list[torch.Tensor], torch.Tensor, list[int]]:
    """Sequences, the same as one batch behind random padding, and how much of it."""
    texts = [random_ids(1, length, seed + i)[0] for i, length in enumerate(lengths)]
    padding = [max(lengths) - length for length in lengths]
    batch = random_ids(len(lengths), max(lengths), seed + 99)
    for row, text in enumerate(texts):
        batch[row, padding[row] :] = text
    return texts, batch, padding


@pytest.mark.parametrize("mode", [None, "int8"])
def test_padded_sequences_have_their_own_logits(folder: Path, mode: str | None) -> None:
    dtype = torch.float32 if mode else None
    model = Jamba.from_pretrained(folder, dtype=dtype, quantization=mode)
    texts, batch, padding = padded(LENGTHS)
    output = model(batch, padding=padding)
    assert torch.isfinite(output.logits).all()
    for row, text in enumerate(texts):
        alone = model(text).logits[0]
        assert close(output.logits[row, padding[row] :], alone), LENGTHS[row]


@pytest.mark.parametrize("changes", [{}, {"mamba_conv_bias": False, "mamba_proj_bias": True}])
def test_what_follows_is_theirs_too(changes: dict[str, Any]) -> None:
    config = tiny_config(**changes)
    model = Jamba.from_tensors(config, random_weights(config))
    texts, batch, padding = padded(LENGTHS, 3)
    more = random_ids(len(texts), 7, 50)
    state = model(batch, padding=padding).state
    steps = []
    for span in (slice(0, 1), slice(1, 5), slice(5, 6), slice(6, 7)):
        output = model(more[:, span], state)
        state = output.state
        steps.append(output.logits)
    for row, text in enumerate(texts):
        alone = model(torch.cat([text, more[row]])).logits[0, -7:]
        assert close(torch.cat(steps, 1)[row], alone)


def test_any_split_of_a_padded_batch(model: Jamba) -> None:
    _, batch, padding = padded(LENGTHS, 5)
    whole = model(batch, padding=padding)
    for cut in range(1, batch.shape[1]):
        first = model(batch[:, :cut], padding=padding)
        second = model(batch[:, cut:], first.state)
        joined = torch.cat([first.logits, second.logits], 1)
        for row, before in enumerate(padding):
            assert close(joined[row, before:], whole.logits[row, before:]), (cut, row)


def test_the_order_of_the_batch_is_the_callers_affair(model: Jamba) -> None:
    _, batch, padding = padded(LENGTHS, 6)
    last = model(batch, padding=padding, logits_to_keep=1).logits
    order = [2, 0, 3, 1]
    other = model(batch[order], padding=[padding[i] for i in order], logits_to_keep=1).logits
    assert close(other, last[order])


def test_rows_that_leave_take_their_padding_along(model: Jamba) -> None:
    texts, batch, padding = padded(LENGTHS, 7)
    state = model(batch, padding=padding).state.picked([3, 1])
    more = random_ids(2, 5, 8)
    logits = model(more, state).logits
    for row, text in enumerate((texts[3], texts[1])):
        assert close(logits[row], model(torch.cat([text, more[row]])).logits[0, -5:])
    alone = model(batch[2:3], padding=padding[2:3]).state.repeated(2)
    both = model(more, alone).logits
    for row in range(2):
        assert close(both[row], model(torch.cat([texts[2], more[row]])).logits[0, -5:])


def test_padding_longer_than_a_piece_of_the_prompt() -> None:
    config = tiny_config(num_hidden_layers=4)
    model = Jamba.from_tensors(config, random_weights(config))
    texts, batch, padding = padded([PREFILL_TOKENS + 60, 20], 9)
    last = model(batch, padding=padding, logits_to_keep=2).logits
    for row, text in enumerate(texts):
        assert close(last[row], model(text, logits_to_keep=2).logits[0])


def test_transformers_agrees(model: Jamba, twin: Any) -> None:
    _, batch, padding = padded(LENGTHS, 10)
    keep = torch.arange(batch.shape[1]) >= torch.tensor(padding)[:, None]
    with torch.inference_mode():
        theirs = twin(batch, attention_mask=keep.long()).logits
    ours = model(batch, padding=padding).logits
    assert close(ours[keep], theirs[keep])


def test_wrong_paddings_are_refused(model: Jamba) -> None:
    ids = random_ids(2, 5)
    with pytest.raises(ValueError, match=r"padding \[1\] does not fit 2 sequences"):
        model(ids, padding=[1])
    with pytest.raises(ValueError, match="does not fit"):
        model(ids, padding=[-1, 0])
    state = model(ids, padding=[1, 0]).state
    with pytest.raises(ValueError, match="before the first token"):
        model(ids, state, padding=[1, 0])
    assert model(ids, padding=[0, 0]).state.padding is None
