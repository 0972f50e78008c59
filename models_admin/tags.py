"""Words of people's own on model versions, by which they are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models_admin.models import ModelVersion

TAGS_MAX, TAG_CHARACTERS_MAX = 20, 50


def version_tag(*, version: ModelVersion, tags: Iterable[str]) -> ModelVersion:
    """Give a version these tags in place of those that it has; raises AppError `parameter.invalid`."""
    once = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(once) > TAGS_MAX or not all(map(_is_tag, once)):
        raise AppError.of_parameter(
            "tags",
            gettext("Send at most {tags_max} tags of at most {tag_characters_max} characters each.").format(
                tags_max=TAGS_MAX, tag_characters_max=TAG_CHARACTERS_MAX
            ),
        )
    version.tags = once
    version.save(update_fields=["tags"])
    return version


def version_add_tags(*, version: ModelVersion, tags: Iterable[str]) -> list[str]:
    """Give a version these tags beside its own; return those that it cannot have, being too long or too many."""
    new = [tag for tag in tags if tag not in version.tags]
    room = max(TAGS_MAX - len(version.tags), 0)
    fitting = [tag for tag in new if _is_tag(tag)][:room]
    if fitting:
        version_tag(version=version, tags=[*version.tags, *fitting])
    return [tag for tag in new if tag not in fitting]


def _is_tag(tag: str) -> bool:
    return 0 < len(tag.strip()) <= TAG_CHARACTERS_MAX and tag.isprintable()
