"""Writing collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext

from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from search.models import Collection, Document, Membership
from search.models.collection import LANGUAGES
from search.services.collection_slugs import SLUG_MAX, slug_of
from search.services.documents import documents_delete, encode_soon

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

DELETE_BATCH = 2000
SLUGS_RESERVED = frozenset({"admin", "api", "login", "static"})
"""Nobody's: so the refusal of a slug does not tell that a private collection has it."""
COLLECTION_FIELDS = (
    "slug",
    "name",
    "description",
    "visibility",
    "language",
    "keep_originals",
    "keep_files",
    "character_recognition",
)


def collection_create(
    *,
    name: str,
    slug: str = "",
    owner: AbstractBaseUser | None = None,
    **details: Any,
) -> Collection:
    """Create a collection, private without further details; its owner becomes a curator.

    Raises AppError `collection.*`, TypeError for details that `collection_update` cannot change.
    """
    collection = Collection(slug=slug or slug_of(name), name=name, **_changeable(details))
    with transaction.atomic():
        _save(collection)
        if owner is not None:
            Membership.objects.create(collection=collection, user_id=owner.pk, role=Membership.Role.CURATOR)
        audit_note("collection.created", collection, by=owner, collection=collection.pk)
    return collection


def collection_update(*, collection: Collection, **changes: Any) -> Collection:
    """Change slug, name, description, visibility, language or whether originals are kept.

    Another language is for its words to be written anew: `encode_soon` does it.

    Raises AppError `collection.*`, TypeError for other names.
    """
    before = collection.language
    for name, value in _changeable(changes).items():
        setattr(collection, name, value)
    with transaction.atomic():
        _save(collection)
        if collection.language != before:
            encode_soon()
        if changes:
            audit_note("collection.changed", collection, collection=collection.pk, fields=sorted(changes))
    return collection


def _changeable(values: dict[str, Any]) -> dict[str, Any]:
    if unknown := values.keys() - set(COLLECTION_FIELDS):
        raise TypeError(f"a collection has no changeable {sorted(unknown)}")
    return values


def collection_delete(*, collection: Collection) -> None:
    """Delete a collection and all that is in it, a batch of documents at a time.

    Killed in between, it is a smaller collection; the next call goes on.
    """
    while ids := list(
        Document.objects.filter(collection=collection).values_list("pk", flat=True)[:DELETE_BATCH]
    ):
        documents_delete(documents=ids)
    with transaction.atomic():
        audit_note("collection.deleted", collection, collection=collection.pk, slug=collection.slug)
        collection.delete()


def _save(collection: Collection) -> None:
    _check(collection)
    try:
        with transaction.atomic():
            collection.save()
    except IntegrityError as error:
        raise _slug_not_available() from error


def _slug_not_available() -> AppError:
    """Return the refusal of a slug that is taken or reserved: it does not say which, for that could be private."""
    return AppError("collection.slug_not_available", field="slug")


def _check(collection: Collection) -> None:
    if not collection.name.strip() or len(collection.name) > 200:
        raise _invalid("name", gettext("Write 1 to 200 characters."))
    if slugify(collection.slug) != collection.slug or not 0 < len(collection.slug) <= SLUG_MAX:
        raise _invalid(
            "slug",
            gettext("Write 1 to {slug_max} lower-case letters a to z, digits or hyphens.").format(
                slug_max=SLUG_MAX
            ),
        )
    if collection.slug in SLUGS_RESERVED and collection.pk is None:
        raise _slug_not_available()
    if collection.visibility not in Collection.Visibility.values:
        raise _invalid(
            "visibility",
            gettext("Send one of {values}.").format(values=", ".join(Collection.Visibility.values)),
        )
    if collection.character_recognition not in Collection.Recognition.values:
        raise _invalid(
            "character_recognition",
            gettext("Send one of {values}.").format(values=", ".join(Collection.Recognition.values)),
        )
    if collection.language not in dict(LANGUAGES):
        raise _invalid(
            "language", gettext("Send the name of a language in English, or “simple” for any other.")
        )


def _invalid(field: str, reason: str) -> AppError:
    return AppError("collection.invalid", field=field, reason=reason)
