"""The documents of files that sources found, as the import of a folder makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from retrieval_site.errors import AppError
from search.importers.document_files import DocumentFiles
from search.importers.recognition import RecognitionOptions
from search.importers.types import Rejected
from search.services.field_rules import FieldRuleError, check_rules, field_rules
from search.sources.types import Made
from workers.formats.problems import Problem

if TYPE_CHECKING:
    from search.importers.types import DocumentFileItem
    from search.models import Collection
    from search.services.documents import DocumentRecord
    from search.services.field_rules import FieldRules
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
        rules = field_rules(collection.pk)
        found = [
            one if isinstance(one, Rejected) else obeying(rules, one, where=one.external_id)
            for one in self._files.records(item, content)
        ]
        bad = [one for one in found if isinstance(one, Rejected)]
        records = tuple(one for one in found if not isinstance(one, Rejected))
        first = bad[0].problems[0] if bad else None
        if first and not records:
            raise AppError.quoting(first.error_id, first.reason)
        breaks = any(map(breaks_rules, bad))
        return Made(records, first, again=breaks, keeps_others=breaks)

    def close(self) -> None:
        """End the process."""
        if self._files is not None:
            self._files.close()


def obeying(rules: FieldRules, record: DocumentRecord, *, where: str) -> DocumentRecord | Rejected:
    """Return the record; where it breaks the collection's rules, what is wrong with it, so that others are stored."""
    try:
        check_rules(rules, record.fields.tags, record.fields.metadata)
    except FieldRuleError as error:
        return Rejected(where, (Problem(error.id, error.message),))
    return record


def breaks_rules(bad: Rejected) -> bool:
    """Return whether it is rules that a record breaks: curators may change them, so that it is tried again."""
    return any(one.error_id.startswith("field.") for one in bad.problems)
