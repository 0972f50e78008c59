"""allauth's forms of passkeys, which refuse what no device sends instead of failing on it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext

if TYPE_CHECKING:
    from allauth.mfa.models import Authenticator

MALFORMED = (AttributeError, LookupError, TypeError, ValueError, struct.error)
"""What the library raises for JSON of another shape than a credential's."""


class _Careful:
    def full_clean(self: Any) -> None:
        """Check the form; what cannot be read is an error of its credential."""
        try:
            super().full_clean()  # type: ignore[misc]
        except MALFORMED:
            self.add_error("credential", get_adapter().validation_error("incorrect_code"))


ALONE = "signs_in_alone"
"""Where a passkey's row keeps whether the box was ticked when it was added; without it, it was not."""


class PasskeySignInForm(_Careful, forms.LoginWebAuthnForm):
    """By a passkey alone, which its owner chose for that: devices offer second factors on that page, too."""

    def clean_credential(self) -> Authenticator:
        """Return the passkey."""
        authenticator = super().clean_credential()
        if authenticator.data["credential"].get(ALONE) is not True:
            raise ValidationError(
                gettext(
                    "This passkey is a second factor: sign in in another way first. To sign in with it alone, add it"
                    " again under “Your account”, with the box ticked."
                )
            )
        return authenticator


class PasskeySecondForm(_Careful, forms.AuthenticateWebAuthnForm):
    """As the second factor."""


class PasskeyConfirmForm(_Careful, forms.ReauthenticateWebAuthnForm):
    """To confirm who one is."""


class PasskeyAddForm(_Careful, forms.AddWebAuthnForm):
    """To add one."""

    def clean(self) -> dict[str, Any]:
        """Keep with the passkey whether it may sign in alone."""
        said: dict[str, Any] = super().clean()
        if said.get("credential"):
            said["credential"] = {**said["credential"], ALONE: bool(said.get("passwordless"))}
        return said
