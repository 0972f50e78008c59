"""Retrieve: from an encoded query to candidates, by each retriever that the search asks (modes.py)."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from models_admin.models import ModelVersion
    from search.retrieval.types import Candidates, EncodedQuery, Find, Scope


class Retriever(Protocol):
    """One way to candidates: by vectors, by full text, by identifiers."""

    def ready(self, version: ModelVersion, scope: Scope, wanted: int) -> AbstractContextManager[Find]:
        """Prepare all that needs no query yet, which is still being encoded, and hold it until the block ends.

        Gives a function from the encoded query to units of the scope's kind, of at least `wanted` documents where so
        many exist, bigger scores first or not; none of a document or collection that the scope leaves out. The
        candidates say by which plan they were found, what it looked at, and whether there are no more.
        """
        ...


@contextmanager
def ready(
    retrievers: Sequence[Retriever], version: ModelVersion, scope: Scope, wanted: int
) -> Iterator[Callable[[EncodedQuery], tuple[Candidates, ...]]]:
    """Hold every retriever ready; give the function that asks them all."""
    with ExitStack() as stack:
        finds = [stack.enter_context(each.ready(version, scope, wanted)) for each in retrievers]
        yield lambda query: tuple(find(query) for find in finds)
