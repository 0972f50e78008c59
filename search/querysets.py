"""Recurring reads, by name. Permission fails closed: without a user only public collections are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Case, CharField, F, Func, IntegerField, OuterRef, Q, Value, When

from retrieval_site.database import counting
from retrieval_site.database.counting import BoundedCount
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
        """Add `document_count`, from the index of documents: a number of `retrieval_site.database.counting`.

        Many documents are estimated by what statistics say of this collection alone: nothing is told of others.
        """
        from search.models import Document

        few = BoundedCount(Document.objects.filter(collection=OuterRef("pk")))
        return self.annotate(document_count=_DocumentCount(few, F("pk"), most=counting.COUNTED_MAX))

    def described_for(self, viewer: Viewer) -> Self:
        """Add `document_count` and the viewer's `role`, the highest one or None, in the same query."""
        from search.models import Membership

        highest_first = [
            When(_held(viewer, role), then=Value(role)) for role in reversed(Membership.Role.values)
        ]
        return self.counted().annotate(role=Case(*highest_first, default=None, output_field=CharField()))


class _DocumentCount(Func):
    """Of how many documents are counted at most and a collection's key: the count, or more where statistics say so.

    The most common values of a column are those of large collections. OFFSET keeps PostgreSQL from counting twice.
    """

    output_field = IntegerField()
    template = """(
        SELECT CASE WHEN few <= %(most)s THEN few ELSE greatest(few, (
            SELECT frequency * reltuples / greatest(relpages, 1)
                * (pg_relation_size(pg_class.oid) / current_setting('block_size')::int)
            FROM pg_class
            JOIN pg_stats ON schemaname = relnamespace::regnamespace::text AND tablename = relname
            CROSS JOIN unnest(most_common_vals::text::bigint[], most_common_freqs) common (value, frequency)
            WHERE pg_class.oid = 'search_document'::regclass AND attname = 'collection_id' AND value = collection
        )) END::int
        FROM (SELECT * FROM (VALUES (%(expressions)s)) counted (few, collection) OFFSET 0) counted
    )"""


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
