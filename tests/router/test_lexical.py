"""Spelling vectors: unit length, alike for alike words, safe for any text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrkl.router.lexical import BUCKETS, LexicalTable, Lexicon

LEXICON = Lexicon(np.ones(BUCKETS, np.float32))


def cosine(a: str, b: str) -> float:
    return float(LexicalTable([LEXICON.vector(a)]).cosines(LEXICON.vector(b).dense())[0])


def test_a_typing_error_stays_near() -> None:
    assert cosine("sourdough starter", "sourdoguh starter") > 0.4
    assert cosine("sourdough starter", "wind chill") < 0.1


def test_empty_texts_compare_to_nothing_wherever_they_stand() -> None:
    table = LexicalTable([LEXICON.vector(text) for text in ("", "wind chill", "", "?!")])
    found = table.cosines(LEXICON.vector("wind chill").dense())
    np.testing.assert_allclose(found, [0, 1, 0, 0], atol=1e-5)


@given(st.text(max_size=300))
def test_vectors_have_length_one_or_nothing(text: str) -> None:
    vector = LEXICON.vector(text)
    length = float(np.linalg.norm(vector.weights))
    assert length == pytest.approx(1, abs=1e-4) or len(vector.buckets) == 0
    assert cosine(text, text) == pytest.approx(length**2, abs=1e-3)


def test_the_lexicon_needs_all_its_weights() -> None:
    with pytest.raises(ValueError, match="needs"):
        Lexicon(np.ones(3))
