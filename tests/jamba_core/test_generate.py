"""Writing: greedy, sampled, under a grammar, streamed, stopped, forked and scored."""

import json
import time

import pytest
import torch

from mrkl.jamba_core import Grammar, GrammarError, Jamba, Sampling, Session
from mrkl.jamba_core.reader import READ_TOKENS
from tests.jamba_core.conftest import END, random_ids

CALL = """start: "#1 " /[a-z ]{1,9}/ " -> " call <|end|>
call: "knowledge(entity=" TEXT ")" | "calculator(expression=" TEXT ")"
TEXT: /"[^"\\n]{1,6}"/
"""


def test_sampling_is_repeatable_and_varied(model: Jamba) -> None:
    def run(seed: int) -> list[int]:
        settings = {"temperature": 1.0, "seed": seed, "stop_ids": []}
        return model.generate("abc", max_new_tokens=12, **settings).ids

    assert run(1) == run(1)
    assert len({tuple(run(seed)) for seed in range(5)}) > 1


def test_top_p_and_min_p_cut_the_tail() -> None:
    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))
    for settings, kept in [
        ({"top_p": 0.75}, {0, 1}),
        ({"min_p": 0.25}, {0, 1, 2}),
        ({"top_p": 0.01}, {0}),
        ({"temperature": 1e-3}, {0}),
        ({}, {0, 1, 2, 3}),
    ]:
        sampling = Sampling(**{"temperature": 1.0, "seed": 0} | settings)
        generator = sampling.generator()
        assert {sampling.pick(logits, generator) for _ in range(300)} == kept
    assert Sampling().pick(logits, None) == 0


@pytest.mark.parametrize("settings", [{"temperature": -1}, {"top_p": 0}, {"min_p": 2}])
def test_settings_without_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Sampling(**settings)


def test_a_grammar_is_obeyed_under_any_sampling(model: Jamba) -> None:
    start = "#1 "
    for seed in range(6):
        heat = {"temperature": 1.5, "seed": seed} if seed else {}
        result = model.generate("how many", grammar=CALL, max_new_tokens=90, **heat)
        text = result.text
        assert result.finish == "stop" and result.ids[-1] == END
        assert text.startswith(start)
        query, _, call = text.removeprefix(start).partition(" -> ")
        assert 1 <= len(query) <= 9 and all(c == " " or "a" <= c <= "z" for c in query)
        name, _, rest = call.partition("=")
        assert name in ("knowledge(entity", "calculator(expression")
        assert rest[0] == '"' and rest.endswith('")') and '"' not in rest[1:-2]


def test_forced_tokens_cost_no_choice_and_change_no_odds(model: Jamba) -> None:
    result = model.generate("how many", grammar=CALL, max_new_tokens=90)
    assert any(token.forced for token in result.tokens)
    for token in result.tokens:
        assert (token.logprob is None) == token.forced
        assert token.masked_logprob <= 1e-6
        assert token.logprob is None or token.logprob <= token.masked_logprob + 1e-5
    # Read again one by one: the same odds, so nothing that was skipped got lost.
    replay = Session(model)
    replay.feed("how many")
    for token in result.tokens:
        if token.logprob is not None:
            assert float(replay.logprobs()[token.id]) == pytest.approx(token.logprob, abs=1e-3)
        replay.feed([token.id])


def test_json_follows_its_schema(model: Jamba) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 3, "maximum": 7}},
        "required": ["n"],
        "additionalProperties": False,
    }
    grammar = Grammar.json_schema(schema)
    result = model.generate("x", grammar=grammar, max_new_tokens=60)
    assert result.finish in ("grammar", "stop")
    assert 3 <= json.loads(result.text)["n"] <= 7


def test_a_regular_expression_ends_where_it_must(model: Jamba) -> None:
    result = model.generate("x", grammar=Grammar.regex("[0-9]{4}"), max_new_tokens=60)
    assert result.finish == "grammar" and len(result.text) == 4 and result.text.isdigit()


def test_grammars_that_cannot_be_read_are_refused(model: Jamba) -> None:
    with pytest.raises(GrammarError):
        model.generate("x", grammar="start: (")
    with pytest.raises(GrammarError, match="JSON schema"):
        Grammar.json_schema("{")
    vocabulary = model.tokenizer.for_grammars(264, END)
    matcher = vocabulary.matcher('start: "ab"')
    fork = matcher.fork()
    with pytest.raises(GrammarError, match="does not allow"):
        matcher.consume(model.tokenizer.encode("b"))
    fork.consume(model.tokenizer.encode("ab"))
    assert fork.stopped and fork.accepting


