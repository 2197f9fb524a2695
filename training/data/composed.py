"""x"""

from __future__ import annotations

import argparse

from training.data.pieces_check import problems


def main(arguments: list[str] | None = None) -> int:
    """Check or show. Exit status 1 when a piece is not well written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="list what is wrong with the pieces")
    parser.parse_args(arguments)
    found = list(problems())
    print("\n".join(found) or "all pieces are well written")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
