"""The installation that is attacked: real processes, a champion, an open collection, people of every kind."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from django.core.files.base import ContentFile

from tests.flows.test_api_story import Program
from tests.support.tiny_bundle import COLOURS, make_tiny_bundle

if TYPE_CHECKING:
    from tests.flows.served import Served

MIB = 1024 * 1024


@dataclass
class Site:
    """A served installation and its operator."""

    served: Served
    operator: Program
    temporary: Path
    """Where its processes put temporary files."""

    @property
    def port(self) -> int:
        """Where it answers."""
        return self.served.port

    def anonymous(self) -> Program:
        """A program without a token."""
        return Program(self.port)

    def program_of(self, name: str, *scopes: str) -> Program:
        """A program with a token of this person, who must exist."""
        words = [word for scope in scopes or ("read", "write") for word in ("--scope", scope)]
        made = self.served.command("create_token", name, *words)
        assert made.returncode == 0, made.stderr
        return Program(self.port, made.stdout.strip().splitlines()[-1])

    def visitor(self) -> Visitor:
        """Somebody with a browser's cookies who is not signed in."""
        return Visitor(self.port)

    def admin(self, name: str = "admin", password: str = "") -> Visitor:
        """Somebody who is signed in to the admin; the superuser, if nobody is named."""
        visitor = self.visitor()
        visitor.sign_in(name, password or self.served.password() or "")
        return visitor

    def shell(self, code: str) -> str:
        """Run code on the installation's database and return what it printed."""
        done = self.served.command("shell", "--verbosity", "0", "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def tree(self, name: str) -> list[psutil.Process]:
        """A part's process and all below it."""
        process = self.served.children()[name]
        return [process, *process.children(recursive=True)]

    def memory(self, *names: str) -> int:
        """The bytes that these parts and their children hold of their own."""
        return sum(_own_bytes(process) for name in names for process in self.tree(name))

    def bytes_on_disk(self) -> int:
        """What temporary files and the blob storage hold."""
        folders = (self.temporary, self.served.data_dir / "blobs")
        return sum(
            _size(Path(at) / name) for top in folders for at, _, names in os.walk(top) for name in names
        )


def _own_bytes(process: psutil.Process) -> int:
    try:
        found = process.memory_info()
    except psutil.Error:  # ended a moment ago
        return 0
    return int(found.rss - found.shared)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # removed a moment ago
        return 0


def notes() -> ContentFile[bytes]:
    """One document a colour."""
    lines = [
        json.dumps({"external_id": colour, "title": colour, "body": f"a {colour} part"}) for colour in COLOURS
    ]
    return ContentFile("\n".join(lines).encode(), "notes.jsonl")


def fill(site: Site, folder: Path) -> None:
    """An open collection and a champion that answers, with another one before it to fall back to."""
    operator = site.operator
    operator.must("POST", "collections/", {"slug": "notes", "name": "Notes", "visibility": "public"})
    job = operator.must("POST", "documents/import/", form={"collection": "notes", "file": notes()})
    operator.finished(job)
    bundle = make_tiny_bundle(folder / "tiny.zip").read_bytes()
    upload = operator.must("POST", "models/", form={"bundle": ContentFile(bundle, "tiny.zip")})
    operator.finished(upload["job"])
    operator.finished(operator.must("POST", "models/tiny@1/prepare/"))
    operator.must("POST", "models/tiny@1/activate/", {"reason": "first"})


def refusal(answer: Any) -> str:
    """The id of an answer in the one error shape."""
    assert set(answer) == {"error"}, answer
    assert set(answer["error"]) == {"id", "message", "detail"}
    assert answer["error"]["message"]
    return str(answer["error"]["id"])


class Visitor:
    """A browser's cookies and forms without the browser."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"
        self._jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))

    def page(self, path: str, *, expected: tuple[int, ...] = (200,)) -> str:
        """The text of a page."""
        return self._opened(urllib.request.Request(self._address + path), expected)

    def send(self, path: str, form: dict[str, str], *, expected: tuple[int, ...] = (200,)) -> str:
        """The text of the page that a form leads to."""
        data = urllib.parse.urlencode(form).encode()
        headers = {"Referer": self._address + path}
        return self._opened(urllib.request.Request(self._address + path, data, headers), expected)

    def cookie(self, name: str) -> str:
        """A cookie's value, "" where there is none."""
        return next((str(cookie.value) for cookie in self._jar if cookie.name == name), "")

    def sign_in(self, name: str, password: str) -> None:
        """Sign in by the page."""
        self.page("/login/")
        form = {"csrfmiddlewaretoken": self.cookie("csrftoken"), "username": name, "password": password}
        self.send("/login/?next=/admin/", form)
        assert self.cookie("sessionid"), f"{name} could not sign in"

    def _opened(self, request: urllib.request.Request, expected: tuple[int, ...]) -> str:
        try:
            with self._opener.open(request, timeout=30) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            status, body = refused.code, refused.read()
        assert status in expected, f"{request.full_url}: {status} {body[:300]!r}"
        return str(body.decode())
