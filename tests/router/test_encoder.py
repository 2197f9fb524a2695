"""The numpy encoder and scores agree with the torch model they were trained as."""

import numpy as np
import pytest
import torch

from mrkl.router.encoder import Config, Encoder, unpacked
from mrkl.router.lexical import BUCKETS, Lexicon
from mrkl.router.scoring import CardVectors, Catalogue, Mix, Query
from training.router.export import quantised, start_of
from training.router.model import RouterModel, Shape

SHAPE = Shape(
    vocabulary=50,
    embedding=16,
    width=32,
    layers=2,
    heads=4,
    inner=48,
    pooled=16,
    token=8,
    length=12,
)


@pytest.fixture(scope="module")
def pair() -> tuple[RouterModel, Encoder]:
    """A random model whose weights are exactly the stored int8 ones, and its numpy twin."""
    torch.manual_seed(3)
    model = RouterModel(SHAPE).eval()
    stored = quantised({k: v.numpy() for k, v in model.state_dict().items()})
    state = {}
    for name, value in stored.items():
        if name.endswith(".scale"):
            continue
        scale = stored.get(name + ".scale")
        real = unpacked(value).astype(np.float32)
        state[name] = torch.from_numpy(
            real if scale is None else real * scale.astype(np.float32)[:, None]
        )
    model.load_state_dict(state)
    return model, Encoder(stored, Config(SHAPE.heads, SHAPE.layers, SHAPE.length))


@pytest.mark.parametrize("role", [0, 1])
@pytest.mark.parametrize("count", [1, 5, 12])
def test_encoding_agrees(pair: tuple[RouterModel, Encoder], role: int, count: int) -> None:
    model, encoder = pair
    ids = list(range(1, count + 1))
    with torch.inference_mode():
        wanted = model.encode(torch.tensor([ids + [0] * (12 - count)]), role)
    got = encoder.encode(ids, role)
    close = {"rtol": 1e-4, "atol": 2e-5}
    np.testing.assert_allclose(got.pooled, wanted.pooled[0].numpy(), **close)
    np.testing.assert_allclose(got.tokens, wanted.tokens[0, :count].numpy(), **close)
    np.testing.assert_allclose(got.weights, wanted.weights[0, :count].numpy(), **close)
    assert got.none == pytest.approx(wanted.none.item(), abs=1e-4)


def test_scores_agree(pair: tuple[RouterModel, Encoder]) -> None:
    model, encoder = pair
    cards = [[3, 4, 5], [6, 7, 8, 9], [10]]
    examples = [(0, [11, 12]), (0, [13]), (2, [14, 15, 16])]
    query = [4, 9, 20]

    def batch(rows: list[list[int]]) -> torch.Tensor:
        return torch.tensor([row + [0] * (12 - len(row)) for row in rows])

    with torch.inference_mode():
        asked = model.encode(batch([query]), 0)
        wanted = model.scores(
            asked,
            model.encode(batch(cards), 1),
            model.encode(batch([ids for _, ids in examples]), 0).pooled,
            torch.tensor([owner for owner, _ in examples]),
        )
        nobody = model.none_score(asked, torch.tensor([3]))
    lexicon = Lexicon(np.ones(BUCKETS))
    nothing = lexicon.vector("")
    vectors = []
    for i, ids in enumerate(cards):
        whole = encoder.encode(ids, 1)
        shown = [encoder.encode(e, 0).pooled for owner, e in examples if owner == i]
        stacked = np.array(shown, np.float32).reshape(len(shown), SHAPE.pooled)
        spelled = (nothing,) * len(shown)
        vectors.append(
            CardVectors(
                whole.pooled, whole.tokens, stacked, nothing, spelled, nothing, nothing, True
            )
        )
    state = start_of({k: v.numpy() for k, v in model.state_dict().items()})
    mix = Mix(
        state["mix"],
        float(state["count"][0]),
        state["guess"],
        float(np.exp(state["shrink"])),
        state["none"],
        state["centre"],
        state["whitening"],
    )
    catalogue, found = Catalogue(vectors, mix), Query(encoder.encode(query, 0), nothing)
    np.testing.assert_allclose(catalogue.scores(found), wanted[0].numpy(), rtol=1e-3, atol=2e-2)
    none = catalogue.none_score(found, catalogue.parts(found))
    assert none == pytest.approx(nobody.item(), abs=1e-3)


def test_stored_rows_are_near_the_trained_ones() -> None:
    value = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    stored = quantised({"x.weight": value})
    back = stored["x.weight"] * stored["x.weight.scale"].astype(np.float32)[:, None]
    assert stored["x.weight"].dtype == np.int8
    assert np.abs(back - value).max() <= np.abs(value).max() / 200


def test_embeddings_are_stored_in_four_bits() -> None:
    table = np.random.default_rng(1).normal(size=(9, 16)).astype(np.float32)
    stored = quantised({"embedding.weight": table})
    scale = stored["embedding.weight.scale"].astype(np.float32)[:, None]
    assert stored["embedding.weight"].nbytes == table.size // 2
    back = unpacked(stored["embedding.weight"]) * scale
    assert np.abs(back - table).max() <= np.abs(table).max() / 13
    whole = np.array([[-7, 3]], np.int8)
    assert unpacked(whole) is whole


def test_training_and_running_read_cards_alike() -> None:
    from random import Random

    from mrkl.experts.base import Card, Parameter
    from mrkl.router.text import card_text
    from training.router.data import card_texts
    from training.router.rows import Group

    group = Group(
        "tide_times",
        "invented",
        "tide_times",
        False,
        ["tide_times"],
        ["High and low water."],
        ["port (name of the port), day"],
    )
    card = Card(
        "tide_times",
        "High and low water.",
        (Parameter("port", "str", "name of the port"), Parameter("day", "date")),
    )
    assert card_texts(group, Random(0))[0] == card_text(card)
