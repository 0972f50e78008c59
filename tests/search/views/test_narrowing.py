"""A kept search narrowed by its address: its vectors are asked again, and the new answer's address says the filters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
import pytest
from django.http import QueryDict

from retrieval_site.errors import AppError
from search.models import Document, DocumentImage, Query, QueryPart
from search.services.document_fields import DocumentFields
from search.services.documents import document_save
from search.views.filtering import narrowing_read
from tests.support.corpus import clustered, make_collection, make_version, store
from tests.support.pages import shown_page
from tests.support.queries import make_query
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def query() -> Query:
    """A photo that found twelve pumps of two makers, made from 1990 to 1995."""
    version, collection = make_version(dim=16), make_collection("pumps")
    for n in range(12):
        metadata = {"maker": ("Wilo", "Lowara")[n % 2], "year": 1990 + n % 6, "tested": n < 3}
        fields = DocumentFields(title=f"Pump {n:02}", tags=("pump", f"t{n}"), metadata=metadata)
        document_save(collection=collection, external_id=f"p{n}", fields=fields)
    passages = [document.passages.get() for document in Document.objects.order_by("pk")]
    store(version, passages, clustered(12, 16, seed=1))
    vector = np.asarray(clustered(1, 16, seed=2), dtype="<f4").tobytes()
    preview = blob_store(b"a photo", "image/jpeg")
    return make_query(modality="image", version=version, embedding=vector, preview=preview)


def follow(client: Client, query: Query, string: str) -> Query:
    """Narrow by an address; the new search, whose address says what was asked."""
    response = client.get(f"/q/{query.pk}/filter/?{string}")
    assert response.status_code == 302, response.content
    location = urlsplit(response["Location"])
    found = Query.objects.exclude(pk=query.pk).get(pk=location.path.split("/")[2])
    assert sorted(parse_qsl(location.query)) == sorted(
        pair for pair in parse_qsl(string) if pair[0] != "target"
    )
    return found


def titles(query: Query) -> list[str]:
    return [Document.objects.get(pk=entry["document"]).title for entry in query.answer]


def test_the_photo_is_asked_again_with_the_filters_and_keeps_its_copy(client: Client, query: Query) -> None:
    found = follow(client, query, "metadata.maker=Wilo&from.metadata.year=1992")
    assert found.filters == {"metadata": {"maker": {"any": ["Wilo"]}, "year": {"gte": 1992}}}
    assert sorted(titles(found)) == ["Pump 02", "Pump 04", "Pump 08", "Pump 10"]
    assert bytes(found.part.embedding) == bytes(query.part.embedding)
    assert QueryPart.objects.get(query=found).preview_id == QueryPart.objects.get(query=query).preview_id


def test_a_narrowed_search_is_asked_as_the_one_before_was(client: Client, query: Query) -> None:
    passage = Document.objects.get(title="Pump 01").passages.get()
    twin, _ = document_save(
        collection=passage.document.collection,
        external_id="twin",
        fields=DocumentFields(title="Pump 01", tags=("pump",)),
    )
    store(query.version, [twin.passages.get()], clustered(12, 16, seed=1)[1:2])
    Query.objects.filter(pk=query.pk).update(plan={"kind": "exact", "collapsed": True}, mode="dense")
    found = follow(client, query, "tags=pump")
    same = {entry["document"]: entry.get("same_as") for entry in found.answer}
    assert (found.plan["collapsed"], found.mode, len(same)) == (True, "dense", 13)
    assert {twin.pk, passage.document_id} == {pk for pk, other in same.items() if other} | set(
        filter(None, same.values())
    )


def test_several_values_mean_any_of_them(client: Client, query: Query) -> None:
    assert sorted(titles(follow(client, query, "tags=t1&tags=t2"))) == ["Pump 01", "Pump 02"]
    assert len(titles(follow(client, query, "collections=pumps&metadata.tested=true"))) == 3


def test_the_found_are_sorted_as_the_address_says(client: Client, query: Query) -> None:
    found = follow(client, query, "tags=pump&sort=-title")
    assert (found.sort, titles(found)) == ("-title", [f"Pump {n:02}" for n in range(11, -1, -1)])


def test_an_address_of_results_with_other_filters_leads_to_these(client: Client, query: Query) -> None:
    found = follow(client, query, "metadata.maker=Wilo")
    same = client.get(f"/q/{found.pk}/?metadata.maker=Wilo")
    assert same.status_code == 200
    other = client.get(f"/q/{found.pk}/?metadata.maker=Lowara", follow=True)
    assert "Pump 01" in shown_page(other)
    assert "Pump 00" not in shown_page(other)
    assert (
        client.get(f"/q/{found.pk}/filter/?metadata.maker=Wilo")["Location"]
        == f"/q/{found.pk}/?metadata.maker=Wilo"
    )


def test_what_is_set_stands_as_chips_that_lead_to_the_search_without_it(client: Client, query: Query) -> None:
    found = follow(client, query, "metadata.maker=Wilo&to.metadata.year=1994&sort=title")
    bar = client.get(f"/q/{found.pk}/").context["bar"]
    assert {(chip.label, chip.words) for chip in bar.chips} == {("Maker", "Wilo"), ("Year", "up to 1994")}
    (maker,) = [chip.without for chip in bar.chips if chip.label == "Maker"]
    assert maker == f"/q/{found.pk}/filter/?to.metadata.year=1994&sort=title&target=passages"
    assert len(titles(follow(client, found, urlsplit(maker).query))) == 10


def test_filters_of_programs_stay_while_others_are_set(client: Client, query: Query) -> None:
    query.filters = {"tags": ["pump", "t4"], "metadata": {"maker": "Wilo"}}
    query.save()
    page = client.get(f"/q/{query.pk}/")
    assert [chip.words for chip in page.context["bar"].chips] == [
        "the tag “pump”",
        "the tag “t4”",
        "maker “Wilo”",
    ]
    kept = dict(page.context["bar"].kept)
    string = urlencode({"only": kept["only"], "metadata.year": "1994"})
    found = narrowing_read(QueryDict(string), "passages")
    assert found.filters == {"tags": ["pump", "t4"], "metadata": {"maker": "Wilo", "year": {"any": ["1994"]}}}


@pytest.mark.parametrize(("asked", "words", "found"), [(True, "pictures", 1), (False, "no pictures", 11)])
def test_whether_documents_have_pictures_stands_as_a_chip(
    client: Client, query: Query, *, asked: bool, words: str, found: int
) -> None:
    DocumentImage.objects.create(
        document=Document.objects.order_by("pk")[0], ordinal=0, blob=blob_store(b"a picture", "image/png")
    )
    narrowed = follow(client, query, urlencode({"only": json.dumps({"has_images": asked})}))
    assert (narrowed.filters, len(titles(narrowed))) == ({"has_images": asked}, found)
    (chip,) = client.get(f"/q/{narrowed.pk}/").context["bar"].chips
    assert (chip.words, chip.without) == (words, f"/q/{narrowed.pk}/filter/?target=passages")


def test_a_menu_shows_its_values_with_what_each_would_find(client: Client, query: Query) -> None:
    found = follow(client, query, "metadata.maker=Wilo&from.metadata.year=1992")
    part = shown_page(client.get(f"/q/{found.pk}/values/?field=metadata.maker"))
    assert "<html" not in part
    assert part.count('name="metadata.maker"') == 2
    assert 'value="Wilo" checked' in part
    year = shown_page(client.get(f"/q/{found.pk}/values/?field=metadata.year"))
    assert 'name="from.metadata.year" value="1992"' in year
    assert "1990 to 1994" in year
    assert client.get(f"/q/{found.pk}/values/?field=secret").status_code == 400


def test_values_are_found_by_typing(client: Client, query: Query) -> None:
    part = shown_page(client.get(f"/q/{query.pk}/values/?field=metadata.maker&q=low"))
    assert "Lowara" in part
    assert "Wilo" not in part
    assert "No value contains" in shown_page(client.get(f"/q/{query.pk}/values/?field=tags&q=zzz"))


def test_without_javascript_an_address_brings_an_opened_menu(client: Client, query: Query) -> None:
    page = shown_page(client.get(f"/q/{query.pk}/?menu=metadata.maker"))
    assert page.count('name="metadata.maker"') == 2
    assert 'href="?menu=tags"' in page


def test_a_search_whose_vectors_are_gone_cannot_be_narrowed(client: Client, query: Query) -> None:
    QueryPart.objects.filter(query=query).update(embedding=None)
    response = client.get(f"/q/{query.pk}/filter/?tags=pump")
    assert response.status_code == 400
    assert "query.not_repeatable" in response.content.decode()
    assert "data-composer" in response.content.decode()


def test_no_document_that_passes_is_said_with_a_way_back(client: Client, query: Query) -> None:
    found = follow(client, query, "metadata.maker=KSB")
    page = shown_page(client.get(f"/q/{found.pk}/"))
    assert "No document passes these filters" in page
    assert "Clear all" in page


@pytest.mark.parametrize(
    "string", ["from.created_at=soon", "sort=year", "only=nonsense", 'only={"x": 1}', "only=[]"]
)
def test_an_address_that_says_nonsense_is_refused(client: Client, query: Query, string: str) -> None:
    response = client.get(f"/q/{query.pk}/filter/?{string}")
    assert (response.status_code, "parameter.invalid" in response.content.decode()) == (400, True)


def test_people_are_told_in_their_own_words_what_an_address_gets_wrong(client: Client, query: Query) -> None:
    page = shown_page(client.get(f"/q/{query.pk}/?from.created_at=abc"))
    assert "“abc” is not where “Added” begins: write a date such as 2026-01-31." in page
    page = shown_page(client.get(f"/q/{query.pk}/?to.metadata.year=%3Cb%3E"))
    assert "“&lt;b&gt;” is not where “Year” ends: write a number, or a date such as 2026-01-31." in page
    for string in ("sort=year", "only=x", "from.metadata.a=1&to.metadata.a=2026-01-31"):
        with pytest.raises(AppError) as refused:
            narrowing_read(QueryDict(string), "images")
        assert "this address" in refused.value.message.lower()


@pytest.mark.parametrize("string", ["", "other=1", "tags=", "from.tags.x=1", "metadata.=1", "menu=tags"])
def test_what_names_no_filter_narrows_nothing(string: str) -> None:
    assert narrowing_read(QueryDict(string), "images").pairs == []


def test_numbers_dates_and_texts_are_read_as_such() -> None:
    string = "from.metadata.a=1.5&to.metadata.b=2026-01-31&to.created_at=2026-01-31&metadata.c=7"
    assert narrowing_read(QueryDict(string), "images").filters == {
        "metadata": {"a": {"gte": 1.5}, "b": {"lte": "2026-01-31"}, "c": {"any": ["7"]}},
        "created_at": {"lte": "2026-01-31"},
    }


def test_a_range_of_infinite_numbers_is_refused() -> None:
    with pytest.raises(AppError, match=r"parameter\.invalid"):
        narrowing_read(QueryDict("from.metadata.a=inf"), "images")


@pytest.mark.parametrize(
    "asked", [{"tags": ["\ud800"]}, {"metadata": {"\udfff": 1}}, {"metadata": {"a": "\0"}}]
)
def test_what_no_database_holds_is_refused_in_an_address(client: Client, query: Query, asked: dict) -> None:
    refused = client.get(f"/q/{query.pk}/filter/?{urlencode({'only': json.dumps(asked)})}")
    assert refused.status_code == 400
    assert "narrows the search by something that cannot be used" in shown_page(refused)


def test_a_filter_has_as_many_tags_as_one_any(client: Client, query: Query) -> None:
    for count, status in ((100, 302), (101, 400)):
        only = json.dumps({"tags": [f"t{number}" for number in range(count)]})
        assert client.get(f"/q/{query.pk}/filter/?{urlencode({'only': only})}").status_code == status


def test_more_like_a_document_that_is_gone_is_narrowed_and_kept(client: Client, query: Query) -> None:
    QueryPart.objects.update(modality="document", document=None, preview=None)
    found = follow(client, query, "metadata.maker=Wilo")
    assert (found.part.modality, found.part.document_id) == ("document", None)
    assert len(found.answer) == 6
