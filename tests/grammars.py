"""Whether a grammar takes a text, asked of the core's own tokenizer."""

from functools import cache
from pathlib import Path

import llguidance

import mrkl.jamba_core


@cache
def tokenizer() -> llguidance.LLTokenizer:
    folder = Path(mrkl.jamba_core.__path__[0]) / "data"
    return llguidance.LLTokenizer(str(folder / "tokenizer.json"))


def accepts(grammar: str, text: str) -> bool:
    """Whether the grammar takes the whole text and lets it end there."""
    matcher = llguidance.LLMatcher(tokenizer(), grammar)
    assert not matcher.is_error(), matcher.get_error()
    ids = tokenizer().tokenize_str(text, parse_special=True)
    return matcher.consume_tokens(ids) and matcher.is_accepting()
