"""Which versions count: those whose vectors follow the documents, and those that a caller may name."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from models_admin.models import Alias, ModelVersion, VersionState
from models_admin.services import champion
from retrieval_site.people import manages_models


def version_reachable(version: ModelVersion, *, viewer: Any) -> bool:
    """Return whether a caller may name this version: whoever does not manage models, only one that is meant for all.

    That is one under an alias, or one that the operator named in a setting.
    """
    return (
        version.key in settings.CONFIG.public_models
        or Alias.objects.filter(version=version).exists()
        or manages_models(viewer)
    )


def versions_live() -> list[ModelVersion]:
    """Return the versions whose vectors follow every change of a document, the champion first.

    These are all that are ready: the champion, the one kept for rollback, and those that may be activated next. A
    version that is being prepared is caught up by its own job.
    """
    ready = list(ModelVersion.objects.filter(state=VersionState.READY).order_by("pk"))
    first = champion()
    return sorted(ready, key=lambda version: (first is None or version.pk != first.pk, version.pk))
