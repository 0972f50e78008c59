from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_admin.services import version_find, version_measure
from workers.jobs.command import JobCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(JobCommand):
    help = "Ask the searches that people judged again, under a prepared version and under the champion."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="name@number")

    def handle(self, *args: Any, **options: Any) -> None:
        version = version_find(options["model"])
        judged = self.complete(version_measure(version=version)).result
        self.stdout.write(f"{judged['searches']:,} judged searches, {judged['left_out']:,} left out")
        for name, value in (judged["measures"] or {}).items():
            self.stdout.write(f"{name}: {value:.4f}{_beside(judged, name)}")


def _beside(judged: dict[str, Any], name: str) -> str:
    if not judged["differences"]:
        return ""
    found = judged["differences"][name]
    champion = f"{judged['champion']} {judged['champion_measures'][name]:.4f}"
    return f" ({champion}; {found['value']:+.4f}, 95 % {found['low']:+.4f} to {found['high']:+.4f})"
