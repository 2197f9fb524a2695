"""What `import mrkl` loads and how long it takes, in fresh processes."""

import json
import subprocess
import sys

import mrkl

HEAVY = ("torch", "transformers", "sympy", "pint", "httpx", "pydantic", "numpy", "sqlalchemy")


def fresh(code: str) -> str:
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout


def test_importing_loads_nothing_heavy():
    code = "import mrkl, sys, json; mrkl.Agent; print(json.dumps(sorted(sys.modules)))"
    loaded = {name.partition(".")[0] for name in json.loads(fresh(code))}
    assert loaded.isdisjoint(HEAVY)


def test_importing_is_quick():
    code = "import time; t = time.perf_counter(); import mrkl; print(time.perf_counter() - t)"
    assert min(float(fresh(code)) for _ in range(3)) < 0.15


def test_every_public_name_is_there():
    assert sorted(mrkl.__all__) == mrkl.__all__
    for name in mrkl.__all__:
        assert getattr(mrkl, name).__doc__
    assert set(mrkl.__all__) <= set(dir(mrkl))
