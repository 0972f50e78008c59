"""Which reader reads which kind of source."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from search.models import Source
from search.services.table_mappings import mappings_of
from search.sources.fetching import SourceFetcher
from search.sources.folder import FolderReader
from search.sources.folder_tables import FolderTables
from search.sources.iiif import IiifReader
from search.sources.keys import keys_opened
from search.sources.oai_pmh import OaiReader
from search.sources.options import FolderOptions, IiifOptions, OaiOptions, S3Options, read_options
from search.sources.places import allowed_folder
from search.sources.s3 import S3Reader
from search.sources.s3_requests import S3Bucket, read_s3_address

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
    if source.kind == Source.Kind.S3:
        return _s3_reader(source, cast("S3Options", options), fetcher)
    return IiifReader(source.address, cast("IiifOptions", options), fetcher)


def _s3_reader(source: Source, options: S3Options, fetcher: SourceFetcher) -> S3Reader:
    name, prefix = read_s3_address(source.address)
    bucket = S3Bucket(options.service, options.region, name)
    keys = keys_opened(source.secret, server=options.server_keys)
    return S3Reader(bucket, prefix, options, keys, fetcher)
