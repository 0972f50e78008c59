"""The audit log, for those who see its page in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from retrieval_site.acting import ADMIN, API, JOB, PAGE, SYSTEM
from retrieval_site.audit import ACTIONS
from search.api.base import ApiView, PageParameters, describe, page_answer
from search.api.permissions import require_administrator
from search.services.audit import COLUMNS, audit_entries

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

    from search.models import AuditEntry

WAYS = [PAGE, API, ADMIN, JOB, SYSTEM]
ID_MAX = 2**63 - 1
NAME_MAX = 150


class AuditParameters(PageParameters):
    """What the entries must have in common; each that is left out asks for nothing."""

    action = serializers.ChoiceField(choices=list(ACTIONS), required=False)
    via = serializers.ChoiceField(choices=WAYS, required=False, help_text="the way in which it was done")
    actor = serializers.CharField(max_length=NAME_MAX, required=False, help_text="a user name, to the letter")
    target_type = serializers.CharField(max_length=40, required=False, help_text="such as `collection`")
    target_id = serializers.CharField(max_length=64, required=False)
    collection_id = serializers.IntegerField(min_value=1, max_value=ID_MAX, required=False)
    since = serializers.DateTimeField(required=False, help_text="from this time on")
    until = serializers.DateTimeField(required=False, help_text="before this time")
    q = serializers.CharField(
        max_length=100, required=False, help_text="part of an actor, a target, a token or a request's id"
    )


class AuditEntryAnswer(serializers.Serializer[Any]):
    """One thing that was done: when, by whom and by which way, to what."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    action = serializers.CharField(help_text="docs/administration.md lists them")
    actor_id = serializers.IntegerField(allow_null=True)
    actor = serializers.CharField(allow_blank=True, help_text="empty: nobody signed in, or a command")
    via = serializers.ChoiceField(choices=WAYS)
    token = serializers.CharField(
        allow_blank=True, help_text="the name of the token that a program came with"
    )
    target_type = serializers.CharField(allow_blank=True)
    target_id = serializers.CharField(allow_blank=True)
    target_name = serializers.CharField(allow_blank=True)
    collection_id = serializers.IntegerField(allow_null=True)
    detail = serializers.DictField()
    request_id = serializers.CharField(allow_blank=True)


class AuditListView(ApiView):
    """The entries of the audit log."""

    query_parameters = {"GET": AuditParameters}
    members_only = True

    @describe("audit_list", {200: page_answer(AuditEntryAnswer)}, parameters=[AuditParameters])
    def get(self, request: Request) -> Response:
        """List who did what, newest first (administrators)."""
        require_administrator(request)
        wanted = {name: value for name, value in self.query.items() if name not in ("limit", "cursor")}
        return self.page(audit_entries(wanted), audit_json, ordering="-id")


def audit_json(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry as the export has it."""
    return {name: getattr(entry, name) for name in COLUMNS}
