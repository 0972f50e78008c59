"""What is known of the whole numbers in a graph before it runs: bounds, also against lengths that only running fixes.

A `Dim` is such a length, a number times free axes (6 × batch × length). An `Interval` bounds a number from both sides,
and may know that it never exceeds a `Dim` by more than an offset: `lengths - 1` is at most `length - 1`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce

LIMIT = 1 << 24
"""Beyond it nothing is claimed: OpenVINO computes whole numbers in 32 bits, and some operators through float32."""


@dataclass(frozen=True, order=True)
class Axis:
    """A free axis and how long it can be; `most` is -1 where nothing is known."""

    name: str
    least: int = 0
    most: int = -1


@dataclass(frozen=True)
class Dim:
    """A length: `factor` times the free axes."""

    factor: int
    axes: tuple[Axis, ...] = ()

    @property
    def least(self) -> int:
        """The least that it can be."""
        return self.factor * math.prod(axis.least for axis in self.axes)

    @property
    def most(self) -> int | None:
        """The most that it can be, None where that is not known or very much."""
        found = self.factor * math.prod(axis.most for axis in self.axes)
        return found if all(axis.most >= 0 for axis in self.axes) and found <= LIMIT else None

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same for every input."""
        return not self.axes

    def times(self, other: Dim) -> Dim:
        """Return the product."""
        return Dim(self.factor * other.factor, tuple(sorted((*self.axes, *other.axes))))

    def over(self, other: Dim) -> Dim | None:
        """Return the quotient, where it is one for every length of the axes; None otherwise."""
        left = list(self.axes)
        for axis in other.axes:
            if axis not in left:
                return None
            left.remove(axis)
        if other.factor == 0 or self.factor % other.factor or other.least == 0:
            return None
        return Dim(self.factor // other.factor, tuple(left))


@dataclass(frozen=True)
class Interval:
    """`low` ≤ value ≤ `high`, None where nothing is known; value ≤ `below[0]` + `below[1]`; value = `exact`."""

    low: int | None = None
    high: int | None = None
    below: tuple[Dim, int] | None = None
    exact: Dim | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether both sides are known."""
        return self.low is not None and self.high is not None

    @property
    def is_one(self) -> bool:
        """Whether it is a single number."""
        return self.low is not None and self.low == self.high

    def fits(self, axis: Dim) -> bool:
        """Whether it is an index within an axis of this length, from either end."""
        if self.low is None or self.low < -axis.least:
            return False
        if self.high is not None and self.high < axis.least:
            return True
        return self.below is not None and self.below[0] == axis and self.below[1] <= -1


UNKNOWN = Interval()
TRUTH = Interval(0, 1)


def number(value: int) -> Interval:
    """Return the interval of one number."""
    return Interval(value, value, None, Dim(value) if value >= 0 else None)


def between(low: int, high: int) -> Interval:
    """Return an interval without a length."""
    return Interval(low, high)


def length_of(dim: Dim) -> Interval:
    """Return what is known of a length."""
    return Interval(dim.least, dim.most, (dim, 0), dim)


def index_into(dim: Dim) -> Interval:
    """Return what is known of an index that an operator such as ArgMax gives for an axis."""
    return replace(add(length_of(dim), number(-1)), low=0, exact=None)


def hull(items: tuple[Interval, ...]) -> Interval:
    """Return the narrowest interval that holds all of them."""
    return reduce(_either, items) if items else UNKNOWN


def add(a: Interval, b: Interval) -> Interval:
    """Return the sum."""
    low = None if a.low is None or b.low is None else a.low + b.low
    high = None if a.high is None or b.high is None else a.high + b.high
    return _checked(Interval(low, high, _raised(a, b.high) or _raised(b, a.high)))


def negated(a: Interval) -> Interval:
    """Return minus the number."""
    low = None if a.high is None else -a.high
    return Interval(low, None if a.low is None else -a.low)


def times(a: Interval, b: Interval) -> Interval:
    """Return the product; known only of two bounded numbers, or of two lengths."""
    exact = a.exact.times(b.exact) if a.exact and b.exact else None
    if exact and not (a.is_bounded and b.is_bounded):
        return Interval(0, None, (exact, 0), exact)
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return UNKNOWN
    corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    return _checked(Interval(min(corners), max(corners), (exact, 0) if exact else None, exact))


def divided(a: Interval, b: Interval) -> Interval:
    """Return the quotient of whole numbers not below zero, rounded in either way."""
    if a.low is None or a.low < 0 or b.low is None or b.low < 1:
        return UNKNOWN
    quotient = a.exact.over(b.exact) if a.exact and b.exact else None
    if quotient:
        return length_of(quotient)
    return Interval(0, None if a.high is None else -(-a.high // b.low), a.below)


def remainder(a: Interval, b: Interval, *, signed: bool) -> Interval:
    """Return the remainder by a number over zero; `signed`: of the dividend's sign, as C takes it."""
    if b.low is None or b.low < 1 or (signed and (a.low is None or a.low < 0)) or not a.is_bounded:
        return UNKNOWN
    return Interval(0, None if b.high is None else b.high - 1, (b.exact, -1) if b.exact else None)


def least(a: Interval, b: Interval) -> Interval:
    """Return the smaller number of the two."""
    low = None if a.low is None or b.low is None else min(a.low, b.low)
    highs = [one.high for one in (a, b) if one.high is not None]
    return Interval(low, min(highs) if highs else None, a.below or b.below)


def greatest(a: Interval, b: Interval) -> Interval:
    """Return the larger number of the two."""
    lows = [one.low for one in (a, b) if one.low is not None]
    high = None if a.high is None or b.high is None else max(a.high, b.high)
    return Interval(max(lows) if lows else None, high, _over(a, b) or _over(b, a))


def compared(a: Interval, b: Interval) -> Interval:
    """Return the truth of a < b, as far as the bounds tell."""
    if a.high is not None and b.low is not None and a.high < b.low:
        return between(1, 1)
    if a.low is not None and b.high is not None and a.low >= b.high:
        return between(0, 0)
    return TRUTH


def _either(a: Interval, b: Interval) -> Interval:
    if a == b:
        return a
    low = None if a.low is None or b.low is None else min(a.low, b.low)
    high = None if a.high is None or b.high is None else max(a.high, b.high)
    below = None
    if a.below and b.below and a.below[0] == b.below[0]:
        below = (a.below[0], max(a.below[1], b.below[1]))
    return Interval(low, high, below or _over(a, b) or _over(b, a))


def _raised(a: Interval, by: int | None) -> tuple[Dim, int] | None:
    return None if a.below is None or by is None else (a.below[0], a.below[1] + by)


def _over(a: Interval, b: Interval) -> tuple[Dim, int] | None:
    """Return the bound of `a` where `b` can never exceed it."""
    if a.below and b.high is not None and b.high <= a.below[0].least + a.below[1]:
        return a.below
    return None


def _checked(found: Interval) -> Interval:
    low, high = found.low, found.high
    if (low is not None and abs(low) > LIMIT) or (high is not None and abs(high) > LIMIT):
        return Interval(None, None, None, found.exact)
    if low is None or (high is None and found.exact is None):
        # Without the other side the sum could have wrapped around.
        return Interval()
    return found


def product(dims: tuple[Dim, ...]) -> Dim:
    """Return the product of lengths."""
    return reduce(Dim.times, dims, Dim(1))
