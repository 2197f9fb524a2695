"""Where a user's files lie: the folders of the XDG Base Directory Specification.

In: names of environment variables. Out: a path, or None. It makes no folder.
"""

from __future__ import annotations

import os
from pathlib import Path


def user_file(switch: str, variable: str, default: str, name: str) -> Path | None:
    """The path in `switch` (`off` or empty: None), else `name` in the folder that `variable`
    names, else in `default` below the home folder; None for a user without one."""
    given = os.environ.get(switch)
    if given is not None:
        return None if given in ("", "off") else Path(given)
    folder = os.environ.get(variable)
    if folder:
        return Path(folder) / "mrkl" / name
    try:
        return Path.home() / default / "mrkl" / name
    except RuntimeError:
        return None
