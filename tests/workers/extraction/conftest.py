"""One sandboxed process reads the files of a module's tests."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from workers.extraction.extractor import Extractor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workers.extraction.types import Extracted


@pytest.fixture(scope="module")
def extractor() -> Iterator[Extractor]:
    """The handle of a process that reads files."""
    with Extractor() as made:
        yield made


@pytest.fixture
def extracted(extractor: Extractor) -> Callable[[bytes, str], Extracted]:
    """What a file of these bytes and this name holds."""

    def read(data: bytes, name: str) -> Extracted:
        with extractor.reading(io.BytesIO(data), name) as found:
            return found.extracted

    return read
