"""Which reader reads which kind of source."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from search.models import Source
from search.services.table_mappings import mappings_of
from search.sources.fetching import SourceFetcher
from search.sources.folder import FolderReader
from search.sources.folder_tables import FolderTables
from search.sources.iiif import IiifReader
from search.sources.oai_pmh import OaiReader
from search.sources.options import FolderOptions, IiifOptions, OaiOptions, read_options
from search.sources.places import allowed_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from search.sources.types import SourceReader


def reader_of(source: Source, *, since: str, checkpoint: Callable[[], None]) -> SourceReader:
    """Return the reader of a source: of a server's records those `since` then. Raises AppError `source.*`."""
    options = read_options(source.kind, source.options)
    if source.kind == Source.Kind.FOLDER:
        root = allowed_folder(source.address)
        tables = FolderTables(root, mappings_of(source.collection))
        return FolderReader(root, cast("FolderOptions", options), tables)
    fetcher = SourceFetcher(checkpoint)
    if source.kind == Source.Kind.OAI_PMH:
        return OaiReader(source.address, cast("OaiOptions", options), fetcher, since, source.complete_at)
    return IiifReader(source.address, cast("IiifOptions", options), fetcher)
