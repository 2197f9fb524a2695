"""The shipped router as its users see it."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrkl.experts.base import Card, Expert, Parameter, Result
from mrkl.router import NONE, Router
from mrkl.router.scoring import regimes


def make(name: str, description: str, *parameters: str, examples: tuple[str, ...] = ()) -> Expert:
    card = Card(name, description, tuple(Parameter(p, "str") for p in parameters), "str", examples)
    return Expert(card, lambda arguments, context: Result("unused"))


WEATHER = make("weather", "Weather forecast for a place: temperature, rain, wind.", "place", "day")
UNITS = make("units", "Convert a quantity to another unit: length, mass, volume.", "quantity", "to")
CALENDAR = make("calendar", "Dates: days between dates, weekday of a date, age.", "date", "end")
BREAD = make("sourdough_feed", "How much flour and water to feed a sourdough starter.", "grams")
EXPERTS = [WEATHER, UNITS, CALENDAR, BREAD]


@pytest.fixture(scope="module")
def router() -> Router:
    return Router.load()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("will it rain in Oslo tomorrow", "weather"),
        ("12 miles in kilometres", "units"),
        ("what weekday was 3 March 1999", "calendar"),
        ("feed my sourdough starter, I have 80 grams of it", "sourdough_feed"),
    ],
)
def test_plain_questions_find_their_expert(router: Router, text: str, name: str) -> None:
    routing = router.route(text, EXPERTS)
    assert routing.expert == routing.candidates[0] == name


def test_small_talk_is_for_none_of_them(router: Router) -> None:
    routing = router.route("hello there, how are you today my friend", EXPERTS)
    assert routing.expert is None
    assert routing.probabilities[NONE] == max(routing.probabilities.values())


def test_outcomes_are_probabilities_best_first(router: Router) -> None:
    routing = router.route("how windy is it in Bergen", EXPERTS)
    assert set(routing.probabilities) == {NONE, *(expert.name for expert in EXPERTS)}
    assert sum(routing.probabilities.values()) == pytest.approx(1)
    ranked = [routing.probabilities[name] for name in routing.candidates]
    assert ranked == sorted(ranked, reverse=True)


@pytest.mark.parametrize("more", [1, 2, 3, 5, 8, 13, 40])
def test_a_new_expert_moves_no_score_by_a_bit(router: Router, more: int) -> None:
    text = "how many grams of flour for the starter"
    shown = tuple(f"example number {i} of the mill" for i in range(more))
    new = [make(f"mill_{i}", f"Mills grain, kind {i}.", "grain") for i in range(more)]
    new.append(make("mill", "Mills grain.", examples=shown))
    before, _ = router.scores(text, EXPERTS)
    after, _ = router.scores(text, [*new, *EXPERTS])
    np.testing.assert_array_equal(before, after[len(new) :])


def test_an_example_draws_its_question(router: Router) -> None:
    text = "is the kiln ready for bisque"
    vague = make("status", "Current state.")
    shown = make("status", "Current state.", examples=("is the kiln ready", "kiln temperature ok"))
    plain, _ = router.scores(text, [vague])
    helped, _ = router.scores(text, [shown])
    assert helped[0] > plain[0]


def test_no_experts_means_none(router: Router) -> None:
    routing = router.route("2 + 2", [])
    assert (routing.expert, routing.probabilities, routing.candidates) == (None, {NONE: 1.0}, [])


def test_names_must_differ_and_not_be_none(router: Router) -> None:
    with pytest.raises(ValueError, match="distinct"):
        router.route("x", [WEATHER, WEATHER])
    with pytest.raises(ValueError, match="distinct"):
        router.route("x", [make("none", "Nothing.")])


def test_a_card_replaced_by_another_is_read_anew() -> None:
    router = Router.load()
    experts = [make("status", "Current state."), UNITS]
    first, _ = router.scores("is the kiln ready for bisque", experts)
    experts[0].card = make("status", "Whether a kiln is ready for bisque.").card
    second, _ = router.scores("is the kiln ready for bisque", experts)
    assert second[0] > first[0] and second[1] == first[1]


def test_many_catalogues_in_turn_give_what_each_gave_alone() -> None:
    router = Router.load()
    catalogues = [[*EXPERTS[:2], make(f"mill_{i}", f"Mills grain, kind {i}.")] for i in range(12)]
    text = "how many grams of flour for the starter"
    once = [router.scores(text, experts)[0] for experts in catalogues]
    again = [router.scores(text, experts)[0] for experts in reversed(catalogues)]
    np.testing.assert_array_equal(once, again[::-1])


def test_each_kind_of_card_has_weights_of_its_own() -> None:
    shares = regimes(np.array([0, 0, 9, 9]), np.array([True, False, True, False]))
    np.testing.assert_allclose(shares.sum(0), 1)
    assert shares[:, 0].argmax() == 0 and shares[:, 1].argmax() == 1
    assert shares[:, 2].argmax() == 2 and shares[:, 3].argmax() == 3


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=400))
def test_any_text_can_be_routed(text: str) -> None:
    routing = SHARED.route(text, EXPERTS)
    assert sum(routing.probabilities.values()) == pytest.approx(1)


SHARED = Router.load()


def test_ten_thousand_experts_are_one_matrix_product(router: Router) -> None:
    many = [make(f"helper_{i}", "Does a thing.") for i in range(9_999)] + [UNITS]
    for expert in many[:-1]:  # equal content but for the name: encode few, keep the test short
        router._cards.setdefault(  # pyright: ignore[reportPrivateUsage]
            router._fingerprint(expert.card, ()),  # pyright: ignore[reportPrivateUsage]
            router.encode_card(many[0].card),
        )
    router.route("12 miles in kilometres", many)
    times: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        routing = router.route("12 miles in kilometres", many)
        times.append(time.perf_counter() - began)
    assert routing.candidates[0] == "units"
    assert min(times) < 0.15  # 15 ms on an idle machine; a loop over cards takes seconds


def test_stored_cards_are_those_encoded_afresh(router: Router, tmp_path: Path) -> None:
    shown = make("status", "Current state.", examples=("is the kiln ready", "kiln ok?"))
    import mrkl.router

    data = Path(mrkl.router.__file__).parent / "data"
    for name in ("router.safetensors", "config.json"):
        (tmp_path / name).symlink_to(data / name)
    router.keep_cards(tmp_path, [WEATHER, shown])
    stored = Router.load(tmp_path)
    text = "is the kiln ready for rain"
    fresh, _ = router.scores(text, [shown, WEATHER])
    kept, _ = stored.scores(text, [shown, WEATHER])
    np.testing.assert_array_equal(fresh, kept)


def test_importing_and_routing_load_no_torch() -> None:
    code = (
        "import sys; from mrkl.router import Router; r = Router.load(); r.route('hi', []);"
        "print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_folder_without_weights_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Router.load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"shape": {"heads": 4, "layers": 2}}))
    with pytest.raises(ValueError, match="lacks the field"):
        Router.load(tmp_path)


def test_the_weights_keep_to_their_size() -> None:
    import mrkl.router

    folder = Path(mrkl.router.__file__).parent / "data"
    assert (folder / "router.safetensors").stat().st_size <= 4_000_000
    assert json.loads((folder / "config.json").read_text())["parameters"] <= 10_000_000
