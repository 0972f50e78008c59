"""Requests to every address: bodies as JSON and as forms, query strings and headers."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from django.db import transaction
from django.test import Client
from hypothesis import strategies as st

from tests.hostile.fuzzing.kinds import Input, Kind, Outcome
from tests.hostile.fuzzing.leftovers import nothing_left, stored_files
from tests.hostile.fuzzing.seeds import seed
from tests.hostile.fuzzing.values import TEXTS, byte_changes, changed, dumped, json_changes, scrambled, texts
from tests.hostile.fuzzing.world import DIM, FuzzedWorld, row_counts

WORLD: list[FuzzedWorld] = []
"""The world that is asked about; the tests put it here."""

API = "/api/v1"
PEOPLE = ("anonymous", "reader", "curator", "staff", "root")
DOCUMENT = {
    "collection": "secret",
    "external_id": "new-1",
    "title": "A pump",
    "body": "It leaks. Badly.",
    "url": "https://example.org/",
    "tags": ["pump"],
    "metadata": {"site": {"hall": [1, 2]}},
}
BODIES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", f"{API}/search/", {"text": "a red pump", "limit": 3, "collections": ["open"], "target": "passages"}),
    ("POST", f"{API}/search/", {"text": "red", "filters": {"tags": ["pump"], "metadata": {"a": 1}}}),
    ("POST", f"{API}/search/", {"document": 1, "target": "images", "mode": "dense"}),
    ("POST", f"{API}/search/", {"embedding": [0.5] * DIM, "model": "tiny@1"}),
    ("POST", f"{API}/search/", {"next": "gAAAA", "limit": 5}),
    ("POST", f"{API}/embeddings/", {"text": "blue", "model": "tiny@1"}),
    ("POST", f"{API}/documents/", DOCUMENT),
    ("PATCH", f"{API}/documents/{{hidden}}/", {"title": "Other", "metadata": {}}),
    ("DELETE", f"{API}/documents/{{hidden}}/", {}),
    ("POST", f"{API}/collections/", {"slug": "new", "name": "New", "visibility": "public", "readers": ["reader"]}),
    ("PATCH", f"{API}/collections/secret/", {"name": "Other", "curators": ["curator"], "description": "d"}),
    ("DELETE", f"{API}/collections/secret/", {}),
    ("POST", f"{API}/judgements/", {"query": "{query}", "document": "{document}", "grade": 3, "comment": "yes"}),
    ("PATCH", f"{API}/judgements/{{judgement}}/", {"grade": 1}),
    ("POST", f"{API}/jobs/{{job}}/cancel/", {}),
    ("POST", f"{API}/jobs/{{job}}/retry/", {}),
    ("POST", f"{API}/models/rollback/", {"reason": "worse"}),
    ("POST", f"{API}/models/tiny@1/activate/", {"reason": "better", "force": True}),
    ("POST", f"{API}/models/", {"note": "none"}),
    ("POST", f"{API}/documents/import/", {"collection": "secret", "dry_run": True}),
)  # fmt: skip
ADDRESSES = (
    f"{API}/search/{{query}}/", f"{API}/search/{{missing}}/", f"{API}/documents/", f"{API}/documents/{{document}}/",
    f"{API}/documents/{{hidden}}/", f"{API}/collections/", f"{API}/collections/secret/", f"{API}/jobs/",
    f"{API}/jobs/{{job}}/", f"{API}/jobs/{{job}}/failed/", f"{API}/models/", f"{API}/models/tiny@1/",
    f"{API}/judgements/", f"{API}/judgements/{{judgement}}/", f"{API}/judgements/export.csv",
    f"{API}/judgements/export.qrels", f"{API}/judgements/export.run",
    f"{API}/schema/", f"{API}/nothing/", "/", "/search/", "/q/{query}/",
    "/q/{query}/photo", "/documents/{document}/", "/collections/", "/collections/open/", "/images/{image}",
    "/login/", "/examples/x", "/admin/", "/admin/login/", "/static/nothing",
)  # fmt: skip
PARAMETERS = ("limit", "cursor", "next", "collection", "external_id", "tag", "query", "document", "model", "format",
              "q", "text", "target", "page", "px", "size", "state", "type", "_", "next_page")  # fmt: skip
FORMS = (
    ("/search/", {"text": "red", "target": "images", "collections": "open"}),
    ("/q/{query}/again/", {"target": "passages", "collections": "secret"}),
    ("/q/{query}/judge/", {"document": "{document}", "grade": "2", "comment": "c"}),
    ("/login/", {"username": "reader", "password": "wrong"}),
    (f"{API}/search/", {"text": "red", "filters": "{}", "limit": "3", "embedding": "[1]"}),
    (f"{API}/embeddings/", {"model": "tiny@1"}),
    (
        f"{API}/documents/",
        {"collection": "secret", "external_id": "form-1", "title": "T", "metadata": "{}", "tags": "a"},
    ),
    (
        f"{API}/documents/import/",
        {"collection": "secret", "format": "jsonl", "per": "caption", "dry_run": "1"},
    ),
    (f"{API}/models/", {"note": "n"}),
)
FILE_NAMES = ("image", "file", "bundle", "images", "picture", "photo", "text")
HEADERS = {
    "Content-Type": ("text/plain", "application/json; charset=utf-7", "application/json; charset=nonsense", "x", "",
                     "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\xff",
                     "multipart/mixed; boundary=a", "application/x-www-form-urlencoded; charset=utf-16", "*/*"),
    "Accept": ("", "text/html", "*/*;q=x", "application/json;version=9", ";;;", "a" * 5000),
    "Authorization": ("Bearer", "Bearer x y", "Basic Og==", "Bearer sl_\xff", "Bearer \x00", "Token a",
                      "bearer " + "a" * 9000),
    "Host": ("", "evil.example", "localhost:99999", "[::1", "localhost\x00", "a" * 300),
    "X-Forwarded-For": ("1.2.3.4", "x", ",,,,", "1.2.3.4, " * 300),
    "X-Forwarded-Proto": ("https", "gopher"),
    "Cookie": ("sessionid=x", "sessionid=" + "a" * 9000, "csrftoken=\xff", "messages=x", ";;;=", "sessionid=\x00"),
    "X-CSRFToken": ("x", "\xff" * 40),
    "Origin": ("null", "http://[", "https://evil.example"),
    "Referer": ("http://[", "x", "https://evil.example/"),
    "If-Modified-Since": ("x", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Jan 99999 00:00:00 GMT"),
    "If-None-Match": ('"x', "*", 'W/"'),
    "Range": ("bytes=0-", "bytes=9-1", "bytes=-99999999999999999999", "x"),
    "Accept-Language": ("xx", "en;q=9e99", "," * 500),
    "X-Request-ID": ("a\x00b", "a" * 5000, "\xff"),
    "HX-Request": ("true", "\xff"),
    "HX-Current-URL": ("http://[", "\xff"),
    "Script-Name": ("/evil", "//evil.example"),
    "Content-Length": ("", "x", "-1", "99999999999999999999"),
}  # fmt: skip

_headers = st.lists(
    st.sampled_from(sorted(HEADERS)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(HEADERS[name]))
    ),
    max_size=2,
)
_queries = st.lists(st.tuples(st.sampled_from(PARAMETERS), texts), max_size=3)
_people = st.sampled_from(PEOPLE)


@st.composite
def json_requests(draw: st.DrawFn) -> Input:
    method, path, body = draw(st.sampled_from(BODIES))
    data = dumped(changed(body, draw(json_changes)))
    data = scrambled(data, draw(byte_changes) if draw(st.integers(0, 4)) == 0 else [])
    headers = {"Content-Type": "application/json"} | dict(
        draw(_headers) if draw(st.integers(0, 3)) == 0 else []
    )
    return _input("JSON", method, path, data, headers=headers, who=draw(_people))


@st.composite
def addresses(draw: st.DrawFn) -> Input:
    path = draw(st.sampled_from(ADDRESSES))
    method = draw(
        st.sampled_from(
            ("GET", "GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE")
        )
    )
    query = urlencode(draw(_queries), errors="surrogatepass")
    if draw(st.integers(0, 5)) == 0:
        query += draw(
            st.sampled_from(("&%", "&=", "&a=%ff%fe", "?" * 50, "&limit=1" * 2000, "&a[]=1", "&limit=%00"))
        )
    if draw(st.integers(0, 5)) == 0:
        path += quote(draw(st.sampled_from(TEXTS))[:300], errors="surrogatepass")
    return _input("address", method, path, b"", query=query, headers=dict(draw(_headers)), who=draw(_people))


@st.composite
def form_requests(draw: st.DrawFn) -> Input:
    path, fields = draw(st.sampled_from(FORMS))
    form = changed(fields, draw(json_changes))
    items = list(form.items()) if isinstance(form, dict) else [("x", form)]
    if draw(st.booleans()):
        pairs = [(name, value if isinstance(value, str) else str(value)) for name, value in items]
        data = urlencode(pairs, errors="surrogatepass").encode()
        return _input(
            "form",
            "POST",
            path,
            data,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            who=draw(_people),
        )
    files = draw(st.lists(st.tuples(st.sampled_from(FILE_NAMES), st.sampled_from(_FILES), texts), max_size=2))
    data = b"".join(_part(name, str(value).encode("utf-8", "surrogatepass")) for name, value in items)
    data += b"".join(_part(name, content, file_name) for name, content, file_name in files) + b"--BOUND--\r\n"
    data = scrambled(data, draw(byte_changes) if draw(st.integers(0, 2)) == 0 else [])
    headers = {"Content-Type": "multipart/form-data; boundary=BOUND"} | dict(
        draw(_headers) if draw(st.integers(0, 5)) == 0 else []
    )
    return _input("multipart", "POST", path, data, headers=headers, who=draw(_people))


_FILES = (b"", b"x", seed("jpeg"), seed("png"), seed("jpeg")[:200], seed("gif animated"),
          b"PK\x05\x06" + b"\x00" * 18, b'{"external_id": "a", "title": "t"}\n', b"\x89PNG\r\n\x1a\n",
          b"external_id,title\na,b\n", b"[" * 5000)  # fmt: skip


def _part(name: str, content: bytes, file_name: str | None = None) -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"'
    head += f'; filename="{file_name}"\r\nContent-Type: image/jpeg' if file_name is not None else ""
    return b"--BOUND\r\n" + head.encode("utf-8", "surrogatepass") + b"\r\n\r\n" + content + b"\r\n"


def _input(name: str, method: str, path: str, data: bytes, **how: Any) -> Input:
    return Input(f"{name} {method} {path}", data, {"method": method, "path": path, "query": "", **how})


def try_request(given: Input) -> Outcome:
    """Send it; what is refused has an id below /api/, is no 5xx, and leaves neither rows nor files."""
    client = _client()
    client.cookies.clear()
    with nothing_left(), transaction.atomic():
        rows, files = row_counts(), stored_files()
        response = _sent(client, given)
        outcome = _judged(given, response)
        if response.status_code >= 400 and not outcome.problem:
            left = {name: count for name, count in row_counts().items() if count != rows[name]}
            left |= {"files": len(stored_files() - files)} if stored_files() - files else {}
            outcome.problem = f"a refusal ({response.status_code}) left {left}" if left else ""
        transaction.set_rollback(True)
    return outcome


@cache
def _client() -> Client:
    """One for all: making one looks through all static files."""
    return Client(raise_request_exception=True)


def _sent(client: Client, given: Input) -> Any:
    world, how = WORLD[-1], given.how
    path, data = how["path"], given.data
    for name, value in world.names.items():
        path, data = path.replace(f"{{{name}}}", value), data.replace(f"{{{name}}}".encode(), value.encode())
    headers = {"Authorization": world.headers[how["who"]]} if how["who"] != "anonymous" else {}
    headers |= how["headers"]
    kind = headers.pop("Content-Type", "application/octet-stream")
    environ = {
        _wsgi_name(name): value.encode("utf-8", "replace").decode("latin-1")
        for name, value in headers.items()
    }
    return client.generic(how["method"], path, data, kind, QUERY_STRING=how["query"], **environ)


def _wsgi_name(header: str) -> str:
    name = header.upper().replace("-", "_")
    return name if name == "CONTENT_LENGTH" else f"HTTP_{name}"


def _judged(given: Input, response: Any) -> Outcome:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    status = response.status_code
    if status < 400 or given.how["method"] == "HEAD":
        return Outcome(problem=f"status {status}" if status >= 500 else "")
    if not given.how["path"].startswith(API):
        return Outcome(problem=f"status {status}" if status >= 500 else "")
    return _refused(response, status, body)


def _refused(response: Any, status: int, body: bytes) -> Outcome:
    if "json" not in response.get("Content-Type", ""):
        return Outcome(problem=f"status {status} below /api/ is not JSON: {body[:80]!r}")
    error = response.json().get("error", {})
    if set(error) != {"id", "message", "detail"} or not error["message"]:
        return Outcome(problem=f"status {status} is not in the one error shape: {body[:80]!r}")
    known = status < 500 or error["id"].startswith("encoder.")
    return Outcome([error["id"]], problem="" if known else f"status {status} {error['id']}")


REQUESTS = Kind("API bodies", st.one_of(json_requests(), form_requests(), addresses()), try_request)
