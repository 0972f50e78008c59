"""Where Citus is installed, a version's tables are its own: the SQL, on a server that only has its function's name.

Citus itself was not to be had, so what it makes of this is not tested.
"""

from __future__ import annotations

import pytest
from django.db import connection

from search.models import Document
from search.vectors import tables
from search.vectors.copy import vectors_write
from search.vectors.coverage import coverage
from search.vectors.index import index_build, index_state
from search.vectors.sharded import citus
from search.vectors.sharded.citus import citus_nodes, citus_statement
from search.vectors.tables import VectorTable, table_drop
from tests.support.corpus import clustered, make_collection, make_documents, make_version

pytestmark = pytest.mark.django_db
DIM = 32
_CALLED = """
    CREATE TABLE distributed (name text, by_column text, shards int, beside text);
    CREATE FUNCTION create_distributed_table(name text, by_column text, shard_count int, colocate_with text)
    RETURNS void LANGUAGE sql AS $$ INSERT INTO distributed VALUES ($1, $2, $3, $4) $$
"""


@pytest.fixture
def four_nodes(monkeypatch):
    """What is noted of each call of Citus' function."""
    monkeypatch.setattr(tables, "citus_nodes", lambda: 4)

    def called():
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM distributed ORDER BY name")
            return cursor.fetchall()

    with connection.cursor() as cursor:
        cursor.execute(_CALLED)
    return called


def test_without_citus_there_are_no_nodes() -> None:
    assert citus_nodes() == 0


def test_nodes_are_asked_of_citus_where_it_is_installed(monkeypatch) -> None:
    monkeypatch.setattr(citus, "_INSTALLED", "SELECT 1")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE pg_dist_node (isactive bool, noderole text, shouldhaveshards bool)")
        rows = "(true, 'primary', true), (true, 'primary', true), (true, 'secondary', true), (true, 'primary', false)"
        cursor.execute(f"INSERT INTO pg_dist_node VALUES {rows}, (false, 'primary', true)")
    assert citus_nodes() == 2


def test_a_versions_tables_are_distributed_by_unit_with_a_shard_a_node(four_nodes) -> None:
    version = make_version("spread", dim=DIM)
    assert four_nodes() == [
        (table.name, "unit_id", 4, "none")
        for table in sorted(tables.tables_of(version), key=lambda table: table.name)
    ]


def test_such_a_table_is_filled_indexed_and_rid_of_units_that_go(four_nodes) -> None:
    version = make_version("spread", dim=DIM)
    passages = make_documents(make_collection(), 30)
    assert vectors_write(version, "passage", [one.pk for one in passages], clustered(30, DIM)) == 30
    index_build(version, "passage")
    assert index_state(version, "passage").kind == "hnsw"
    Document.objects.filter(pk=passages[0].document_id).delete()
    assert coverage(version)["passage"].stored == coverage(version)["passage"].total == 29
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {VectorTable(version.pk, 'passage').name}")
        assert cursor.fetchone() == (29,)
    table_drop(version)
    Document.objects.filter(pk=passages[1].document_id).delete()  # its trigger has nothing to do


def test_the_statement_names_what_citus_needs() -> None:
    written = citus_statement(VectorTable(7, "passage"), 64, 16).as_string()
    assert "halfvec(64) STORAGE PLAIN" in written
    assert (
        "create_distributed_table('embedding_7_passage', 'unit_id', shard_count => 16, colocate_with => 'none')"
        in written
    )
