"""What each list costs in queries, with one row and with twenty: the same, or a query hides in a loop."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from search.models import Collection, Judgement, SavedSearch
from tests.search.api.conftest import World, make_document, make_version
from tests.support.queries import make_query
from workers.models import Job, JobItem

ROWS = 20
# path → queries for a token's holder; one of them is the token with its user.
BASELINES = {
    "/api/v1/collections/": 2,
    "/api/v1/documents/": 2,
    "/api/v1/documents/?collection=open&tag=pump": 2,
    "/api/v1/jobs/": 2,
    "/api/v1/jobs/{job}/failed/": 3,
    "/api/v1/models/": 4,
    "/api/v1/judgements/": 2,
    "/api/v1/searches/": 3,
    "/api/v1/searches/saved/": 3,
    "/api/v1/judgements/export.qrels": 4,  # with the note in the audit log, which says how many they are
    "/api/v1/judgements/export.csv": 4,
}


def fill(world: World) -> None:
    root = world.users["root"]
    for number in range(ROWS):
        Collection.objects.create(slug=f"c{number}", name=f"C {number}", visibility="public")
        document = make_document(world.open, f"open-{number + 10}")
        Judgement.objects.create(query=world.query, document=document, user=root, grade=1)
        Job.objects.create(type="import", owner=root)
        JobItem.objects.create(job=world.job, key=f"line {number + 2}", error_id="x.y", reason="Z.")
        make_version(number=number + 2)
        save(root)


def save(user) -> None:
    """Another search of this person, saved."""
    query = make_query(modality="text", text="pump", user=user)
    SavedSearch.objects.create(query=query, user=user, name="Pumps")


def count(client, path: str) -> tuple[int, int]:
    """Queries and rows of one request."""
    client.get(path)  # the first request of a token records its use
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = client.get(path)
        content = b"".join(response) if response.streaming else response.content
    assert response.status_code == 200
    rows = content.count(b"\n") if response.streaming else len(response.json()["results"])
    return len(queries), rows


@pytest.mark.parametrize("path", BASELINES)
def test_a_list_costs_the_same_with_one_row_and_with_twenty(path, world):
    Judgement.objects.create(
        query=world.query, document=world.open_document, user=world.users["root"], grade=2
    )
    save(world.users["root"])
    client, filled = world.client("root"), path.format(job=world.job.pk)
    few, few_rows = count(client, filled)
    fill(world)
    many, many_rows = count(client, filled)
    assert many_rows >= few_rows + min(ROWS, 18)
    assert (few, many) == (BASELINES[path], BASELINES[path])


def test_a_document_costs_four_queries_however_many_pictures_and_files_it_has(
    world, django_assert_num_queries
):
    client = world.client("root")
    client.get("/api/v1/collections/")
    with django_assert_num_queries(4):
        client.get(f"/api/v1/documents/{world.open_document.pk}/")


def test_asking_without_token_or_session_costs_no_query_for_who_asks(
    world, django_assert_num_queries, client
):
    with django_assert_num_queries(1):
        client.get("/api/v1/collections/")
