"""The interval of a share."""

from __future__ import annotations

from math import sqrt

Z = 1.959964
"""Of a normal distribution, so many deviations around the mean hold 95 %."""


def wilson(share: float, trials: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share of so many trials (Wilson 1927), within 0 to 1.

    Of a mean of values between 0 and 1 it is an interval, too, rather too wide: no such value varies more than a coin.
    """
    if not trials:
        return 0.0, 1.0
    weight = Z**2 / trials
    middle = (share + weight / 2) / (1 + weight)
    half = Z / (1 + weight) * sqrt(share * (1 - share) / trials + weight / (4 * trials))
    return max(0.0, middle - half), min(1.0, middle + half)