def test_streaming_gives_the_same_tokens(model: Jamba) -> None:
    whole = model.generate("abc", max_new_tokens=15, stop_ids=[])
    streamed = model.stream("abc", max_new_tokens=15, stop_ids=[])
    assert tuple(streamed) == whole.tokens
    assert whole.finish == "length" and whole.text == model.tokenizer.decode(whole.ids)


def test_stop_tokens_and_stop_strings_end_the_text(model: Jamba) -> None:
    free = model.generate("abc", max_new_tokens=15, stop_ids=[])
    stopped = model.generate("abc", max_new_tokens=15, stop_ids=[free.ids[4]])
    assert stopped.finish == "stop" and stopped.ids == free.ids[: free.ids.index(free.ids[4]) + 1]
    sampled = {"temperature": 1.0, "seed": 4, "stop_ids": [], "max_new_tokens": 30}
    text = model.generate("abc", **sampled).text
    at = next(i for i in range(3, len(text) - 2) if text[i : i + 2].isascii())
    stop = text[at : at + 2]
    cut = model.generate("abc", stop=[stop], **sampled)
    assert cut.finish == "text" and cut.text == text[: text.index(stop)]


def test_a_deadline_ends_reading_and_writing(model: Jamba) -> None:
    past = model.generate("abc", deadline=time.monotonic() - 1)
    assert past.finish == "deadline" and past.ids == []
    begin = time.monotonic()
    some = model.generate("abc", max_new_tokens=10**6, stop_ids=[], deadline=begin + 0.2)
    assert some.finish == "deadline" and some.ids
    assert time.monotonic() - begin < 2


def test_a_session_goes_on_where_another_ended(model: Jamba) -> None:
    whole = model.generate("abc", max_new_tokens=12, stop_ids=[])
    half = model.generate("abc", max_new_tokens=5, stop_ids=[])
    rest = half.session.decode(7, stop_ids=[])
    assert half.ids + [token.id for token in rest] == whole.ids
    state = half.session.state
    assert state is not None and state.length == 3 + 12
    again = Session(model, state=model(model.tokenizer.encode("ab")).state)
    again.feed("c")
    assert [token.id for token in again.decode(12, stop_ids=[])] == whole.ids


def test_forks_do_not_disturb_each_other(model: Jamba) -> None:
    session = Session(model)
    session.feed("the question")
    before = session.logits.clone()
    fork = session.fork()
    list(fork.decode(9, stop_ids=[]))
    assert torch.equal(session.logits, before)
    assert len(session.ids) == 12 and len(fork.ids) == 21
    session.feed("xyz")
    straight = Session(model)
    straight.feed("the questionxyz")
    assert torch.allclose(session.logits, straight.logits, atol=1e-4)


def test_scores_of_alternatives_equal_reading_them(model: Jamba) -> None:
    session = Session(model)
    session.feed("which of these")
    candidates = [[5], [7, 8, 9, 10], [], [7, 8, 11], list(range(20, 60))]
    scores = session.score_tokens(candidates)
    for candidate, score in zip(candidates, scores, strict=True):
        fork, expected = session.fork(), list[float]()
        for token in candidate:
            expected.append(float(fork.logprobs()[token]))
            fork.feed([token])
        assert score == pytest.approx(expected, abs=1e-3)
    assert session.score(candidates) == pytest.approx([sum(s) for s in scores])
    assert len(session.ids) == len("which of these")


def test_long_texts_are_fed_in_pieces(model: Jamba) -> None:
    ids = random_ids(1, READ_TOKENS + 9)[0].tolist()
    session = Session(model)
    session.feed(ids)
    assert torch.allclose(session.logits, model(ids).logits[0, -1], atol=1e-4)


def test_a_session_without_text_has_no_odds(model: Jamba) -> None:
    with pytest.raises(ValueError, match="nothing was fed"):
        _ = Session(model).logits
    with pytest.raises(ValueError, match="one text at a time"):
        model.generate(random_ids(2, 3))


def test_ids_alone_need_no_tokenizer(model: Jamba) -> None:
    bare = Jamba.from_tensors(model.config, dict(model.tensors()))
    result = bare.generate([1, 2, 3], max_new_tokens=4, stop_ids=[])
    assert result.ids == model.generate([1, 2, 3], max_new_tokens=4, stop_ids=[]).ids
    assert result.text == ""
    with pytest.raises(FileNotFoundError, match="no tokenizer"):
        bare.generate("abc")
