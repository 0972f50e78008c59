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
    if len(once) > TAGS_MAX or any(len(tag) > TAG_CHARACTERS_MAX or not tag.isprintable() for tag in once):
        raise AppError.of_parameter(
            "tags",
            gettext("Send at most {tags_max} tags of at most {tag_characters_max} characters each.").format(
                tags_max=TAGS_MAX, tag_characters_max=TAG_CHARACTERS_MAX
            ),
        )
    version.tags = once
    version.save(update_fields=["tags"])
    return version
