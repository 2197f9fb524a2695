"""What every training row promises, checked on a sample of the real stream."""

from __future__ import annotations

import json
import random
import re
from itertools import islice

import pytest

from mrkl.numbers_in import answer_numbers, argument_numbers
from mrkl.prompt import ABSTAIN, ANSWER, END, PLAN, QUESTION, RESULTS, SAY
from tests.training.processes import said_by_processes
from training.data import filling, mixture
from training.data.adapt import SIGNATURES
from training.data.patterns import all_patterns
from training.data.row import Row

COPIED = {
    "calendar": {"date", "end", "place", "to", "name"},
    "knowledge": {"entity"},
    "currency": {"source", "target", "date"},
    "weather": {"place", "day"},
    "encyclopedia": {"topic"},
}
ARGUMENT = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,)]+)')
STEP = re.compile(r"#\d+ (.+?) -> (\w+)\((.*)\)$")


@pytest.fixture(scope="module")
def sample() -> list[Row]:
    return [*mixture.rows(3, 1500), *mixture.rows(3, 500, "heldout")]


def question_of(row: Row) -> str:
    return row.prompt.rpartition(QUESTION)[2].removesuffix(PLAN)


def written(row: Row) -> str:
    return "".join(text for text, learned in row.target if learned)


def calls(row: Row) -> list[tuple[str, dict[str, str]]]:
    found = []
    for line in row.target[0][0].splitlines():
        match = STEP.match(line)
        if match:
            pairs = {name: value for name, value in ARGUMENT.findall(match[3])}
            found.append((match[2], pairs))
    return found


def test_every_row_ends_and_only_result_lines_are_given(sample: list[Row]) -> None:
    for row in sample:
        assert row.prompt.endswith(PLAN)
        assert row.target[-1][0].endswith(END)
        assert row.target[-1][1]
        given = [text for text, learned in row.target if not learned]
        if written(row).startswith((SAY, ABSTAIN)):
            assert not given
        else:
            assert len(given) == 1
            assert given[0].endswith(ANSWER)
            assert RESULTS in written(row)


def test_arguments_stand_in_signature_order(sample: list[Row]) -> None:
    for row in sample:
        for expert, arguments in calls(row):
            if expert in SIGNATURES:
                order = [SIGNATURES[expert].index(name) for name in arguments]
                assert order == sorted(order), row


def test_copied_arguments_are_spans_of_the_question(sample: list[Row]) -> None:
    for row in sample:
        question = question_of(row)
        for expert, arguments in calls(row):
            for name in COPIED.get(expert, set()) & arguments.keys():
                value = json.loads(arguments[name])
                assert re.fullmatch(r"#\d", value) or value in question, (value, question)


def test_numbers_of_pattern_rows_come_from_the_question(sample: list[Row]) -> None:
    checked = 0
    for row in sample:
        if row.source.split()[0] not in mixture.PATTERNS or not calls(row):
            continue
        question = question_of(row)
        known = set(argument_numbers(question))
        spoken = set(answer_numbers(question))
        for expert, arguments in calls(row):
            free = set(arguments) - COPIED.get(expert, set())
            for name in free:
                for number in re.findall(r"(?<![\w.#])\d+(?:\.\d+)?(?!\w)", arguments[name]):
                    checked += 1
                    assert number in known, (row, number)
        answer = re.sub(r"#\d", "", row.target[-1][0])
        for number in re.findall(r"\d[\d.,]*\d|\d", answer):
            assert number in spoken or number in question, row
    assert checked > 500


def test_the_same_seed_gives_the_same_rows() -> None:
    assert list(mixture.rows(7, 60)) == list(mixture.rows(7, 60))
    assert list(mixture.rows(7, 60)) != list(mixture.rows(8, 60))


def test_held_out_patterns_are_not_trained_on() -> None:
    train = {p.id for source in mixture.PATTERNS for p in mixture.pool(source, "train")}
    held = {p.id for source in mixture.PATTERNS for p in mixture.pool(source, "heldout")}
    assert train
    assert held
    assert not train & held


def test_files_named_heldout_are_kept_aside_whole() -> None:
    train = {p.id for source in mixture.PATTERNS for p in mixture.pool(source, "train")}
    held = {p.id for source in mixture.PATTERNS for p in mixture.pool(source, "heldout")}
    assert sum(one.startswith("heldout_know_3/") for one in held) > 50
    assert not any(one.startswith("heldout") for one in train)


def test_yes_or_no_facts_name_a_thing_and_a_condition() -> None:
    rng = random.Random(5)
    pattern = next(p for p in all_patterns() if p.question == "is {element:e} a metal or not")
    draft, done = filling.solved(pattern, rng)
    row = filling.finish(draft, done)
    assert re.search(r'entity="\w+", where="category = metal"', row.plan)
    assert done[1].value in (True, False)


def test_sources_are_many(sample: list[Row]) -> None:
    assert len({row.source.split()[0] for row in islice(sample, 1500)}) >= 7


def test_rows_do_not_depend_on_the_process() -> None:
    told = (
        "from training.data import mixture\n"
        "print([(row.prompt, row.target) for row in mixture.rows(11, 700)])\n"
    )
    assert len(said_by_processes(told)) == 1
