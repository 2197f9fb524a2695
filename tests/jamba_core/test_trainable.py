"""The training form: the same model as the one that generates, with right gradients."""

import pytest
import torch

from mrkl.jamba_core import Jamba
from mrkl.jamba_core import trainable_scan as scans
from mrkl.jamba_core.config import ConfigError
from mrkl.jamba_core.trainable import TrainableJamba, public_tensors, trainable_state
from tests.jamba_core.conftest import random_ids, random_weights, tiny_config

TIED = {"tie_word_embeddings": True}
SHAPES = ((2, 9, 6), (2, 9, 6), (6, 4), (2, 9, 4), (2, 9, 4), (6,))  # u, raw, a, b, c, skip


def scan_inputs() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    values = [torch.randn(shape, generator=generator) for shape in SHAPES]
    values[2] = -values[2].exp()
    return [value.requires_grad_() for value in values]


def test_the_scan_and_its_gradients_are_those_of_the_reference():
    position = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 4], [0, 1, 0, 0, 1, 2, 3, 4, 5]])
    found = []
    for run in (scans.reference, scans.on_cpu):
        inputs = scan_inputs()
        y = run(*inputs, position)
        y.square().sum().backward()
        found.append([y, *(value.grad for value in inputs)])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_it_gives_the_logits_of_the_model_that_generates():
    config = tiny_config(**TIED)
    tensors = random_weights(config)
    student = TrainableJamba(config)
    student.load_state_dict(trainable_state(tensors))
    ids = random_ids(2, 21)
    position = torch.arange(21).expand(2, -1)
    hidden, _, _ = student(ids, position)
    torch.testing.assert_close(
        student.logits(hidden),
        Jamba.from_tensors(config, tensors)(ids).logits,
        rtol=1e-3,
        atol=1e-3,
    )


def test_public_names_and_back():
    tensors = random_weights(tiny_config(**TIED))
    back = dict(public_tensors(trainable_state(tensors)))
    assert set(back) == set(tensors)
    assert all(torch.equal(back[name], tensors[name]) for name in tensors)


def test_int8_is_multiplied_out():
    config = tiny_config(**TIED)
    stored = dict(Jamba.random(config, quantization="int8").tensors())
    name = "model.layers.2.self_attn.q_proj.weight"
    weight = trainable_state(stored)["layers.2.self_attn.q_proj.weight"]
    torch.testing.assert_close(weight, stored[name].float() * stored[f"{name}_scale"][:, None])


def test_a_document_does_not_see_the_one_before():
    student = TrainableJamba(tiny_config(**TIED))
    ids = random_ids(1, 12)
    position = torch.tensor([[0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6]])
    document = (position == 0).cumsum(1)
    mask = (document[:, None, :, None] == document[:, None, None, :]) & torch.ones(
        12, 12, dtype=torch.bool
    ).tril()
    packed, _, _ = student(ids, position, mask)
    alone, _, _ = student(ids[:, 5:], position[:, 5:])
    torch.testing.assert_close(packed[:, 5:], alone, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("change", [{"hidden_act": "gelu"}, {"tie_word_embeddings": False}])
def test_other_kinds_are_refused(change: dict[str, object]):
    with pytest.raises(ConfigError, match="can be trained"):
        TrainableJamba(tiny_config(**(TIED | change)))
