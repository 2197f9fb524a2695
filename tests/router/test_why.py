"""The reasons for a routing are the text's own words and the card's own examples."""

import pytest

from mrkl.experts.base import Card, Expert, Result
from mrkl.router import Router, why

KILN = Expert(
    Card("kiln", "Kiln of the pottery.", examples=("is the kiln ready", "how hot is the kiln")),
    lambda arguments, context: Result(0),
)
BREAD = Expert(Card("bread", "Bakes bread."), lambda arguments, context: Result(0))


def test_words_example_and_parts() -> None:
    router, text = Router.load(), "please say how hot the kiln is"
    found = why(router, text, [KILN, BREAD], "kiln")
    assert found.words[0][0] == "kiln"
    assert {word for word, _ in found.words} <= set(text.split())
    assert all(fall > 0 for _, fall in found.words)
    assert found.example is not None and found.example[0] == "how hot is the kiln"
    scores, _ = router.scores(text, [KILN, BREAD])
    count = router.mix.count * 1.0986123  # log(1 + two examples)
    assert sum(found.parts.values()) + count == pytest.approx(float(scores[0]), abs=1e-3)


def test_a_card_without_examples_has_none_to_show() -> None:
    found = why(Router.load(), "bake a loaf of bread", [KILN, BREAD], "bread")
    assert found.example is None


def test_the_expert_must_be_on_offer() -> None:
    with pytest.raises(ValueError, match="no expert 'tides'"):
        why(Router.load(), "x", [KILN], "tides")
