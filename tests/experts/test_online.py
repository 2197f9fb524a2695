"""One JSON document from a service: what each way of failing becomes, and that it is retried."""

from __future__ import annotations

from typing import Any

import pytest

import mrkl
from mrkl.agent import Agent
from mrkl.experts.base import Context, ExpertError
from mrkl.experts.online import fetch
from mrkl.scripted import ScriptedLanguage
from tests.local_server import Answer, serve


def asked(status: int, headers: dict[str, str] | None = None, body: bytes = b"{}") -> Any:
    with serve(lambda path, query: (status, headers or {}, body)) as address:
        return fetch(address, {}, Context(), "the service", allow_loopback=True)


def test_a_document_or_none() -> None:
    assert asked(200, body=b'{"a": 1}') == {"a": 1}
    assert asked(404) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((code, "offline") for code in (429, 500, 502, 503, 504)),
        *((code, "no_answer") for code in (400, 401, 403, 410)),
    ],
)
def test_who_is_busy_or_broken_is_out_of_reach(status: int, kind: str) -> None:
    with pytest.raises(ExpertError, match="the service .*answered with status") as caught:
        asked(status)
    assert caught.value.kind == kind


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b"no", b"\xff"])
def test_what_is_no_object_is_no_answer(body: bytes) -> None:
    with pytest.raises(ExpertError) as caught:
        asked(200, body=body)
    assert caught.value.kind == "no_answer"


def through_an_agent(replies: list[Answer]) -> tuple[mrkl.Answer, int]:
    """The answer of a question whose only step asks a server that replies so, and how often."""
    asked: list[str] = []

    def reply(path: str, query: dict[str, list[str]]) -> Answer:
        asked.append(path)
        return replies[min(len(asked), len(replies)) - 1]

    with serve(reply) as address:

        @mrkl.expert(effects="network")
        def lookup(key: str, context: Context) -> int:
            """Looks a key up."""
            found = fetch(f"{address}/{key}", {}, context, "the service", allow_loopback=True)
            return (found or {})["n"]

        script = {"go": '#1 a -> lookup(key="go")\n<|answer|>It is #1.'}
        return Agent([lookup], model=ScriptedLanguage(script)).ask("go"), len(asked)


def test_a_busy_service_is_asked_again_when_it_said() -> None:
    answer, times = through_an_agent([(503, {"Retry-After": "1"}, b""), (200, {}, b'{"n": 7}')])
    assert (answer.value, times) == (7, 2)
    assert answer.seconds > 0.8
    assert answer.used.by_expert == {"lookup": 2}


def test_a_broken_service_is_asked_three_times() -> None:
    answer, times = through_an_agent([(500, {}, b"")])
    assert (answer.status, times) == ("failed", 3)
    assert "the service is busy or broken" in answer.text


def test_a_service_that_wants_a_long_rest_is_left_alone() -> None:
    answer, times = through_an_agent([(429, {"Retry-After": "600"}, b"")])
    assert (answer.status, times) == ("failed", 1)
    assert "asks to be left alone for another 600 s" in answer.text
    assert answer.seconds < 2
