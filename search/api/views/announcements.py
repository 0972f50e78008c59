"""What stands on top of each page just now, for programs that show it elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from search.api.base import ApiView, PageParameters, describe, page_answer
from search.models import Announcement
from search.services.announcements import announcements_for

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


COLUMNS = ("id", "text", "level", "audience", "starts_at", "ends_at", "dismissible")


class AnnouncementAnswer(serializers.Serializer[Any]):
    """An announcement that stands now."""

    id = serializers.IntegerField()
    text = serializers.CharField(help_text="plain text")
    level = serializers.ChoiceField(choices=Announcement.Level.values)
    audience = serializers.ChoiceField(choices=Announcement.Audience.values, help_text="whom it is for")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)
    dismissible = serializers.BooleanField(help_text="whether readers can close it on pages")


class AnnouncementListView(ApiView):
    """The announcements that stand now."""

    query_parameters = {"GET": PageParameters}

    @describe("announcements_list", {200: page_answer(AnnouncementAnswer)}, parameters=[PageParameters])
    def get(self, request: Request) -> Response:
        """List what is announced to you now, newest first, also what you have closed on pages."""
        return self.page(announcements_for(request.user), announcement_json, ordering="-id")


def announcement_json(row: Announcement) -> dict[str, Any]:
    """Return an announcement."""
    return {name: getattr(row, name) for name in COLUMNS}
