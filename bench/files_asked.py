"""Lets the paperwork of `bench.files` come in, compares what became of it, and asks for it. Runs beside the server."""

from __future__ import annotations

import io
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from bench.serving import DATA_DIR, attached

attached(DATA_DIR)

import numpy as np  # noqa: E402
from django.core.files import File  # noqa: E402
from PIL import Image, ImageEnhance, ImageFilter  # noqa: E402

from bench.client import Client  # noqa: E402
from bench.files import folder_of  # noqa: E402
from bench.paperwork import paperwork  # noqa: E402
from models_admin import services as models  # noqa: E402
from retrieval_site.accounts.models import User  # noqa: E402
from search.models import Collection, Document, Passage  # noqa: E402
from search.services.collections import collection_create, collection_delete  # noqa: E402
from search.services.imports import import_folder_start, import_start  # noqa: E402
from search.services.sources import NewSource, source_create, source_start  # noqa: E402
from search.services.tokens import token_create  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from bench.paperwork import Paper
    from workers.models import Job

WAYS = ("upload", "folder", "source")
FIRST = 10
Tally = dict[tuple[str, str], list[int]]


def main(port: int, share: float, seed: int) -> None:
    """Print the three ways beside each other, then what was read and found, by format."""
    _wait_for_model()
    user = User.objects.filter(is_superuser=True).get()
    folder = folder_of(share, seed)
    results = {way: _brought_in(way, folder, user) for way in WAYS}
    same = all(result == results["upload"] for result in results.values())
    print(
        f"{len(results['upload'])} documents by {', '.join(WAYS)}: {'the same' if same else 'NOT the same'}"
    )
    client = Client(port, token_create(user=user, name="bench.files", scopes=["read"])[1])
    tally: Tally = defaultdict(lambda: [0, 0])
    for paper in paperwork(seed, share):
        _check(paper, tally)
        _ask(client, paper, tally)
    _print(tally)


def _wait_for_model() -> None:
    while models.champion() is None:
        time.sleep(1)


def _brought_in(way: str, folder: Path, user: User) -> dict[str, str]:
    """Bring the files in one way; return the content hashes by external id."""
    slug = f"paperwork-{way}"
    for earlier in Collection.objects.filter(slug=slug):
        collection_delete(collection=earlier)
    collection = collection_create(name=slug, slug=slug, owner=user, visibility="public")
    started = time.perf_counter()
    with folder.with_suffix(".zip").open("rb") as archive, folder.with_suffix(".csv").open("rb") as rows:
        jobs = [import_start(collection=collection, file=File(rows, "table.csv"), owner=user)]
        if way == "upload":
            jobs.append(import_start(collection=collection, file=File(archive, "paperwork.zip"), owner=user))
        elif way == "folder":
            jobs.append(import_folder_start(collection=collection, path=folder, owner=user))
        else:
            source = source_create(
                collection=collection,
                new=NewSource(kind="folder", address=str(folder), name="papers"),
                owner=user,
            )
            jobs.append(source_start(source=source, by=user))
    for job in jobs:
        _finished(job)
    print(f"{way}: {time.perf_counter() - started:.0f} s")
    return dict(Document.objects.filter(collection=collection).values_list("external_id", "content_hash"))


def _finished(job: Job) -> None:
    while True:
        job.refresh_from_db()
        if job.is_finished:
            break
        time.sleep(0.5)
    failed = [(item.key, item.reason) for item in job.items.all()[:5]]
    if job.error or failed:
        print(f"{job.type}: {job.error} {failed}")


def _check(paper: Paper, tally: Tally) -> None:
    """Count which of a paper's contents stand where they should."""
    document = Document.objects.filter(collection__slug="paperwork-upload", external_id=paper.name).first()
    body = document.body if document else ""
    passages = list(Passage.objects.filter(document=document)) if document else []
    headings = {text for _, _, text in (document.outline.get("headings", ()) if document else ())}
    for section in paper.sections:
        place = next((one.page for one in passages if section.sentence in one.text), None)
        _count(tally, paper, "sentences", section.sentence in body)
        if section.heading:
            _count(tally, paper, "headings", section.heading in headings)
        if paper.pages:
            _count(tally, paper, "pages", place == section.page)
    for row in paper.rows:
        _count(tally, paper, "rows", any(all(cell in one.text for cell in row) for one in passages))
    if paper.caption:
        alts = list(document.images.values_list("alt", flat=True)) if document else []
        _count(tally, paper, "captions", any(paper.caption in alt for alt in alts))
    for inside in paper.attached:
        _count(tally, paper, "attached", Document.objects.filter(external_id=inside).exists())


def _ask(client: Client, paper: Paper, tally: Tally) -> None:
    """Ask for a paper by a sentence, by a part number, by its figure."""
    section = paper.sections[-1]
    words = section.sentence.replace(f"{paper.number} ", "")  # by what it says, not by the number in it
    hits = _hits(client.search(text=words, collections=["paperwork-upload"], limit=FIRST).body)
    _rank(tally, paper, "words", [hit["document"]["external_id"] for hit in hits])
    if paper.pages:
        first = next(iter(hits), None)
        right = first is not None and first["document"]["external_id"] == paper.name
        page = first["passage"]["page"] if right and first["passage"] else None
        _count(tally, paper, "words: page", page == section.page)
    if paper.rows:
        hits = _hits(client.search(text=paper.rows[0][1], collections=["paperwork-upload"], limit=FIRST).body)
        _rank(tally, paper, "number", [hit["document"]["external_id"] for hit in hits])
    if paper.figure is not None and (paper.caption or paper.format == "photo"):
        answer = client.search_picture(
            _photographed(paper.figure), target="images", collections="paperwork-upload", limit=str(FIRST)
        )
        _rank(tally, paper, "photo", [hit["document"]["external_id"] for hit in _hits(answer.body)])


def _hits(body: dict[str, list[dict[str, dict[str, str]]]]) -> list[dict[str, dict[str, str]]]:
    if "results" not in body:
        raise SystemExit(f"the server refused: {body}")
    return body["results"]


def _photographed(figure: Image.Image) -> bytes:
    """Return the figure as somebody's photo of it: smaller, darker, blurred, with noise, as JPEG."""
    rng = np.random.default_rng(figure.size[0])
    smaller = figure.convert("RGB").resize((200, 200)).filter(ImageFilter.GaussianBlur(0.8))
    darker = np.asarray(ImageEnhance.Brightness(smaller).enhance(0.85), np.float32)
    noisy = np.clip(darker + 6 * rng.standard_normal(darker.shape), 0, 255).astype(np.uint8)
    kept = io.BytesIO()
    Image.fromarray(noisy).save(kept, "JPEG", quality=70)
    return kept.getvalue()


def _count(tally: Tally, paper: Paper, what: str, right: bool) -> None:  # noqa: FBT001  what is counted
    tally[paper.format, what][0] += right
    tally[paper.format, what][1] += 1


def _rank(tally: Tally, paper: Paper, what: str, found: list[str]) -> None:
    _count(tally, paper, f"{what}: first", found[:1] == [paper.name])
    _count(tally, paper, f"{what}: of {FIRST}", paper.name in found)


def _print(tally: Tally) -> None:
    whats = list(dict.fromkeys(what for _, what in tally))
    for format_name in dict.fromkeys(name for name, _ in tally):
        shown = [
            f"{what} {tally[format_name, what][0]}/{tally[format_name, what][1]}"
            for what in whats
            if (format_name, what) in tally
        ]
        print(f"{format_name}: {', '.join(shown)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
