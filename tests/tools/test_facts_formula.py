"""Chemical formulas: read, ordered, weighed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrkl.tools.facts_formula import hill, mass, parse, readings

MASSES = {"H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999, "Co": 58.933, "Cu": 63.546, "S": 32.06}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("H2O", "H2O"),
        ("CO2", "CO2"),
        ("Co", "Co"),
        ("CO", "CO"),
        ("C6H12O6", "C6H12O6"),
        ("(NH4)2SO4", "H8N2O4S"),
        ("CuSO4·5H2O", "CuH10O9S"),
        ("H₂O", "H2O"),
        ("[Cu(NH3)4]SO4", "CuH12N4O4S"),
    ],
)
def test_formulas(formula: str, expected: str) -> None:
    atoms = parse(formula, MASSES)
    assert atoms is not None
    assert hill(atoms) == expected


@pytest.mark.parametrize("text", ["", "h2o", "Xx2", "H2O)", "(H2O", "2", "H0", "H9999999", "water"])
def test_what_is_no_formula(text: str) -> None:
    assert parse(text, MASSES) is None


@given(st.text("()[]HCNOco0123456789·", max_size=40))
def test_no_text_breaks_the_formula_reader(text: str) -> None:
    atoms = parse(text, MASSES)
    assert atoms is None or mass(atoms, MASSES) > 0


def test_readings_of_lower_case_are_bounded() -> None:
    assert {hill(atoms) for atoms in readings("co2", MASSES)} == {"CO2", "Co2"}
    assert len(list(readings("co" * 40, MASSES))) <= 64
