"""Collections: created with a curator, changed by name, deleted with all that is in them."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from retrieval_site.errors import AppError
from search.models import Collection, Document, Membership
from search.services import collections as services
from search.services.document_fields import DocumentFields
from search.services.documents import DocumentRecord, documents_save

pytestmark = pytest.mark.django_db


def fill(collection, count=5):
    records = [DocumentRecord(f"d{n}", DocumentFields(title=f"t{n}")) for n in range(count)]
    documents_save(collection=collection, records=records)


def test_the_owner_of_a_new_collection_curates_it():
    owner = get_user_model().objects.create_user("ann")
    collection = services.collection_create(name="Pump notes", owner=owner)
    assert (collection.slug, collection.visibility) == ("pump-notes", "private")
    assert Membership.objects.get(collection=collection).role == "curator"


@pytest.mark.parametrize(
    ("values", "error_id"),
    [
        ({"name": " "}, "collection.invalid"),
        ({"name": "x" * 201}, "collection.invalid"),
        ({"name": "ok", "slug": "Not A Slug"}, "collection.invalid"),
        ({"name": "ok", "visibility": "secret"}, "collection.invalid"),
        ({"name": "taken"}, "collection.slug_not_available"),
    ],
)
def test_a_collection_that_is_not_valid_is_refused(values, error_id):
    services.collection_create(name="taken")
    with pytest.raises(AppError) as refused:
        services.collection_create(**values)
    assert refused.value.id == error_id


def test_only_known_fields_are_changed():
    collection = services.collection_create(name="a")
    services.collection_update(collection=collection, name="b", visibility="public")
    collection.refresh_from_db()
    assert (collection.name, collection.visibility, collection.slug) == ("b", "public", "a")
    with pytest.raises(TypeError):
        services.collection_update(collection=collection, members=[])


def test_deleting_a_collection_takes_its_documents_in_batches(monkeypatch):
    monkeypatch.setattr(services, "DELETE_BATCH", 2)
    collection, other = services.collection_create(name="a"), services.collection_create(name="b")
    fill(collection)
    fill(other, 1)
    services.collection_delete(collection=collection)
    assert Collection.objects.get() == other
    assert Document.objects.get().collection == other


def test_a_collection_that_has_a_reserved_slug_can_still_be_changed():
    Collection.objects.create(slug="admin", name="From before")
    changed = services.collection_update(collection=Collection.objects.get(slug="admin"), name="Renamed")
    assert changed.name == "Renamed"
