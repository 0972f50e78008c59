"""Write judgements as TREC qrels or CSV, or the answers that were judged as a TREC run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from retrieval_site.audit import export_note
from search.exports import csv_lines, qrels_lines, run_lines
from search.models import Collection, Document, Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.management.base import CommandParser

FORMATS = {
    "qrels": qrels_lines,
    "run": lambda judgements: run_lines(judgements, Document.objects.all()),
    "csv": csv_lines,
}


class Command(BaseCommand):
    help = (
        "Write all judgements (or one collection's) as TREC qrels or CSV, or the answers that were judged as a TREC "
        "run, to a file or to standard output."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=FORMATS, default="qrels")
        parser.add_argument("--collection", help="slug; default: all collections")
        parser.add_argument("--out", type=Path, help="default: standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        kind, slug = options["format"], options["collection"]
        judgements = _judgements(slug)
        asked = {"collection": slug} if slug else {}
        export_note(f"judgements.{kind}", count=judgements.count(), asked=asked)
        lines = FORMATS[kind](judgements)
        if options["out"] is None:
            for line in lines:
                self.stdout.write(line, ending="")
        else:
            self.stderr.write(f"{_write(lines, options['out'])} lines written to {options['out']}")


def _judgements(slug: str | None) -> Any:
    if slug is None:
        return Judgement.objects.all()
    if not Collection.objects.filter(slug=slug).exists():
        raise CommandError(f"There is no collection {slug!r}.")
    return Judgement.objects.filter(document__collection__slug=slug)


def _write(lines: Iterable[str], path: Path) -> int:
    with path.open("w", encoding="utf-8", newline="") as file:
        return sum(1 for line in lines if file.write(line))
