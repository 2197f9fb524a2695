"""No file of code is longer than 400 lines."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST = 400  # lines
SKIPPED = {".venv", ".git", "build", "dist"}


def sources(root: Path) -> list[Path]:
    """All Python files of a checkout, each once (not again behind the links in mrkl/)."""
    return [
        path
        for path in root.rglob("*.py")
        if not SKIPPED & set(path.relative_to(root).parts)
        and not any(parent.is_symlink() for parent in (path, *path.parents))
    ]


def too_long(paths: list[Path]) -> list[str]:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    return [f"{path}: {count} lines" for path, count in lines.items() if count > LONGEST]


def test_no_file_is_too_long():
    found = sources(ROOT)
    assert len(found) > 150 and ROOT / "cli.py" in found
    assert too_long(found) == []


def test_a_long_file_is_found(tmp_path: Path):
    (tmp_path / "long.py").write_text("pass\n" * 401)
    (tmp_path / "short.py").write_text("pass\n" * 400)
    assert [line.rpartition("/")[2] for line in too_long(sources(tmp_path))] == [
        "long.py: 401 lines"
    ]
