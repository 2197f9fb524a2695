"""What a user's own examples add, and that it can be taken away again."""

from pathlib import Path

import numpy as np
import pytest

from mrkl.experts.base import Card, Expert, Result
from mrkl.router import Router, Tuning, TuningError, calibrate, fit, undo
from mrkl.router.fitting import MOST, best_temperature, fitted, least_probability
from mrkl.router.tuning import FILE, Head


def make(name: str, description: str = "", examples: tuple[str, ...] = ()) -> Expert:
    return Expert(Card(name, description, examples=examples), lambda arguments, context: Result(0))


# names and descriptions that tell nothing: only examples can
EXPERTS = [make("alpha", "Helps."), make("beta", "Helps."), make("gamma", "Helps.")]
OTHER = make("sourdough_feed", "How much flour and water to feed a sourdough starter.")
SHOWN = {
    "alpha": ["open a ticket for the printer", "the scanner is broken again", "my screen flickers"],
    "beta": ["book the big room at noon", "is a meeting room free today", "cancel my room"],
    "gamma": ["when do I get paid", "where is my payslip for May", "a raise of my salary please"],
    None: ["sing me a song", "who won the match last night"],
}
TEXTS = [text for texts in SHOWN.values() for text in texts]
OWNERS = [owner for owner, texts in SHOWN.items() for _ in texts]
ASKED = {
    "the printer in my office is broken": "alpha",
    "reserve a meeting room for friday": "beta",
    "my payslip for june is missing": "gamma",
}


@pytest.fixture(scope="module")
def tuned() -> Router:
    router = Router.load()
    router.use(fit(router, TEXTS, OWNERS, EXPERTS))
    return router


def test_examples_decide_between_experts_that_look_alike(tuned: Router) -> None:
    for text, name in ASKED.items():
        assert tuned.route(text, EXPERTS).candidates[0] == name


def test_the_head_adds_to_what_the_examples_do_by_themselves(tuned: Router) -> None:
    text, name = next(iter(ASKED.items()))
    alone = Router.load()
    alone.use(Tuning(tuned.tuning.digest, examples=tuned.tuning.examples))
    place = [expert.name for expert in EXPERTS].index(name)

    def lead(router: Router) -> float:
        scores, _ = router.scores(text, EXPERTS)
        return float(scores[place] - np.delete(scores, place).max())

    assert lead(tuned) > lead(alone)


def test_an_expert_that_was_not_fitted_keeps_its_score_to_the_bit(tuned: Router) -> None:
    text = "how much flour for my starter"
    before, _ = Router.load().scores(text, [OTHER])
    after, _ = tuned.scores(text, [*EXPERTS, OTHER])
    assert before[0] == after[-1]


def test_stored_and_undone(tuned: Router, tmp_path: Path) -> None:
    text = "the printer is broken"
    shipped = Router.load().scores(text, EXPERTS)
    tuned.save(tmp_path, EXPERTS)
    kept = Router.load(tuning=tmp_path)
    np.testing.assert_allclose(
        kept.scores(text, EXPERTS)[0], tuned.scores(text, EXPERTS)[0], atol=0.05
    )
    assert kept.tuning.examples == tuned.tuning.examples
    assert undo(tmp_path) and not undo(tmp_path)
    assert list(tmp_path.iterdir()) == []
    back = Router.load(tuning=tmp_path).scores(text, EXPERTS)
    np.testing.assert_array_equal(back[0], shipped[0])
    assert back[1] == shipped[1]


def test_a_tuning_of_other_weights_is_refused(tmp_path: Path) -> None:
    Tuning("other", Head(("alpha",), np.zeros((2, 1), np.float32))).save(tmp_path)
    with pytest.raises(TuningError, match="another version; fit again or undo"):
        Router.load(tuning=tmp_path)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x08" + bytes(40)])
def test_a_damaged_tuning_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(TuningError, match="damaged"):
        Router.load(tuning=tmp_path)


def test_what_cannot_be_fitted() -> None:
    router = Router.load()
    with pytest.raises(TuningError, match="all of one expert"):
        fit(router, ["a", "b"], ["alpha", "alpha"], EXPERTS)
    with pytest.raises(TuningError, match="no expert 'delta' is on offer"):
        fit(router, ["a"], ["delta"], EXPERTS)
    many = [f"text {i}" for i in range(MOST + 1)]
    with pytest.raises(TuningError, match="at most 20,000"):
        fit(router, many, [None] * len(many), EXPERTS)


def test_the_regression_learns_only_what_the_scores_get_wrong() -> None:
    x = np.eye(4, dtype=np.float32)
    right = np.array([0, 1, 0, 2])  # the last outcome is none
    sure = np.full((4, 3), -30, np.float32)
    sure[np.arange(4), right] = 30
    assert np.abs(fitted(x, sure, right)).max() < 1e-6
    learned = fitted(x, np.zeros((4, 3), np.float32), right)
    assert learned.shape == (4, 2)
    assert (x @ learned)[:3].argmax(1).tolist() == [0, 1, 0]
    assert (learned[3] < 0).all()  # the text of no expert speaks against both


def test_calibration_keeps_the_risk(tuned: Router) -> None:
    texts = [*ASKED, *TEXTS]
    owners = [*ASKED.values(), *OWNERS]
    loose, named = calibrate(tuned, texts, owners, EXPERTS, 0.3)
    strict, none_named = calibrate(tuned, texts, owners, EXPERTS, 0.001)
    assert 0 < named <= 1 and none_named == 0.0  # too few texts to promise so little risk
    assert 0.25 <= loose.temperature <= 4 and loose.least <= 1 < strict.least
    careful = Router.load()
    careful.use(strict)
    assert careful.route("the printer is broken", EXPERTS).expert is None


def test_least_probability() -> None:
    chances = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    right = [True, True, True, True, False, False]
    assert least_probability(chances, right, 0.2) == 0.6
    assert least_probability(chances, right, 0.1) == 1.1
    assert least_probability(chances, right, 0.5) == 0.4
    assert least_probability([0.5, 0.5, 0.5], [True, True, False], 0.34) == 1.1  # not apart
    assert least_probability([], [], 0.5) == 1.1


def test_temperature_follows_how_often_one_is_right() -> None:
    logits = [np.array([2.0, 0.0], np.float32)] * 10
    first = np.array([True, False])
    assert best_temperature(logits, [first] * 10) == pytest.approx(0.25)
    assert best_temperature(logits, [first] * 6 + [~first] * 4) > 3
