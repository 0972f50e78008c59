from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from models_admin.job_types import MEASURE
from models_admin.services import version_find, version_measure
from workers.jobs.command import JobCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from models_admin.judged import Judged


class Command(JobCommand):
    help = "Ask the searches that people judged again, under a prepared version and under the champion."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="name@number")

    def handle(self, *args: Any, **options: Any) -> None:
        version = version_find(options["model"])
        judged = MEASURE.result_of(self.complete(version_measure(version=version)))
        self.stdout.write(f"{judged.searches:,} judged searches, {judged.left_out:,} left out")
        for name, value in (asdict(judged.measures) if judged.measures else {}).items():
            self.stdout.write(f"{name}: {value:.4f}{_beside(judged, name)}")


def _beside(judged: Judged, name: str) -> str:
    if judged.differences is None:
        return ""
    found = getattr(judged.differences, name)
    champion = f"{judged.champion} {getattr(judged.champion_measures, name):.4f}"
    return f" ({champion}; {found.value:+.4f}, 95 % {found.low:+.4f} to {found.high:+.4f})"
