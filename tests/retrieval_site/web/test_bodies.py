"""A body that is too large, or whose sender may not send it, is refused before it is read; nothing of it is kept."""

from __future__ import annotations

import hashlib
import socket
import time
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from search.models import Collection, Membership
from search.services.tokens import token_create
from tests.support.web import WebServer, error_of, read_all, read_answer, status_of, web_server
from tests.support.workers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

HUGE = 300 << 20
BOUNDARY = "xyz"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
PART = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n'
    "Content-Type: application/octet-stream\r\n\r\n"
).encode()
END = f"\r\n--{BOUNDARY}--\r\n".encode()


@pytest.fixture
def nothing_kept(web: WebServer) -> Iterator[None]:
    """Nothing lies in the temporary folders during the test, looked at again and again, or afterwards."""
    yield
    assert web.temporary_bytes() == 0


def head(path: str, *lines: str, length: int | None = None, kind: str = FORM) -> bytes:
    ending = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    every = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {kind}", ending, *lines, "", ""]
    return "\r\n".join(every).encode()


def key_of(name: str, *, staff: bool = False, superuser: bool = False) -> str:
    user = get_user_model().objects.create_user(name, is_staff=staff, is_superuser=superuser)
    return token_create(user=user, name="t", scopes=["read", "write"])[1]


def curator_key() -> str:
    key = key_of("curator")
    collection = Collection.objects.create(slug="pumps", name="Pumps")
    user = get_user_model().objects.get(username="curator")
    Membership.objects.create(collection=collection, user=user, role=Membership.Role.CURATOR)
    return key


def keep_sending(client: socket.socket, *, at_most: int) -> int:
    """Send as a careless program does, until the server has enough; return how much it took."""
    client.settimeout(5)
    sent, block = 0, b"x" * 65536
    try:
        while sent < at_most:
            sent += client.send(block)
    except OSError:
        pass
    return sent


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/search/", 413),
        ("/login/", 413),
        ("/api/v1/search/", 413),
        ("/api/v1/embeddings/", 413),
        ("/api/v1/judgements/", 413),
        ("/api/v1/documents/", 401),
        ("/api/v1/documents/import/", 401),
        ("/api/v1/models/", 401),
        ("/admin/models_admin/modelversion/add/", 302),
        ("/admin/search/document/add/", 302),
        ("/admin/login/", 413),
        ("/no/such/address/", 404),
        ("/healthz", 200),
    ],
)
@pytest.mark.usefixtures("nothing_kept")
def test_300_mb_from_a_stranger_are_refused_before_they_are_read(
    web: WebServer, path: str, status: int
) -> None:
    with web.connect() as client:
        client.sendall(head(path, length=HUGE if status not in {302, 401} else 50 << 20))
        answered, headers, _ = read_answer(client)  # not a byte of the body was sent
        assert answered == status
        assert headers["connection"] == "close"
        assert web.temporary_bytes() == 0


@pytest.mark.usefixtures("nothing_kept")
def test_a_program_that_sends_all_the_same_gets_the_answer_and_is_cut_off(web: WebServer) -> None:
    with web.connect() as client:
        client.sendall(head("/api/v1/search/", length=HUGE))
        client.sendall(b"x" * (4 << 20))
        time.sleep(0.5)
        assert web.temporary_bytes() == 0
        status, _, body = read_answer(client)
        assert status == 413
        assert b'"image.too_large"' in body
        client.settimeout(20)
        assert read_all(client, silence=10) == b""


@pytest.mark.parametrize("path", ["/search/", "/login/", "/api/v1/judgements/", "/no/such/address/"])
def test_a_body_of_unknown_length_ends_at_the_limit_of_its_address(web: WebServer, path: str) -> None:
    limit = (21 << 20) if path == "/search/" else 1 << 20
    with web.connect() as client:
        client.sendall(head(path))
        sent = 0
        block = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        client.settimeout(10)
        try:
            while sent < HUGE:
                client.sendall(block)
                sent += 65536
                assert web.temporary_bytes() <= limit + (2 << 20)
        except OSError:
            pass
        assert sent < HUGE
    wait_until(lambda: web.temporary_bytes() == 0, what="the temporary files to go")


