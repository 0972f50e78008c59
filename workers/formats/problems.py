"""What is wrong with one line, row or entry of a file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, with an id for programs and a sentence for people."""

    error_id: str
    reason: str
