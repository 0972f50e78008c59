"""From a request to a query on its way to vectors, where to look, and the retrievers: all that `run` is given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrieval_site.database.reading import read
from search.retrieval.encode import SAYS_NOTHING, Known
from search.retrieval.modes import is_wanted_text, mode_for, retrievers_for, text_of
from search.retrieval.read_names import ReadIdentifiers
from search.retrieval.types import MENDED, ImagePart, TextPart
from search.retrieval.unencoded import encoding_for, unencoded
from search.words.spelling import mended, misspelt
from search.words.terms import look_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models_admin.models import ModelVersion
    from search.retrieval.encode import Encoding
    from search.retrieval.retrieve import Retriever
    from search.retrieval.types import Mode, Part, Scope, SearchRequest, SearchWarning
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
    asked = asked_words(request.mode, request.parts, scope)
    if asked and not request.as_written and (right := _misspelt(asked, encoding)):
        request, warning = _mended(request, right)
        return prepared(request, encoding_for(request, mode, preview_px), scope, warning)
    if asked and asked.says_nothing and all(map(is_wanted_text, request.parts)):
        encoding = Known(unencoded(request, SAYS_NOTHING))
    return PreparedSearch(request, encoding, scope, _retrievers(request, asked))


def prepared(
    request: SearchRequest, encoding: Encoding, scope: Scope, *warnings: SearchWarning
) -> PreparedSearch:
    """Return what a query is asked with whose words stay as they are; raises AppError of the mode."""
    asked = asked_words(request.mode, request.parts, scope)
    return PreparedSearch(request, encoding, scope, _retrievers(request, asked), warnings)


def asked_words(mode: Mode, parts: tuple[Part, ...], scope: Scope) -> AskedWords | None:
    """Return the words of a search as the scope's collections have them; None where words are not looked for."""
    if mode_for(mode, parts) == "dense":
        return None
    return read(lambda: look_up(text_of(parts), scope.collections))


def _retrievers(request: SearchRequest, asked: AskedWords | None) -> tuple[Retriever, ...]:
    retrievers = retrievers_for(mode_for(request.mode, request.parts), text_of(request.parts), asked)
    texts = [one for part in request.parts for one in _read_in(part)]
    return (ReadIdentifiers(texts), *retrievers) if texts else retrievers


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


def _mended(request: SearchRequest, right: Mapping[str, str]) -> tuple[SearchRequest, SearchWarning]:
    """Return the request with its words mended, and the warning that says so."""
    parts = tuple(
        replace(part, text=mended(part.text, right)) if isinstance(part, TextPart) else part
        for part in request.parts
    )
    text = text_of(request.parts)
    searched = mended(text, right)
    warning: SearchWarning = {
        "id": MENDED,
        "message": f"Showing “{searched}”: nobody wrote “{'”, “'.join(right)}” in these collections.",
        "detail": {"asked": text, "searched": searched},
    }
    return replace(request, parts=parts), warning
