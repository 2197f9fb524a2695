"""Text and tokens, whole and streamed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrkl.jamba_core import Tokenizer
from mrkl.jamba_core.tokenizer import TextStream
from tests.jamba_core.conftest import END, byte_tokenizer

TOKENIZER = Tokenizer(byte_tokenizer())


@given(st.text())
def test_every_text_survives(text: str) -> None:
    ids = TOKENIZER.encode(text)
    assert TOKENIZER.decode(ids) == text
    assert b"".join(map(TOKENIZER.token_bytes, ids)) == text.encode()


@given(st.text())
def test_streaming_gives_the_same_text(text: str) -> None:
    stream = TextStream(TOKENIZER)
    pieces = [stream.push(i) for i in TOKENIZER.encode(text)]
    assert "".join(pieces) == text
    assert not stream.holds and stream.flush() == ""


def test_special_tokens_only_where_asked(tokenizer: Tokenizer) -> None:
    assert END not in tokenizer.encode("a<|end|>")
    assert tokenizer.encode("a<|end|>", special=True)[-1] == END == tokenizer.id_of("<|end|>")
    assert tokenizer.decode([END]) == "" and tokenizer.decode([END], special=True) == "<|end|>"
    assert tokenizer.is_special(END) and not tokenizer.is_special(0)
    assert tokenizer.vocab_size == 260 and tokenizer.token_bytes(9999) == b""
    with pytest.raises(KeyError):
        tokenizer.id_of("<|absent|>")


def streamed(text: str, *stop: str) -> tuple[list[str], bool]:
    stream, pieces = TextStream(TOKENIZER, stop), list[str]()
    for token in TOKENIZER.encode(text):
        pieces.append(stream.push(token))
        if stream.stopped:
            return pieces, True
    return [*pieces, stream.flush()], False


def test_text_before_a_stop_string_is_kept_and_nothing_of_it_leaks() -> None:
    pieces, stopped = streamed("one\n\ntwo", "\n\n")
    assert stopped and "".join(pieces) == "one" and "\n" not in pieces
    pieces, stopped = streamed("a\nb\n", "\n\n")
    assert not stopped and "".join(pieces) == "a\nb\n"
    pieces, stopped = streamed("aab", "ab", "")
    assert stopped and "".join(pieces) == "a"


def test_a_character_cut_in_half_is_marked_at_the_end() -> None:
    stream = TextStream(TOKENIZER)
    assert stream.push(TOKENIZER.encode("é")[0]) == "" and stream.holds
    assert stream.flush() == "\N{REPLACEMENT CHARACTER}"


def test_sentencepiece_tokens_have_bytes() -> None:
    from tokenizers import Tokenizer as Engine
    from tokenizers import decoders, models

    words = {"\u2581the": 0, "<0x0A>": 1, "\u2581": 2, "t": 3}
    engine = Engine(models.BPE(words, [], byte_fallback=True))
    engine.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback()])
    tokenizer = Tokenizer(engine.to_str())
    assert [tokenizer.token_bytes(i) for i in range(4)] == [b" the", b"\n", b" ", b"t"]


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Tokenizer.from_file(tmp_path)
