"""A prompt read in pieces, by the plain model, and token by token: the same logits and states."""

import pytest
import torch

from tests.gpu.conftest import DEVICE
from tests.gpu.test_decode import pair
from tests.jamba_core.conftest import random_ids


@pytest.mark.parametrize(("mode", "copies"), [(None, 256), ("int8", 256), (None, 0), ("int8", 3)])
def test_any_split_is_the_plain_model(
    mode: str | None, copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mrkl.jamba_core.gpu import prefill

    monkeypatch.setattr(prefill, "COPIES_FROM", copies)
    model, decoder, output = pair(mode, 2)
    ids = random_ids(2, 21, seed=3)
    want = model(ids, output.state)
    for row, pieces in enumerate(([21], [2, 1, 18])):
        for part in ids[row].split(pieces):
            logits = prefill.read(decoder, part.to(DEVICE), row)
        error = (logits.cpu() - want.logits[row, -1]).abs().max() / want.logits.std()
        assert error <= 5e-5
    decoder.tokens.copy_(want.logits[:, -1].argmax(-1))
    after = model(decoder.tokens.cpu()[:, None], want.state)
    decoder.step()
    error = (decoder.logits.cpu() - after.logits[:, -1]).abs().max() / after.logits.std()
    assert error <= 5e-5


def test_many_tokens_are_sorted_as_few_are() -> None:
    from mrkl.jamba_core.gpu.many import Blocks

    logits = torch.randn(100, 7, device=DEVICE)
    few, long = (Blocks(100, 3, 7, DEVICE) for _ in range(2))
    few.route(logits)
    long._route_long(logits)
    assert torch.equal(few.count, long.count)
    used = few.count > 0
    assert torch.equal(few.expert[used], long.expert[used])
    torch.testing.assert_close(few.weight, long.weight)
    lane = torch.arange(few.size, device=DEVICE)
    real = (lane < few.count[:, None]).flatten()
    # inside an expert the short way goes by token, and so does the long one
    assert torch.equal(few.pairs[real] // 3, long.pairs[real] // 3)


def test_the_last_logits_come_from_as_many_pieces_as_it_takes() -> None:
    from mrkl.jamba_core.gpu import prefill

    model, decoder, output = pair(None, 1)
    ids = random_ids(1, 9, seed=3)
    want = model(ids, output.state).logits[0]
    for keep in (2, 4):
        decoder.load(output.state)
        args = (decoder.weights, decoder.store, 0, 7, ids[0].to(DEVICE))
        got = prefill.extend(*args, keep=keep, piece=3).cpu()
        assert got.shape[0] == keep and (got - want[-keep:]).abs().max() <= 5e-5 * want.std()


def test_what_does_not_fit_is_refused() -> None:
    from mrkl.jamba_core.gpu import prefill

    _, decoder, _ = pair(None, 1)
    with pytest.raises(ValueError, match="7 \\+ 60 tokens do not fit"):
        prefill.read(decoder, torch.zeros(60, dtype=torch.long))
    with pytest.raises(ValueError, match="shape"):
        prefill.read(decoder, torch.zeros(1, 6, dtype=torch.long))
