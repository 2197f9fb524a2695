"""An answer speaks of nothing that neither question nor results do."""

from __future__ import annotations

import pytest

from mrkl.own_words import strange_words


@pytest.mark.parametrize(
    ("text", "sources", "strange"),
    [
        ("The horse is #1 tall.", ["my gran is 5 foot 3, metric pls", "160.02 cm"], ["horse"]),
        ("Your gran is #1 tall.", ["my gran is 5 foot 3, metric pls", "160.02 cm"], []),
        ("It is $#1.", ["what's 20% off 59.99", "47.992"], ["$"]),
        ("It is $#1.", ["what's 20% off $59.99", "47.992"], []),
        ("It costs you #1 euros.", ["price of 3 apples in euro", "6"], []),
        ("Mount Everest’s height is #1.", ["height of mount everest"], []),
        ("#1.", [""], []),
        ("", [], []),
    ],
)
def test_strange_words(text: str, sources: list[str], strange: list[str]) -> None:
    assert strange_words(text, sources) == strange
