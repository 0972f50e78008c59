"""A document given as JSON values: every field checked, everything wrong named at once."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from search.importers.types import Item, PictureRef, Record, Rejected
from search.services.document_fields import DocumentFields
from workers.formats.problems import Problem, problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.importers.types import Reading

KNOWN = ("external_id", "title", "body", "url", "tags", "metadata", "images")
UNKNOWN_NAMED_MAX = 10
"""Unknown fields that are named: a line can have millions."""

ALIASES = {"id": "external_id", "text": "body"}


def item_from(where: str, values: Mapping[str, Any], reading: Reading) -> Item:
    """Return the document in `values`, or all that is wrong with it. null means "not given"."""
    named = {ALIASES.get(key, key): value for key, value in values.items() if value is not None}
    problems = [_twice(alias, name) for alias, name in ALIASES.items() if _both(values, alias, name)]
    extra = _extra(named, reading, problems)
    external_id = _external_id(named.get("external_id"), problems)
    fields = DocumentFields(
        title=_text(named, "title", problems),
        body=_text(named, "body", problems),
        url=_text(named, "url", problems).strip(),
        tags=_tags(named.get("tags", []), problems),
        metadata=_with_extra(_metadata(named.get("metadata", {}), problems), extra, problems),
    )
    pictures = _pictures(named.get("images", []), problems)
    if problems:
        return Rejected(where, tuple(problems))
    return Record(where, external_id, fields, pictures)


def _both(values: Mapping[str, Any], alias: str, name: str) -> bool:
    return values.get(alias) is not None and values.get(name) is not None


def _twice(alias: str, name: str) -> Problem:
    return problem("import.column_twice/alias", alias=alias, name=name)


def _extra(named: Mapping[str, Any], reading: Reading, problems: list[Problem]) -> dict[str, Any]:
    """Return what is no field and goes into the metadata; refuse it or leave it out where that was asked for."""
    unknown = (key for key in named if key not in KNOWN)
    if reading.extra_columns == "metadata":
        return {key: named[key] for key in unknown}
    if reading.extra_columns == "ignore":
        reading.ignore(unknown)
    else:
        problems += [_unknown(key) for key in islice(unknown, UNKNOWN_NAMED_MAX)]
    return {}


def _with_extra(metadata: dict[str, Any], extra: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    for key in extra.keys() & metadata.keys():
        problems.append(problem("import.column_twice/metadata", name=key[:60]))
    return metadata | extra


def _unknown(key: str) -> Problem:
    return problem("import.unknown_field", name=key[:60])


def _wrong_type(key: str, wanted: str) -> Problem:
    return problem("import.field_wrong_type", name=key, wanted=wanted)


def _external_id(value: object, problems: list[Problem]) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.strip():
        return value.strip()
    if value is None or isinstance(value, str):
        problems.append(problem("import.missing_external_id"))
    else:
        problems.append(_wrong_type("external_id", "a text or a whole number"))
    return ""


def _text(values: Mapping[str, Any], key: str, problems: list[Problem]) -> str:
    value = values.get(key, "")
    if isinstance(value, str):
        return value
    problems.append(_wrong_type(key, "a text"))
    return ""


def _tags(value: object, problems: list[Problem]) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(tag, str) for tag in value):
        return tuple(dict.fromkeys(tag.strip() for tag in value if tag.strip()))
    problems.append(_wrong_type("tags", "a list of texts"))
    return ()


def _metadata(value: object, problems: list[Problem]) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    problems.append(_wrong_type("metadata", "an object"))
    return {}


def _pictures(value: object, problems: list[Problem]) -> tuple[PictureRef, ...]:
    found = [_picture(entry) for entry in value] if isinstance(value, list) else [None]
    if all(found):
        return tuple(picture for picture in found if picture)
    problems.append(_wrong_type("images", "a list of file names or of objects with “file” and “alt”"))
    return ()


def _picture(entry: object) -> PictureRef | None:
    if isinstance(entry, str) and entry:
        return PictureRef(entry)
    if not isinstance(entry, dict) or not entry.keys() <= {"file", "alt"}:
        return None
    name, alt = entry.get("file"), entry.get("alt", "")
    return PictureRef(name, alt) if name and isinstance(name, str) and isinstance(alt, str) else None
