"""Signing in by the organisation's provider: allauth's OpenID Connect, stricter. Imported only where one is set.

Beside what allauth checks (state, PKCE), an ID token must be signed with one of the provider's keys, be issued by
the issuer that was set, for this client, answer this sign-in (nonce) and be in its time.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import jwt
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp
from allauth.socialaccount.providers.base import AuthError
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.crypto import get_random_string
from requests import RequestException

from retrieval_site.accounts.claims import check_groups, groups_of, person_follow_claims
from retrieval_site.accounts.invited import is_invited
from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError, readable

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialLogin
    from django.http import HttpRequest, HttpResponse

    from retrieval_site.accounts.config import OidcConfig
    from retrieval_site.accounts.models import User

LOG = logging.getLogger(__name__)
ALGORITHMS = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
]  # fmt: skip
"""Signatures by a key pair: nothing that the client's own password could make."""
NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
CLOCK_SECONDS = 60
"""How far the provider's clock may be from ours."""
SUBJECT_MAX = 191
CLAIMS_MAX = 200_000
"""Characters of all claims together, as JSON."""


def oidc_config() -> OidcConfig:
    """Return the provider that is set; who calls this has made sure that one is."""
    oidc = settings.CONFIG.oidc
    assert oidc is not None  # noqa: S101
    return oidc


def start(request: HttpRequest, next_url: str) -> str:
    """Return the provider's address for a sign-in that begins now, and comes back to `next_url`.

    Raises AppError `auth.provider_unreachable`.
    """
    provider = SocialAdapter().get_provider(request, oidc_config().issuer)
    try:
        response: HttpResponse = provider.redirect(request, "login", next_url=next_url)
    except RequestException as error:
        raise _unreachable(error) from error
    return response.headers["Location"]


def finish(request: HttpRequest) -> HttpResponse:
    """Take the provider's answer and sign the person in, or go on to their second factor; raises AppErrors `auth.…`."""
    adapter = ProviderClient(request, oidc_config().issuer)
    response: HttpResponse = OAuth2CallbackView.adapter_view(adapter)(request)
    return response


class ProviderClient(OpenIDConnectOAuth2Adapter):
    """Asks the provider, and believes what it proves."""

    @property
    def openid_config(self) -> dict[str, Any]:
        """Return the provider's description of itself; raises AppError `auth.provider_unreachable` for another's."""
        if not hasattr(self, "_openid_config"):
            said = self._openid_config = self._fetched(self.get_provider().server_url)
            wrong = [name for name in NEEDED if not isinstance(said.get(name), str)]
            if wrong or said["issuer"] != oidc_config().issuer:
                raise _unreachable(
                    f"its description lacks {wrong}, or is another issuer's: {said.get('issuer')}"
                )
        return dict(self._openid_config)

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> SocialLogin:
        """Return the sign-in of whom the ID token names, with the claims; nothing of these is stored."""
        claims = self._decode_id_token(app, kwargs["response"].get("id_token"))
        if "userinfo_endpoint" in self.openid_config:
            more = self._fetch_user_info(token.token)
            if not isinstance(more, dict) or more.get("sub") != claims["sub"]:
                raise _not_proven("the user's description is somebody else's")
            claims = more | claims
        claims = readable(claims)
        text = json.dumps(claims)
        if "\\u0000" in text or len(text) > CLAIMS_MAX:
            raise _not_proven("claims with NUL, or too many")
        login = self.get_provider().sociallogin_from_response(request, {"id_token": claims})
        login.claims = claims
        return login

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """Return where the provider sends people back to."""
        return request.build_absolute_uri(reverse("provider_callback"))

    def _decode_id_token(self, app: Any, id_token: Any) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(id_token)
            keys = jwt.PyJWKSet.from_dict(self._fetched(self.openid_config["jwks_uri"])).keys
            fitting = [key for key in keys if header.get("kid") in (key.key_id, None)]
            if len(fitting) != 1:
                raise jwt.InvalidKeyError(f"{len(fitting)} of the provider's keys may have signed it")
            claims: dict[str, Any] = jwt.decode(
                id_token,
                fitting[0],
                algorithms=ALGORITHMS,
                audience=app.client_id,
                issuer=oidc_config().issuer,
                leeway=CLOCK_SECONDS,
                options={"require": ["iss", "aud", "exp", "iat", "sub"]},
            )
        except (jwt.PyJWTError, AttributeError, TypeError) as error:  # the last two: no token, no set of keys
            raise _not_proven(error) from error
        if claims.get("azp", app.client_id) != app.client_id:
            raise _not_proven("the token is for another client")
        if not 0 < len(claims["sub"]) <= SUBJECT_MAX:
            raise _not_proven("a subject of no or too many characters")
        return claims

    def _fetched(self, address: str) -> dict[str, Any]:
        with SocialAdapter().get_requests_session() as session:
            answer = session.get(address)
            answer.raise_for_status()
            said: dict[str, Any] = answer.json()
        return said


