"""Webhooks: addresses that are told of state changes, with the log of what they answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.translation import gettext

from retrieval_site.errors import AppError
from retrieval_site.events import EVENTS
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.languages.said import in_readers_language
from retrieval_site.panels import button_pressed
from retrieval_site.people import signed_in
from search.admin.curated import SuperuserOnlyAdmin
from search.models import Webhook
from search.services.webhooks import (
    CHOSEN,
    webhook_check,
    webhook_delete,
    webhook_renew_key,
    webhook_save,
    webhook_try,
)
from search.webhooks.signing import signing_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

DELIVERIES_SHOWN = 50


class WebhookForm(forms.ModelForm[Webhook]):
    """A webhook; its address is checked before it is kept."""

    events = forms.MultipleChoiceField(
        choices=[(event, format_lazy("{}: {}", event, EVENTS[event])) for event in CHOSEN],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Webhook
        fields = ["name", "url", "events", "is_active"]

    def clean(self) -> dict[str, Any]:
        """Refuse an address that can never be told anything."""
        values = super().clean() or {}
        if not self.errors:
            try:
                webhook_check(url=values["url"], events=values["events"])
            except AppError as error:
                field = "url" if error.id == "webhook.address_invalid" else "events"
                self.add_error(field, in_readers_language(error.id, error.message))
        return values


@admin.register(Webhook)
class WebhookAdmin(SuperuserOnlyAdmin):
    """Webhooks, for superusers."""

    form = WebhookForm
    change_form_template = "admin/search/webhook/change_form.html"
    list_display = ["name", "url", "is_active", "last_delivery"]
    search_fields = ["name", "url"]
    fields = ["name", "url", "events", "is_active"]

    @admin.display(description=gettext_lazy("last delivery"))
    def last_delivery(self, webhook: Webhook) -> str:
        """Return what became of the newest message."""
        last = webhook.deliveries.first()
        if last is None:
            return gettext("none yet")
        return format_html("{}, {}", last.event, last.outcome)

    def get_urls(self) -> list[URLPattern]:
        """Add the buttons."""
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/test/", view(self.test_view), name="search_webhook_test"),
            path("<int:pk>/key/", view(self.key_view), name="search_webhook_key"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the form with the signing key and the log of deliveries."""
        webhook = self.get_object(request, object_id)
        shown: dict[str, Any] = {}
        if webhook is not None and self.has_view_permission(request, webhook):
            deliveries = webhook.deliveries.all()[:DELIVERIES_SHOWN]
            shown = {"deliveries": deliveries, "signing_key": signing_key(webhook)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  (Django's signature)
        """Keep it through the service."""
        webhook_save(webhook=obj, events=form.cleaned_data["events"], by=signed_in(request))

    def delete_model(self, request: HttpRequest, obj: Webhook) -> None:
        """Delete it through the service."""
        webhook_delete(webhook=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        """Delete each through the service."""
        for webhook in queryset:
            webhook_delete(webhook=webhook)

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a test message."""
        return self._done(request, pk, _test)

    def key_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give it a new signing key."""
        return self._done(request, pk, _renew)

    def _done(self, request: HttpRequest, pk: int, do: Callable[[Webhook], str]) -> HttpResponse:
        """Do what a button says and come back; whoever only opens the address comes back, too."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        webhook = get_object_or_404(Webhook, pk=pk)
        button_pressed(request, lambda: do(webhook))
        return HttpResponseRedirect(reverse("admin:search_webhook_change", args=[pk]))


def _test(webhook: Webhook) -> str:
    webhook_try(webhook=webhook)
    return gettext("A test message is on its way; the log below will show what was answered.")


def _renew(webhook: Webhook) -> str:
    webhook_renew_key(webhook=webhook)
    return gettext("There is a new signing key. Messages are signed with it from now on.")
