"""Which regular expressions a stranger's tokenizer may bring: those that backtrack little, as their shape shows.

Oniguruma, which runs them, backtracks. A pattern is a choice of branches. A branch may repeat without an end only one
character class, and only once: at any place of a text it then looks at each further character a bounded number of
times. The patterns of widely used models that repeat twice stand in a closed list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LENGTH_MAX = 1000
_WAYS_MAX = 64
"""In how many ways a branch may match, but for the length of its one repetition."""
_CLIPPED = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_KNOWN = frozenset(
    rf"{_CLIPPED}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{number}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    for number in (r"\p{N}{1,3}", r"\p{N}")
)
"""Those of GPT-4 and Llama 3, and of Qwen."""
_CLASS = r"\[\^?\]?(?:\\.|\[:\^?[a-z]+:\]|[^\[\]\\])*\]"
_ATOM = re.compile(
    rf"\\[pP]\{{\^?[A-Za-z_]{{1,40}}\}}|\\[wWdDsSrntfvhH]|\\[^A-Za-z0-9]|{_CLASS}|[^\\\[\](){{}}|*+?]", re.S
)
_OPEN = re.compile(r"\((?:\?(?:i)?:|\?=|\?!)?")
_COUNT = re.compile(r"\{(\d{0,3})(,?)(\d{0,3})\}|[*+?]")


def check_pattern(pattern: str) -> None:
    """Raise ValueError for a regular expression that may take long for some text."""
    if pattern in _KNOWN:
        return
    if not 0 < len(pattern) <= LENGTH_MAX:
        raise _refused(pattern, f"is empty or longer than {LENGTH_MAX} characters")
    reader = _Reader(pattern)
    reader.choice(depth=0)
    if reader.at < len(pattern):
        raise _refused(pattern, "has a bracket too many")


@dataclass
class _Backtracking:
    """In how many ways a piece may match, and how often it repeats without an end."""

    ways: int = 1
    endless: int = 0


class _Reader:
    """Reads a pattern from left to right; what it does not know, it refuses."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.at = 0

    def choice(self, depth: int) -> _Backtracking:
        """Read branches up to a closing bracket, or the end; a branch of the whole pattern stands for itself."""
        if depth > 4:
            raise _refused(self._pattern, "has brackets within brackets within brackets")
        branches = [self._branch(depth)]
        while self._next() == "|":
            self.at += 1
            branches.append(self._branch(depth))
        return _Backtracking(sum(one.ways for one in branches), max(one.endless for one in branches))

    def _branch(self, depth: int) -> _Backtracking:
        whole = _Backtracking()
        while self._next() not in ("", "|", ")"):
            piece = self._piece(depth)
            whole = _Backtracking(whole.ways * piece.ways, whole.endless + piece.endless)
            if whole.ways > _WAYS_MAX or whole.endless > 1:
                raise _refused(self._pattern, "may match in too many ways")
        return whole

    def _piece(self, depth: int) -> _Backtracking:
        if atom := _ATOM.match(self._pattern, self.at):
            self.at = atom.end()
            return self._repeated(_Backtracking(), is_group=False)
        opened = _OPEN.match(self._pattern, self.at)
        if opened is None:
            raise _refused(self._pattern, f"holds what is not allowed, at character {self.at + 1}")
        self.at = opened.end()
        inside = self.choice(depth + 1)
        if self._next() != ")":
            raise _refused(self._pattern, "lacks a closing bracket")
        self.at += 1
        return self._repeated(inside, is_group=True)

    def _repeated(self, piece: _Backtracking, *, is_group: bool) -> _Backtracking:
        """Read the sign of repetition behind a piece, if there is one; only one character may repeat without end."""
        sign = _COUNT.match(self._pattern, self.at)
        if sign is None:
            return piece
        self.at = sign.end()
        if self._next() in ("?", "+"):
            raise _refused(self._pattern, "repeats in an unusual way")
        low, high = _bounds(sign)
        if high is None:
            if is_group:
                raise _refused(self._pattern, "repeats a group without an end")
            return _Backtracking(piece.ways, piece.endless + 1)
        if high > 32 or (is_group and high > 1):
            raise _refused(self._pattern, "repeats too often")
        return _Backtracking(piece.ways + high - low, piece.endless)

    def _next(self) -> str:
        return self._pattern[self.at : self.at + 1]


def _bounds(sign: re.Match[str]) -> tuple[int, int | None]:
    if sign[0] in ("*", "+", "?"):
        return (0, 1) if sign[0] == "?" else (0, None)
    low = int(sign[1] or 0)
    high = int(sign[3]) if sign[3] else (None if sign[2] else low)
    if not sign[1] and not sign[3]:
        raise _refused(sign.string, "repeats in an unusual way")
    return low, high


def _refused(pattern: str, problem: str) -> ValueError:
    return ValueError(f"The pattern “{pattern[:80]}” {problem}.")
