"""Invitations in the admin, for superusers: everybody who was invited and has not come, and a form to invite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext

from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.languages.said import in_readers_language
from retrieval_site.people import signed_in
from search.admin.curated import SuperuserOnlyAdmin
from search.models import Collection, Invitation, Membership
from search.services.invitations import (
    Invited,
    invitation_create,
    invitation_send_again,
    invitation_withdraw,
)

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse


class InvitationForm(forms.Form):
    """Whom to invite, and to what."""

    email = forms.EmailField(max_length=254, label=gettext_lazy("E-mail address"))
    language = forms.ChoiceField(choices=settings.LANGUAGES, label=gettext_lazy("Language of the message"))
    collections = forms.ModelMultipleChoiceField(
        Collection.objects.order_by("name"),
        required=False,
        label=gettext_lazy("Collections"),
        help_text=gettext_lazy(
            "In each of these they get the role below. Without any, they read what is public."
        ),
    )
    role = forms.ChoiceField(choices=Membership.Role.choices, label=gettext_lazy("They may"))
    groups = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"),
        required=False,
        label=gettext_lazy("Groups"),
        help_text=gettext_lazy("They become members of these, with all that these may do."),
    )


@admin.register(Invitation)
class InvitationAdmin(SuperuserOnlyAdmin):
    """Invitations that nobody took yet; sent again and withdrawn by the list's actions."""

    list_display = ["email", "gives", "invited_by", "sent_at", "ends_at"]
    list_display_links = None
    list_select_related = ["invited_by"]
    search_fields = ["email"]
    actions = ["send_again", "withdraw"]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse: what comes with an invitation is what was sent."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse: withdrawing does it."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Fetch what comes with each."""
        return super().get_queryset(request).prefetch_related("roles__collection", "groups")

    @admin.display(description=gettext_lazy("what comes with it"))
    def gives(self, row: Invitation) -> str:
        """Return the roles and groups on one line."""
        roles = [f"{role.collection}: {role.get_role_display()}" for role in row.roles.all()]
        return "; ".join([*roles, *(group.name for group in row.groups.all())]) or "–"

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the form, and send the invitation."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = InvitationForm(request.POST or None, initial={"language": get_language()})
        if request.method == "POST" and form.is_valid() and _sent(request, form):
            return HttpResponseRedirect(reverse("admin:search_invitation_changelist"))
        context = self.admin_site.each_context(request) | {
            "form": form,
            "title": gettext("Invite somebody"),
            "sends_mail": settings.CONFIG.sends_mail,
            "opts": self.opts,
        }
        return render(request, "admin/search/invitation/new.html", context)

    @admin.action(description=gettext_lazy("Send again"))
    def send_again(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        """Send the chosen ones again with new links."""
        for row in queryset:
            try:
                invitation_send_again(invitation=row, by=signed_in(request))
                messages.success(request, gettext("Sent again to {email}.").format(email=row.email))
            except AppError as error:
                messages.error(request, _refusal(row, error))

    @admin.action(description=gettext_lazy("Withdraw"))
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        """Withdraw the chosen ones."""
        for row in queryset:
            try:
                invitation_withdraw(invitation=row)
            except AppError as error:
                messages.error(request, _refusal(row, error))
                continue
            messages.success(
                request, gettext("The invitation of {email} is withdrawn.").format(email=row.email)
            )


def _refusal(row: Invitation, error: AppError) -> str:
    return f"{row.email}: {in_readers_language(error.id, error.message)}"


def _sent(request: HttpRequest, form: InvitationForm) -> bool:
    """Send what the form says and return True; where that is refused, the form says why."""
    said = form.cleaned_data
    roles = dict.fromkeys(said["collections"], said["role"])
    invited = Invited(said["email"], said["language"], roles, [*said["groups"]])
    try:
        invitation_create(invited=invited, by=signed_in(request))
    except AppError as error:
        form.add_error(None, in_readers_language(error.id, error.message))
        return False
    messages.success(request, gettext("The invitation is sent."))
    return True
