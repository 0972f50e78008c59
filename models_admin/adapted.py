"""Versions that are another one's network behind an adapter: which one's, and by which maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_admin.files import version_folder
from models_admin.models import ModelVersion, VersionState
from workers.inference.adapted import ADAPTED_FROM
from workers.inference.adapters import read_adapter
from workers.inference.manifest import parse_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers.inference.adapters import ResidualMap

_OF_THE_NETWORK = ("dim", "similarity", "modalities", "units", "image", "text", "payloads")
_UNCHECKED = (VersionState.UPLOADED, VersionState.VALIDATING, VersionState.REFUSED)


def has_adapter(version: ModelVersion) -> bool:
    """Return whether the version's vectors pass an adapter."""
    return bool(version.manifest.get("adapter"))


def base_of(version: ModelVersion) -> ModelVersion | None:
    """Return the version without an adapter whose network this one has: itself, if it has none.

    What a bundle says of where it comes from is not believed: its network's files, by their SHA-256, and its settings
    are compared. None where no such version is here. Of several, the one whose vectors are ready, then the newest.
    """
    if not has_adapter(version):
        return version
    network = _network(version.manifest)
    same = ModelVersion.objects.filter(dim=version.dim).exclude(manifest__has_key="adapter")
    found = [one for one in same.exclude(state__in=_UNCHECKED) if _network(one.manifest) == network]
    return max(found, key=lambda one: (one.state == VersionState.READY, one.pk), default=None)


def base_named(version: ModelVersion) -> str:
    """Return the version that the bundle says it was adapted from, "" where it says nothing."""
    return str(version.manifest.get("training", {}).get(ADAPTED_FROM, ""))


def adapter_of(version: ModelVersion) -> dict[str, ResidualMap]:
    """Return the version's maps by modality; none for a tower whose vectors it leaves as they are."""
    if not has_adapter(version):
        return {}
    return read_adapter(parse_manifest(version.manifest), version_folder(version))


def _network(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that a tower's vector depends on before its adapter."""
    of_adapter = set((manifest.get("adapter") or {}).values())
    files = {name: entry for name, entry in manifest.get("files", {}).items() if name not in of_adapter}
    return {name: manifest.get(name) for name in _OF_THE_NETWORK} | {"files": files}
