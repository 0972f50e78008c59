"""A real Chromium against a live server and a real query worker: import the fixtures where they are needed.

Every page that a test opens is watched: an error in the console, an exception, or something that the
Content-Security-Policy had to block fails the test, unless the test said that it expects it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect, sync_playwright

from retrieval_site.accounts.models import User
from search.models import Collection, Document
from search.services.document_fields import DocumentFields, image_input
from search.services.documents import DocumentRecord, documents_save, encode_soon
from search.thumbnails import thumbnails_store
from tests.support.corpus import kept_tiny_version, make_collection, picture
from tests.support.pages import save_document
from tests.support.tiny_bundle import COLOURS
from tests.support.workers import _query_worker_process, query_worker  # noqa: F401  fixtures
from workers.inference.pictures import open_picture
from workers.jobs.runner import run_job_inline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
AXE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
AXE_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
TIMEOUT_MS = 60_000
"""Long enough for a machine that does other work beside the tests."""
PHOTO_SIZE = (640, 480)
PASSWORD = "a long enough password"
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 360, "height": 740}
REFUSED = ("Failed to load resource", "Response Status Error")
"""What Chromium and htmx say of any answer of 400 and above."""


@dataclass
class Site:
    """A running installation with a small corpus of coloured things, every one of them encoded."""

    url: str
    notes: Collection
    private: Collection
    documents: dict[str, Document]

    def at(self, path: str) -> str:
        """Return the address of a path."""
        return self.url + path


@dataclass
class Watch:
    """What went wrong in the pages of a test; `expected` are parts of lines that the test wants to see."""

    problems: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        """Watch a page."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"console: {message.text} ({message.location.get('url')})")

    def unexpected(self) -> list[str]:
        """Return the problems that no test asked for."""
        return [line for line in self.problems if not any(part in line for part in self.expected)]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; each has contexts of its own."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright runs an event loop in this thread
    expect.set_options(timeout=TIMEOUT_MS / 2)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    if watch.unexpected():
        pytest.fail("the browser had something to say:\n" + "\n".join(watch.unexpected()))


@pytest.fixture
def open_context(chromium: Browser, watch: Watch) -> Iterator[Callable[..., BrowserContext]]:
    """A function that opens a context (a browser with its own cookies) whose pages are watched."""
    contexts: list[BrowserContext] = []

    def opened(**options: Any) -> BrowserContext:
        context = chromium.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce", **options})
        context.set_default_timeout(TIMEOUT_MS)
        context.on("page", watch.over)
        contexts.append(context)
        return context

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_context: Callable[..., BrowserContext]) -> Page:
    """A page of a desktop browser that nobody signed in with."""
    return open_context().new_page()


@pytest.fixture
def site(live_server: Any, query_worker: object, tmp_path: Path) -> Site:  # noqa: F811  the fixture
    """Two documents a colour in a public collection, one in a private one, a model that tells colours apart."""
    kept_tiny_version(tmp_path)
    notes, private = make_collection("notes"), make_collection("vault", visibility="private")
    pumps, valves = ([_record(notes, colour, kind) for colour in COLOURS] for kind in ("pump", "valve"))
    documents_save(collection=notes, records=[*pumps, *valves])
    stored = {document.external_id: document for document in Document.objects.filter(collection=notes)}
    documents = {colour: stored[f"{colour}-1"] for colour in COLOURS}
    documents["secret"] = save_document(private, "secret", title="Secret red motor", body="A red motor.")
    job = run_job_inline(encode_soon())
    assert job.state == "succeeded", job.error
    return Site(live_server.url, notes, private, documents)


def _record(notes: Collection, colour: str, kind: str) -> DocumentRecord:
    """A pump with a photo, or a valve without one."""
    if kind == "valve":
        fields = DocumentFields(title=f"{colour.title()} valve", body=f"A {colour} valve.")
        return DocumentRecord(f"{colour}-2", fields)
    photo = _photo(COLOURS[colour])
    image = image_input(photo, notes, size=PHOTO_SIZE)
    thumbnails_store(image.blob_id, open_picture(photo))
    fields = DocumentFields(
        title=f"{colour.title()} pump",
        body=f"The {colour} pump is in the hall. " + "Nothing else is known of it. " * 40,
        tags=("pump",),
        metadata={"colour": colour},
    )
    return DocumentRecord(f"{colour}-1", fields, (image,))


@cache
def _photo(colour: tuple[int, int, int]) -> bytes:
    return picture(colour, size=PHOTO_SIZE)


def administrator(context: BrowserContext, url: str) -> Page:
    """Return a page of this browser in which an administrator, `root`, has signed in to the site at this address."""
    if not User.objects.filter(username="root").exists():
        User.objects.create_superuser("root", password=PASSWORD)
    page = context.new_page()
    page.goto(f"{url}/admin/")
    page.fill("#id_username", "root")
    page.fill("#id_password", PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_selector("#user-tools")
    return page


def accessibility_problems(page: Page, *tags: str) -> list[str]:
    """Return what axe finds, one line a rule and place: against WCAG 2.2 A and AA unless `tags` name less."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    wanted = "runOnly: {type: 'tag', values: tags}, resultTypes: ['violations'], preload: false"
    run = f"async tags => ({{violations: (await axe.run(document, {{{wanted}}})).violations}})"
    found = page.evaluate(run, tags or AXE_TAGS)
    return [
        f"{problem['id']}: {problem['help']} — {node['html'][:160]} — {node['failureSummary'][:200]}"
        for problem in found["violations"]
        for node in problem["nodes"][:3]
    ]


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))
