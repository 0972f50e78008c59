from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from models_admin.job_types import PREPARE
from models_admin.models import VectorIndex
from models_admin.services import version_find, version_prepare
from workers.jobs.command import JobCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(JobCommand):
    help = "Encode every document for a model version beside the running one, or catch up what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="name@number")
        parser.add_argument(
            "--index",
            choices=VectorIndex.values,
            help="search its vectors by this from now on; see docs/switching.md",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        version = version_find(options["model"])
        index = VectorIndex(options["index"]) if options["index"] else None
        job = self.complete(version_prepare(version=version, index=index))
        for kind, counts in (PREPARE.result_of(job).coverage or {}).items():
            words = ", ".join(f"{count:,} {name}" for name, count in asdict(counts).items())
            self.stdout.write(f"{kind}s: {words}")
        self.stdout.write(self.style.SUCCESS(f"{version} is ready."))
