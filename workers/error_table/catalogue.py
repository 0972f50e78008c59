"""The list of errors as docs/api.md shows it."""

from __future__ import annotations

from workers.error_table import ERRORS, GROUPS, PLACES


def as_markdown() -> str:
    """Return the whole catalogue, made of the table."""
    sections: dict[str, list[str]] = {}
    for error_id, kind in ERRORS.items():
        cells = (f"`{error_id}`", str(kind.place), kind.meaning, _from(kind.sources))
        row = f"| {' | '.join(cells)} |".replace("|  |", "| |")
        sections.setdefault(kind.section, []).append(row)
    tables = [_table(section, rows) for section, rows in sections.items()]
    return "\n".join([_key(), *tables])


def _table(section: str, rows: list[str]) -> str:
    return "\n".join([f"### {section}", "", "| id | status | | from |", "|---|---|---|---|", *rows, ""])


def _from(sources: tuple[str, ...]) -> str:
    known = {*GROUPS, *PLACES}
    return ", ".join(source if source in known else f"`{source}`" for source in sources)


def _key() -> str:
    """Return what the words of the column “from” mean; what stands there as code is an operation of the schema."""
    groups = [f"| {name} | {', '.join(f'`{one}`' for one in group)} |" for name, group in GROUPS.items()]
    places = [f"| {name} | {meaning} |" for name, meaning in PLACES.items()]
    return "\n".join(["### Where errors come from", "", "| from | |", "|---|---|", *places, *groups, ""])
