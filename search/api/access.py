"""Rows by what the caller may do: one that is not seen does not exist, one that is only seen is refused."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Q

from models_admin.models import ModelVersion, VersionState
from models_admin.services import version_find
from models_admin.versions import version_reachable
from retrieval_site.errors import AppError
from retrieval_site.people import manages_models
from search.api.permissions import require
from search.models import Collection, Document

if TYPE_CHECKING:
    from rest_framework.request import Request


def known_versions(request: Request) -> Any:
    """Return the model versions that the caller may name; operators know all of them."""
    rows = ModelVersion.objects.all()
    if manages_models(request.user):
        return rows
    named = [key.rpartition("@") for key in settings.CONFIG.public_models]
    public = [Q(name=name, number=int(number)) for name, _, number in named if number.isdecimal()]
    reachable = reduce(or_, public, Q(aliases__isnull=False))
    return rows.filter(reachable, state=VersionState.READY).distinct()


def usable_version(request: Request, model: str) -> ModelVersion:
    """Return a version by alias or `name@version`; raises `model.not_found` as for one that is not there."""
    version = (
        None if "\x00" in model else version_find(model)
    )  # PostgreSQL knows no NUL, an address may hold one
    if version is None or not _may_use(request, version):
        raise AppError("model.not_found", model=model)
    return version


def _may_use(request: Request, version: ModelVersion) -> bool:
    ready = version.state == VersionState.READY or manages_models(request.user)
    return ready and version_reachable(version, viewer=request.user)


def curated_collection(request: Request, slug: str) -> Collection:
    """Return a collection to write into; raises `collection.not_found`, `permission.denied`."""
    collection: Collection | None = Collection.objects.visible_to(request.user).filter(slug=slug).first()
    if collection is None:
        raise AppError("collection.not_found")
    require(Collection.objects.curated_by(request.user).filter(pk=collection.pk).exists())
    return collection


def visible_document(request: Request, document_id: int) -> Document:
    """Return a document with its collection and images; raises `document.not_found`."""
    rows = Document.objects.visible_to(request.user).select_related("collection")
    document: Document | None = rows.prefetch_related("images", "files").filter(pk=document_id).first()
    if document is None:
        raise AppError("document.not_found")
    return document


def curated_document(request: Request, document_id: int) -> Document:
    """Return a document to change; raises `document.not_found`, `permission.denied`."""
    document = visible_document(request, document_id)
    require(Document.objects.curated_by(request.user).filter(pk=document.pk).exists())
    return document
