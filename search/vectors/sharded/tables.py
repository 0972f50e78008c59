"""Making and dropping a table's parts: on the shards first, by connections of our own, then here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection
from psycopg import sql

from retrieval_site.errors import AppError
from search.vectors.nearest import compared
from search.vectors.sharded.layout import NEAR, VectorPart, parts_named
from search.vectors.sharded.servers import connected, shard_named, shards

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.vectors.sharded.servers import Shard
    from search.vectors.tables import VectorTable

# What an earlier table of this name left, because its server was away when it was dropped, is not the new one's.
_ON_SHARD = sql.SQL("""
    DROP TABLE IF EXISTS {part} CASCADE;
    CREATE TABLE {part} (
        unit_id bigint PRIMARY KEY,
        document_id bigint NOT NULL,
        collection_id bigint NOT NULL,
        embedding halfvec({dim}) STORAGE PLAIN NOT NULL
    );
    CREATE INDEX {by_document} ON {part} (document_id);
    CREATE INDEX {by_collection} ON {part} (collection_id);
""")
_VIEW = sql.SQL("""
    CREATE OR REPLACE VIEW {near} AS
        SELECT unit_id, document_id, collection_id, embedding,
               embedding <#> (SELECT {vector}) AS distance,
               {signs} <~> (SELECT {wanted_signs}) AS apart,
               {steps} <~> (SELECT {wanted_steps}) AS steps_apart
        FROM {part}
""")
_PARENT = sql.SQL("""
    CREATE TABLE {table} (
        unit_id bigint NOT NULL,
        document_id bigint NOT NULL,
        collection_id bigint NOT NULL,
        embedding halfvec({dim}) NOT NULL
    ) PARTITION BY HASH (unit_id)
""")
_PART = sql.SQL("""
    CREATE FOREIGN TABLE {part} PARTITION OF {table} FOR VALUES WITH (MODULUS {modulus}, REMAINDER {remainder})
    SERVER {server} OPTIONS (table_name {name})
""")
# Distances are computed there, of the vector that the transaction was given (`vector_ask`), so that none travels.
_NEAR = sql.SQL("""
    CREATE FOREIGN TABLE {near} (
        unit_id bigint NOT NULL,
        document_id bigint NOT NULL,
        collection_id bigint NOT NULL,
        embedding halfvec({dim}) NOT NULL,
        distance float8,
        apart float8,
        steps_apart float8
    ) SERVER {server} OPTIONS (table_name {near_name}, fetch_size '100')
""")
# A sample of the rows comes as text with every vector in it, and only their number is of use.
_FEW_SAMPLES = sql.SQL("ALTER FOREIGN TABLE {} ALTER {} SET STATISTICS 1")
_ADD_STEPS = sql.SQL("ALTER FOREIGN TABLE {} ADD COLUMN IF NOT EXISTS steps_apart float8")
_WITH_STEPS = """
    SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'steps_apart'
    WHERE relname = ANY(%s) AND relnamespace = current_schema()::regnamespace AND NOT attisdropped
