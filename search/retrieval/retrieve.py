"""Retrieve: from an encoded query to candidates, by each retriever.

A retriever is one file and one entry of `RETRIEVERS`.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

from search.retrieval.dense import Dense

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from models_admin.models import ModelVersion
    from search.retrieval.types import Candidates, EncodedQuery, Find, Scope


class Retriever(Protocol):
    """One way to candidates: by vectors, later by full text and by identifiers."""

    def ready(self, version: ModelVersion, scope: Scope, wanted: int) -> AbstractContextManager[Find]:
        """Prepare all that needs no query yet, which is still being encoded, and hold it until the block ends.

        Gives a function from the encoded query to units of the scope's kind, of at least `wanted` documents where so
        many exist, bigger scores first or not; none of a document or collection that the scope leaves out. The
        candidates say by which plan they were found, what it looked at, and whether there are no more.
        """
        ...


RETRIEVERS: tuple[Retriever, ...] = (Dense(),)
"""Those that every search asks."""


@contextmanager
def ready(
    version: ModelVersion, scope: Scope, wanted: int
) -> Iterator[Callable[[EncodedQuery], tuple[Candidates, ...]]]:
    """Hold every retriever ready; give the function that asks them all."""
    with ExitStack() as stack:
        finds = [stack.enter_context(each.ready(version, scope, wanted)) for each in RETRIEVERS]
        yield lambda query: tuple(find(query) for find in finds)
