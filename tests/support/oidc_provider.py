"""An OpenID Connect provider of this machine: Authlib's server over HTTP, with PKCE and the code flow.

Whoever comes to it is signed in at once, as `claims` say.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import AuthorizationCodeMixin
from authlib.oidc.core.grants import OpenIDCode
from joserfc import jwt
from joserfc.jwk import RSAKey

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT_ID, CLIENT_PASSWORD = "sightline", "between us two"
KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})
ANOTHER_KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})


@dataclass
class OidcProvider:
    """`claims` are of the person, `info` what only the userinfo endpoint says; `spoiled` replaces claims of ID tokens.

    `key` signs. `description` replaces parts of what the provider says of itself. `returns_to` are the addresses that
    its client may name.
    """

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    spoiled: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: KEY)
    description: dict[str, Any] = field(default_factory=dict)
    returns_to: str = "http://testserver/login/provider/callback/"
    codes: dict[str, _Code] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)


class _Client(ClientMixin):
    def __init__(self, about: OidcProvider) -> None:
        self.about = about

    def get_client_id(self):
        return CLIENT_ID

    def get_default_redirect_uri(self):
        return self.about.returns_to

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == self.about.returns_to

    def check_client_secret(self, client_secret):
        return client_secret == CLIENT_PASSWORD

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_post"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


class _Code(AuthorizationCodeMixin):
    def __init__(self, request: OAuth2Request) -> None:
        asked = request.payload.data
        self.redirect_uri, self.scope, self.user = asked["redirect_uri"], asked["scope"], request.user
        self.nonce = asked.get("nonce")
        self.code_challenge = asked.get("code_challenge")
        self.code_challenge_method = asked.get("code_challenge_method")

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return None

    def get_acr(self):
        return None

    def get_amr(self):
        return None


class _Grant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_post"]

    def save_authorization_code(self, code, request):
        self.server.about.codes[code] = _Code(request)

    def query_authorization_code(self, code, client):
        return self.server.about.codes.get(code)

    def delete_authorization_code(self, authorization_code):
        codes = self.server.about.codes
        for code in [code for code, known in list(codes.items()) if known is authorization_code]:
            del codes[code]

    def authenticate_user(self, authorization_code):
        return authorization_code.user


class _Tokens(OpenIDCode):
    def __init__(self, about: OidcProvider) -> None:
        super().__init__(require_nonce=True)
        self.about = about

    def exists_nonce(self, nonce, request):
        return any(code.nonce == nonce for code in self.about.codes.values())

    def resolve_client_private_key(self, client):
        return self.about.key

    def get_client_claims(self, client):
        return {"iss": self.about.issuer}

    def get_encode_header(self, client):
        return {"alg": "RS256", "kid": "first"}

    def generate_user_info(self, user, scope):
        return user

    def encode_id_token(self, token, request):
        told = super().encode_id_token(token, request)
        if not self.about.spoiled:
            return told
        claims = jwt.decode(told, self.about.key).claims | self.about.spoiled
        return jwt.encode({"alg": "RS256", "kid": "first"}, claims, self.about.key)


class _Server(AuthorizationServer):
    def __init__(self, about: OidcProvider) -> None:
        super().__init__()
        self.about = about
        self.register_token_generator(
            "default", BearerTokenGenerator(lambda **_: f"token-{len(about.tokens)}")
        )
        self.register_grant(_Grant, [CodeChallenge(required=True), _Tokens(about)])

    def query_client(self, client_id):
        return _Client(self.about) if client_id == CLIENT_ID else None

    def save_token(self, token, request):
        self.about.tokens[token["access_token"]] = request.user | self.about.info

    def create_oauth2_request(self, request):
        return request

    def handle_response(self, status, payload, headers):
        return status, payload, headers

    def send_signal(self, name, *args, **kwargs):
        pass


class _Asked(OAuth2Request):
    def __init__(self, method: str, path: str, sent: dict[str, str], headers: dict[str, str]) -> None:
        super().__init__(method, f"https://provider.test{path}", headers=headers)
        self.payload, self.sent = BasicOAuth2Payload(sent), sent

    @property
    def args(self):
        return self.sent

    @property
    def form(self):
        return self.sent


class _Http(ThreadingHTTPServer):
    def __init__(self, about: OidcProvider) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.about, self.oauth = about, _Server(about)


class _Handler(BaseHTTPRequestHandler):
    server: _Http

    def do_GET(self) -> None:
        about, oauth, parts = self.server.about, self.server.oauth, urlsplit(self.path)
        if parts.path == "/.well-known/openid-configuration":
            self._say(200, _description(about))
        elif parts.path == "/keys":
            self._say(200, {"keys": [KEY.as_dict(private=False)]})
        elif parts.path == "/userinfo":
            self._say(200, about.tokens[self.headers["Authorization"].removeprefix("Bearer ")])
        elif parts.path == "/authorize":
            asked = _Asked("GET", self.path, dict(parse_qsl(parts.query)), dict(self.headers))
            grant = oauth.get_authorization_grant(asked)
            self._say(*oauth.create_authorization_response(asked, dict(about.claims), grant))
        else:
            self._say(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = _Asked("POST", self.path, dict(parse_qsl(body)), dict(self.headers))
        self._say(*self.server.oauth.create_token_response(asked))

    def _say(self, status: int, payload: Any, headers: Any = ()) -> None:
        body = json.dumps(payload).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **dict(headers)}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def oidc_provider() -> Iterator[OidcProvider]:
    """Serve a provider on a free port of 127.0.0.1 during the block."""
    about = OidcProvider()
    http = _Http(about)
    about.issuer = f"http://127.0.0.1:{http.server_port}"
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield about
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def _description(about: OidcProvider) -> dict[str, Any]:
    here = about.issuer
    return {
        "issuer": here,
        "authorization_endpoint": f"{here}/authorize",
        "token_endpoint": f"{here}/token",
        "userinfo_endpoint": f"{here}/userinfo",
        "jwks_uri": f"{here}/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    } | about.description
