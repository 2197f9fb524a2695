"""The examples in README.md and docs/ run, and show what the pages say."""

from pathlib import Path

import pytest

from tests.pages import blocks, commands, run_console, run_python

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
by_name = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@by_name
def test_python_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    ran = run_python(page, tmp_path)
    assert ran > 3 or page.name != "python.md"


@by_name
def test_console_examples_run(page: Path, tmp_path: Path):
    run_console(page, tmp_path)


def test_every_link_to_a_file_leads_somewhere():
    for page in PAGES:
        for target in _links(page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def _links(text: str) -> list[str]:
    targets = [part.partition(")")[0].partition("#")[0] for part in text.split("](")[1:]]
    return [target for target in targets if target and "://" not in target and " " not in target]


@pytest.mark.parametrize(
    ("kind", "text", "fault"),
    [
        ("python", ">>> 1 + 1\n3\n", "Expected:\n    3\nGot:\n    2"),
        ("console", "$ mrkl experts show nothing\n8 things\n", "no expert 'nothing'"),
        ("console", "$ echo 1 | mrkl route -\n", "shown:"),
    ],
)
def test_a_wrong_example_is_found(kind: str, text: str, fault: str, tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n```{kind}\n{text}```\n")
    with pytest.raises(AssertionError) as caught:
        (run_python if kind == "python" else run_console)(page, tmp_path)
    assert fault in str(caught.value)


def test_what_is_collected(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\na = 20\n```\n```python\n>>> a + 1\n21\n\n```\n"
        "<!-- not run: needs a served model -->\n```python\n1 / 0\n```\n"
        "```console\n$ mrkl experts test calculator expression=2+3  # a remark\n"
        "calculator(expression='2+3') = 5\n$ make something\n```\n"
    )
    assert [b.reason for b in blocks(page.read_text())] == [
        *(None, None, "needs a served model", None)
    ]
    assert run_python(page, tmp_path) == 2
    assert run_console(page, tmp_path) == 1
    assert list(commands("$ a b\nc\nd\n$ e\n")) == [("a b", "c\nd\n"), ("e", "")]
