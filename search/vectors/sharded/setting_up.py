"""Setting up: the extension, servers and user mappings here; on each shard the vector type and the width of a search.

`SET LOCAL hnsw.ef_search` stays on the server where it is said. So each shard has a view whose column `applied` sets it
for the transaction that reads it, and a foreign table here leads to that view: reading it once sets it there. The other
settings of a search are the same for all, and stand in the options of the servers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import DEFAULT_DB_ALIAS, connection, transaction
from psycopg import sql

from retrieval_site.database.vector_servers import PREFIX, servers_standing
from search.units.registry import unit_kinds
from search.vectors.sharded.servers import connected, shards

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from search.vectors.sharded.servers import Shard

EF_SEARCH_MAX = 1000
MAX_SCAN_TUPLES = 40_000
FETCH_ROWS = 25
"""Rows that come at a time: each brings its vector as text, so few, and a search rarely needs more of a shard."""

SERVER_OPTIONS = {
    "extensions": "vector",  # without it, nothing about vectors is asked of the shard
    "fetch_size": str(FETCH_ROWS),
    "batch_size": "200",
    "async_capable": "true",
    "fdw_tuple_cost": "10",  # rows are long: let the shard sort and cut
    "tcp_user_timeout": "1000",
    "keepalives_idle": "1",
    "keepalives_interval": "1",
    "keepalives_count": "2",
    # A cursor is planned for the few rows that a search reads of it, which is what an index is for.
    "options": f"-c hnsw.iterative_scan=relaxed_order -c hnsw.max_scan_tuples={MAX_SCAN_TUPLES}"
    " -c cursor_tuple_fraction=0.00001",
}
WIDTH = "sightline_search_width"
"""The view on a shard, and with the server's name behind it the foreign table here."""

ASKED = "sightline_search_asked"
"""A table that stores nothing: what is inserted becomes the vector that its transaction compares with."""

ON_SHARD = f"""
    CREATE EXTENSION IF NOT EXISTS vector;
    CREATE TABLE IF NOT EXISTS {WIDTH}s (ef_search int PRIMARY KEY);
    INSERT INTO {WIDTH}s SELECT generate_series(1, {EF_SEARCH_MAX}) ON CONFLICT DO NOTHING;
    CREATE OR REPLACE VIEW {WIDTH} AS
        SELECT ef_search, set_config('hnsw.ef_search', ef_search::text, true) AS applied FROM {WIDTH}s;
    CREATE TABLE IF NOT EXISTS {ASKED} (vector text);
    CREATE OR REPLACE FUNCTION {ASKED}() RETURNS trigger LANGUAGE plpgsql AS $asked$
    BEGIN
        PERFORM set_config('sightline.vector', NEW.vector, true);
        RETURN NULL;
    END $asked$;
    CREATE OR REPLACE TRIGGER {ASKED} BEFORE INSERT ON {ASKED} FOR EACH ROW EXECUTE FUNCTION {ASKED}();
"""  # noqa: S608  (our own words)

LEFT = "sightline_vectors_left"
"""Units that went while a server with a part was away, so that their vectors may have stayed there."""
_LEFT = f"CREATE TABLE IF NOT EXISTS {LEFT} (part text NOT NULL, unit_id bigint NOT NULL)"

# Foreign tables take part in no foreign key, so units that go take their vectors along by this. A server that is away
# holds up nobody: what stays there finds nothing any more, is noted, and goes when vectors are counted next.
_GONE = """
    CREATE OR REPLACE FUNCTION sightline_vectors_gone() RETURNS trigger LANGUAGE plpgsql AS $gone$
    DECLARE
        ids bigint[] := ARRAY(SELECT id FROM gone);
        part regclass;
    BEGIN
        IF cardinality(ids) = 0 THEN RETURN NULL; END IF;
        FOR part IN
            SELECT child.oid FROM pg_class parent
            JOIN pg_inherits ON inhparent = parent.oid JOIN pg_class child ON child.oid = inhrelid
            WHERE parent.relkind = 'p' AND child.relkind = 'f' AND pg_table_is_visible(parent.oid)
            AND parent.relname ~ ('^embedding_[0-9]+_' || TG_ARGV[0] || '(_next)?$')
        LOOP
            BEGIN
                EXECUTE format('DELETE FROM %s WHERE unit_id = ANY($1)', part) USING ids;
            EXCEPTION WHEN connection_exception OR sqlclient_unable_to_establish_sqlconnection
                      OR connection_failure OR fdw_error THEN
                INSERT INTO sightline_vectors_left SELECT part::text, unnest(ids);
                RAISE WARNING 'vectors of deleted units stay in %: %', part, SQLERRM;
            END;
        END LOOP;
        RETURN NULL;
    END $gone$
"""
_WHEN_GONE = sql.SQL("""
    CREATE OR REPLACE TRIGGER sightline_vectors_gone AFTER DELETE ON {units}
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION sightline_vectors_gone({kind})
""")


