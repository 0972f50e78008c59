"""What workers ask the registry: see `workers.encoding.versions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models_admin import hooks
from models_admin.deaths import version_died
from models_admin.files import encoder_cache, version_folder
from models_admin.models import LOADABLE, Alias, ModelVersion

if TYPE_CHECKING:
    from pathlib import Path


class RegisteredVersions:
    """See `workers.encoding.versions.Versions`."""

    def folder(self, version_id: int) -> Path:
        """Return the folder of the extracted bundle, fetched from the storage where it is not on this machine yet."""
        version = ModelVersion.objects.select_related("bundle", "served").filter(pk=version_id).first()
        if version is None or version.state not in LOADABLE:
            raise LookupError(f"There is no model version {version_id} that may be loaded.")
        return version_folder(version)

    def encoder_cache(self) -> Path:
        """Return the folder of compiled networks."""
        return encoder_cache()

    def champion_id(self) -> int | None:
        """Return the champion's id."""
        found: int | None = Alias.objects.filter(name="champion").values_list("version_id", flat=True).first()
        return found

    def died(self, version_id: int, reason: str) -> bool:
        """Note a death of the version's process; return whether it is set aside now."""
        return version_died(version_id=version_id, reason=reason)

    def warm_vectors(self, version_id: int) -> None:
        """Let whoever holds the vectors read them into memory."""
        hooks.vectors().warm(ModelVersion.objects.get(pk=version_id))
