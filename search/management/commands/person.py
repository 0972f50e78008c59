from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from retrieval_site.errors import AppError
from search.services.people import person_erase, person_of
from search.services.person_export import person_export

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Export or erase what is kept of one person. docs/administration.md says what that is."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        export = actions.add_parser("export", help="write all that is kept of a person into a zip file")
        export.add_argument("username")
        export.add_argument("file", type=Path, help="a new file")
        erase = actions.add_parser("erase", help="erase a person, with what is kept of them")
        erase.add_argument("username")
        erase.add_argument(
            "--yes", action="store_true", help="do it; else it is only said what would be done"
        )
        erase.add_argument(
            "--delete-judgements",
            action="store_true",
            help="delete their judgements instead of making them anonymous",
        )
        erase.add_argument(
            "--delete-judged",
            action="store_true",
            help="delete their searches that others judged, too, with everybody's judgements of them",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            person = person_of(options["username"])
            if options["action"] == "export":
                self._export(person, options["file"])
            else:
                self._erase(person, options)
        except AppError as error:
            raise CommandError(str(error)) from error

    def _export(self, person: Any, path: Path) -> None:
        try:
            with path.open("xb") as file:
                path.chmod(0o600)
                rows = person_export(person=person, file=file)
        except FileExistsError:
            raise CommandError(f"{path} is there already.") from None
        self.stdout.write(f"{path}: {rows:,} rows")

    def _erase(self, person: Any, options: dict[str, Any]) -> None:
        if not options["yes"]:
            raise CommandError("This cannot be taken back. Say --yes to do it.")
        erased = person_erase(
            person=person,
            delete_judgements=options["delete_judgements"],
            delete_judged=options["delete_judged"],
        )
        how = "deleted" if options["delete_judgements"] else "made anonymous"
        self.stdout.write(
            f"Erased: {erased.searches:,} searches deleted, {erased.searches_kept:,} that others judged are nobody's"
            f" now, {erased.judgements:,} judgements {how}. Backups have all of it until they are pruned."
        )