def set_up() -> None:
    """Make everything that shards need, on them and here; what is there already follows the setting's addresses.

    Raises AppError `shards.address`, `shards.away`, and Django's ProgrammingError where the account may not do it.
    """
    for shard in shards():
        with connected(shard) as there:
            there.execute(ON_SHARD)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS postgres_fdw")
        for shard in shards():
            for statement in server_statements(shard, _options_of(shard.name)):
                cursor.execute(statement)
        cursor.execute(_LEFT)
        cursor.execute(_GONE)
        for kind in unit_kinds():
            cursor.execute(_WHEN_GONE.format(units=sql.Identifier(kind.table), kind=sql.Literal(kind.name)))


# CASCADE takes what hangs on a server: its mapping with the password, and the foreign tables that lead there.
_UNUSED = """
    SELECT srvname FROM pg_foreign_server server
    WHERE srvname = ANY(%s) AND NOT EXISTS (
        SELECT FROM pg_foreign_table JOIN pg_inherits ON inhrelid = ftrelid WHERE ftserver = server.oid
    ) ORDER BY srvname
"""


def servers_forget() -> int:
    """Drop the servers that neither the setting names nor a table has a part on; return how many there were."""
    named = {shard.name for shard in shards()}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_UNUSED, [[name for name in servers_standing(DEFAULT_DB_ALIAS) if name not in named]])
        unused = [name for (name,) in cursor.fetchall()]
        for name in unused:
            cursor.execute(sql.SQL("DROP SERVER {} CASCADE").format(sql.Identifier(name)))
    return len(unused)


def _options_of(server: str) -> list[str] | None:
    """Return the names of the options that a server has; None where there is no such server."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ARRAY(SELECT split_part(option, '=', 1) FROM unnest(srvoptions) option)"
            " FROM pg_foreign_server WHERE srvname = %s",
            [server],
        )
        found = cursor.fetchone()
    return list(found[0]) if found else None


def server_statements(shard: Shard, known: list[str] | None) -> Iterator[sql.Composed]:
    """Yield what makes a server with its mapping, or changes one that has the options `known`."""
    server, options = sql.Identifier(shard.name), SERVER_OPTIONS | shard.of_server
    if known is None:
        yield sql.SQL("CREATE SERVER {} FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({})").format(
            server, _listed(options)
        )
    else:
        yield sql.SQL("ALTER SERVER {} OPTIONS ({})").format(server, _listed(options, known))
    yield sql.SQL("DROP USER MAPPING IF EXISTS FOR PUBLIC SERVER {}").format(server)
    yield sql.SQL("CREATE USER MAPPING FOR PUBLIC SERVER {} OPTIONS ({})").format(
        server, _listed(shard.of_user)
    )
    yield sql.SQL(
        "CREATE FOREIGN TABLE IF NOT EXISTS {} (ef_search int, applied text) SERVER {} OPTIONS (table_name {})"
    ).format(sql.Identifier(width_table(shard.name)), server, sql.Literal(WIDTH))
    yield sql.SQL(
        "CREATE FOREIGN TABLE IF NOT EXISTS {} (vector text) SERVER {} OPTIONS (table_name {})"
    ).format(sql.Identifier(asked_table(shard.name)), server, sql.Literal(ASKED))


def width_table(server: str) -> str:
    """Return the name of the foreign table by which a server's `ef_search` is set."""
    return f"{WIDTH}_{server.removeprefix(PREFIX)}"


def asked_table(server: str) -> str:
    """Return the name of the foreign table by which a server is given the vector that is searched with."""
    return f"{ASKED}_{server.removeprefix(PREFIX)}"


def _listed(options: Mapping[str, str], known: list[str] | None = None) -> sql.Composed:
    written = []
    for name, value in options.items():
        action = "" if known is None else "SET " if name in known else "ADD "
        written.append(sql.SQL("{}{} {}").format(sql.SQL(action), sql.Identifier(name), sql.Literal(value)))
    return sql.SQL(", ").join(written)
