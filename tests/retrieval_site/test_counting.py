"""Few rows are counted, many are told about; pages end where the counting does."""

from __future__ import annotations

import pytest
from django.core.paginator import EmptyPage
from django.db import connection
from django.utils import translation

from retrieval_site.accounts.models import User
from retrieval_site.database import counting
from retrieval_site.database.counting import BoundedPaginator, about, counted, is_large
from search.models import Collection, Document
from search.vectors.coverage import Coverage, coverage_about
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store

pytestmark = pytest.mark.django_db
MOST = 5


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Count up to five: statistics of larger tables would outlive the test."""
    monkeypatch.setattr(counting, "COUNTED_MAX", MOST)


def _analyzed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE search_document, search_passage")


@pytest.mark.parametrize(("rows", "expected"), [(0, 0), (5, 5), (6, 6), (9, 6)])
def test_rows_are_counted_up_to_the_most_and_one_more(rows, expected):
    make_documents(make_collection(), rows)
    assert counted(Document.objects.all()) == expected


def test_counting_reads_no_more_rows_than_it_counts(django_assert_num_queries):
    make_documents(make_collection(), 9)
    with django_assert_num_queries(1) as asked:
        counted(Document.objects.order_by("title").select_related("collection"))
    statement = asked[0]["sql"]
    assert "LIMIT 6" in statement
    assert "ORDER BY" not in statement
    assert "JOIN" not in statement


def test_many_rows_are_estimated_from_statistics_for_whoever_sees_all():
    make_documents(make_collection(), 40)
    _analyzed()
    assert counted(Document.objects.all(), estimated=True) == 40
    assert counted(Document.objects.filter(external_id="nothing"), estimated=True) == 0


def test_rows_of_a_statement_are_counted_the_same_way():
    version, collection = make_version(dim=16), make_collection()
    rows = make_documents(collection, 40)
    store(version, rows[:4], clustered(4, 16, seed=1))
    _analyzed()
    assert coverage_about(version)["passage"] == Coverage(40, 4)


@pytest.mark.parametrize(
    ("number", "english", "german"),
    [
        (5, "5", "5"),
        (6, "more than 5", "mehr als 5"),
        (1_234_567, "about 1,200,000", "etwa 1.200.000"),
        (999_900, "about 1,000,000", "etwa 1.000.000"),
        (47, "about 47", "etwa 47"),
    ],
)
def test_numbers_are_said_as_exactly_as_they_are_known(number, english, german):
    assert about(number) == english
    with translation.override("de"):
        assert about(number) == german


def test_a_collection_is_estimated_by_its_own_rows_alone():
    """The estimate of a filtered list draws on all rows; this one must tell nothing of what is hidden."""
    small, large, hidden = make_collection("small"), make_collection("large"), make_collection("hidden")
    make_documents(small, 4)
    make_documents(large, 30)
    make_documents(hidden, 90, url="https://hidden")
    _analyzed()
    found = dict(Collection.objects.counted().values_list("slug", "document_count"))
    assert found == {"small": 4, "large": 30, "hidden": 90}
    assert counted(Document.objects.filter(url="https://hidden", collection=large)) == 0


def test_without_statistics_a_large_collection_has_more_than_was_counted():
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM pg_statistic WHERE starelid = 'search_document'::regclass")
    make_documents(make_collection(), 9)
    assert Collection.objects.counted().get().document_count == MOST + 1
    assert about(MOST + 1) == "more than 5"


def test_a_large_table_is_known_by_its_statistics():
    make_documents(make_collection(), MOST)
    _analyzed()
    assert not is_large(Document)
    make_documents(make_collection("more"), 30)
    _analyzed()
    assert is_large(Document)


def test_pages_show_the_first_rows_and_say_that_there_are_more():
    make_documents(make_collection(), 9)
    pages = BoundedPaginator(Document.objects.order_by("pk"), 2)
    assert (pages.count, pages.num_pages, pages.is_cut, pages.listed_max) == (6, 3, True, 5)
    assert [len(pages.page(number)) for number in (1, 2, 3)] == [2, 2, 2]
    assert pages.get_page(999).number == 3
    with pytest.raises(EmptyPage):
        pages.page(4)


def test_a_page_further_behind_reads_what_its_own_rows_say(django_assert_num_queries):
    make_documents(make_collection(), 5)
    rows = Document.objects.order_by("-pk")
    pages = BoundedPaginator(rows, 2)
    with django_assert_num_queries(3) as asked:
        found = list(pages.page(2))
    assert found == list(rows[2:4])
    keys, page = asked[1]["sql"], asked[2]["sql"]
    assert "OFFSET 2" in keys
    assert "body" not in keys
    assert "OFFSET" not in page
    assert "body" in page


def test_few_rows_are_paged_as_ever():
    make_documents(make_collection(), 5)
    pages = BoundedPaginator(Document.objects.order_by("pk"), 2)
    assert (pages.count, pages.num_pages, pages.is_cut) == (5, 3, False)
    assert len(pages.page(3)) == 1
    assert BoundedPaginator(Document.objects.none().order_by("pk"), 2).num_pages == 1


def _admin_list(client, query: str = "") -> str:
    client.force_login(User.objects.get_or_create(username="chief", is_staff=True, is_superuser=True)[0])
    return " ".join(client.get(f"/admin/search/document/{query}").content.decode().split())


def test_the_admin_sorts_a_large_table_by_an_index_alone(client):
    make_documents(make_collection(), 30)
    _analyzed()
    shown = _admin_list(client, "?o=1")
    assert "column-updated_at" in shown
    assert 'class="sortable column-title_or_id' not in shown
    assert 'class="sortable column-updated_at' in shown
    assert "about 30 documents" in shown


def test_the_admin_sorts_a_small_table_by_every_column(client):
    make_documents(make_collection(), 4)
    _analyzed()
    shown = _admin_list(client)
    assert 'class="sortable column-title_or_id' in shown
    assert "4 documents" in shown


def test_a_curator_is_not_told_how_many_documents_others_have(client):
    collection = make_collection("own")
    make_documents(collection, 9)
    make_documents(make_collection("other", visibility="private"), 90)
    _analyzed()
    curator = User.objects.create_user("curator", is_staff=True)
    collection.membership_set.create(user=curator, role="curator")
    client.force_login(curator)
    shown = " ".join(client.get("/admin/search/document/").content.decode().split())
    assert "more than 5 documents" in shown
    assert "about" not in shown.partition('class="paginator"')[2].partition("</p>")[0]
