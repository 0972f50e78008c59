from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from models_admin.services import version_find
from models_admin.versions import versions_live
from search.evaluation.charts import MEASURE_WORDS
from search.evaluation.making import (
    NewSet,
    evaluation_set_create,
    evaluation_set_find,
    evaluation_start,
)
from search.evaluation.tables import result_row
from search.models import EvaluationSet
from workers.jobs.command import JobCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from models_admin.models import ModelVersion


class Command(JobCommand):
    help = "Measure model versions by an evaluation set; with --from, make the set first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the set's name")
        parser.add_argument(
            "--model", action="append", default=[], help="name@number; default: all that are ready"
        )
        parser.add_argument("--from", dest="source", choices=EvaluationSet.Source.values, help="make the set")
        parser.add_argument("--collection", default="", help="its slug, for pairs and qrels")
        parser.add_argument(
            "--queries", type=Path, help="TSV or JSON Lines, or a zip of one with its pictures"
        )
        parser.add_argument("--qrels", type=Path, help="TREC qrels; documents by their external ids")
        parser.add_argument("--note", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        found = self._made(options) if options["source"] else evaluation_set_find(options["name"])
        self.stdout.write(f"{found}: {found.queries.count():,} queries")
        for version in self._versions(options["model"]):
            self._measure(found, version)

    def _made(self, options: dict[str, Any]) -> EvaluationSet:
        new = NewSet(
            name=options["name"],
            source=options["source"],
            collection=options["collection"],
            queries=BytesIO(_read(options["queries"])),
            qrels=_read(options["qrels"]),
            note=options["note"],
        )
        return evaluation_set_create(new=new)

    def _versions(self, names: list[str]) -> list[ModelVersion]:
        return [version_find(name) for name in names] or versions_live()

    def _measure(self, found: EvaluationSet, version: ModelVersion) -> None:
        job = self.complete(evaluation_start(evaluation_set=found, version=version))
        for result in found.results.filter(run=job.pk).select_related("version"):
            row = result_row(result)
            values = zip(MEASURE_WORDS.values(), row.measures, strict=False)
            numbers = ", ".join(f"{name} {value} ({around})" for name, (value, around) in values)
            self.stdout.write(f"{version}, {result.direction}, {result.queries:,} queries: {numbers}")
            costs = f"photo {row.photo}, caption {row.caption}, memory {row.memory}, index {row.index}"
            self.stdout.write(f"  {costs}, coverage {row.coverage}")
            if row.ahead:
                self.stdout.write(f"  {row.ahead}")


def _read(path: Path | None) -> bytes:
    try:
        return path.read_bytes() if path else b""
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
