"""Text to token ids and back, from a checkpoint's `tokenizer.json`.

In: text. Out: ids; and the other way round, also token by token (`TextStream`). Text never turns
into special tokens unless that is asked for, so a question that contains `<|end|>` stays text.
It does not know chat templates.
"""

import codecs
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mrkl.jamba_core.grammar import GrammarTokenizer


def _byte_alphabet() -> dict[str, int]:
    """The characters that byte-level tokenizers write for the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in set(plain)]
    return {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(others)}


class Tokenizer:
    """A byte-level or sentencepiece-like tokenizer with named special tokens."""

    def __init__(self, source: str) -> None:
        """`source` is the content of a `tokenizer.json`; ValueError if it is none."""
        from tokenizers import Tokenizer as Engine

        self.source = source
        try:
            self._engine: Any = Engine.from_str(source)
        except Exception as error:  # noqa: BLE001 - the library raises nothing more special
            reason = " ".join(str(error)[:200].split())
            raise ValueError(f"not the content of a tokenizer.json: {reason}") from None
        self._lock = threading.Lock()  # the engine's switch for special tokens is one for all
        added = self._engine.get_added_tokens_decoder()
        self.special = {token.content: i for i, token in added.items() if token.special}
        self._special_ids = frozenset(self.special.values())
        self._grammars: dict[tuple[int, int], GrammarTokenizer] = {}

    @classmethod
    def from_file(cls, path: str | Path) -> "Tokenizer":
        """Read `tokenizer.json`, given as the file or its folder; raises OSError or ValueError."""
        path = Path(path)
        path = path / "tokenizer.json" if path.is_dir() else path
        if path.exists() and not path.is_file():
            raise OSError(f"{path}: not a regular file")
        try:
            return cls(path.read_text("utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    @cached_property
    def vocab_size(self) -> int:
        """The number of ids, special ones included."""
        return self._engine.get_vocab_size(with_added_tokens=True)

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Ids of text. special: whether names such as <|end|> become their tokens."""
        with self._lock:
            self._engine.encode_special_tokens = not special
            return self._engine.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Sequence[int], special: bool = False) -> str:
        """Text of ids. special: whether special tokens appear by name."""
        return self._engine.decode(list(ids), skip_special_tokens=not special)

    def id_of(self, name: str) -> int:
        """The id of a special token; raises KeyError."""
        return self.special[name]

    def is_special(self, token: int) -> bool:
        """Whether the id is a special token."""
        return token in self._special_ids

    def token_bytes(self, token: int) -> bytes:
        """The bytes that one token stands for; a special token's are its name."""
        text = self._engine.id_to_token(token)
        if text is None:
            return b""
        if token in self._special_ids:
            return text.encode()
        if self._byte_level:
            return bytes(self._alphabet[c] for c in text)
        if len(text) == 6 and text.startswith("<0x") and text.endswith(">"):
            return bytes([int(text[3:5], 16)])
        return text.replace("\u2581", " ").encode()

    def for_grammars(self, vocab_size: int, end: int) -> "GrammarTokenizer":
        """This vocabulary as the grammar engine sees it (made once, then kept)."""
        from mrkl.jamba_core.grammar import GrammarTokenizer

        key = (vocab_size, end)
        if key not in self._grammars:
            self._grammars[key] = GrammarTokenizer(self.source, vocab_size, end)
        return self._grammars[key]

    @cached_property
    def _byte_level(self) -> bool:
        return '"ByteLevel"' in str(self._engine.to_str()).split('"decoder"')[-1][:400]

    @cached_property
    def _alphabet(self) -> dict[str, int]:
        return _byte_alphabet()


class TextStream:
    """Text from tokens as they come: whole characters only, and cut at a stop string.

    Text that could be the beginning of a stop string is held back until it is known not to be.
    """

    def __init__(self, tokenizer: Tokenizer | None, stop: Sequence[str] = ()) -> None:
        self._tokenizer, self._stop = tokenizer, [s for s in stop if s]
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""
        self.stopped = False

    def push(self, token: int) -> str:
        """Take one token; returns the text that is certain now."""
        if self._tokenizer is None or self._tokenizer.is_special(token):
            return ""
        self._held += self._decoder.decode(self._tokenizer.token_bytes(token))
        found = [at for at in (self._held.find(s) for s in self._stop) if at >= 0]
        if found:
            self.stopped = True
            text, self._held = self._held[: min(found)], ""
            return text
        keep = max((_overlap(self._held, s) for s in self._stop), default=0)
        cut = len(self._held) - keep
        text, self._held = self._held[:cut], self._held[cut:]
        return text

    @property
    def holds(self) -> bool:
        """Whether text or part of a character is still held back."""
        return bool(self._held or self._decoder.getstate()[0])

    def flush(self) -> str:
        """The rest, when no more tokens come."""
        text = self._held + self._decoder.decode(b"", final=True)
        self._held = ""
        return text


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of text that begins stop."""
    return next(
        (n for n in range(min(len(text), len(stop) - 1), 0, -1) if stop[:n] == text[-n:]), 0
    )
