"""What becomes of versions, told to webhooks and noted in the audit log; others hear neither who did it nor why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_admin.models import VersionState
from retrieval_site.audit import audit_note
from retrieval_site.events import event_tell

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from models_admin.models import Activation, ModelVersion

_EVENTS = {
    VersionState.VALID: "version.validated",
    VersionState.REFUSED: "version.refused",
    VersionState.READY: "version.ready",
    VersionState.SET_ASIDE: "version.set_aside",
    VersionState.RETIRED: "version.retired",
}


def tell_state(version: ModelVersion) -> None:
    """Tell webhooks of the state that a version has come to, if that is one of those that are told."""
    if event := _EVENTS.get(VersionState(version.state)):
        data = {"model": version.key, "state": str(version.state), "error_id": version.error_id}
        event_tell(event, data)


def tell_moved(event: str, activation: Activation, before: ModelVersion | None) -> None:
    """Tell of a moved alias, and of the version that it pointed at before."""
    previous = before.key if before else None
    event_tell(event, {"model": activation.version.key, "alias": activation.alias, "previous": previous})
    said: dict[str, Any] = {"alias": activation.alias, "previous": previous, "reason": activation.reason}
    audit_note(event, activation.version, by=activation.by, **said)


def tell_set_aside(version: ModelVersion) -> None:
    """Tell that a version is not used any more until somebody prepares it again."""
    tell_state(version)
    audit_note("version.set_aside", version, reason=version.error)


def tell_retired(version: ModelVersion, by: AbstractBaseUser | None) -> None:
    """Tell that a version's vectors were dropped."""
    tell_state(version)
    audit_note("version.retired", version, by=by)


def tell_challenger_ended(version: ModelVersion) -> None:
    """Tell that a version is not the challenger any more, and none is."""
    event_tell("version.challenger_ended", {"model": version.key})
    audit_note("version.challenger_ended", version)
