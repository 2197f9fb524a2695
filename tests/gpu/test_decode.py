"""The decoder against the plain model, from a state that is not empty; graph against eager."""

import pytest
import torch

from mrkl.jamba_core import Jamba
from tests.gpu.conftest import DEVICE
from tests.jamba_core.conftest import random_ids, random_weights, tiny_config


def pair(mode: str | None, batch: int, **changes):
    """A plain model, a decoder of the same weights, and both after the same seven tokens."""
    from mrkl.jamba_core.gpu import decode, weights

    config = tiny_config(**changes)
    model = Jamba.from_tensors(config, random_weights(config), torch.float32, quantization=mode)
    mine = weights.from_tensors(config, dict(model.tensors()), mode, torch.float32, DEVICE)
    decoder = decode.Decoder(mine, batch, 64)
    output = model(random_ids(batch, 7))
    decoder.load(output.state)
    decoder.tokens.copy_(output.logits[:, -1].argmax(-1))
    return model, decoder, output


def compare(mode: str | None, batch: int, steps: int = 3, **changes) -> None:
    model, decoder, output = pair(mode, batch, **changes)
    for _ in range(steps):
        output = model(decoder.tokens.cpu()[:, None], output.state)
        decoder.step()
        want = output.logits[:, -1]
        error = (decoder.logits.cpu() - want).abs().max() / want.std()
        assert error <= 4e-5
        assert torch.equal(decoder.tokens.cpu(), want.argmax(-1))


@pytest.mark.parametrize("mode", [None, "jamba_int8", "int8"])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_plain_model(mode: str | None, batch: int) -> None:
    compare(mode, batch)


@pytest.mark.parametrize(
    "changes",
    [
        {"num_experts": 1, "tie_word_embeddings": True, "num_key_value_heads": 1},
        {"mamba_proj_bias": True, "mamba_conv_bias": False, "mamba_d_state": 5},
        {"num_experts": 6, "num_experts_per_tok": 3, "moe_intermediate_size": 48},
    ],
)
@pytest.mark.parametrize("batch", [1, 2])
def test_other_shapes(changes: dict[str, object], batch: int) -> None:
    compare("int8", batch, steps=1, **changes)


def test_what_it_writes_is_kept_and_room_is_checked() -> None:
    _, decoder, output = pair("jamba_int8", 2)
    first = output.logits[:, -1].argmax(-1)
    written = decoder.run(2)
    assert written.shape == (2, 2) and torch.equal(written[-1], decoder.tokens)
    assert not torch.equal(written[0].cpu(), first) and int(decoder.position[0]) == 9
    with pytest.raises(ValueError, match="do not fit"):
        decoder.run(60)


def test_other_activations_are_refused() -> None:
    with pytest.raises(ValueError, match="silu only"):
        pair(None, 1, hidden_act="gelu")


@pytest.mark.skipif(DEVICE == "cpu", reason="no CUDA device for a graph")
@pytest.mark.parametrize("batch", [1, 8])
def test_a_graph_writes_what_single_steps_write(batch: int) -> None:
    _, eager, output = pair("jamba_int8", batch)
    _, graph, _ = pair("jamba_int8", batch)
    graph.capture()
    graph.load(output.state)
    graph.tokens.copy_(output.logits[:, -1].argmax(-1))
    assert torch.equal(eager.run(20), graph.run(20))
