"""The one table of error ids, `errors.toml`: what status each has, and what the docs say of it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("errors.toml")
STATUS_ELSEWHERE = 400
"""Of ids that stand in a job or in one of its items, should a request meet one."""


@dataclass(frozen=True)
class ErrorKind:
    """One id: its section of the docs, its status or where else it stands, and what it means."""

    section: str
    place: int | str
    meaning: str

    @property
    def status(self) -> int:
        """The HTTP status of an answer with this id."""
        return self.place if isinstance(self.place, int) else STATUS_ELSEWHERE


def _read() -> dict[str, ErrorKind]:
    sections = tomllib.loads(TABLE.read_text())
    return {
        error_id: ErrorKind(section, place, meaning)
        for section, rows in sections.items()
        for error_id, (place, meaning) in rows.items()
    }


ERRORS = _read()


def status_of(error_id: str) -> int:
    """Return the status of an id; one that the table lacks, which a test finds, counts as a caller's fault."""
    kind = ERRORS.get(error_id)
    return kind.status if kind else STATUS_ELSEWHERE


def as_markdown() -> str:
    """Return the catalogue as docs/api.md shows it."""
    sections: dict[str, list[str]] = {}
    for error_id, kind in ERRORS.items():
        row = f"| `{error_id}` | {kind.place} | {kind.meaning} |".replace("|  |", "| |")
        sections.setdefault(kind.section, []).append(row)
    return "\n".join(
        "\n".join([f"### {section}", "", "| id | status | |", "|---|---|---|", *rows, ""])
        for section, rows in sections.items()
    )
