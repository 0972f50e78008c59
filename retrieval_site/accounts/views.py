"""The pages of signing in that are ours: with a password, by the provider, with a new password by mail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.forms import PasswordChangeForm, PasswordResetForm
from django.contrib.auth.views import (
    LoginView,
    PasswordChangeView,
    PasswordResetConfirmView,
    PasswordResetView,
)
from django.db import transaction
from django.http import Http404
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils import translation
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_http_methods, require_safe

from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from retrieval_site.posting import page_within
from retrieval_site.rates import Rate
from retrieval_site.sign_in import SignInForm, count_attempt, forget_pair
from retrieval_site.throttling import address_of, take_or_refuse

if TYPE_CHECKING:
    from django.contrib.auth.forms import AuthenticationForm
    from django.http import HttpRequest, HttpResponse

STARTS_ADDRESS = Rate(30, 60)
"""How often one address on the network may set out for the provider, which is asked for its description each time."""
RESETS_ADDRESS = Rate(10, 3600)
"""How many messages one address on the network may ask for."""
RESETS_MAILBOX = Rate(3, 3600)
"""How many messages may be asked for one mailbox."""
_mail = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password-mail")
"""Sends apart from the request: how long an answer takes does not tell whether there is such an account."""


class SignInView(LoginView):
    """The one page where people sign in with a password; whoever has a second factor is asked for it next."""

    template_name = "search/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return which other ways there are."""
        ways = {"oidc": settings.CONFIG.oidc, "sends_mail": settings.CONFIG.sends_mail}
        return super().get_context_data(**kwargs) | ways

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in, or go on to the second factor."""
        login = Login(user=form.get_user(), redirect_url=self.get_success_url())
        response: HttpResponse = perform_password_login(self.request, form.cleaned_data, login)
        return response


@require_http_methods(["GET", "HEAD", "POST"])
def provider_sign_in(request: HttpRequest) -> HttpResponse:
    """Show the button that leads to the provider; pressed, lead there by a page of its own.

    A redirect would not do: after a form, browsers follow one only to what `form-action` names.
    """
    if settings.CONFIG.oidc is None:
        raise Http404
    asked = request.POST.get("next") or request.GET.get("next", "")
    back = page_within(request, asked, settings.LOGIN_REDIRECT_URL)
    page: dict[str, Any] = {"oidc": settings.CONFIG.oidc, "next": back}
    if request.method == "POST":
        from retrieval_site.accounts import oidc

        take_or_refuse(f"provider:{address_of(request)}", STARTS_ADDRESS)
        page["address"] = oidc.start(request, back)
    return render(request, "accounts/provider.html", page)


@require_safe
def provider_callback(request: HttpRequest) -> HttpResponse:
    """Take the provider's answer."""
    if settings.CONFIG.oidc is None:
        raise Http404
    from retrieval_site.accounts import oidc

    return oidc.finish(request)


class ResetForm(PasswordResetForm):
    """Django's, which writes to accounts that have a password, and to nobody else."""

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        """Send apart from the request, in its language; failures are logged."""
        write = translation.override(get_language())(super().send_mail)  # another thread has no language
        _mail.submit(write, *args, **kwargs)


class ResetView(PasswordResetView):
    """Asks for an address and says the same whether there is an account with it or not."""

    form_class = ResetForm
    template_name = "accounts/reset.html"
    subject_template_name = "accounts/mail/reset_subject.txt"
    email_template_name = "accounts/mail/reset.txt"
    success_url = reverse_lazy("account_login")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Raise Http404 where no mail can be sent."""
        if not settings.CONFIG.sends_mail:
            raise Http404
        self.extra_email_context = {"site_url": settings.CONFIG.site_url}
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        """Send the message; raises AppError `throttle.exceeded`."""
        mailbox = salted_hmac(__name__, form.cleaned_data["email"].casefold(), algorithm="sha256").hexdigest()
        for name, rate in ((address_of(self.request), RESETS_ADDRESS), (mailbox[:24], RESETS_MAILBOX)):
            take_or_refuse(f"reset:{name}", rate)
        messages.success(
            self.request,
            gettext("If an account with a password has this address, a message is on its way to it."),
        )
        return super().form_valid(form)


class NewPasswordView(PasswordResetConfirmView):
    """Where the message's link leads. Nobody is signed in by it: the second factor is asked for as ever."""

    template_name = "accounts/new_password.html"
    success_url = reverse_lazy("account_login")

    def form_valid(self, form: Any) -> HttpResponse:
        """Set the password."""
        with transaction.atomic():
            audit_note("user.password_reset", form.user, by=form.user)
            response: HttpResponse = super().form_valid(form)
        messages.success(self.request, gettext("Your new password counts from now on."))
        return response


class KnownPasswordForm(PasswordChangeForm):
    """Django's; wrong old passwords are counted as failures to sign in, so that nobody guesses at an open session."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        """Return the old password if it is right; raises AppError `auth.too_many_failures`."""
        count_attempt(self.request, self.user.get_username())
        old: str = super().clean_old_password()
        forget_pair(self.request, self.user.get_username())
        return old


class ChangePasswordView(PasswordChangeView):
    """Where people change the password that they know; their other sessions end, and this one goes on."""

    form_class = KnownPasswordForm
    template_name = "accounts/password.html"
    success_url = reverse_lazy("mfa_index")

    def get_form_kwargs(self) -> dict[str, Any]:
        """Give the form the request, by whose address failures are counted."""
        return super().get_form_kwargs() | {"request": self.request}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Change it; raises AppError `auth.password_elsewhere` for who has none here."""
        person: Any = request.user
        if not person.has_usable_password():
            raise AppError("auth.password_elsewhere")
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """Set the password, and sign this browser in again by it."""
        with transaction.atomic():
            audit_note("user.password_changed", form.user, by=form.user)
            response: HttpResponse = super().form_valid(form)
        messages.success(
            self.request,
            gettext("Your password is changed. Wherever else you were signed in, you are signed out now."),
        )
        return response
