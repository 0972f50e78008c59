"""The documents of files that sources found, as the import of a folder makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from retrieval_site.errors import AppError
from search.importers.document_files import DocumentFiles
from search.importers.recognition import RecognitionOptions
from search.importers.types import Rejected
from search.sources.types import Made

if TYPE_CHECKING:
    from search.importers.types import DocumentFileItem
    from search.models import Collection
    from search.sources.options import PictureTextOptions


@dataclass
class FileDocuments:
    """Reads one file after another in one process, which begins with the first; pictures of text as `wish` says."""

    wish: PictureTextOptions
    _files: DocumentFiles | None = None

    def made(
        self, item: DocumentFileItem, content: IO[bytes], collection: Collection, *, store: bool
    ) -> Made:
        """Return the documents of a file; raises AppError or InferenceError where it gives none."""
        if self._files is None:
            recognition = RecognitionOptions.of(collection, self.wish)
            self._files = DocumentFiles(collection, store=store, recognition=recognition)
        found = list(self._files.records(item, content))
        bad = [one.problems[0] for one in found if isinstance(one, Rejected)]
        records = tuple(one for one in found if not isinstance(one, Rejected))
        if bad and not records:
            raise AppError.quoting(bad[0].error_id, bad[0].reason)
        return Made(records, bad[0] if bad else None)

    def close(self) -> None:
        """End the process."""
        if self._files is not None:
            self._files.close()
