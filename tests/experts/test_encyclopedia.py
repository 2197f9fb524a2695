"""The encyclopedia expert against a real local server with the service's paths."""

from __future__ import annotations

import json

import pytest

from mrkl.experts.base import Failure, Result
from mrkl.experts.encyclopedia import MAX_TEXT, build, first_sentences
from mrkl.experts.run import call
from tests.local_server import Answer, serve

PAGES = {
    "Ada_Lovelace": {
        "type": "standard",
        "title": "Ada Lovelace",
        "extract": "Ada Lovelace (1815 – 1852) was a mathematician. She wrote notes. She died.",
    },
    "Mercury": {"type": "disambiguation", "title": "Mercury", "extract": "Mercury may refer to:"},
    "Empty": {"type": "standard", "title": "Empty", "extract": ""},
}


def wiki(path: str, query: dict[str, list[str]]) -> Answer:
    headers = {"Content-Type": "application/json"}
    if path.startswith("/w/rest.php/v1/search/"):
        known = "lovelace" in query["q"][0].lower()
        pages = [{"key": "Ada_Lovelace"}] if known else []
        return 200, headers, json.dumps({"pages": pages}).encode()
    page = PAGES.get(path.rpartition("/")[2])
    return (200, headers, json.dumps(page).encode()) if page else (404, headers, b"{}")


def ask(topic: str) -> Result | Failure:
    with serve(wiki) as address:
        return call(build(address, allow_loopback=True), {"topic": topic})


@pytest.mark.parametrize("topic", ["Ada Lovelace", "who was lady lovelace?"])
def test_the_first_two_sentences_with_their_address(topic: str) -> None:
    found = ask(topic)
    assert isinstance(found, Result)
    assert str(found) == "Ada Lovelace (1815 – 1852) was a mathematician. She wrote notes."
    assert "/wiki/Ada_Lovelace" in found.source
    assert "CC BY-SA" in found.source


@pytest.mark.parametrize("topic", ["Mercury", "Empty", "no such thing"])
def test_what_is_no_answer(topic: str) -> None:
    found = ask(topic)
    assert isinstance(found, Failure)
    assert found.kind == "no_answer"


@pytest.mark.parametrize("topic", ["", "?", "x" * 200])
def test_topics_that_are_none(topic: str) -> None:
    found = ask(topic)
    assert isinstance(found, Failure)
    assert found.kind == "bad_arguments"


def test_without_a_network_it_says_so() -> None:
    with serve(wiki) as address:
        pass
    found = call(build(address, allow_loopback=True), {"topic": "Ada"})
    assert isinstance(found, Failure)
    assert found.kind == "offline"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two. Three.", "One. Two."),
        ("J. R. R. Tolkien wrote. He taught. More.", "J. R. R. Tolkien wrote. He taught."),
        ("Dr. Who is a show. It is long. End.", "Dr. Who is a show. It is long."),
        ("Pi is 3.14 or so. It goes on! And on.", "Pi is 3.14 or so. It goes on!"),
        ("Only one", "Only one"),
        ("", ""),
    ],
)
def test_sentences(text: str, expected: str) -> None:
    assert first_sentences(text) == expected


def test_a_long_text_is_cut_at_a_word() -> None:
    cut = first_sentences("word " * 1000)
    assert len(cut) <= MAX_TEXT
    assert cut.endswith("word …")
