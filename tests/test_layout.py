"""The rooms are folders at the top level; `mrkl/` holds links to them."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINKS = ("experts", "router", "jamba_core", "tools", "cli.py")
NO_LINKS = (
    "This checkout has no symbolic links: run `git config core.symlinks true` and check out again "
    "(on Windows in developer mode), or install the wheel."
)


@pytest.mark.parametrize("name", LINKS)
def test_the_links(name: str):
    link = ROOT / "mrkl" / name
    assert link.is_symlink(), NO_LINKS
    assert link.readlink().as_posix() == f"../{name}"
    assert link.resolve() == (ROOT / name).resolve() and link.exists()


def test_there_are_no_other_links():
    assert sorted(p.name for p in (ROOT / "mrkl").iterdir() if p.is_symlink()) == sorted(LINKS)


def test_every_room_is_marked_as_typed():
    for room in ("mrkl", *LINKS[:4]):
        assert (ROOT / room / "py.typed").is_file(), room
