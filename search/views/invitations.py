"""Where an invitation's link leads: to an account, or with one that there is, to its roles.

Its key stands in the query, which no log of ours has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.forms import UserCreationForm
from django.db import IntegrityError
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from retrieval_site.people import signed_in
from search.invited import invitation_hold, invitation_in_hand, invitation_let_go
from search.services.invitations import (
    account_exists,
    invitation_accept,
    invitation_join,
    invitation_of_key,
)
from search.views.indexing import unindexed
from search.views.throttling import throttled

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from search.models import Invitation


class JoinForm(UserCreationForm[User]):
    """Name and password of a new account."""

    class Meta:
        model = User
        fields = ("username",)

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.email = email  # a password that is like it is refused
        self.fields["username"].widget.attrs["autocomplete"] = "username"


@require_safe
@never_cache
@unindexed
@throttled()
def invitation_link(request: HttpRequest) -> HttpResponse:
    """Have the session hold the invitation, and lead to a page whose address does not have the key."""
    try:
        invitation_hold(request, invitation_of_key(request.GET.get("key", "")))
    except AppError as error:
        return _page(request, {"refused": error})
    return redirect("search:invitation")


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password1", "password2")
@never_cache
@unindexed
@throttled()
def invitation(request: HttpRequest) -> HttpResponse:
    """Show what the invitation is for; take it, with the account of who is signed in or with a new one."""
    try:
        held = invitation_in_hand(request)
        if request.method == "POST":
            return _accepted(request, held) if request.user.is_authenticated else _joined(request, held)
    except AppError as error:
        return _page(request, {"refused": error})
    return _page(request, _shown(request, held))


def _shown(request: HttpRequest, held: Invitation) -> dict[str, Any]:
    user: Any = request.user
    roles = held.roles.select_related("collection").order_by("collection__name")
    shown = {"invitation": held, "roles": roles, "groups": held.groups.order_by("name")}
    if user.is_authenticated:
        return shown | {"fits": user.email.casefold() == held.email.casefold()}
    if account_exists(held.email):
        return shown | {"known": True}
    return shown | {"form": JoinForm(email=held.email)}


def _page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    refused = context.get("refused")
    context |= {"oidc": settings.CONFIG.oidc, "ldap": settings.CONFIG.ldap}
    return render(request, "search/invitation.html", context, status=refused.status if refused else 200)


def _accepted(request: HttpRequest, held: Invitation) -> HttpResponse:
    address = _leads_to(held)
    invitation_accept(invitation=held, person=signed_in(request))
    invitation_let_go(request)
    messages.success(request, gettext("The invitation is taken: its roles are yours."))
    return redirect(address)


def _joined(request: HttpRequest, held: Invitation) -> HttpResponse:
    """Make the account and sign in with it; show the form again where it cannot be made so."""
    form = JoinForm(request.POST, email=held.email)
    if not form.is_valid():
        return _page(request, _shown(request, held) | {"form": form})
    name, password, address = form.cleaned_data["username"], form.cleaned_data["password1"], _leads_to(held)
    try:
        invitation_join(invitation=held, username=name, password=password)
    except IntegrityError:  # somebody took the name between the check and now
        form.add_error("username", gettext("A user with that username already exists."))
        return _page(request, _shown(request, held) | {"form": form})
    invitation_let_go(request)
    person = authenticate(request, username=name, password=password)
    messages.success(request, gettext("Your account is made, and you are signed in."))
    login = Login(user=person, redirect_url=address)
    response: HttpResponse = perform_password_login(request, {"username": name, "password": password}, login)
    return response


def _leads_to(held: Invitation) -> str:
    """Return the page of the one collection that the invitation is for, else the first page."""
    slugs = list(held.roles.values_list("collection__slug", flat=True)[:2])
    return reverse("search:collection", args=slugs) if len(slugs) == 1 else reverse("search:home")
