import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from mrkl.tools import secrets
from mrkl.tools.secrets import keep, load, masked


@pytest.mark.parametrize(
    "text",
    [
        "api_key=HIDDEN-4711-abcdef",
        "{'password': 'HIDDEN-4711-abcdef'}",
        '"access_token": "HIDDEN-4711-abcdef"',
        "Authorization: Bearer HIDDEN-4711-abcdef",
        "postgresql://user:HIDDEN-4711@host/db",
        "sk-HIDDENaaaaaaaaaaaaaaaa",
        "ghp_HIDDEN4711abcdefghijkl",
        "AKIAHIDDEN4711ABCDEF",
        "eyJHIDDENabcdef.eyJzdWIiOiIxIn0abc.sig",
        "-----BEGIN RSA PRIVATE KEY-----\nHIDDEN\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_shapes_of_secrets_are_masked(text: str) -> None:
    assert "HIDDEN" not in masked(f"it said: {text} and more")
    assert "***" in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "the key is under the mat",
        "http://host:80/a",
        "12:30 - 14:00",
        "a token of love",
        "x" * 9000,
    ],
)
def test_other_text_stays(text: str) -> None:
    assert masked(text) == text


def test_values_of_the_environment_and_kept_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SERVICE_TOKEN_FOR_TESTS", "plain words here")
    assert masked("I use plain words here.") == "I use ***."
    assert load("SOME_SERVICE_TOKEN_FOR_TESTS") == "plain words here"
    keep("another plain secret")
    assert masked("it is another plain secret") == "it is ***"
    assert load("NO_SUCH_VARIABLE_FOR_TESTS") is None


@settings(max_examples=300, deadline=None)
@given(some.from_regex(secrets._SHAPES))
def test_no_shape_is_without_a_hint(text: str) -> None:
    assert masked(text) == secrets._SHAPES.sub(secrets._mask, text)
