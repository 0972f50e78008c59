"""A device with one passkey, as far as the site sees of it: it makes the key, and signs whatever challenge waits."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from allauth.account.utils import user_pk_to_url_str
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

from retrieval_site.accounts.models import User

if TYPE_CHECKING:
    from django.test import Client

ID = b"a key of the tests"
FLAG = AuthenticatorData.FLAG


class Passkey:
    """A key that its device lets be found without a name, and for which it asks for a finger each time."""

    def __init__(self, person: User) -> None:
        self.person = person
        self.key = ec.generate_private_key(ec.SECP256R1())

    def made(self, client: Client) -> str:
        """Return what the page of adding a key sends."""
        public = ES256.from_cryptography_key(self.key.public_key())
        credential = AttestedCredentialData.create(bytes(16), ID, public)
        data = self._data(FLAG.AT, credential)
        answer = {
            "clientDataJSON": websafe_encode(self._asked(client, "webauthn.create")),
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
        }
        return _credential(answer)

    def signed(self, client: Client) -> str:
        """Return what a page that asks for a key sends."""
        data, asked = self._data(FLAG(0)), self._asked(client, "webauthn.get")
        signature = self.key.sign(data + hashlib.sha256(asked).digest(), ec.ECDSA(hashes.SHA256()))
        answer = {
            "clientDataJSON": websafe_encode(asked),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
            "userHandle": websafe_encode(user_pk_to_url_str(self.person).encode()),
        }
        return _credential(answer)

    def _data(self, flags: FLAG, credential: bytes = b"") -> AuthenticatorData:
        host = hashlib.sha256(b"testserver").digest()
        return AuthenticatorData.create(host, flags | FLAG.UP | FLAG.UV, 0, credential)

    def _asked(self, client: Client, kind: str) -> bytes:
        challenge = client.session["mfa.webauthn.state"]["challenge"]
        return CollectedClientData.create(kind, challenge, "https://testserver")


def _credential(response: dict[str, Any]) -> str:
    shared = {"id": websafe_encode(ID), "rawId": websafe_encode(ID), "type": "public-key"}
    resident = {"credProps": {"rk": True}}
    return json.dumps({**shared, "clientExtensionResults": resident, "response": response})
