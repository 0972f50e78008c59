"""IIIF Presentation 2 and 3 (https://iiif.io/api/presentation/): what manifests and collections say."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrieval_site.errors import AppError
from search.sources.fitting import web_address
from workers.formats.bounded_json import JsonError, load_json
from workers.jobs.services import storable

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON_DEPTH_MAX = 40
_TAG = re.compile(r"<[^<>]{0,1000}>")
_LANGUAGES = ("none", "en", "@none")


@dataclass(frozen=True)
class Canvas:
    """A page or view: its label, and where its picture is, best address first."""

    label: str
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class IiifManifest:
    """One object as its manifest describes it; `canvases` are those that were asked for, of `canvas_count`."""

    label: str
    summary: str
    metadata: tuple[tuple[str, str], ...]
    rights: str
    homepage: str
    canvases: tuple[Canvas, ...]
    canvas_count: int


@dataclass(frozen=True)
class NamedResource:
    """What a collection names: `kind` is `manifest` or `collection`."""

    kind: str
    address: str


def read_resource(data: bytes) -> dict[str, Any]:
    """Return a manifest's or collection's JSON; raises AppError `source.not_iiif`."""
    try:
        found = load_json(data, depth_max=JSON_DEPTH_MAX)
    except (JsonError, ValueError, RecursionError) as error:
        raise AppError("source.not_iiif") from error
    if not isinstance(found, dict) or kind_of(found) not in ("manifest", "collection"):
        raise AppError("source.not_iiif")
    return found


def kind_of(resource: Any) -> str:
    """Return `manifest` or `collection`, or whatever else it says that it is, in lower case."""
    written = _of(resource, "type") or _of(resource, "@type")
    return written.rpartition(":")[2].lower() if isinstance(written, str) else ""


def identifier_of(resource: Any) -> str:
    """Return a resource's id where that is a web address."""
    written = resource if isinstance(resource, str) else _of(resource, "id") or _of(resource, "@id")
    return written if isinstance(written, str) and web_address(written) else ""


def named_in(collection: dict[str, Any]) -> Iterator[NamedResource]:
    """Yield the manifests and collections that a collection names, in its order."""
    of_two = (("manifests", "manifest"), ("collections", "collection"), ("members", ""), ("items", ""))
    listed = ((each, kind) for key, kind in of_two for each in _list(collection, key))
    for each, kind in listed:
        address, found = identifier_of(each), kind or kind_of(each)
        if address and found in ("manifest", "collection"):
            yield NamedResource(found, address)


def next_page(collection: dict[str, Any]) -> str:
    """Return where a collection of version 2 goes on: its first page, or a page's next; empty where it does not."""
    return identifier_of(_of(collection, "first")) or identifier_of(_of(collection, "next"))


def read_manifest(resource: dict[str, Any], *, pictures: int, longest_side: int) -> IiifManifest:
    """Return what a manifest says, with the first canvases that have a picture, each at a bounded size."""
    canvases = _canvases(resource)
    required = _of(resource, "requiredStatement")
    pairs = [*_pairs(_list(resource, "metadata")), *_pairs([required] if required else [])]
    rights = _words(_of(resource, "rights") or _of(resource, "license") or _of(resource, "attribution"))
    return IiifManifest(
        label=_words(_of(resource, "label")),
        summary=_words(_of(resource, "summary") or _of(resource, "description")),
        metadata=tuple(pairs[:100]),
        rights=rights,
        homepage=_homepage(resource),
        canvases=tuple(_pictured(canvases, longest_side, pictures)),
        canvas_count=len(canvases),
    )


def _canvases(resource: dict[str, Any]) -> list[Any]:
    if items := _list(resource, "items"):
        return items
    return [each for sequence in _list(resource, "sequences")[:1] for each in _list(sequence, "canvases")]


def _pictured(canvases: list[Any], longest_side: int, wanted: int) -> Iterator[Canvas]:
    for canvas in canvases:
        if wanted <= 0:
            return
        if addresses := _addresses(_body(canvas), longest_side):
            wanted -= 1
            yield Canvas(_words(_of(canvas, "label")), addresses)


def _body(canvas: Any) -> Any:
    """Return the picture that is painted on a canvas; of a choice the first."""
    for page in _list(canvas, "items"):
        for annotation in _list(page, "items"):
            body = _first(_of(annotation, "body"))
            return _first(_of(body, "items")) if kind_of(body) == "choice" else body
    for annotation in _list(canvas, "images"):
        resource = _of(annotation, "resource")
        return _of(resource, "default") if kind_of(resource) == "choice" else resource
    return None


def _addresses(body: Any, longest_side: int) -> tuple[str, ...]:
    """Return where a picture is: by its image service at a bounded size, else the file that the body names."""
    service = identifier_of(_first(_of(body, "service")))
    sized = f"{service.rstrip('/')}/full/!{longest_side},{longest_side}/0/default.jpg" if service else ""
    found = (address for address in (sized, identifier_of(body)) if address)
    return tuple(dict.fromkeys(found))


def _homepage(resource: dict[str, Any]) -> str:
    for key in ("homepage", "related"):
        if address := identifier_of(_first(_of(resource, key))):
            return address
    return ""


def _pairs(entries: list[Any]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        label, value = _words(_of(entry, "label")), _words(_of(entry, "value"))
        if label and value:
            yield label, value


def _words(value: Any) -> str:
    """Return a label or value as plain text: version 2 has texts, objects and lists, version 3 a map of languages."""
    return "; ".join(dict.fromkeys(text for one in _texts(value) if (text := _plain(one))))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [str(value)]
    if isinstance(value, list):
        return [text for one in _in_one_language(value) for text in _texts(one)]
    if not isinstance(value, dict):
        return []
    if "@value" in value:
        return _texts(value["@value"])
    of_language = next((value[key] for key in _LANGUAGES if key in value), next(iter(value.values()), None))
    return [text for text in of_language if isinstance(text, str)] if isinstance(of_language, list) else []


def _in_one_language(values: list[Any]) -> list[Any]:
    """Return the values in English where there are several languages, else those of the first."""
    languages = [one.get("@language") if isinstance(one, dict) else None for one in values]
    chosen = "en" if "en" in languages else next(iter(languages), None)
    return [one for one, language in zip(values, languages, strict=True) if language == chosen]


def _plain(text: str) -> str:
    return storable(html.unescape(_TAG.sub("", text))).strip()


def _of(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _first(value: Any) -> Any:
    return (value[0] if value else None) if isinstance(value, list) else value


def _list(value: Any, key: str) -> list[Any]:
    found = _of(value, key)
    return found if isinstance(found, list) else []
