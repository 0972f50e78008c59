"""What is different between two versions, as rows to read: what each has under one name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext, gettext_noop

from models_admin.models import ModelVersion
from models_admin.services import CHAMPION
from retrieval_site.languages.lazy import gettext_lazy

if TYPE_CHECKING:
    from collections.abc import Callable

ENCODERS = {"image": gettext_lazy("pictures"), "text": gettext_lazy("texts")}
REASON_SHOWN = 200
"""Characters of what a bundle says of itself."""


def _encodes(version: ModelVersion) -> str:
    return (
        gettext(" and ").join(str(ENCODERS.get(one, one)) for one in version.manifest.get("modalities", []))
        or "–"
    )


def _picture(version: ModelVersion) -> str:
    size = (version.manifest.get("image") or {}).get("size")
    return gettext("{size} × {size} pixels").format(size=size) if size else "–"


def _tokenizer(version: ModelVersion) -> str:
    return str((version.manifest.get("text") or {}).get("tokenizer") or "–")


def _recipe(version: ModelVersion) -> str:
    recipe: Any = (version.manifest.get("training") or {}).get("recipe") or {}
    return str(recipe.get("name") or "–")


def _weights(version: ModelVersion) -> str:
    if "native" in (version.manifest.get("payloads") or {}):
        return "here"
    training: Any = version.manifest.get("training") or {}
    source: Any = training.get("source") or {}
    reason = training.get("native_left_out") or (
        source.get("weights_left_out") if isinstance(source, dict) else None
    )
    return gettext("left out: {reason}").format(reason=str(reason)[:REASON_SHOWN]) if reason else "–"


SAID: dict[str, Callable[[ModelVersion], str]] = {
    gettext_noop("encodes"): _encodes,
    gettext_noop("dimension"): lambda version: intcomma(version.dim) if version.dim else "–",
    gettext_noop("similarity"): lambda version: version.similarity,
    gettext_noop("pictures are seen at"): _picture,
    gettext_noop("words are split by"): _tokenizer,
    gettext_noop("trained by the recipe"): _recipe,
    gettext_noop("weights for training and GPUs"): _weights,
    gettext_noop("licence"): lambda version: str(version.manifest.get("licence") or "–"),
    gettext_noop("bundle"): lambda version: filesizeformat(version.bundle.size),
    gettext_noop("vectors are searched by"): lambda version: version.get_vector_index_display(),
}


def compared_with(version: ModelVersion) -> ModelVersion | None:
    """Return what a version is compared with: the one that it took over from, else the one before it of its name."""
    activations = version.activations.filter(alias=CHAMPION).exclude(previous=None)
    taken_over = activations.select_related("previous__bundle").first()
    if taken_over is not None:
        return taken_over.previous
    older = ModelVersion.objects.filter(name=version.name, number__lt=version.number)
    return older.select_related("bundle").order_by("-number").first() or _champion_beside(version)


def _champion_beside(version: ModelVersion) -> ModelVersion | None:
    others = ModelVersion.objects.filter(aliases__name=CHAMPION).exclude(pk=version.pk)
    return others.select_related("bundle").first()


def changes_between(version: ModelVersion, other: ModelVersion) -> list[tuple[str, str, str]]:
    """Return what differs, as (name, of the other, of the version)."""
    rows = [(name, said(other), said(version)) for name, said in SAID.items()]
    return [row for row in rows if row[1] != row[2]]
