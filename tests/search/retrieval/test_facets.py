"""Facets: counted are the documents that pass all other filters, against a count in a plain loop."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from retrieval_site.errors import AppError
from search.models import Collection, Document, DocumentImage, Membership
from search.retrieval import facets as module
from search.retrieval.facets import FacetScope, facet_values, facets, fields_of
from search.services.fields import fields_count
from search.vectors.copy import vectors_write
from tests.support.corpus import clustered, make_collection, make_documents, make_version
from workers.storage.blobs import blob_store

pytestmark = pytest.mark.django_db
MAKERS, STATES = ("Wilo", "Lowara", "Grundfos"), ("new", "worn")


@pytest.fixture
def collection():
    """Documents of three makers in two states, from 1990 on; one a private collection's."""
    public, private = make_collection(), make_collection("private", visibility="private")
    for n in range(30):
        metadata = {"maker": MAKERS[n % 3], "state": STATES[n % 2], "year": 1990 + n % 5}
        make_documents(public, 1, metadata=metadata, tags=[f"t{n % 4}"])
    make_documents(private, 2, metadata={"maker": "Secret", "hidden": 1})
    return public


def counted(key, **filters):
    """How many public documents there are by a key of their metadata, of those that the plain values leave."""
    counts = {}
    for metadata in Document.objects.filter(collection__slug="public").values_list("metadata", flat=True):
        if all(metadata[name] == value for name, value in filters.items()):
            counts[str(metadata[key])] = counts.get(str(metadata[key]), 0) + 1
    return counts


def values(name, **scope):
    (facet,) = facets(FacetScope(viewer=None, **scope), [name])
    return dict(facet.values)


def test_a_facet_counts_the_documents_with_each_value(collection) -> None:
    assert values("metadata.maker") == counted("maker") == dict.fromkeys(MAKERS, 10)
    assert values("tags") == {"t0": 8, "t1": 8, "t2": 7, "t3": 7}
    assert values("collection") == {"public": 30}


def test_all_filters_count_but_the_field_s_own(collection) -> None:
    filters = {"metadata": {"maker": {"any": ["Wilo"]}, "state": "new"}, "tags": ["t0"]}
    both = {"metadata": filters["metadata"]}
    assert values("metadata.maker", filters=both) == counted("maker", state="new")
    assert values("metadata.state", filters=both) == counted("state", maker="Wilo")
    assert values("metadata.year", filters=both) == counted("year", state="new", maker="Wilo")
    assert set(values("tags", filters=filters)) == {"t0", "t2"}
    assert values("collection", collections=("public",), filters=both) == {"public": 5}


def test_numbers_and_dates_have_ends(collection) -> None:
    year, created = facets(FacetScope(viewer=None), ["metadata.year", "created_at"])
    assert (year.type, year.least, year.greatest) == ("number", 1990, 1994)
    assert created.type == "date"
    assert created.least <= created.greatest
    (some,) = facets(
        FacetScope(None, filters={"metadata": {"year": {"lt": 1992}, "state": "new"}}), ["metadata.year"]
    )
    assert (some.least, some.greatest) == (1990, 1994)


def test_only_what_the_viewer_may_see_is_named_and_counted(collection) -> None:
    assert "metadata.hidden" not in {field.name for field in fields_of(None)}
    assert "Secret" not in values("metadata.maker")
    assert values("metadata.hidden") == {}
    with pytest.raises(AppError, match=r"collection\.not_found"):
        fields_of(None, ["private"])
    member = get_user_model().objects.create_user("member")
    Membership.objects.create(collection_id=collection.pk + 1, user=member)
    assert "metadata.hidden" in {field.name for field in fields_of(member)}
    assert dict(facets(FacetScope(member), ["metadata.maker"])[0].values)["Secret"] == 2


def test_fields_of_several_collections_are_one(collection) -> None:
    make_documents(make_collection("more"), 3, metadata={"year": "unknown"})
    fields_count()
    year = {field.name: field for field in fields_of(None)}["metadata.year"]
    assert (year.type, year.documents) == ("string", 33)


def test_what_is_typed_finds_values_those_that_begin_so_first(collection) -> None:
    make_documents(collection, 5, metadata={"maker": "Old Wilo"})
    make_documents(collection, 1, metadata={"maker": "100% _W\\"})
    found = facet_values(FacetScope(viewer=None), "metadata.maker", "wIl")
    assert found.values == (("Wilo", 10), ("Old Wilo", 5))
    for typed in ("%", "_", "\\"):
        assert [value for value, _ in facet_values(FacetScope(None), "metadata.maker", typed).values] == [
            "100% _W\\"
        ]
    assert facet_values(FacetScope(viewer=None), "metadata.maker", "", limit=2).more


def test_a_field_of_very_many_values_is_not_listed_but_found_by_typing(collection, monkeypatch) -> None:
    monkeypatch.setattr(module, "LISTED_MAX", 2)
    fields_count()
    (maker,) = facets(FacetScope(viewer=None), ["metadata.maker"])
    assert (maker.values, maker.more) == ((), True)
    assert facet_values(FacetScope(viewer=None), "metadata.maker", "Low").values == (("Lowara", 10),)


def test_languages_are_those_of_collections(collection) -> None:
    french = make_collection("french")
    Collection.objects.filter(pk=french.pk).update(language="french")
    make_documents(french, 3, metadata={"maker": "Wilo"})
    assert values("language", filters={"metadata": {"maker": "Wilo"}}) == {"english": 10, "french": 3}
    assert values("metadata.maker", filters={"language": {"any": ["french"]}}) == {"Wilo": 3}


def test_counts_of_a_large_field_are_kept_for_some_seconds(collection, monkeypatch) -> None:
    monkeypatch.setattr(module, "KEPT_FROM_DOCUMENTS", 1)
    fields_count()
    assert values("metadata.maker")["Wilo"] == 10
    make_documents(collection, 1, metadata={"maker": "Wilo"})
    assert values("metadata.maker")["Wilo"] == 10
    assert values("metadata.maker", filters={"tags": ["t0"]})["Wilo"] == 3
    monkeypatch.setattr(module._facets_kept, "seconds", 0)
    assert values("metadata.maker")["Wilo"] == 11


def test_of_pictures_only_documents_that_have_one_are_counted(collection) -> None:
    version, blob = make_version(), blob_store(b"a picture", "image/png")
    documents = Document.objects.filter(metadata__maker="Wilo", collection=collection)[:4]
    images = DocumentImage.objects.bulk_create(
        DocumentImage(document=document, ordinal=0, blob=blob) for document in documents
    )
    vectors_write(version, "image", [image.pk for image in images], clustered(4, version.dim))
    assert values("metadata.maker", target="images") == {"Wilo": 4}


@pytest.mark.parametrize("name", ["maker", "metadata.", "metadata.\0", "metadata." + "x" * 200, "id", ""])
def test_what_is_no_field_is_refused(name) -> None:
    with pytest.raises(AppError, match=r"parameter\.invalid"):
        facets(FacetScope(viewer=None), [name])
