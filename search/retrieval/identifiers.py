"""Retrieval by identifiers: the documents that carry a part number, a serial or an id of the search's words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg import sql

from retrieval_site.database.reading import connection
from search.retrieval import statements
from search.retrieval.lexical import first_unit, unit_at_passage
from search.retrieval.types import Candidates, Plan, Unit
from search.units.passage import PASSAGE
from search.words.identifiers import asked_identifiers, normalised, not_within_others

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models_admin.models import ModelVersion
    from search.retrieval.types import Find, Scope

DOCUMENTS_MIN = 100
IN_TEXTS_MAX = 20
"""What stands in the texts of more documents than these is a word like “12V” and names none of them."""

_FIND = sql.SQL("""
    SELECT named.value, {unit}, named.document_id
    FROM (
        SELECT value, source, document_id, count(*) OVER (PARTITION BY value) AS documents
        FROM search_documentidentifier identifier
        JOIN search_document stored ON stored.id = identifier.document_id
        WHERE value = ANY(%(values)s) AND {conditions}
    ) named
    {join}
    WHERE named.source <> 'text' OR named.documents <= {texts} OR named.value = %(whole)s
    ORDER BY named.source = 'text', named.document_id LIMIT %(count)s
""")
# The passage that names it where one does, else the first.
_NAMING_PASSAGE = sql.SQL("""
    JOIN LATERAL (
        SELECT passage.id FROM search_passage passage WHERE passage.document_id = named.document_id
        ORDER BY strpos(lower(regexp_replace(passage.text, '[^[:alnum:]]+', '', 'g')), named.value) = 0, ordinal
        LIMIT 1
    ) {name} ON true
""")


class Identifiers:
    """Identifiers among the words of a search; a longer one hides those that are parts of it."""

    def __init__(self, text: str) -> None:
        self._values, self._whole = asked_identifiers(text), normalised(text)

    @contextmanager
    def ready(self, version: ModelVersion, scope: Scope, wanted: int) -> Iterator[Find]:
        """Look them up at once: nothing of it needs the vectors."""
        units = self._named(scope, max(DOCUMENTS_MIN, wanted)) if self._values else ()
        plan = Plan("lexical", len(units), retrievers=("identifiers",))
        found = Candidates(units, plan, exhausted=len(units) < wanted, retriever="identifiers")
        yield lambda query: found

    def _named(self, scope: Scope, count: int) -> tuple[Unit, ...]:
        rows = named_rows(scope, self._values, self._whole, count)
        longest = not_within_others([value for value, _, _ in rows], [self._whole])
        return tuple(
            Unit(unit_id, document_id, 1.0) for value, unit_id, document_id in rows if value in longest
        )


def named_rows(scope: Scope, values: Sequence[str], whole: str, count: int) -> list[tuple[str, int, int]]:
    """Return value, unit and document of what carries one of these identifiers; `whole` may be a common word."""
    statement = _FIND.format(
        unit=sql.SQL("unit.id"),
        conditions=statements.conditions(scope),
        texts=sql.Literal(IN_TEXTS_MAX),
        join=_unit_of(scope),
    )
    with connection.cursor() as cursor:
        asked = {"values": list(values), "whole": whole}
        cursor.execute(statement.as_string(), asked | statements.parameters(scope, count=count))
        rows: list[tuple[str, int, int]] = cursor.fetchall()
    return rows


def _unit_of(scope: Scope) -> sql.Composable:
    """Return the join with the unit of the document that is shown for what it is called."""
    if scope.table.kind == PASSAGE.name:
        return _NAMING_PASSAGE.format(name=sql.SQL("unit"))
    if at_passage := unit_at_passage(scope, sql.SQL("naming.id")):
        return _NAMING_PASSAGE.format(name=sql.SQL("naming")) + at_passage
    return first_unit(scope, sql.SQL("named.document_id"))
