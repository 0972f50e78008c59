"""Write a collection's pictures with their documents' texts, to train a model on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Exists, OuterRef, Prefetch, Q

from retrieval_site.audit import export_note
from search.models import Collection, Document, DocumentImage, Judgement, QueryPart
from search.services.judgements import RELEVANT
from search.training_sets import CHUNK_ROWS, TEXTS, TrainingSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Write a collection's pictures with their documents' texts as a folder that “train --data” reads."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--collection", required=True, help="slug")
        parser.add_argument("--out", type=Path, required=True, help="a new folder")
        parser.add_argument(
            "--texts", nargs="+", choices=TEXTS, default=TEXTS, help="what is a caption (all)"
        )
        parser.add_argument(
            "--judged",
            action="store_true",
            help="also the photos that people asked with and what they typed, for documents that they found relevant",
        )
        parser.add_argument(
            "--val-percent", type=int, default=10, help="of the documents, to validate on (default 10)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 < options["val_percent"] < 100:
            raise CommandError("--val-percent lies between 1 and 99.")
        documents = _documents(options["collection"], judged=options["judged"])
        made = TrainingSet(options["out"], options["texts"], options["val_percent"], options["judged"])
        try:
            made.write(documents, self._progress)
        except FileExistsError:
            raise CommandError(f"{options['out']} holds pictures already: name a new folder.") from None
        finally:  # of one that broke off, what it has is noted, too
            _note(made, options["collection"])
        if made.lost:
            self.stderr.write(f"{len(made.lost)} pictures are no longer in the storage.")
        if made.without_text:
            self.stderr.write(f"{made.without_text} pictures have no text and are left out.")
        counts = f"{made.pictures['train']} pictures to train on, {made.pictures['val']} to validate"
        self.stdout.write(f"{counts}, in {options['out']}")

    def _progress(self, done: int) -> None:
        if self.stderr.isatty() and done % CHUNK_ROWS == 0:
            self.stderr.write(f"\r{done} documents ", ending="")


def _note(made: TrainingSet, slug: str) -> None:
    """Note a set in the audit log with the number of its pictures; nothing where none was written."""
    if count := made.pictures.total():
        collection = Collection.objects.get(slug=slug)
        export_note(made.folder.name, collection, count=count, collection=collection.pk, judged=made.judged)


def _documents(slug: str, *, judged: bool) -> Iterator[Document]:
    if not Collection.objects.filter(slug=slug).exists():
        raise CommandError(f"There is no collection {slug!r}.")
    wanted = Q(Exists(DocumentImage.objects.filter(document=OuterRef("pk"))))
    prefetched: list[str | Prefetch[Any]] = ["images__blob", "passages"]
    if judged:
        judgements = Judgement.objects.select_related("query").defer("query__answer")
        parts = QueryPart.objects.select_related("preview")
        judgements = judgements.prefetch_related(Prefetch("query__parts", parts))
        wanted |= Q(Exists(judgements.filter(document=OuterRef("pk"), grade__gte=RELEVANT)))
        prefetched.append(Prefetch("judgements", judgements))
    documents = Document.objects.filter(wanted, collection__slug=slug).order_by("pk")
    found: Iterator[Document] = documents.prefetch_related(*prefetched).iterator(CHUNK_ROWS)
    return found
