"""Tokens for programs: made here, shown once, deleted to revoke."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.utils.translation import gettext

from retrieval_site.languages.lazy import gettext_lazy
from search.admin.curated import SuperuserOnlyAdmin
from search.models import ApiToken
from search.services.tokens import token_create, token_delete

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest


class TokenForm(forms.ModelForm[ApiToken]):
    """A new token; its key is made, never typed."""

    scopes = forms.MultipleChoiceField(
        choices=ApiToken.Scope.choices, widget=forms.CheckboxSelectMultiple, initial=[ApiToken.Scope.READ]
    )
    expires_at = forms.DateTimeField(
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text=gettext_lazy("In UTC. Left empty, the token holds until it is deleted."),
    )

    class Meta:
        model = ApiToken
        fields = ["name", "user", "scopes", "expires_at"]


@admin.register(ApiToken)
class ApiTokenAdmin(SuperuserOnlyAdmin):
    """Tokens; an existing one can only be looked at or deleted."""

    form = TokenForm
    list_display = ["name", "user", "scopes", "created_at", "expires_at", "last_used_at"]
    list_select_related = ["user"]
    search_fields = ["name", "user__username"]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  (Django's signature)
        """Make the token through the service and show its key this once."""
        values = form.cleaned_data
        token, key = token_create(
            user=values["user"], name=values["name"], scopes=values["scopes"], expires_at=values["expires_at"]
        )
        obj.pk = token.pk
        messages.warning(request, gettext("The key, shown only now: {key}").format(key=key))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete it through the service."""
        token_delete(token=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete each through the service."""
        for token in queryset.select_related("user"):
            token_delete(token=token)