class SightlineProvider(OpenIDConnectProvider):
    """Adds a nonce, which the ID token must bring back, and keeps none of the claims."""

    oauth2_adapter_class = ProviderClient

    def redirect(self, request: HttpRequest, process: str, **kwargs: Any) -> HttpResponse:
        """Return the way to the provider, with a nonce that waits in the session."""
        nonce = get_random_string(32)
        response: HttpResponse = super().redirect(
            request, process, auth_params={"nonce": nonce}, nonce=nonce, **kwargs
        )
        return response

    def extract_extra_data(self, data: Any) -> dict[str, Any]:
        """Return nothing: what the provider says is asked again at the next sign-in."""
        return {}


class SocialAdapter(DefaultSocialAccountAdapter):
    """Who is let in, and what they may do."""

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Any:
        """Return the one provider, whatever an account from earlier names; accounts carry its issuer."""
        oidc = oidc_config()
        app = SocialApp(
            provider="openid_connect",
            provider_id=oidc.issuer,
            name=oidc.name,
            client_id=oidc.client_id,
            secret=oidc.client_secret,
            settings={
                "server_url": oidc.issuer.rstrip("/"),
                "scope": oidc.scopes,
                "oauth_pkce_enabled": True,
            },
        )
        return SightlineProvider(request, app=app)

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        """Fill in a new person's name, and the address only where the provider has verified it."""
        verified = any(address.verified for address in sociallogin.email_addresses)
        said = data if verified else {**data, "email": None}
        user: User = super().populate_user(request, sociallogin, said)
        sociallogin.email_addresses = []  # addresses stand in the account alone
        return user

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Let in whom the settings let in; raises AppErrors `auth.…`."""
        oidc, claims = oidc_config(), sociallogin.claims
        nonce = sociallogin.state.get("nonce")
        if not nonce or claims.get("nonce") != nonce:
            raise _not_proven("the token answers another sign-in")
        groups = groups_of(claims, oidc)
        existing = sociallogin.is_existing
        if existing:  # also of somebody who is refused below: their tokens go on with what is left
            person_follow_claims(person=sociallogin.user, groups=groups, rules=oidc)
        check_groups(groups, oidc)
        if not existing and oidc.match_email and (known := _known_by_email(sociallogin.user.email)):
            try:
                with transaction.atomic():
                    sociallogin.connect(request, known)
                    audit_note("user.joined", known, by=known, issuer=oidc.issuer)
            except IntegrityError:  # joined meanwhile by another request of theirs
                if not _taken(sociallogin):
                    raise
            person_follow_claims(person=sociallogin.user, groups=groups, rules=oidc)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Return True where people get an account by signing in, or for who was invited by their verified address.

        Raises AppError `auth.no_account` elsewhere.
        """
        if not (oidc_config().sign_up or is_invited(request, sociallogin.user.email)):
            raise AppError("auth.no_account")
        return True

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """Make the account, with the groups of the claims; take the one that another request made meanwhile."""
        try:
            return self._save_user(request, sociallogin, form)
        except IntegrityError:
            _as_new(sociallogin)
            if not _taken(sociallogin):
                return self._save_user(request, sociallogin, form)
        user: User = sociallogin.user
        person_follow_claims(
            person=user, groups=groups_of(sociallogin.claims, oidc_config()), rules=oidc_config()
        )
        return user

    @transaction.atomic
    def _save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any) -> User:
        user: User = super().save_user(request, sociallogin, form)
        audit_note("user.created", user, by=user, issuer=oidc_config().issuer)
        groups = groups_of(sociallogin.claims, oidc_config())
        person_follow_claims(person=user, groups=groups, rules=oidc_config())
        return user

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: str = AuthError.UNKNOWN,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        """Raise what went wrong as an AppError, whose page says it."""
        if isinstance(exception, RequestException):
            raise _unreachable(exception)
        if exception is not None:
            raise _not_proven(exception)
        if "state_id" in (extra_context or {}):
            raise AppError("auth.provider_state")
        LOG.warning("the provider refused a sign-in: %r", request.GET.get("error", error)[:200])
        raise AppError("auth.provider_refused")


def _taken(sociallogin: SocialLogin) -> bool:
    """Let a sign-in be that of the account that its subject has by now; return whether there is one."""
    ours = sociallogin.account
    found = SocialAccount.objects.filter(provider=ours.provider, uid=ours.uid).select_related("user").first()
    if found is None:
        return False
    sociallogin.account, sociallogin.user = found, found.user
    return True


def _as_new(sociallogin: SocialLogin) -> None:
    """Let rows that were not stored be new ones again, with another name for the account."""
    for row in (sociallogin.user, sociallogin.account):
        row.pk, row._state.adding = None, True
    sociallogin.user.username = ""


def _known_by_email(email: str) -> User | None:
    """Return the one account with a verified address; None where there is none, or more than one."""
    people = list(get_user_model().objects.filter(email__iexact=email)[:2]) if email else []
    return people[0] if len(people) == 1 else None


def _unreachable(reason: object) -> AppError:
    LOG.warning("the provider does not answer as it should: %s", reason)
    return AppError("auth.provider_unreachable")


def _not_proven(reason: object) -> AppError:
    LOG.warning("a sign-in by the provider was refused: %s", reason)
    return AppError("auth.provider_token")
