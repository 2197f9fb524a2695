"""Primes and factors of whole numbers, at a cost that is known before.

Numbers whose answer could take more than about a second raise TooLarge. Primality is proved up to
3.3e24; above that 40 rounds of Miller-Rabin leave an error below 4^-40.
"""

from __future__ import annotations

import math

from mrkl.tools.arith_exact import TooLarge

_SMALL = tuple(n for n in range(2, 1000) if all(n % d for d in range(2, math.isqrt(n) + 1)))
_PROVED = 3_317_044_064_679_887_385_961_981  # 13 bases decide below this (Sorenson, Webster 2015)
_MAX_TEST_BITS = 1024
_MAX_SEARCH_BITS = 256
_MAX_SPLIT_BITS = 72  # Pollard's rho needs about 2^18 steps for such a composite
_MAX_DIVISORS = 10_000


def is_prime(n: int) -> bool:
    """Whether n is prime."""
    if n < 2:
        return False
    for p in _SMALL:
        if n % p == 0:
            return n == p
    if n < _SMALL[-1] ** 2:
        return True
    if n.bit_length() > _MAX_TEST_BITS:
        raise TooLarge("the number is too large for a test of primality")
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_passes(n, base, odd, twos) for base in _SMALL[: 13 if n < _PROVED else 40])


def _passes(n: int, base: int, odd: int, twos: int) -> bool:
    """One round of Miller-Rabin, n - 1 = odd * 2^twos."""
    x = pow(base, odd, n)
    if x in (1, n - 1):
        return True
    for _ in range(twos - 1):
        x = x * x % n
        if x == n - 1:
            return True
    return False


def next_prime(n: int) -> int:
    """The smallest prime above n."""
    if n < 2:
        return 2
    if n.bit_length() > _MAX_SEARCH_BITS:
        raise TooLarge("the number is too large to look for the next prime")
    n += 1 + n % 2
    while not is_prime(n):
        n += 2
    return n


def factors(n: int) -> dict[int, int]:
    """The prime factors of n >= 1 with their exponents, smallest first."""
    found: dict[int, int] = {}
    for p in _SMALL:
        while n % p == 0:
            n //= p
            found[p] = found.get(p, 0) + 1
    open_parts = [n] if n > 1 else []
    while open_parts:
        part = open_parts.pop()
        if is_prime(part):
            found[part] = found.get(part, 0) + 1
        elif part.bit_length() > _MAX_SPLIT_BITS:
            raise TooLarge("the number is too large to be factored here")
        else:
            divisor = _split(part)
            open_parts += [divisor, part // divisor]
    return dict(sorted(found.items()))


def _split(n: int) -> int:
    """A proper divisor of a composite n, by Pollard's rho; a square root first."""
    side = math.isqrt(n)
    if side * side == n:
        return side
    for step in range(1, 100):
        slow = fast = 2
        while True:
            product = 1
            for _ in range(64):  # one gcd for 64 differences
                slow = (slow * slow + step) % n
                fast = (fast * fast + step) % n
                fast = (fast * fast + step) % n
                product = product * abs(slow - fast) % n
                if product == 0:
                    break
            common = math.gcd(product, n)
            if common == n or product == 0:
                break  # both cycles closed at once: another step
            if common > 1:
                return common
    return _split_slowly(n)


def _split_slowly(n: int) -> int:
    """A divisor by rho with a gcd at each step; meets the cases in which a batch overshoots."""
    for step in range(1, 1000):
        slow = fast = 2
        common = 1
        while common == 1:
            slow = (slow * slow + step) % n
            fast = (fast * fast + step) % n
            fast = (fast * fast + step) % n
            common = math.gcd(abs(slow - fast), n)
        if common != n:
            return common
    raise TooLarge("the number could not be factored")


def divisors(n: int) -> list[int]:
    """All divisors of n >= 1, smallest first."""
    powers = factors(n)
    if math.prod(exponent + 1 for exponent in powers.values()) > _MAX_DIVISORS:
        raise TooLarge(f"the number has more than {_MAX_DIVISORS:,} divisors")
    found = [1]
    for prime, exponent in powers.items():
        found = [d * prime**k for d in found for k in range(exponent + 1)]
    return sorted(found)
