"""A corpus large enough for the planner to have a choice, and searches of it down to the candidates."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from search.models import Document
from search.retrieval import statements
from search.retrieval.dense import Dense, planned
from search.retrieval.scope import make_scope
from search.retrieval.types import EncodedPart, EncodedQuery
from search.vectors.index import index_build
from search.vectors.tables import VectorTable, table_drop
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models_admin.models import ModelVersion
    from search.models import Collection
    from search.retrieval.types import Candidates, Plan, Scope

RARE, PRIVATE = 400, 300


class Searched(NamedTuple):
    """A version whose vectors are indexed, and the two collections that they are of."""

    version: ModelVersion
    public: Collection
    private: Collection


@contextmanager
def searched(name: str, *, rows: int, dim: int, **fields: Any) -> Iterator[Searched]:
    """`rows` public documents, the last 400 tagged as rare, and 300 private ones, indexed; all gone afterwards."""
    version = make_version(name, dim=dim, champion=False, **fields)
    public, private = make_collection(name), make_collection(f"{name}-private", visibility="private")
    passages = make_documents(public, rows - RARE)
    passages += make_documents(public, RARE, tags=["rare"], metadata={"site": "north"})
    passages += make_documents(private, PRIVATE)
    store(version, passages, clustered(len(passages), dim, seed=1))
    index_build(version, "passage")
    yield Searched(version, public, private)
    table_drop(version)
    for collection in (public, private):
        Document.objects.filter(collection=collection).delete()
        collection.delete()
    bundle = version.bundle
    version.delete()
    bundle.delete()


def encoded(version: ModelVersion, seed: int = 2) -> EncodedQuery:
    """A question near the stored vectors."""
    return EncodedQuery(version, (EncodedPart("embedding", clustered(1, version.dim, seed=seed)),))


def scope_of(version: ModelVersion, collections: Sequence[Collection], **filters: Any) -> Scope:
    """What of these collections' passages may be found."""
    return make_scope(VectorTable(version.pk, "passage"), tuple(one.pk for one in collections), filters)


def run(version: ModelVersion, scope: Scope, wanted: int, seed: int = 2) -> Candidates:
    """The candidates of one search by a question near the stored vectors."""
    return ask(encoded(version, seed), scope, wanted)


def ask(query: EncodedQuery, scope: Scope, wanted: int) -> Candidates:
    """The candidates of one search."""
    with Dense().ready(query.version, scope, wanted) as find:
        return find(query)


def exact_scores(version: ModelVersion, scope: Scope, seed: int, count: int = 10) -> dict[int, float]:
    """The best units of an exact scan and their scores."""
    with connection.cursor() as cursor:
        parameters = statements.parameters(scope, encoded(version, seed).parts[0].vectors[0], count=count)
        cursor.execute(statements.exact(scope, version.dim), parameters)
        return {row[0]: -row[2] for row in cursor.fetchall()}


def explain(statement: str, version: ModelVersion, scope: Scope, plan: Plan) -> str:
    """What PostgreSQL would do for this statement under this plan's settings."""
    with planned(plan), connection.cursor() as cursor:
        parameters = statements.parameters(scope, encoded(version).parts[0].vectors[0], count=plan.candidates)
        cursor.execute(f"EXPLAIN {statement}", parameters)
        return "\n".join(row[0] for row in cursor.fetchall())


def explain_kept(statement: str, plan: Plan) -> str:
    """What PostgreSQL does once it plans this statement for all values."""
    numbers: dict[str, int] = {}
    numbered = re.sub(
        r"%\((\w+)\)s", lambda name: f"${numbers.setdefault(name[1], len(numbers) + 1)}", statement
    )
    with planned(plan), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (GENERIC_PLAN) {numbered}")
        return "\n".join(row[0] for row in cursor.fetchall())
