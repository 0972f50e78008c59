"""Fills every table that pages list with very many rows, by SQL. Imported once the server's database is at hand."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client

from search.models import Collection, CollectionField, Membership
from search.services.fields import fields_count

COLLECTIONS, SEEN = 8, 4
"""How many there are, and how many of them the member sees."""
SHARES = (40, 65, 75, 82, 88, 93, 97, 100)
"""Where each collection ends, in per cent of the documents."""
_TABLES = (
    *("search_document", "search_passage", "search_documentimage", "search_fieldvalue", "lexical_passage"),
    *("search_query", "search_querypart", "search_judgement", "search_trasheddocument"),
    *("search_changeset", "search_changeddocument", "search_auditentry", "workers_job", "workers_blob"),
)
_DOCUMENTS = """
    INSERT INTO search_document (collection_id, external_id, title, body, url, tags, metadata, outline, content_hash,
                                 split_pending, changed_since_import, created_at, updated_at)
    SELECT (%(collections)s::bigint[])[1 + width_bucket(100.0 * n / %(size)s, %(ends)s::numeric[])],
           'd' || n, noun || ' number ' || n, 'The ' || noun || ' of machine ' || n %% 997 || ' leaks at its seal.', '',
           CASE WHEN n %% 50 = 0 THEN '{}' ELSE ARRAY['tag' || n %% 20] END::varchar[],
           jsonb_build_object('maker', 'Maker ' || n %% 40, 'year', 1900 + n %% 100), '{}', md5(n::text),
           false, false, now() - n * interval '1 second', now() - (n::bigint * 7919 %% %(size)s) * interval '1 second'
    FROM (SELECT n, (ARRAY['Pump', 'Valve', 'Gear', 'Bearing', 'Motor'])[1 + n %% 5] AS noun
          FROM generate_series(0, %(size)s - 1) n) numbered ORDER BY n
"""
_WITH_DOCUMENTS = (
    """
    INSERT INTO search_passage (document_id, ordinal, start, "end", text, heading, page)
    SELECT id, 0, 0, length(body), body, '', 0 FROM search_document ORDER BY id
    """,
    """
    INSERT INTO lexical_passage
    SELECT passage.id, document.id, document.collection_id, 'english',
           search_words('english', document.title || ' ' || passage.text)
    FROM search_passage passage JOIN search_document document ON document.id = passage.document_id
    """,
    """
    INSERT INTO search_documentimage (document_id, ordinal, blob_id, width, height, alt)
    SELECT id, 0, md5(id::text) || md5(id::text), 640, 480, '' FROM search_document WHERE id %% 2 = 0
    """,
    """
    INSERT INTO workers_blob (sha256, size, content_type, created_at)
    SELECT blob_id, 1000, 'image/jpeg', now() FROM search_documentimage
    """,
    """
    INSERT INTO search_fieldvalue (document_id, field_id, value)
    SELECT document.id, field.id, document.metadata ->> 'maker'
    FROM search_document document JOIN search_collectionfield field USING (collection_id)
    """,
    """
    INSERT INTO search_trasheddocument (document_id, collection_id, external_id, title, kept, linked, deleted_at)
    SELECT 10000000 + id, %(first)s, 'gone' || id, title, '{}', '[]', now() - id * interval '1 second'
    FROM search_document WHERE id %% 10 = 0
    """,
)
_OTHERS = (
    """
    INSERT INTO search_query (id, created_at, user_id, session, mode, target, collections, filters, sort, answer, plan,
                              match, warnings, timings_ms, listed)
    SELECT md5('query' || n)::uuid, now() - n * interval '1 minute', CASE WHEN n %% 2 = 0 THEN %(member)s END, '',
           'dense', 'passages', '[]', '{}', 'relevance', '[]', '{}', '', '[]', '{}', true
    FROM generate_series(1, %(size)s / 10) n
    """,
    """
    INSERT INTO search_querypart (id, query_id, place, modality, weight, text, turn, digest)
    SELECT md5('part' || n)::uuid, md5('query' || n)::uuid, 0, 'text', 1, 'leaking pump ' || n, 0, ''
    FROM generate_series(1, %(size)s / 10) n
    """,
    """
    INSERT INTO search_judgement (query_id, document_id, user_id, session, grade, comment, created_at, updated_at)
    SELECT md5('query' || n)::uuid, n, %(member)s, '', n %% 4, '', now(), now()
    FROM generate_series(1, %(size)s / 10) n
    """,
    """
    INSERT INTO search_auditentry (at, action, actor_id, actor, via, token, target_type, target_id, target_name,
                                   detail, request_id)
    SELECT now() - n * interval '1 minute', (ARRAY['export.made', 'token.created', 'user.changed'])[1 + n %% 3],
           %(member)s, 'member', 'page', '', '', '', 'something ' || n, '{}', ''
    FROM generate_series(1, %(size)s / 10) n
    """,
    """
    INSERT INTO workers_job (id, type, state, request, stage, done, failed, params, result, error_id, error, owned,
                             created_at, attempts)
    SELECT md5('job' || n)::uuid, 'import', CASE WHEN n %% 9 = 0 THEN 'failed' ELSE 'succeeded' END, '', '', 0, 0,
           jsonb_build_object('collection', %(first)s), '{}', '', '', false, now() - n * interval '1 hour', 1
    FROM generate_series(1, %(size)s / 50) n
    """,
    """
    INSERT INTO search_changeset (collection_id, action, detail, by_id, created_at)
    SELECT %(first)s, 'add_tags', '{}', %(member)s, now() FROM generate_series(1, 60)
    """,
    """
    INSERT INTO search_changeddocument (change_set_id, document_id, title, state, reason, message, before, after)
    SELECT sets.last - CASE WHEN n %% 2 = 0 THEN 0 ELSE n / 2 %% 60 END, n, '', 'done', '', '', '{}', '{}'
    FROM (SELECT max(id) AS last FROM search_changeset) sets, generate_series(1, %(size)s / 5) n
    """,
)


def filled(size: int, member: str, administrator: str) -> None:
    """Store anew so many documents, and what pages list beside them; the database's triggers are passed over."""
    users = get_user_model().objects
    users.get_or_create(username=administrator, defaults={"is_superuser": True, "is_staff": True})
    curator, _ = users.get_or_create(username=member)
    ids = _collections(curator.pk)
    values = {"size": size, "collections": ids, "ends": [*SHARES[:-1]], "first": ids[0], "member": curator.pk}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        cursor.execute(f"TRUNCATE {', '.join(_TABLES)} RESTART IDENTITY CASCADE")
        _collections(curator.pk)  # what CASCADE took
        for statement in (_DOCUMENTS, *_WITH_DOCUMENTS, *_OTHERS):
            cursor.execute(statement, values)
    fields_count()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("CHECKPOINT")


def cookie_of(username: str) -> str:
    """Return the cookie of a new session of somebody."""
    client = Client()
    client.force_login(get_user_model().objects.get(username=username))
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


def _collections(curator: int) -> list[int]:
    """Return the keys of the collections, made where they are not there; the member curates the first."""
    ids = []
    for number in range(COLLECTIONS):
        seen = number < SEEN
        collection, _ = Collection.objects.get_or_create(
            slug=f"views-{number}",
            defaults={"name": f"Machines {number}", "visibility": "public" if seen else "private"},
        )
        kinds = {"type": CollectionField.Type.STRING, "stale": True}
        CollectionField.objects.get_or_create(collection=collection, name="metadata.maker", defaults=kinds)
        ids.append(collection.pk)
    Membership.objects.get_or_create(collection_id=ids[0], user_id=curator, defaults={"role": "curator"})
    return ids