def test_a_chunked_body_over_the_limit_is_answered_413(web: WebServer) -> None:
    with web.connect() as client:
        client.sendall(head("/api/v1/judgements/", kind="application/json"))
        block = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        for _ in range(17):
            client.sendall(block)
        status, headers, body = read_answer(client)
    assert status == 413
    assert b'"request.too_large"' in body
    assert headers["x-request-id"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_stranger_is_refused_before_the_body_of_an_import(web: WebServer, chunked: bool) -> None:
    with web.connect() as client:
        client.sendall(head("/api/v1/documents/import/", length=None if chunked else 50 << 20))
        status, _, body = read_answer(client)
    assert status == 401
    assert b'"auth.required"' in body
    assert web.temporary_bytes() == 0


def test_somebody_without_a_collection_may_not_send_an_import(web: WebServer) -> None:
    key = key_of("reader")
    answer = web.say(head("/api/v1/documents/import/", f"Authorization: Bearer {key}", length=50 << 20))
    assert status_of(answer) == 403
    assert error_of(answer)["id"] == "permission.denied"


def test_only_an_operator_may_send_a_bundle(web: WebServer) -> None:
    key = key_of("staff", staff=True)
    answer = web.say(head("/api/v1/models/", f"Authorization: Bearer {key}", length=50 << 20))
    assert status_of(answer) == 403


def test_a_curators_import_is_taken_and_larger_ones_are_not(web: WebServer) -> None:
    key = curator_key()
    head_lines = (f"Authorization: Bearer {key}",)
    field = f'\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name="collection"\r\n\r\npumps'.encode()
    body = PART + b'{"external_id": "a", "title": "t"}\n' + field + END
    with web.connect() as client:
        client.sendall(head("/api/v1/documents/import/", *head_lines, length=len(body)))
        client.sendall(body)
        assert read_answer(client)[0] == 202
        client.sendall(head("/api/v1/documents/import/", *head_lines, length=90 << 20))  # the limit is 80 MiB
        assert read_answer(client)[0] == 413


def test_a_large_upload_lies_on_disk_and_is_gone_afterwards(web: WebServer) -> None:
    content = hashlib.sha256(b"seed").digest() * (2 << 20)  # 64 MiB
    before = web.resident_bytes()
    with web.connect() as client:
        client.sendall(head("/test/told/", length=len(PART) + len(content) + len(END)))
        client.sendall(PART + content[: 48 << 20])
        time.sleep(0.5)
        assert web.spooled_bytes() >= 40 << 20
        client.sendall(content[48 << 20 :] + END)
        client.settimeout(60)
        status, _, body = read_answer(client)
    assert status == 200
    assert hashlib.sha256(content).hexdigest().encode() in body
    assert web.resident_bytes() - before < 40 << 20
    wait_until(lambda: web.temporary_bytes() == 0, what="the temporary files to go")


def test_a_chunked_body_arrives_whole(web: WebServer) -> None:
    content = b"pump" * 50_000
    blocks = [content[first : first + 7_777] for first in range(0, len(content), 7_777)]
    sent = b"".join(b"%x\r\n%s\r\n" % (len(block), block) for block in blocks) + b"0\r\n\r\n"
    with web.connect() as client:
        client.sendall(head("/test/told/", kind="text/plain") + sent)
        status, _, body = read_answer(client)
        assert status == 200
        assert hashlib.sha256(content).hexdigest().encode() in body
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")  # the connection goes on
        assert read_answer(client)[0] == 200


def test_who_expects_100_continue_gets_the_refusal_instead_of_it(web: WebServer) -> None:
    for path, length in (("/login/", HUGE), ("/api/v1/documents/import/", 50 << 20)):
        with web.connect() as client:
            client.sendall(head(path, "Expect: 100-continue", length=length))
            assert read_answer(client)[0] in {401, 413}


def test_who_expects_100_continue_and_may_send_gets_it_once(web: WebServer) -> None:
    key = curator_key()
    for path, lines in (
        ("/test/told/", ()),
        ("/api/v1/documents/import/", (f"Authorization: Bearer {key}",)),
    ):
        with web.connect() as client:
            client.sendall(head(path, "Expect: 100-continue", *lines, length=len(PART + END)))
            assert read_answer(client)[0] == 100
            client.sendall(PART + END)
            assert read_answer(client)[0] in {200, 400}


def test_requests_that_come_one_behind_the_other_are_answered_in_order(web: WebServer) -> None:
    one = head("/test/told/", length=3, kind="text/plain") + b"abc"
    two = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    three = head("/api/v1/documents/import/", length=len(PART + END)) + PART + END
    with web.connect() as client:
        client.sendall(one + two + three + two)
        answers = read_all(client)
    assert [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]] == [200, 200, 401]


def test_a_page_for_staff_asks_who_it_is_before_it_reads(web: WebServer) -> None:
    get_user_model().objects.create_superuser("root", password="root-pass")
    browser = Client()
    assert browser.login(username="root", password="root-pass")
    cookie = f"Cookie: sessionid={browser.cookies['sessionid'].value}"
    path = "/admin/models_admin/modelversion/add/"
    with web.connect() as client:
        client.sendall(head(path, cookie, "Expect: 100-continue", length=len(PART + END)))
        assert read_answer(client)[0] == 100
        client.sendall(PART + END)
        assert read_answer(client)[0] == 403  # read, and refused for its missing CSRF token


