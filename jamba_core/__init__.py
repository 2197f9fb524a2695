"""The Jamba family in plain torch: load, run, quantise, generate under a grammar.

`from mrkl.jamba_core import Jamba` loads torch; importing this package alone does not.
transformers, mamba-ssm and triton are never needed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mrkl.jamba_core.batch import decode_together, generate_many
    from mrkl.jamba_core.cache import State
    from mrkl.jamba_core.config import ConfigError, JambaConfig
    from mrkl.jamba_core.generate import Generation
    from mrkl.jamba_core.grammar import Grammar, GrammarError
    from mrkl.jamba_core.model import Jamba
    from mrkl.jamba_core.quantize import QuantizationError
    from mrkl.jamba_core.sampling import Sampling
    from mrkl.jamba_core.session import Session, Token
    from mrkl.jamba_core.snapshot import SnapshotError
    from mrkl.jamba_core.tokenizer import Tokenizer
    from mrkl.jamba_core.weights import CheckpointError

_HOME = {
    "CheckpointError": "weights",
    "ConfigError": "config",
    "Generation": "generate",
    "Grammar": "grammar",
    "GrammarError": "grammar",
    "Jamba": "model",
    "JambaConfig": "config",
    "QuantizationError": "quantize",
    "Sampling": "sampling",
    "Session": "session",
    "SnapshotError": "snapshot",
    "State": "cache",
    "Token": "session",
    "Tokenizer": "tokenizer",
    "decode_together": "batch",
    "generate_many": "batch",
}

__all__ = [
    "CheckpointError",
    "ConfigError",
    "Generation",
    "Grammar",
    "GrammarError",
    "Jamba",
    "JambaConfig",
    "QuantizationError",
    "Sampling",
    "Session",
    "SnapshotError",
    "State",
    "Token",
    "Tokenizer",
    "decode_together",
    "generate_many",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
