"""The one table of errors, `errors.toml`: of each id its status, its sentence, and who can meet it.

It is plain Python, so that the neural packages raise from it too, and is read when it is imported: sandboxed processes
raise from it when they can open no file any more. `retrieval_site.errors.AppError` and
`workers.inference.errors.InferenceError` take an id and its facts; the words come from here.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.error_table.words import filled

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE = Path(__file__).with_name("errors.toml")
STATUS_ELSEWHERE = 400
"""Of ids that stand in a job or in one of its items, should a request meet one."""

EVERYWHERE = "every request"


@dataclass(frozen=True)
class ErrorKind:
    """One id: its section of the docs, its status or where else it stands, its words, and who can meet it."""

    section: str
    place: int | str
    sentences: Mapping[str, str]
    """By variant; the one of most cases is the variant ``""``."""

    meaning: str
    sources: tuple[str, ...]
    """Operations of the API, groups of these, and places beside it."""

    @property
    def status(self) -> int:
        """The HTTP status of an answer with this id."""
        return self.place if isinstance(self.place, int) else STATUS_ELSEWHERE


def _kind(section: str, row: Mapping[str, Any]) -> ErrorKind:
    sentences = {"": row["sentence"]} if "sentence" in row else {}
    return ErrorKind(
        section,
        row["status"],
        {**sentences, **row.get("variants", {})},
        row.get("meaning", ""),
        tuple(row["from"]),
    )


def _read(table: Mapping[str, Any]) -> dict[str, ErrorKind]:
    return {
        f"{family}.{name}": _kind(section["title"], row)
        for section in table["section"]
        for family, rows in section.items()
        if family != "title"
        for name, row in rows.items()
    }


_TABLE = tomllib.loads(TABLE.read_text())
ERRORS = _read(_TABLE)
GROUPS: dict[str, tuple[str, ...]] = {name: tuple(group) for name, group in _TABLE["groups"].items()}
PLACES: dict[str, str] = _TABLE["places"]


def id_of(name: str) -> str:
    """Return the id in the name of a sentence, `ID` or `ID/VARIANT`."""
    return name.partition("/")[0]


def status_of(error_id: str) -> int:
    """Return the status of an id; one that the table lacks, which a test finds, counts as a caller's fault."""
    kind = ERRORS.get(error_id)
    return kind.status if kind else STATUS_ELSEWHERE


def sentence(name: str, facts: Mapping[str, Any] | None = None) -> str:
    """Return the sentence of `ID` or `ID/VARIANT`, filled with the facts; raises KeyError where one is missing."""
    error_id, _, variant = name.partition("/")
    return filled(ERRORS[error_id].sentences[variant], facts or {})


def errors_of(operation: str) -> dict[str, ErrorKind]:
    """Return the errors that an operation of the API can answer with, by id."""
    return {error_id: kind for error_id, kind in ERRORS.items() if _meets(operation, kind.sources)}


def _meets(operation: str, sources: tuple[str, ...]) -> bool:
    return any(source in (EVERYWHERE, operation) or operation in GROUPS.get(source, ()) for source in sources)
