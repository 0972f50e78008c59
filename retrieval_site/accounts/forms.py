"""allauth's forms of passkeys, which refuse what no device sends instead of failing on it."""

from __future__ import annotations

import struct
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn import forms

MALFORMED = (AttributeError, LookupError, TypeError, ValueError, struct.error)
"""What the library raises for JSON of another shape than a credential's."""


class _Careful:
    def full_clean(self: Any) -> None:
        """Check the form; what cannot be read is an error of its credential."""
        try:
            super().full_clean()  # type: ignore[misc]
        except MALFORMED:
            self.add_error("credential", get_adapter().validation_error("incorrect_code"))


class PasskeySignInForm(_Careful, forms.LoginWebAuthnForm):
    """By a passkey alone."""


class PasskeySecondForm(_Careful, forms.AuthenticateWebAuthnForm):
    """As the second factor."""


class PasskeyConfirmForm(_Careful, forms.ReauthenticateWebAuthnForm):
    """To confirm who one is."""


class PasskeyAddForm(_Careful, forms.AddWebAuthnForm):
    """To add one."""
