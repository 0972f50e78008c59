"""The sign test (Arbuthnot 1710): is one of two things preferred, or was it chance?"""

from math import comb


def sign_test(first: int, second: int) -> float:
    """The exact two-sided probability of a majority at least as clear where both are as likely; ties are left out.

    `first` and `second` count the decided preferences; 1 where there are none.
    """
    decided, fewer = first + second, min(first, second)
    tail = sum(comb(decided, count) for count in range(fewer + 1))
    return min(1.0, 2 * tail / (1 << decided))
