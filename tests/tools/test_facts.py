"""The facts engine over the shipped file: names, look-ups, conditions, rankings, formulas."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrkl.experts.knowledge import FACTS
from mrkl.experts.knowledge import facts as shipped
from mrkl.tools.facts import Fact, Facts
from mrkl.tools.facts_keys import distance, name_key
from mrkl.tools.facts_schema import ATTRIBUTES, SELECTABLE, FactsError, of_kind
from mrkl.tools.facts_where import parse as parse_where


@pytest.fixture(scope="module")
def facts() -> Facts:
    return Facts(FACTS)


def fault(call: object, *args: object, **options: object) -> FactsError:
    with pytest.raises(FactsError) as caught:
        call(*args, **options)  # type: ignore[operator]
    return caught.value


@pytest.mark.parametrize(
    ("attribute", "entity", "value"),
    [
        ("capital", "Burma", "Nay Pyi Taw"),
        ("capital", "holland", "Amsterdam"),
        ("capital", "THE NETHERLANDS", "Amsterdam"),
        ("capital", "uk", "London"),
        ("capital", "USA", "Washington"),
        ("capital", "cote d'ivoire", "Yamoussoukro"),
        ("capital", "Côte d’Ivoire", "Yamoussoukro"),
        ("element", "Sb", "antimony"),
        ("symbol", "tungsten", "W"),
        ("symbol", "aluminium", "Al"),
        ("atomic number", "gadolinium", 64),
        ("category", "argon", "noble gas"),
        ("state", "bromine", "liquid"),
        ("country", "Timbuktu", "Mali"),
        ("continent", "Egypt", "Africa"),
        ("calling code", "Kenya", "+254"),
        ("internet domain", "Switzerland", ".ch"),
        ("time zone", "NYC", "America/New_York"),
        ("currency", "Thailand", "Thai baht"),
        ("moons", "Mars", 2),
        ("discoverer", "radium", "Pierre and Marie Curie"),
        ("country", "Portland, Maine", "United States"),
        ("country", "Valencia in Spain", "Spain"),
    ],
)
def test_look_ups_by_any_usual_name(
    facts: Facts, attribute: str, entity: str, value: object
) -> None:
    assert facts.lookup(attribute, entity).value == value


@pytest.mark.parametrize(
    ("attribute", "entity", "value", "unit"),
    [
        ("population", "japan", 124e6, None),
        ("area", "Peru", 1.285e6, "km²"),
        ("melting point", "gallium", 29.76, "°C"),
        ("boiling point", "water", 100.0, "°C"),
        ("atomic mass", "silver", 107.87, "u"),
        ("density", "osmium", 22.59, "g/cm³"),
        ("diameter", "Saturn", 116_460, "km"),
        ("gravity", "Mars", 3.72, "m/s²"),
        ("gravity", "the moon", 1.62, "m/s²"),
        ("year length", "saturn", 29.45, "years"),
        ("orbital period", "mercury", 87.97, "days"),
        ("day length", "earth", 24.0, "hours"),
        ("rotation period", "neptune", 16.0, "hours"),
        ("distance from the sun", "earth", 149.6e6, "km"),
        ("mass", "earth", 5.972e24, "kg"),
        ("latitude", "Reykjavik", 64.14, "°"),
        ("molar mass", "water", 18.015, "g/mol"),
        ("molar mass", "CO2", 44.009, "g/mol"),
        ("molar mass", "co2", 44.009, "g/mol"),
    ],
)
def test_measures_carry_their_unit(
    facts: Facts, attribute: str, entity: str, value: float, unit: str | None
) -> None:
    found = facts.lookup(attribute, entity)
    assert found.value == pytest.approx(value, rel=0.015)
    assert found.unit == unit


def test_every_fact_names_its_source(facts: Facts) -> None:
    assert facts.lookup("population", "peru").source.startswith("cldr-core ")
    assert "GeoNames" in facts.lookup("capital", "peru").source
    assert "mendeleev" in facts.select("element", "density", "max").source


def test_a_name_is_read_by_the_attribute(facts: Facts) -> None:
    assert facts.lookup("diameter", "mercury").unit == "km"
    assert facts.lookup("melting point", "mercury").value == pytest.approx(-38.8, abs=0.1)
    assert facts.lookup("country", "luxembourg").value == "Luxembourg"
    assert facts.lookup("density", "mercury", "planet").value == pytest.approx(5.43, abs=0.02)


def test_ambiguous_names_are_asked_back(facts: Facts) -> None:
    for name, one, other in (("congo", "Republic", "Democratic"), ("korea", "North", "South")):
        error = fault(facts.lookup, "capital", name)
        assert error.kind == "no_answer"
        assert one in error.message
        assert other in error.message


def test_the_bigger_city_is_meant_and_said(facts: Facts) -> None:
    assert "not Valencia, Spain" in facts.lookup("population", "valencia").text
    assert facts.lookup("country", "cairo").text == "Egypt"


def test_a_typing_error_is_corrected_and_said(facts: Facts) -> None:
    found = facts.lookup("capital", "swizerland")
    assert found.value == "Bern"
    assert "Switzerland" in found.text
    assert fault(facts.lookup, "capital", "wakanda").kind == "no_answer"
    assert "taking 'goldd' as gold" in facts.lookup("symbol", "goldd").text
    with pytest.raises(FactsError, match="south america"):  # and no misspelt South Africa
        facts.lookup("capital", "south america")
    assert fault(facts.lookup, "symbol", "irn").kind == "no_answer"


def test_what_is_not_known_is_said(facts: Facts) -> None:
    assert "ancients" in fault(facts.lookup, "discovery year", "gold").message
    assert "no numbered group" in fault(facts.lookup, "group", "uranium").message
    assert fault(facts.lookup, "colour", "gold").kind == "bad_arguments"
    assert fault(facts.lookup, "capital", "").kind == "bad_arguments"
    assert fault(facts.lookup, "capital", "x" * 5000).kind == "no_answer"
    assert fault(facts.lookup, "capital", "' OR 1=1 --").kind == "no_answer"


@pytest.mark.parametrize(
    ("kind", "attribute", "options", "value"),
    [
        ("element", "density", {"order": "max", "where": "name in (osmium, lead)"}, "osmium"),
        ("element", "density", {"order": "max"}, "osmium"),  # hassium's is only predicted
        ("country", "population", {"order": "max", "where": "name in (india, usa)"}, "India"),
        ("country", "area", {"order": "max", "n": 3}, ["Russia", "Canada", "United States"]),
        ("country", "area", {"order": "min"}, "Vatican"),
        ("country", "area", {"order": "max", "rank": 2}, "Canada"),
        ("planet", "distance from the sun", {"order": "min", "rank": 3}, "Earth"),
        ("planet", "moons", {"order": "max"}, "Saturn"),
        ("country", "capital", {"where": "currency = baht"}, "Bangkok"),
        ("country", "name", {"where": "capital = Kiev"}, "Ukraine"),
        ("country", "name", {"where": "calling code = 234"}, "Nigeria"),
        ("country", "name", {"where": "internet domain = ch"}, "Switzerland"),
        ("element", "name", {"where": "symbol = hg"}, "mercury"),
        ("element", "name", {"where": "discoverer = Marie Curie"}, ["polonium", "radium"]),
        ("planet", "name", {"where": "moons = 0"}, ["Mercury", "Venus"]),
        ("planet", "name", {"where": "distance from the sun < 1 au"}, ["Mercury", "Venus"]),
        ("city", "population", {"order": "max", "where": "country = France"}, "Paris"),
        (
            "country",
            "name",
            {"where": "continent = South America and languages includes Dutch"},
            "Suriname",
        ),
        (
            "element",
            "name",
            {"where": "melting point < 25 and boiling point > 25 C"},
            ["bromine", "mercury"],
        ),
    ],
)
def test_selections(
    facts: Facts, kind: str, attribute: str, options: dict[str, object], value: object
) -> None:
    assert facts.select(kind, attribute, **options).value == value  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "where", "count"),
    [
        ("country", "neighbours includes austria", 8),
        ("country", None, 195),
        ("country", "continent = South America", 12),
        ("planet", None, 8),
        ("element", None, 118),
        ("element", "group = 17", 6),
        ("element", "group = halogens", 6),
        ("element", "category = noble gases", 7),
        ("element", "atomic number <= 10", 10),
        ("planet", "gravity > 9.81 m/s2", 3),
        ("country", "population > 1.2 billion", 2),
        ("country", "name in (France, Spain, Mali)", 3),
        ("country", "name not in (France, Spain, Mali)", 192),
        ("country", "name = Trinidad and Tobago and population > 100k", 1),
        ("country", "continent != Africa and continent != Asia", 95),
    ],
)
def test_counts(facts: Facts, kind: str, where: str | None, count: int) -> None:
    assert facts.select(kind, "count", where=where).value == count  # type: ignore[arg-type]


def test_a_ranking_tells_the_measure(facts: Facts) -> None:
    assert "g/cm³" in facts.select("element", "density", "max").text
    assert "India" in facts.select("country", "population", "max").text


def test_a_selection_without_order_lists_values(facts: Facts) -> None:
    found = facts.select("country", "capital", where="neighbours includes Portugal")
    assert found.value == "Madrid"
    many = facts.select("country", "currency", where="name in (France, Spain, Japan)")
    assert many.value == ["Japanese yen", "euro"]


@pytest.mark.parametrize(
    ("entity", "where", "truth"),
    [
        ("argon", "category = noble gas", True),
        ("iron", "category = noble gas", False),
        ("iron", "category = metal", True),
        ("germany", "currency = euro", True),
        ("denmark", "currency = euro", False),
        ("mars", "moons > 1", True),
        ("berlin", "country = germany", True),
    ],
)
def test_whether_a_thing_meets_conditions(
    facts: Facts, entity: str, where: str, truth: bool
) -> None:
    assert facts.holds(entity, where).value is truth


@pytest.mark.parametrize(
    "where",
    [
        "colour = red",
        "population",
        "population >",
        "population > many",
        "population > 3 km",
        "languages < 3",
        "name in ()",
        "name in (France",
        "name in France",
        "continent = 'Asia",
        "population > 1 or area > 2",
        "1 = 1",
        "name = France; DROP TABLE countries",
        "population > 1 and",
        " and ".join(["area > 1"] * 13),
        "name in (" + ", ".join(["France"] * 61) + ")",
        "x" * 700,
    ],
)
def test_conditions_that_are_none(facts: Facts, where: str) -> None:
    error = fault(facts.select, "country", "name", where=where)
    assert error.kind in ("bad_arguments", "no_answer")
    assert "\n" not in error.message


def test_an_unknown_name_in_a_condition_is_an_error_not_an_empty_answer(facts: Facts) -> None:
    for where in ("currency = smurf", "languages includes Klingon", "name in (France, Wakanda)"):
        assert fault(facts.select, "country", "count", where=where).kind == "no_answer"


def test_bounds_of_a_selection(facts: Facts) -> None:
    assert fault(facts.select, "country", "area", "max", n=0).kind == "bad_arguments"
    assert fault(facts.select, "country", "area", "max", rank=10**9).kind == "bad_arguments"
    assert fault(facts.select, "country", "area", "max", rank=400).kind == "no_answer"
    assert fault(facts.select, "country", "density").kind == "bad_arguments"
    assert fault(facts.select, "ocean", "area").kind == "bad_arguments"
    assert facts.select("city", "name").truncated


@given(st.text(max_size=60))
def test_no_text_breaks_the_conditions(text: str) -> None:
    try:
        conditions = parse_where(text, "country")
    except FactsError:
        return
    assert all(condition.attribute in ATTRIBUTES for condition in conditions)


@given(st.text(max_size=30))
def test_no_name_breaks_a_look_up(text: str) -> None:
    try:
        found = shipped().lookup("capital", text)
    except FactsError:
        return
    assert isinstance(found, Fact)


def test_the_file_cannot_be_written(facts: Facts) -> None:
    with pytest.raises(sqlite3.OperationalError):
        facts._database.execute("DELETE FROM countries")


def test_a_missing_file_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"training\.build_facts"):
        Facts(tmp_path / "none.sqlite")


def test_many_threads_at_once(facts: Facts) -> None:
    wrong: list[object] = []

    def work() -> None:
        for _ in range(20):
            if facts.lookup("capital", "Peru").value != "Lima":
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_every_attribute_of_every_kind_stands_in_the_file(facts: Facts) -> None:
    for kind in SELECTABLE:
        for name in of_kind(kind):
            assert facts.select(kind, name, n=1).value not in (None, [])


def test_keys_and_distances() -> None:
    assert name_key("The Côte d’Ivoire") == "cote d ivoire"
    assert name_key("St. Lucia") == name_key("Saint Lucia")
    assert distance("peru", "peur", 2) == 1
    assert distance("peru", "chile", 2) == 3
