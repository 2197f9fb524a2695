"""`python -m mrkl`: the command line, where the console script is not on the path."""

from mrkl.cli import main

main()
