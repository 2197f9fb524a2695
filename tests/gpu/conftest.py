"""Kernels run on a CUDA device, or under Triton's interpreter where there is none.

`TRITON_INTERPRET` is set before anything imports triton; the interpreter reads it once.
"""

import importlib.util
import os

import pytest
import torch

if not torch.cuda.is_available() and importlib.util.find_spec("triton") is not None:
    os.environ.setdefault("TRITON_INTERPRET", "1")

from mrkl.jamba_core.gpu import interpreted, why_not

DEVICE = "cpu" if interpreted() else "cuda"


def _repair_interpreter() -> None:
    """numpy 2.4 no longer takes an array of one number for an integer; triton 3.6 relies on it."""
    from triton.runtime import interpreter

    patch = interpreter._patch_lang_tensor

    def patched(tensor, scope):
        patch(tensor, scope)
        scope.set_attr(tensor, "__index__", lambda self: int(self.handle.data.reshape(-1)[0]))

    interpreter._patch_lang_tensor = patched


if interpreted() and why_not() is None:
    _repair_interpreter()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = why_not()
    for item in items:
        if reason and "tests/gpu" in item.path.as_posix():
            item.add_marker(pytest.mark.skip(reason=reason))
