"""Keeps secrets out of what is shown, logged or given to a model.

In: any text. Out: the same text with `***` where a secret stood: values of environment variables
whose names say so, what `keep` was told, and shapes that only keys have. It cannot know a secret
that looks like any other word.
"""

from __future__ import annotations

import importlib
import os
import re
import time
from functools import lru_cache
from typing import Any, cast

MASK = "***"
_SHORTEST = 8  # characters; shorter values would mask ordinary words
_NAMES = re.compile(r"(?i)(?:key|token|secret|passw|pwd|credential|auth|dsn)")
# Each shape holds a literal of _HINTS: texts without one, which are most, are not searched at all.
_HINTS = (
    *("key", "token", "secret", "passw", "pwd", "bearer", "basic", "://", "akia", "asia", "eyj"),
    *("sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "ghp", "gho", "ghs", "ghu", "github_pat"),
    *("glpat", "xox", "hf-", "hf_", "-----begin"),
)
_SHAPES = re.compile(
    r"(?P<before>(?i:\b(?:api[_-]?key|access[_-]?token|token|secret|password|passwd|pwd)"
    r"[\"']?\s{0,3}[=:]\s{0,3}[\"']?|\bbearer\s{1,3}|\bbasic\s{1,3}))(?P<value>[^\s\"'&,;)]{4,})"
    r"|(?P<scheme>[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,100}:)[^\s/@]{1,200}(?=@)"
    r"|\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}"
    r"|\b(?:ghp|gho|ghs|ghu|github_pat|glpat|xox[abprs]|hf)[-_][A-Za-z0-9_-]{16,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
)

_kept: set[str] = set()


def keep(secret: str) -> str:
    """Remember a secret that was loaded, so that it is masked from now on; gives it back."""
    if len(secret) >= _SHORTEST and secret not in _kept:
        _kept.add(secret)
        _pattern.cache_clear()
    return secret


def load(name: str, service: str = "mrkl") -> str | None:
    """A secret from the environment variable `name`, else from the system's keyring, else None."""
    value = os.environ.get(name)
    if value is None:
        try:
            keyring: Any = importlib.import_module("keyring")
            value = cast("str | None", keyring.get_password(service, name))
        except Exception:  # noqa: BLE001 - not installed, or its backend raises anything
            return None
    return keep(value) if value else None


def masked(text: str) -> str:
    """The text with every known secret, and all that has the shape of one, as `***`."""
    known = _pattern(_environment())
    if known is not None:
        text = known.sub(MASK, text)
    hinted = any(map(text.casefold().__contains__, _HINTS))
    return _SHAPES.sub(_mask, text) if hinted else text


def _mask(match: re.Match[str]) -> str:
    return f"{match['before'] or match['scheme'] or ''}{MASK}"


def _environment() -> tuple[str, ...]:
    """Values of the variables named like secrets; read again each second, or when one is added."""
    return _values(int(time.monotonic()), len(os.environ))


@lru_cache(maxsize=1)
def _values(second: int, count: int) -> tuple[str, ...]:
    return tuple(value for name, value in os.environ.items() if _NAMES.search(name))


@lru_cache(maxsize=4)
def _pattern(values: tuple[str, ...]) -> re.Pattern[str] | None:
    secrets = {value for value in values if len(value) >= _SHORTEST} | _kept
    if not secrets:
        return None
    return re.compile("|".join(map(re.escape, sorted(secrets, key=len, reverse=True))))