"""
_COLUMNS = ("unit_id", "document_id", "collection_id", "embedding")


def parts_create(table: VectorTable, dim: int, *, name: str = "") -> tuple[VectorPart, ...]:
    """Make the table over the shards of the setting, under its own name or another; what is there stays.

    Raises AppError `shards.away`, and `shards.not_set_up`.
    """
    name = name or table.name
    if known := parts_named(name):
        return known
    _require_set_up()
    generation = _next_generation(table)
    parts = [
        VectorPart(f"{table.name}_g{generation}_{place}", shard.name) for place, shard in enumerate(shards())
    ]
    for shard, part in zip(shards(), parts, strict=True):
        part_create_there(shard, part.name, dim)
    with connection.cursor() as cursor:
        cursor.execute(_PARENT.format(table=sql.Identifier(name), dim=sql.Literal(dim)))
    for place, part in enumerate(parts):
        part_place(name, part, dim, modulus=len(parts), remainder=place)
    return parts_named(name)


def part_place(name: str, part: VectorPart, dim: int, *, modulus: int, remainder: int) -> None:
    """Make the foreign tables that lead to a part, as the partition of the table `name` with this remainder."""
    server = sql.Identifier(part.server)
    near = {"near": sql.Identifier(part.near), "near_name": sql.Literal(part.near)}
    with connection.cursor() as cursor:
        cursor.execute(_NEAR.format(server=server, dim=sql.Literal(dim), **near))
        cursor.execute(
            _PART.format(
                part=part.identifier,
                name=sql.Literal(part.name),
                table=sql.Identifier(name),
                modulus=sql.Literal(modulus),
                remainder=sql.Literal(remainder),
                server=server,
            )
        )
        for column in _COLUMNS:
            cursor.execute(_FEW_SAMPLES.format(part.identifier, sql.Identifier(column)))


def _require_set_up() -> None:
    names = [shard.name for shard in shards()]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_foreign_server WHERE srvname = ANY(%s)", [names])
        if cursor.fetchone()[0] < len(names):
            raise AppError("shards.not_set_up")


def _next_generation(table: VectorTable) -> int:
    """Return a number that no part of the table has, so that a new layout stands beside the old one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(substring(relname FROM '_g([0-9]+)_[0-9]+$')::int), 0) + 1 FROM pg_class"
            " WHERE relname ~ ('^' || %s || '_g[0-9]+_[0-9]+$')",
            [table.name],
        )
        return int(cursor.fetchone()[0])


def part_create_there(shard: Shard, part: str, dim: int) -> None:
    """Make a part's table on its shard, empty, with its view; raises AppError `shards.away`."""
    statement = _ON_SHARD.format(
        part=sql.Identifier(part),
        dim=sql.Literal(dim),
        by_document=sql.Identifier(f"{part}_document"),
        by_collection=sql.Identifier(f"{part}_collection"),
    )
    with connected(shard) as there:
        there.execute(statement)
        there.execute(_view(part, dim))


def views_renew(parts: Sequence[VectorPart], dim: int) -> None:
    """Let parts that were made before there were ternary indexes bring what those order by.

    Raises AppError `shards.away`.
    """
    for part in parts:
        with connected(shard_named(part.server)) as there:
            there.execute(_view(part.name, dim))
    with connection.cursor() as cursor:
        cursor.execute(_WITH_STEPS, [[part.near for part in parts]])
        known = {name for (name,) in cursor.fetchall()}
        for part in parts:
            if part.near not in known:  # adding a column waits for whoever searches
                cursor.execute(_ADD_STEPS.format(sql.Identifier(part.near)))


def _view(part: str, dim: int) -> sql.Composed:
    """Return the view by which a part is searched for the vector that the transaction was given."""
    stored = sql.SQL("embedding")
    wanted = sql.SQL("current_setting('sightline.vector')::halfvec({})").format(sql.Literal(dim))
    return _VIEW.format(
        part=sql.Identifier(part),
        near=sql.Identifier(part + NEAR),
        vector=wanted,
        signs=compared("binary", dim, stored),
        wanted_signs=compared("binary", dim, wanted),
        steps=compared("ternary", dim, stored),
        wanted_steps=compared("ternary", dim, wanted),
    )


def parts_drop(parts: Sequence[VectorPart]) -> None:
    """Drop these parts' tables on their shards; those that are away keep theirs until a part has its name."""
    by_name = {shard.name: shard for shard in shards()}
    with connection.cursor() as cursor:
        for part in parts:
            cursor.execute(sql.SQL("DROP FOREIGN TABLE IF EXISTS {}").format(sql.Identifier(part.near)))
    for part in parts:
        if part.server in by_name:
            try:
                with connected(by_name[part.server]) as there:
                    there.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(part.identifier))
            except AppError:
                continue
