"""From a request to a query on its way to vectors, where to look, and the retrievers: all that `run` is given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from retrieval_site.database.reading import read
from search.retrieval.encode import SAYS_NOTHING, Known
from search.retrieval.modes import is_wanted_text, mode_for, retrievers_for, text_of
from search.retrieval.read_names import ReadIdentifiers
from search.retrieval.types import AS_WRITTEN, MENDED, ImagePart, TextPart
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
    words = asked if asked and all(map(is_wanted_text, request.parts)) else _all_words(request, scope)
    if words and (right := _misspelt(words, encoding)):
        mended_request, warning = _mended(request, right)
        if request.as_written:
            return PreparedSearch(request, encoding, scope, _retrievers(request, asked), (warning,))
        return prepared(mended_request, encoding_for(mended_request, mode, preview_px), scope, warning)
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


def _all_words(request: SearchRequest, scope: Scope) -> AskedWords | None:
    """Return the words of all parts, those that lead away, too; None where there are none."""
    texts = [part.text for part in request.parts if isinstance(part, TextPart)]
    if not texts:
        return None
    return read(lambda: look_up(" ".join(texts), scope.collections))


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
    """Return the request with its words mended, and the warning that says so, or that they are as written.

    Its `texts` are the parts that are others then, as they were asked, by their places.
    """
    parts = tuple(
        replace(part, text=mended(part.text, right)) if isinstance(part, TextPart) else part
        for part in request.parts
    )
    pairs = [(one, other) for one, other in zip(request.parts, parts, strict=True) if one != other]
    asked, searched = (
        ", ".join(cast("TextPart", part).text for part in side) for side in zip(*pairs, strict=True)
    )
    where = f"nobody wrote “{'”, “'.join(right)}” in these collections."
    showing = (
        f"Showing “{asked}” as it is written: {where}"
        if request.as_written
        else f"Showing “{searched}”: {where}"
    )
    detail: dict[str, Any] = {"asked": asked, "searched": searched}
    if not request.as_written:
        detail["texts"] = {str(request.parts.index(one)): cast("TextPart", one).text for one, _ in pairs}
    warning: SearchWarning = {
        "id": AS_WRITTEN if request.as_written else MENDED,
        "message": showing,
        "detail": detail,
    }
    return replace(request, parts=parts), warning