def test_hundreds_of_half_sent_bodies_take_little_memory(tmp_path: Path) -> None:
    with web_server(tmp_path, CONNECTIONS_PER_ADDRESS="300") as web:
        web.get("/api/v1/collections/")
        before = web.resident_bytes()
        clients = [web.connect() for _ in range(250)]
        for client in clients:
            client.sendall(head("/test/told/", length=2 << 20) + PART + b"x" * 900_000)
        deadline = time.monotonic() + 30
        while web.spooled_bytes() < 150 << 20:  # the rest is in memory: thirty-two of them
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert web.resident_bytes() - before < 80 << 20
        for client in clients:
            client.close()


def test_all_uploads_together_have_a_limit_and_strangers_a_smaller_one(tmp_path: Path) -> None:
    with web_server(tmp_path, UPLOADS_MAX_BYTES=str(64 << 20)) as web:
        clients = [web.connect() for _ in range(4)]
        for client in clients[:3]:
            client.sendall(head("/test/told/", length=4 << 20) + PART + b"x" * (3 << 20))
        time.sleep(0.5)
        answer = web.say(head("/test/told/", length=4 << 20) + PART + b"x" * (3 << 20))
        assert status_of(answer) == 503
        assert error_of(answer)["id"] == "upload.no_room"
        clients[0].close()
        time.sleep(0.5)
        content = PART + b"x" + END
        clients[3].sendall(head("/test/told/", length=len(content)) + content)
        assert read_answer(clients[3])[0] == 200
        for client in clients:
            client.close()


def test_large_bodies_leave_threads_to_the_others(web: WebServer) -> None:
    """Sixteen threads, of which four at most answer large bodies."""
    content = PART + b"x" * (5 << 20) + END
    clients = [web.connect() for _ in range(20)]
    for client in clients:
        client.sendall(head("/test/told/?seconds=0.5", length=len(content)) + content)
    for _ in range(10):
        assert web.get("/healthz")[0] == 200
    for client in clients:
        assert read_answer(client)[0] == 200
        client.close()
    wait_until(lambda: web.temporary_bytes() == 0, what="the temporary files to go")


def test_uploads_that_are_cut_off_leave_nothing(web: WebServer) -> None:
    for _ in range(3):
        with web.connect() as client:
            client.sendall(head("/test/told/", length=50 << 20) + PART + b"x" * (8 << 20))
            time.sleep(0.2)
    wait_until(lambda: web.temporary_bytes() == 0, what="the temporary files to go")


def test_too_many_fields_and_files_are_refused(web: WebServer) -> None:
    field = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f"\r\n\r\nx\r\n'.encode()
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx\r\n'.encode()
    for part in (field, file):
        body = part * 2000 + f"--{BOUNDARY}--\r\n".encode()
        answer = web.say(head("/api/v1/search/", length=len(body)) + body)
        assert status_of(answer) == 413
        assert error_of(answer)["id"] == "request.too_large"


def form(fields: dict[str, str], files: dict[str, bytes]) -> bytes:
    line = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    parts = [f'{line}{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    parts += [
        f'{line}{name}"; filename="{name}"\r\n\r\n'.encode() + content + b"\r\n"
        for name, content in files.items()
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


JSON = "application/json"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
NOTES = b'{"external_id": "a", "title": "t"}\n'


@pytest.mark.parametrize(
    ("path", "kind", "body", "expected"),
    [  # what is told only to who was read to the end
        ("search/", JSON, b'{"text": ""}', b'"text.empty"'),
        ("search/", FORM, form({}, {"image": b""}), b'"image.empty"'),
        ("search/", "application/x-www-form-urlencoded", b"document=0", b'"document"'),
        ("embeddings/", JSON, b'{"text": "a", "model": "none@1"}', b'"model.not_found"'),
        ("embeddings/", FORM, form({}, {"image": b""}), b'"image.empty"'),
        ("documents/", JSON, b'{"collection": "pumps", "external_id": "c", "title": "t"}', b'"title":"t"'),
        (
            "documents/",
            FORM,
            form({"collection": "pumps", "external_id": "f", "title": "u"}, {}),
            b'"title":"u"',
        ),
        ("documents/import/", FORM, form({"collection": "pumps"}, {"file": NOTES}), b'"queued"'),
        ("models/", FORM, form({}, {"bundle": b"no zip"}), b'"permission.denied"'),
        ("collections/", JSON, b'{"slug": "s", "name": "S"}', b'"permission.denied"'),
        ("judgements/", JSON, b'{"grade": 9}', b'"query":'),
    ],
)
@pytest.mark.parametrize("slash", [True, False])
def test_every_address_takes_a_body_in_chunks(
    web: WebServer, path: str, kind: str, body: bytes, expected: bytes, slash: bool
) -> None:
    address = f"/api/v1/{path if slash else path.removesuffix('/')}"
    key = curator_key()
    blocks = [body[first : first + 9] for first in range(0, len(body), 9)]
    sent = b"".join(b"%x\r\n%s\r\n" % (len(block), block) for block in blocks) + b"0\r\n\r\n"
    with web.connect() as client:
        client.sendall(head(address, f"Authorization: Bearer {key}", kind=kind) + sent)
        status, _, answer = read_answer(client)
    assert expected in answer, (status, answer)
