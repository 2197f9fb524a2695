"""A checkpoint's tokenizer: text to ids and back.

In: a folder with tokenizer.json. Out: ids; decoded text keeps special tokens. Templates for chat
are not applied here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any


class Tokenizer:
    """Wraps `tokenizers.Tokenizer`; raises ValueError where the file is missing or broken."""

    def __init__(self, folder: str | Path) -> None:
        from tokenizers import Tokenizer as Backend

        path = Path(folder) / "tokenizer.json"
        try:
            self.backend: Any = Backend.from_file(str(path))
        except Exception as error:
            raise ValueError(f"{path}: no usable tokenizer: {error}") from None

    @classmethod
    def from_file(cls, folder: str | Path) -> Tokenizer:
        """The tokenizer of a checkpoint folder."""
        return cls(folder)

    @cached_property
    def vocab_size(self) -> int:
        return self.backend.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """Ids of a text; special tokens written in it count as such, none are added."""
        return self.backend.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens included."""
        return self.backend.decode(list(ids), skip_special_tokens=False)

    def id_of(self, token: str) -> int:
        """The id of a special token or piece; raises ValueError where there is none."""
        found = self.backend.token_to_id(token)
        if found is None:
            raise ValueError(f"the tokenizer has no token {token!r}")
        return found
