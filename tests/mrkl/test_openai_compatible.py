"""Against a real server on this machine that speaks the chat-completions protocol."""

import socket
import time

import pytest
from starlette.responses import JSONResponse, PlainTextResponse

from mrkl.agent import Agent
from mrkl.answer import Answer
from mrkl.budget import Budget
from mrkl.experts.registry import builtin_expert
from tests.chat_server import Served, serve


def ask(served: Served, question: str, **options: object) -> Answer:
    with (
        serve(served) as url,
        Agent([builtin_expert("calculator")], f"openai:{url}", **options) as agent,
    ):
        return agent.ask(question, history=[("hi", "Hello!")])


PLAN = '#1 12 times 7 -> calculator(expression="12 * 7")'


def test_a_plan_and_its_wording(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MRKL_API_KEY", "secret")
    served = Served(PLAN, "12 times 7 makes #1.")
    answer = ask(served, "12 times 7?")
    assert (answer.text, answer.value, answer.status) == ("12 times 7 makes 84.", 84, "answered")
    first, second = served.requests
    assert first["model"] == "a-model" and first["temperature"] == 0
    assert "calculator(expression: str)" in first["messages"][0]["content"]
    assert [message["role"] for message in first["messages"]] == [
        *("system", "user", "assistant", "user")
    ]
    assert "#1 = 84" in second["messages"][-1]["content"]
    assert served.keys == ["Bearer secret"] * 2


def test_a_reply_that_does_not_fit_is_sent_back_once():
    served = Served("The answer is 84.", PLAN, "It is #1.")
    assert ask(served, "12 times 7?").text == "It is 84."
    assert "must start with '#1 '" in served.requests[1]["messages"][-1]["content"]


def test_two_bad_replies_are_a_failure():
    answer = ask(Served("84", "#1 x -> sqrt(x=1)"), "12 times 7?")
    assert answer.status == "failed" and "no expert named 'sqrt'" in answer.text


def test_a_number_that_is_not_in_the_question_is_sent_back():
    served = Served('#1 x -> calculator(expression="12 * 77")', PLAN, "It is #1.")
    assert ask(served, "12 times 7?").value == 84
    assert "77 is not in the question" in served.requests[1]["messages"][-1]["content"]


def test_a_wording_with_a_number_of_its_own_gives_way_to_the_value():
    assert ask(Served(PLAN, "It is 85."), "12 times 7?").text == "84"


def test_saying_and_abstaining():
    assert ask(Served("SAY Good morning!"), "hello").text == "Good morning!"
    abstained = ask(Served("ABSTAIN: nobody knows the future"), "who wins?")
    assert (abstained.status, abstained.text) == ("abstained", "nobody knows the future")


def test_faults_of_the_endpoint_are_failures_with_a_reason():
    refused = ask(Served(PlainTextResponse("no such key", 401)), "12 times 7?")
    assert refused.status == "failed" and "answered 401: no such key" in refused.text
    garbled = ask(Served(PlainTextResponse("<html>")), "12 times 7?")
    assert "did not send JSON" in garbled.text
    empty = ask(Served(JSONResponse({"choices": []})), "12 times 7?")
    assert "no chat completion" in empty.text
    huge = ask(Served(PlainTextResponse("x" * 2_000_000)), "12 times 7?")
    assert "more than 1,000,000 bytes" in huge.text


def test_nobody_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        answer = Agent([], f"openai:{url}#m").ask("12 times 7?")
    assert answer.status == "failed" and "cannot be reached" in answer.text


def test_a_silent_endpoint_ends_at_the_deadline():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        began = time.monotonic()
        answer = Agent([], f"openai:{url}#m", Budget(seconds=0.3)).ask("12 times 7?")
    assert time.monotonic() - began < 3
    assert answer.exit_code == 6
