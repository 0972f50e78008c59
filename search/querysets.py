"""Recurring reads, by name. Permission fails closed: without a user only public collections are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Case, CharField, Count, IntegerField, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from retrieval_site.people import is_guest

if TYPE_CHECKING:
    from typing import Self, TypeAlias

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    Viewer: TypeAlias = AbstractBaseUser | AnonymousUser | None


class CollectionQuerySet(models.QuerySet[Any]):
    """Collections by what a viewer may do with them: all rights are decided here, in the statement that needs them."""

    def visible_to(self, viewer: Viewer) -> Self:
        """Collections to search and read: public ones (where the viewer may search at all) and those of a role.

        Guests also see the collections of their links.
        """
        if getattr(viewer, "is_superuser", False):
            return self
        visible = _held(viewer, "reader") | Q(pk__in=getattr(viewer, "guest_of", ()))
        if settings.CONFIG.anonymous_search or (viewer is not None and viewer.is_authenticated):
            visible |= Q(visibility="public")
        return self.filter(visible)

    def curated_by(self, viewer: Viewer) -> Self:
        """Collections whose documents and members the viewer may change."""
        return self if getattr(viewer, "is_superuser", False) else self.filter(_held(viewer, "curator"))

    def judged_for(self, viewer: Viewer) -> Self:
        """Collections whose queues the viewer judges. Staff: also of all others that they may see."""
        if getattr(viewer, "is_staff", False):
            return self.visible_to(viewer)
        return self if getattr(viewer, "is_superuser", False) else self.filter(_held(viewer, "judge"))

    def exported_by(self, viewer: Viewer) -> Self:
        """Collections whose judgements the viewer may take away, and make queues for: those that they curate.

        Staff: also all others that they may see.
        """
        return self.visible_to(viewer) if getattr(viewer, "is_staff", False) else self.curated_by(viewer)

    def counted(self) -> Self:
        """Add `document_count`, from the index of documents: counting joined rows takes eight times as long."""
        from search.models import Document

        documents = Document.objects.filter(collection=OuterRef("pk")).order_by().values("collection")
        count = Subquery(documents.annotate(n=Count("pk")).values("n"))
        return self.annotate(document_count=Coalesce(count, 0, output_field=IntegerField()))

    def described_for(self, viewer: Viewer) -> Self:
        """Add `document_count` and the viewer's `role`, the highest one or None, in the same query."""
        from search.models import Membership

        highest_first = [
            When(_held(viewer, role), then=Value(role)) for role in reversed(Membership.Role.values)
        ]
        return self.counted().annotate(role=Case(*highest_first, default=None, output_field=CharField()))


def _held(viewer: Viewer, role: str) -> Q:
    """Return the condition that a collection gives the viewer this role or a higher one, by name or by a group."""
    from search.models import Membership

    if viewer is None or not viewer.is_authenticated:
        return Q(pk__in=())
    roles = Membership.Role.values
    held = Membership.objects.filter(role__in=roles[roles.index(role) :]).values("collection")
    # Two lists, each by an index: one list with OR would read every membership.
    return Q(pk__in=held.filter(user=viewer.pk)) | Q(pk__in=held.filter(group__user=viewer.pk))


class DocumentQuerySet(models.QuerySet[Any]):
    """Documents by what a viewer may do with them."""

    def visible_to(self, viewer: Viewer) -> Self:
        """Documents of collections that the viewer may see."""
        from search.models import Collection

        return self.filter(collection__in=Collection.objects.visible_to(viewer))

    def judgeable_by(self, viewer: Viewer) -> Self:
        """Documents of which the viewer may say whether they are relevant: guests read without judging."""
        return self.visible_to(None if is_guest(viewer) else viewer)

    def curated_by(self, viewer: Viewer) -> Self:
        """Documents that the viewer may change."""
        from search.models import Collection

        return self.filter(collection__in=Collection.objects.curated_by(viewer))
