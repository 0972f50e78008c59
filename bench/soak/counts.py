"""What is left at the end: documents, passages, vectors, judgements, jobs and files, counted one by one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import psycopg

from bench.soak.users import IMPORTED, SAVED
from retrieval_site.supervisor.paths import DataPaths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.soak.ledger import Ledger

_DOCUMENTS = """
    SELECT document.external_id, document.body,
           (SELECT count(*) FROM search_passage passage WHERE passage.document_id = document.id)
    FROM search_document document JOIN search_collection place ON place.id = document.collection_id
    WHERE place.slug = %s
"""
_UNITS = """
    SELECT (SELECT count(*) FROM {units}),
           (SELECT count(*) FROM {table}),
           (SELECT count(*) FROM {table} vector JOIN {units} unit ON unit.id = vector.unit_id)
"""


class Counting:
    """The database and folder of an installation that is at rest."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.folder, self.ledger = folder, ledger
        self._connection = psycopg.connect(DataPaths(folder).database_url, autocommit=True)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return all rows of a statement."""
        return self._connection.execute(statement, values).fetchall()

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield `lost`, `doubled`, `stuck` or `left behind`, and a sentence for each thing that is wrong."""
        yield from self._documents(IMPORTED, self._imported())
        saved = {name: body for name, body in self.ledger.documents.items() if name not in self.ledger.unsure}
        yield from self._documents(SAVED, saved)
        yield from self._vectors()
        yield from self._judgements()
        yield from self._jobs()
        yield from self._files()

    def _imported(self) -> dict[str, str | None]:
        """Return what the imports whose jobs have succeeded brought."""
        done = {str(row[0]) for row in self.rows("SELECT id FROM workers_job WHERE state = 'succeeded'")}
        return {
            name: body
            for job, documents in self.ledger.imports.items()
            if job in done
            for name, body in documents.items()
        }

    def _documents(self, slug: str, wanted: dict[str, str | None]) -> Iterator[tuple[str, str]]:
        found = self.rows(_DOCUMENTS, slug)
        for name, count in Counter(row[0] for row in found).items():
            if count > 1:
                yield "doubled", f"document {name}: {count} times"
        bodies = {name: body for name, body, _ in found}
        for name, body in wanted.items():
            if bodies.get(name) != body:
                yield "lost", f"document {name}: {bodies.get(name)!r} instead of {body!r}"
        for name, _, passages in found:
            if passages != 1:
                yield "doubled" if passages else "lost", f"document {name} has {passages} passages"

    def _vectors(self) -> Iterator[tuple[str, str]]:
        """Each unit has one vector under each version that is ready."""
        for number, name in self.rows("SELECT id, name FROM models_admin_modelversion WHERE state = 'ready'"):
            for kind, units in (("passage", "search_passage"), ("image", "search_documentimage")):
                table = f"embedding_{number}_{kind}"
                if self.rows("SELECT to_regclass(%s)", table) == [(None,)]:
                    continue
                total, stored, matched = self.rows(_UNITS.format(table=table, units=units))[0]
                if matched < total:
                    yield "lost", f"{name}: {total - matched} of {total} {kind}s without a vector"
                if stored > matched:
                    yield "doubled", f"{name}: {stored - matched} {kind} vectors of nothing"

    def incomplete(self) -> bool:
        """Return whether a unit has no vector yet."""
        return next(self._vectors(), None) is not None

    def broken(self) -> dict[str, int]:
        """Return how many units are recorded as impossible to encode, by error."""
        return dict(
            self.rows(
                "SELECT error_id, count(*) FROM workers_jobitem WHERE payload ? 'unit' GROUP BY error_id"
            )
        )

    def _judgements(self) -> Iterator[tuple[str, str]]:
        found = {
            (str(query), document): grade
            for query, document, grade in self.rows(
                "SELECT query_id, document_id, grade FROM search_judgement"
            )
        }
        for key, grade in self.ledger.judgements.items():
            if found.get(key) != grade and key not in self.ledger.unsure_judgements:
                yield "lost", f"judgement {key}: {found.get(key)} instead of {grade}"

    def unfinished(self) -> list[tuple[Any, ...]]:
        """Return the jobs that wait or run: id, type, state."""
        return self.rows("SELECT id, type, state FROM workers_job WHERE state IN ('queued', 'running')")

    def _jobs(self) -> Iterator[tuple[str, str]]:
        for number, kind, state in self.unfinished():
            yield "stuck", f"job {number} ({kind}) is {state}"

    def _files(self) -> Iterator[tuple[str, str]]:
        """Each row has its file, whole; nothing half written lies about."""
        names = set()
        for sha256, size in self.rows("SELECT sha256, size FROM workers_blob"):
            path = self.folder / "blobs" / sha256[:2] / sha256
            names.add(path)
            if not path.is_file() or path.stat().st_size != size:
                yield "lost", f"the file of blob {sha256}"
        for folder in ("blobs/incoming", "spool", "tmp", "uploads"):
            for path in sorted((self.folder / folder).rglob("*")):
                if path.is_file() and path.suffix != ".lock":
                    yield "left behind", str(path.relative_to(self.folder))
