"""How cards and questions become ids."""

from hypothesis import given
from hypothesis import strategies as st

from mrkl.experts.base import Card, Parameter
from mrkl.router.text import card_text, clip, token_ids, words_of


def test_names_split_into_words() -> None:
    assert words_of("convertTimezone") == "convert timezone"
    assert words_of("convert_timezone") == words_of("convert-timezone") == "convert timezone"


def test_card_text_names_what_the_card_holds() -> None:
    card = Card(
        "tide_times",
        "High and low\n water.",
        (Parameter("port", "str"), Parameter("kind", "enum[high, low]")),
    )
    assert card_text(card) == "tide times: High and low water. | port, kind (high, low)"
    assert card_text(Card("tide_times", "")) == "tide times"


@given(st.lists(st.integers(), max_size=200), st.integers(3, 64))
def test_clip_keeps_both_ends(ids: list[int], length: int) -> None:
    short = clip(ids, length)
    assert len(short) == min(len(ids), length)
    if ids:
        assert (short[0], short[-1]) == (ids[0], ids[-1])


def test_a_very_long_text_costs_no_more_than_its_ends() -> None:
    text = "first " + "filler " * 200_000 + "last"
    ids = token_ids(text, 64)
    assert len(ids) == 64
    assert ids[0] == token_ids("first", 64)[0]
    assert ids[-1] == token_ids("filler last", 64)[-1]
