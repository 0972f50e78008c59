"""What is wrong with one line, row or entry of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workers.error_table import id_of, sentence


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, with an id for programs and a sentence for people."""

    error_id: str
    reason: str


def problem(name: str, /, **facts: Any) -> Problem:
    """Return what is wrong, by the name of its sentence in the table of errors."""
    return Problem(id_of(name), sentence(name, facts))
