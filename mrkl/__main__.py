"""The command `mrkl`, also as `python -m mrkl`. It imports what it needs inside, so that Ctrl-C is
clean from the first moment on."""

import sys


def main() -> None:
    """Run the command line; 130 where it is interrupted while it loads."""
    try:
        from mrkl import cli

        cli.main()
    except KeyboardInterrupt:
        print("mrkl: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
