"""Changed copies of seeds, for runs without a fuzzer: the same number gives the same copies."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

LONGEST = 20_000  # bytes of a copy
_STRANGE = (b"\x00", b"\xff", b"\x80", b"\n", b'"', b"\\", b"(", b")", b"[", b"{", b"#", b"-", b"9")


def mutations(seeds: Sequence[bytes], count: int, number: int = 0) -> Iterator[bytes]:
    """So many copies of seeds, each changed in one to eight places."""
    choose = random.Random(number)
    for _ in range(count):
        copy = bytearray(choose.choice(seeds))
        for _ in range(choose.randint(1, 8)):
            _change(copy, seeds, choose)
        yield bytes(copy[:LONGEST])


def _change(copy: bytearray, seeds: Sequence[bytes], choose: random.Random) -> None:
    """Change one place: overwrite, flip a bit, insert, delete, repeat or splice."""
    at = choose.randrange(len(copy) + 1)
    kind = choose.randrange(6)
    if kind == 0:
        copy[at : at + 1] = choose.choice(_STRANGE)
    elif kind == 1 and at < len(copy):
        copy[at] ^= 1 << choose.randrange(8)
    elif kind == 2:
        copy[at:at] = choose.choice(_STRANGE) * choose.choice((1, 1, 2, 100))
    elif kind == 3:
        del copy[at : at + choose.randint(1, 20)]
    elif kind == 4:
        copy[at:at] = copy[at : at + choose.randint(1, 20)] * choose.choice((1, 2, 50))
    else:
        other = choose.choice(seeds)
        begin = choose.randrange(len(other) + 1)
        copy[at:at] = other[begin : begin + choose.randint(1, 20)]
