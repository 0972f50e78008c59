"""Values of other systems fitted into a document's fields: what is too long is cut, for nobody can mend it there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from search.services.document_fields import BODY_CHARACTERS_MAX, LENGTHS_MAX, TAGS_MAX, DocumentFields
from workers.jobs.services import storable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

METADATA = "metadata."
_IDENTIFIER = f"{METADATA}identifier"
VALUES_MAX, VALUE_CHARACTERS_MAX, NAMES_MAX = 50, 1000, 50


def fitted(said: Mapping[str, Sequence[str]]) -> DocumentFields:
    """Return a document's fields from values by `title`, `body`, `url`, `tags` and `metadata.NAME`.

    The first title and address count; further titles and texts stand in the body, a paragraph each, and further
    addresses in the field `identifier` of the metadata.
    """
    titles = list(dict.fromkeys(_plain(said.get("title", ()))))
    texts = [*titles[1:], *_plain(said.get("body", ()))]
    tags = dict.fromkeys(tag[: LENGTHS_MAX["tag"]].strip() for tag in _plain(said.get("tags", ())))
    return DocumentFields(
        title=titles[0][: LENGTHS_MAX["title"]] if titles else "",
        body="\n\n".join(texts)[:BODY_CHARACTERS_MAX],
        url=next(iter(said.get("url", ())), ""),
        tags=tuple(tags)[:TAGS_MAX],
        metadata=_metadata(said),
    )


def web_address(value: str) -> bool:
    """Return whether a value is an address that a document can have."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    known = parts.scheme.lower() in ("http", "https") and bool(parts.netloc)
    return known and len(value) <= LENGTHS_MAX["url"] and storable(value) == value


def _metadata(said: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return one value as it is, several as a list."""
    found: dict[str, Any] = {}
    further = _plain(said.get("url", ()))[1:]
    named = {**said, _IDENTIFIER: [*said.get(_IDENTIFIER, ()), *further]} if further else said
    for field, values in named.items():
        if field.startswith(METADATA) and len(found) < NAMES_MAX:
            plain = [value[:VALUE_CHARACTERS_MAX] for value in _plain(values)][:VALUES_MAX]
            if plain:
                name = storable(field.removeprefix(METADATA))[:100]
                found[name] = plain[0] if len(plain) == 1 else plain
    return found


def _plain(values: Sequence[str]) -> list[str]:
    return [text for value in values if (text := storable(value).strip())]
