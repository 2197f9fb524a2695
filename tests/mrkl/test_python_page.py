import doctest
from fractions import Fraction
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_the_examples_run():
    found = doctest.testfile(str(PAGE), module_relative=False, globs={"Fraction": Fraction})
    assert found.attempted > 8 and found.failed == 0
