"""From a request to a query on its way to vectors, where to look, and the retrievers: all that `run` is given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrieval_site.database.reading import read
from search.retrieval.modes import mode_for, retrievers_for, text_of
from search.retrieval.read_names import ReadIdentifiers
from search.retrieval.types import MENDED, ImagePart, TextPart
from search.retrieval.unencoded import encoding_for
from search.words.spelling import mended, misspelt
from search.words.terms import look_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models_admin.models import ModelVersion
    from search.retrieval.encode import Encoding
    from search.retrieval.retrieve import Retriever
    from search.retrieval.types import Part, Scope, SearchRequest, SearchWarning
    from search.words.terms import AskedWords
    from workers.inference.ocr.types import TextRead


@dataclass(frozen=True)
class PreparedSearch:
    """A request with its words as they are searched for, and what `Asked` needs of it."""

    request: SearchRequest
    encoding: Encoding
    scope: Scope
    retrievers: tuple[Retriever, ...]
    warnings: tuple[SearchWarning, ...] = ()


def prepare(
    request: SearchRequest, preview_px: int, scope_of: Callable[[ModelVersion], Scope]
) -> PreparedSearch:
    """Start encoding, look up where to search meanwhile, and mend misspelt words.

    Raises AppError of the parts, the mode, the version and the scope.
    """
    mode = mode_for(request.mode, request.parts)
    encoding = encoding_for(request, mode, preview_px)
    scope = read(lambda: scope_of(encoding.version))
    if mode == "dense" or request.as_written:
        return prepared(request, encoding, scope)
    text = text_of(request.parts)
    asked = read(lambda: look_up(text, scope.collections))
    if right := _misspelt(asked, encoding):
        mended_request, warning = _mended(request, text, right)
        return prepared(mended_request, encoding_for(mended_request, mode, preview_px), scope, warning)
    return PreparedSearch(request, encoding, scope, retrievers_for(mode, text, asked))


def prepared(
    request: SearchRequest, encoding: Encoding, scope: Scope, *warnings: SearchWarning
) -> PreparedSearch:
    """Return what a query is asked with whose words stay as they are; raises AppError of the mode."""
    mode, text = mode_for(request.mode, request.parts), text_of(request.parts)
    asked = None if mode == "dense" else read(lambda: look_up(text, scope.collections))
    retrievers = retrievers_for(mode, text, asked)
    if texts := [one for part in request.parts for one in _read_in(part)]:
        retrievers = (ReadIdentifiers(texts), *retrievers)
    return PreparedSearch(request, encoding, scope, retrievers, warnings)


def _read_in(part: Part) -> tuple[TextRead, ...]:
    """Return what was read in a photo; one that leads away names nothing."""
    return (part.read or ()) if isinstance(part, ImagePart) and part.weight > 0 else ()


def _misspelt(asked: AskedWords, encoding: Encoding) -> dict[str, str]:
    """Return the right word for each that neither the collections nor the model know, where there is one."""
    if not asked.not_counted:
        return {}
    query = encoding.finish()
    if not query.knows_whole_words or not any(part.vectors.size for part in query.parts):
        return read(lambda: misspelt(asked, lambda word: False))
    return read(lambda: misspelt(asked, lambda word: word not in query.unknown_words))


def _mended(
    request: SearchRequest, text: str, right: Mapping[str, str]
) -> tuple[SearchRequest, SearchWarning]:
    """Return the request with its words mended, and the warning that says so."""
    parts = tuple(
        replace(part, text=mended(part.text, right)) if isinstance(part, TextPart) else part
        for part in request.parts
    )
    searched = mended(text, right)
    warning: SearchWarning = {
        "id": MENDED,
        "message": f"Showing “{searched}”: nobody wrote “{'”, “'.join(right)}” in these collections.",
        "detail": {"asked": text, "searched": searched},
    }
    return replace(request, parts=parts), warning
