"""The units expert gives typed results with unit and text, and refuses as no_answer."""

from __future__ import annotations

from fractions import Fraction

import pytest

from mrkl.experts.base import Context, ExpertError
from mrkl.experts.units import build


def test_result_has_value_unit_text_and_source() -> None:
    result = build().call({"quantity": "55 inches", "to": "cm"}, Context())
    assert (result.value, result.unit, str(result)) == (Fraction("139.7"), "cm", "139.7 cm")
    assert result.source
    assert result.line() == "139.7 cm"


def test_mismatch_is_no_answer() -> None:
    with pytest.raises(ExpertError, match="pounds measure mass, metres length") as caught:
        build().call({"quantity": "5 pounds", "to": "metres"}, Context())
    assert caught.value.kind == "no_answer"


def test_card_names_the_contract() -> None:
    card = build().card
    assert [parameter.name for parameter in card.parameters] == ["quantity", "to"]
    assert all(not parameter.copy and parameter.required for parameter in card.parameters)
