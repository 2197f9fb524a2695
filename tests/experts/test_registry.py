"""Where experts come from."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from mrkl.experts.base import Expert, Result
from mrkl.experts.registry import (
    BUILTINS,
    ExpertLoadError,
    Registry,
    builtin_expert,
    builtin_experts,
    installed_experts,
    load_expert,
    load_experts,
)
from mrkl.experts.run import call

PLUGIN = '''
from mrkl.experts.decorator import expert
from mrkl.experts.base import Expert

@expert
def double(n: int) -> int:
    """Twice a number."""
    return 2 * n

def triple(n: int) -> int:
    """Three times a number."""
    return 3 * n

def build() -> Expert:
    return double

def silent(n: int) -> int:
    return n

number = 3
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "plugin_under_test.py"
    path.write_text(PLUGIN)
    (tmp_path / "broken_under_test.py").write_text("1 / 0\n")
    monkeypatch.delitem(sys.modules, "plugin_under_test", raising=False)
    return path


def test_every_built_in_expert_keeps_its_name() -> None:
    experts = builtin_experts()
    assert [e.name for e in experts] == [n for n in BUILTINS if n in {e.name for e in experts}]
    assert {"calculator", "algebra"} <= {e.name for e in experts}
    for item in experts:
        assert item.card.description and item.card.examples
        assert "\n" not in item.card.line()


def test_unknown_built_in() -> None:
    with pytest.raises(ExpertLoadError, match="did you mean calculator"):
        builtin_expert("calculater")


def test_a_registry_knows_near_names() -> None:
    registry = Registry(builtin_experts())
    assert registry.get("algebra").name == "algebra"
    assert "algebra" in registry and "algebr" not in registry
    assert registry.near("algebr")[0] == "algebra"
    assert len(registry) == len(list(registry))
    with pytest.raises(ExpertLoadError, match="did you mean algebra"):
        registry.get("algebr")
    with pytest.raises(ExpertLoadError, match="two experts are named 'algebra'"):
        registry.add(builtin_expert("algebra"))


@pytest.mark.parametrize("place", ["plugin_under_test", "plugin_under_test.py"])
@pytest.mark.parametrize(("name", "value"), [("double", 8), ("triple", 12), ("build", 8)])
def test_modules_and_files(plugin: Path, place: str, name: str, value: int) -> None:
    made = load_expert(f"{place}:{name}")
    made.timeout = 30
    result = call(made, {"n": 4})
    assert isinstance(result, Result), result
    assert result.value == value


def test_all_experts_of_a_file(plugin: Path) -> None:
    assert [e.name for e in load_experts(str(plugin))] == ["double"]
    assert load_expert(str(plugin)).name == "double"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("no_such_module:x", "No module named"),
        ("no_such_file.py:x", "there is no file"),
        ("plugin_under_test:duoble", "did you mean double"),
        ("plugin_under_test:number", "is a int, not an expert"),
        ("plugin_under_test:silent", "needs a docstring"),
        ("broken_under_test:x", "ZeroDivisionError"),
        ("json", "holds no expert"),
        (":x", "module:name"),
    ],
)
def test_faults_are_one_line(plugin: Path, spec: str, message: str) -> None:
    with pytest.raises(ExpertLoadError) as caught:
        load_expert(spec)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_entry_points(plugin: Path) -> None:
    info = plugin.parent / "plugin_under_test-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin-under-test\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[mrkl.experts]\ndouble = plugin_under_test:double\nbad = plugin_under_test:nothing\n"
    )
    sys.path.insert(0, str(plugin.parent))
    importlib.invalidate_caches()
    experts, problems = installed_experts()
    found = [e for e in experts if e.name == "double"]
    assert len(found) == 1 and isinstance(found[0], Expert)
    assert any("bad" in line and "nothing" in line for line in problems)
