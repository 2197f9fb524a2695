"""Spelling vectors: unit length, alike for alike words, safe for any text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrkl.router.lexical import BUCKETS, LexicalTable, Lexicon, average

LEXICON = Lexicon(np.ones(BUCKETS, np.float32))


def cosine(a: str, b: str) -> float:
    return float(LexicalTable([LEXICON.vector(a)]).products(LEXICON.vector(b))[0])


def test_a_typing_error_stays_near() -> None:
    assert cosine("sourdough starter", "sourdoguh starter") > 0.4
    assert cosine("sourdough starter", "wind chill") < 0.1


def test_empty_texts_compare_to_nothing_wherever_they_stand() -> None:
    table = LexicalTable([LEXICON.vector(text) for text in ("", "wind chill", "", "?!")])
    found = table.products(LEXICON.vector("wind chill"))
    np.testing.assert_allclose(found, [0, 1, 0, 0], atol=1e-5)


def test_examples_together_have_a_centre_and_habits() -> None:
    shown = [LEXICON.vector(text) for text in ("feed the starter", "feed my starter", "rye flour")]
    centre, habits = average(shown), LEXICON.habits(shown)
    assert float(np.linalg.norm(centre.weights)) == pytest.approx(1, abs=1e-5)
    near, far = LEXICON.vector("feed it"), LEXICON.vector("wind chill")
    for kept in (centre, habits):
        table = LexicalTable([kept])
        assert table.products(near.evenly())[0] > table.products(far.evenly())[0]
    assert len(average([]).buckets) == len(LEXICON.habits([]).buckets) == 0


def test_a_vector_more_moves_no_product_by_a_bit() -> None:
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(60)]
    texts = [" ".join(rng.choice(words, 9)) for _ in range(40)]
    few = LexicalTable([LEXICON.vector(text) for text in texts[:7]])
    many = LexicalTable([LEXICON.vector(text) for text in texts])
    asked = LEXICON.vector("w1 w2 w3 w40")
    np.testing.assert_array_equal(few.products(asked), many.products(asked)[:7])


@given(st.text(max_size=300))
def test_vectors_have_length_one_or_nothing(text: str) -> None:
    vector = LEXICON.vector(text)
    length = float(np.linalg.norm(vector.weights))
    assert length == pytest.approx(1, abs=1e-4) or len(vector.buckets) == 0
    assert cosine(text, text) == pytest.approx(length**2, abs=1e-3)


def test_the_lexicon_needs_all_its_weights() -> None:
    with pytest.raises(ValueError, match="needs"):
        Lexicon(np.ones(3))
