"""Tables that Citus distributes, where that extension is installed in our database and `VECTOR_SHARDS` names nothing.

They have their own name and are written, indexed and searched as tables on one server are: the distribution is Citus'.
Tested as SQL, and **not run on Citus**: docs/decisions/sharding.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection
from psycopg import sql

if TYPE_CHECKING:
    from search.vectors.tables import VectorTable

_INSTALLED = "SELECT count(*) FROM pg_extension WHERE extname = 'citus'"
_NODES = "SELECT count(*) FROM pg_dist_node WHERE isactive AND noderole = 'primary' AND shouldhaveshards"
_CREATE = sql.SQL("""
    CREATE TABLE {table} (
        unit_id bigint PRIMARY KEY,
        document_id bigint NOT NULL,
        collection_id bigint NOT NULL,
        embedding halfvec({dim}) STORAGE PLAIN NOT NULL
    );
    CREATE INDEX ON {table} (document_id);
    CREATE INDEX ON {table} (collection_id);
    SELECT create_distributed_table({name}, 'unit_id', shard_count => {shards}, colocate_with => 'none');
""")
# A distributed table has no foreign key to one that is not, so units that go take their vectors along by this. A table
# that was dropped leaves its trigger, which does nothing then: dropping that would wait for everybody who writes units.
_GONE = sql.SQL("""
    CREATE OR REPLACE FUNCTION sightline_distributed_gone() RETURNS trigger LANGUAGE plpgsql AS $gone$
    DECLARE
        ids bigint[] := ARRAY(SELECT id FROM gone);
    BEGIN
        IF cardinality(ids) > 0 AND to_regclass(TG_ARGV[0]) IS NOT NULL THEN
            EXECUTE format('DELETE FROM %I WHERE unit_id = ANY($1)', TG_ARGV[0]) USING ids;
        END IF;
        RETURN NULL;
    END $gone$;
    CREATE OR REPLACE TRIGGER {trigger} AFTER DELETE ON {units} REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION sightline_distributed_gone({name});
""")


def citus_nodes() -> int:
    """Return how many nodes of Citus hold rows; 0 where it is not installed, or has none."""
    with connection.cursor() as cursor:
        cursor.execute(_INSTALLED)
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_NODES)
        return int(cursor.fetchone()[0])


def citus_statement(table: VectorTable, dim: int, count: int) -> sql.Composed:
    """Return what makes a table over `count` shards of Citus, with `hnsw` built by `CREATE INDEX` on its name."""
    known_as = {"table": table.identifier, "name": sql.Literal(table.name)}
    create = _CREATE.format(**known_as, dim=sql.Literal(dim), shards=sql.Literal(count))
    trigger = sql.Identifier(f"{table.name}_gone")
    return create + _GONE.format(**known_as, trigger=trigger, units=sql.Identifier(table.units))


def citus_create(table: VectorTable, dim: int, nodes: int) -> None:
    """Make the table with one shard a node: each has an index of its own, so fewer are faster."""
    with connection.cursor() as cursor:
        cursor.execute(citus_statement(table, dim, nodes))
