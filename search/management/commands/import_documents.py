from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from search.importers.mapping import mapping_from_text
from search.importers.types import CHARACTER_RECOGNITION, EXTRA_COLUMNS, FORMATS, LETTERS, ImportOptions
from search.job_types import IMPORT
from search.models import Collection
from search.services.collections import collection_create
from search.services.imports import import_folder_start
from workers.jobs.command import JobCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from search.job_types import ImportResult


class Command(JobCommand):
    help = "Import a file or a folder of pictures and captions into a collection, which is made where it is not there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("collection", help="slug of the collection")
        parser.add_argument(
            "path",
            type=Path,
            help="JSONL, CSV, zip, captions, COCO or Karpathy JSON, or a folder; where workers see it, too",
        )
        parser.add_argument("--format", choices=FORMATS, help="where the content does not tell it")
        parser.add_argument("--per", choices=("caption", "picture"),
                            help="of captions, one document for each of these; "
                                 "default: picture where the pictures come along, else caption")  # fmt: skip
        parser.add_argument("--extra-columns", choices=EXTRA_COLUMNS, default="refuse",
                            help="what becomes of columns and keys that are no field")  # fmt: skip
        parser.add_argument(
            "--table", help="the file of a zip or folder that lists the documents, where several could"
        )
        parser.add_argument(
            "--mapping", type=Path, help="a JSON file that says what the columns of a table become"
        )
        parser.add_argument("--character-recognition", choices=CHARACTER_RECOGNITION,
                            help="which pictures of text are read: nothing, scanned pages, or also figures and "
                                 "photographs; default: as the collection says")  # fmt: skip
        parser.add_argument("--letters", choices=LETTERS,
                            help="the letters that are read on scanned pages: Latin ones, or all that are known; "
                                 "default: by the collection's language")  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="only say what would happen")
        parser.add_argument("--public", action="store_true", help="a new collection is public")

    def handle(self, *args: Any, **options: Any) -> None:
        job = import_folder_start(
            collection=_collection(options["collection"], public=options["public"]),
            path=options["path"],
            options=ImportOptions(
                options["format"],
                options["per"],
                options["extra_columns"],
                options["table"],
                _mapping(options["mapping"]),
                options["character_recognition"],
                options["letters"],
            ),
            dry_run=options["dry_run"],
        )
        result = IMPORT.result_of(self.complete(job))
        self.stdout.write(self.style.SUCCESS(_counted(result, "new", "changed", "unchanged", "failed")))
        self.stdout.write(_counted(result, "documents", "passages", "images"))
        for warning in result.warnings or ():
            self.stderr.write(self.style.WARNING(f"{warning.message} ({warning.id})"))
        if result.failed and not (result.new or result.changed or result.unchanged):
            raise CommandError(f"All {result.failed:,} documents were refused.")


def _mapping(path: Path | None) -> dict[str, Any] | None:
    """Return a mapping from its file; raises AppError `import.mapping_invalid`."""
    if path is None:
        return None
    try:
        written = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    return mapping_from_text(written).to_json()


def _counted(result: ImportResult, *names: str) -> str:
    return ", ".join(f"{getattr(result, name):,} {name}" for name in names)


def _collection(slug: str, *, public: bool) -> Collection:
    known = Collection.objects.filter(slug=slug).first()
    visibility = Collection.Visibility.PUBLIC if public else Collection.Visibility.PRIVATE
    return known or collection_create(name=slug, slug=slug, visibility=visibility)
