"""The life of a model version: upload, validation, preparation beside the running one, activation, rollback, end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import Max

from models_admin import hooks
from models_admin.files import file_on_disk
from models_admin.files import version_folder as version_folder
from models_admin.gate import check_gate, verdicts
from models_admin.job_types import LEARN, MEASURE, PREPARE, VALIDATE, VersionParameters
from models_admin.models import (
    CODED_INDEXES,
    LOADABLE,
    Activation,
    Alias,
    ModelVersion,
    VectorIndex,
    VersionState,
)
from models_admin.telling import tell_moved, tell_retired, tell_state
from retrieval_site.audit import audit_note
from retrieval_site.database import Prepared
from retrieval_site.errors import AppError
from retrieval_site.rows import columns
from workers.inference.bundles import read_manifest
from workers.inference.errors import BundleError
from workers.jobs.services import ACTIVE, job_create_once, job_retry, jobs_with
from workers.models import Job
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.core.files.base import File

    from retrieval_site.rows import Columns
    from workers.inference.manifest import Manifest
    from workers.jobs.types import JobType
    from workers.models import Blob

CHAMPION, CHALLENGER = "champion", "challenger"
_PREPARABLE = LOADABLE | {VersionState.SET_ASIDE}
_BY_THE_MACHINE = ("bundle.needs_torch", "bundle.not_isolated", "bundle.pickle_not_isolated")
_DELETABLE = (VersionState.REFUSED, VersionState.UPLOADED)


def version_upload(
    *, bundle: File[bytes], note: str = "", by: AbstractBaseUser | None = None
) -> tuple[ModelVersion, Job]:
    """Store a bundle as the next version of its name and start its validation.

    Of the bundle only the manifest is read here; the rest is opened by the validation's guarded process. The same
    file again gives the version that it already is, unless that was refused or retired. Raises AppError `bundle.*`.
    """
    manifest = _manifest_of(bundle)
    blob = blob_store(bundle, "application/zip")
    with transaction.atomic():
        version = _registered(manifest, blob, note, by)
        return version, version_validate(version=version, by=by)


def version_add(*, bundle: File[bytes], note: str = "", by: AbstractBaseUser | None = None) -> ModelVersion:
    """Store a bundle as the next version of its name, as `version_upload` does; the caller sees to its validation."""
    manifest = _manifest_of(bundle)
    blob = blob_store(bundle, "application/zip")
    with transaction.atomic():
        return _registered(manifest, blob, note, by)


def _registered(manifest: Manifest, blob: Blob, note: str, by: AbstractBaseUser | None) -> ModelVersion:
    registry_lock("model versions")
    known = _version_of(blob.pk)
    version: ModelVersion = known or ModelVersion.objects.create(
        name=manifest.name,
        number=_next_number(manifest.name),
        bundle=blob,
        created_by_id=by.pk if by else None,
    )
    if known is None:
        audit_note("version.uploaded", version, by=by, bundle=blob.pk)
    _add_note(version, note)
    return version


def _add_note(version: ModelVersion, note: str) -> None:
    """Keep every note: the same file may be uploaded again, with another."""
    if note and note not in version.note.splitlines():
        version.note = "\n".join(filter(None, [version.note, note]))
        version.save(update_fields=["note"])


def _manifest_of(bundle: File[bytes]) -> Manifest:
    try:
        with file_on_disk(bundle) as path:
            return read_manifest(path)
    except BundleError as error:
        raise AppError.quoting(error.id, error.message, error.detail) from error


def _version_of(sha256: str) -> ModelVersion | None:
    ended = [VersionState.REFUSED, VersionState.RETIRED]
    return ModelVersion.objects.filter(bundle=sha256).exclude(state__in=ended).order_by("-pk").first()


def _next_number(name: str) -> int:
    highest: int | None = ModelVersion.objects.filter(name=name).aggregate(highest=Max("number"))["highest"]
    return (highest or 0) + 1


def registry_lock(what: str) -> None:
    """Let one caller at a time past here, until its transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [what])


def version_validate(*, version: ModelVersion, by: AbstractBaseUser | None = None) -> Job:
    """Start the version's validation, or return the job that did or does it.

    One that was refused for how its job ended, or for what this machine lacks, is tried again.
    """
    known = Job.objects.filter(type=VALIDATE.name, params__version=version.pk).first()
    if known and may_validate_again(version):
        return known if known.state in ACTIVE else job_retry(known, by)
    if known and version.state != VersionState.UPLOADED:
        return known
    return job_create_once(VALIDATE, VersionParameters(version=version.pk), owner=by)[0]


def may_validate_again(version: ModelVersion) -> bool:
    """Return whether the version was refused for how its job ended or for this machine, not for what it holds."""
    by_the_machine = version.error_id.startswith("job.") or version.error_id in _BY_THE_MACHINE
    return version.state == VersionState.REFUSED and by_the_machine


def version_prepare(
    *, version: ModelVersion, by: AbstractBaseUser | None = None, index: VectorIndex | None = None
) -> Job:
    """Encode every document for this version beside the running one, or catch up what is missing.

    With `index`, the version's vectors are searched by such an index from then on; one of another kind answers
    until it stands. While a prepare job of this version waits or runs, that job is returned. Raises AppError
    `version.wrong_state`, `version.index_not_supported`.
    """
    if version.state not in _PREPARABLE:
        raise _wrong_state(version, "prepared")
    if index is not None:
        _choose_index(version, index)
    return job_create_once(PREPARE, VersionParameters(version=version.pk), owner=by)[0]


def _choose_index(version: ModelVersion, index: VectorIndex) -> None:
    if index in CODED_INDEXES and version.similarity == "order":
        raise AppError("version.index_not_supported", model=version.key, index=str(index))
    version.vector_index = index
    version.save(update_fields=["vector_index"])


def version_measure(*, version: ModelVersion, by: AbstractBaseUser | None = None) -> Job:
    """Ask the searches that people judged again, under this version and under the champion.

    While a measure job of this version waits or runs, that job is returned. Raises AppError `version.wrong_state`.
    """
    if version.state != VersionState.READY:
        raise _wrong_state(version, "measured")
    return job_create_once(MEASURE, VersionParameters(version=version.pk), owner=by)[0]


def judged_worse(version: ModelVersion) -> bool:
    """Return whether judgements or other evidence say that the version is worse than the present champion."""
    return any(verdict.is_worse for verdict in verdicts(version, champion()))


def version_activate(
    *,
    version: ModelVersion,
    by: AbstractBaseUser | None = None,
    reason: str = "",
    alias: str = CHAMPION,
    force: bool = False,
) -> Activation:
    """Let an alias point at this version, in one transaction, after the query workers have warmed it.

    The version before it stays complete for rollback. Raises AppError `version.wrong_state`, `version.incomplete`,
    and `version.judged_worse` unless `force`.
    """
    gated = alias == CHAMPION and not force
    _check_activable(version, gated=gated)
    check_complete(version)
    _warm(version)
    with transaction.atomic():
        registry_lock(f"alias {alias}")
        version = _locked(version)
        # Warming takes long: it, or the champion, may be another by now.
        _check_activable(version, gated=gated)
        current = Alias.objects.filter(name=alias).select_related("version").first()
        if current and current.version_id == version.pk:
            raise AppError("version.already_active", model=version.key, alias=alias)
        previous = current.version if current else None
        activation = alias_point(alias, version, previous, by=by, reason=reason)
        tell_moved("version.activated", activation, previous)
        return activation


def version_rollback(
    *, by: AbstractBaseUser | None = None, reason: str = "", alias: str = CHAMPION
) -> Activation:
    """Let an alias point at the version before again; rolling back twice ends where it began.

    Raises AppError `version.nothing_to_roll_back`, `version.incomplete`, and `version.moved_meanwhile` where the alias
    was moved before its former version was warm.
    """
    current, previous = _before(alias)
    check_complete(previous)
    _warm(previous)
    with transaction.atomic():
        registry_lock(f"alias {alias}")
        _locked(previous)
        if _before(alias) != (current, previous):
            raise AppError("version.moved_meanwhile", alias=alias)
        activation = alias_point(alias, previous, current, by=by, reason=reason or "rollback")
        tell_moved("version.rolled_back", activation, current)
        return activation


def _before(alias: str) -> tuple[ModelVersion, ModelVersion]:
    """Return the version that an alias points at and the one to roll back to."""
    current = Alias.objects.filter(name=alias).select_related("version", "previous").first()
    previous = current.previous if current else None
    if current is None or previous is None or previous.state != VersionState.READY:
        raise AppError("version.nothing_to_roll_back", alias=alias)
    return current.version, previous


def _check_activable(version: ModelVersion, *, gated: bool) -> None:
    if version.state != VersionState.READY:
        raise _wrong_state(version, "activated")
    if gated:
        check_gate(version, champion())


def _locked(version: ModelVersion) -> ModelVersion:
    """Return the version as it is now, which nobody changes until the transaction ends."""
    return ModelVersion.objects.select_for_update().get(pk=version.pk)


def alias_point(
    alias: str,
    version: ModelVersion,
    previous: ModelVersion | None,
    *,
    by: AbstractBaseUser | None,
    reason: str,
) -> Activation:
    """Move an alias and log it; the caller holds `registry_lock` of that alias."""
    # A new challenger answers nobody yet.
    moved = {"version": version, "previous": previous, "interleaved": 0.0}
    Alias.objects.update_or_create(name=alias, defaults=moved)
    return Activation.objects.create(
        alias=alias, version=version, previous=previous, by_id=by.pk if by else None, reason=reason
    )


def _warm(version: ModelVersion) -> None:
    """Let memory be warm before the first search comes: the workers' encoders and the database's indexes."""
    from workers.encoding.warming import versions_warm

    hooks.vectors().warm(version)
    versions_warm([version])


def check_complete(version: ModelVersion) -> None:
    """Raise AppError `version.incomplete`, which says what is missing and that preparing again catches up."""
    missing = hooks.vectors().missing(version)
    if missing:
        raise AppError("version.incomplete", model=version.key, missing=missing)


def version_retire(
    *, version: ModelVersion, by: AbstractBaseUser | None = None, force: bool = False
) -> ModelVersion:
    """Drop a version's vectors; its bundle stays, so that it can be prepared again.

    Refused for a version that an alias points at, with `version.in_use`; for one that is kept for rollback unless
    `force`, which gives that up; and with `version.busy` while a job works on it.
    """
    with transaction.atomic():
        for alias in (CHAMPION, CHALLENGER):
            registry_lock(f"alias {alias}")
        version = _locked(version)
        check_retirable(version, force=force)
        Alias.objects.filter(previous=version).update(previous=None)
        hooks.vectors().drop(version)
        version.state = VersionState.RETIRED
        version.save(update_fields=["state"])
        tell_retired(version, by)
    return version


def check_retirable(version: ModelVersion, *, force: bool) -> None:
    """Raise the AppError with which retiring the version would be refused now, if it would."""
    if version.state in (VersionState.UPLOADED, VersionState.VALIDATING, VersionState.REFUSED):
        raise _wrong_state(version, "retired")
    if alias := Alias.objects.filter(version=version).first():
        raise AppError("version.in_use", model=version.key, alias=alias.name)
    if not force and Alias.objects.filter(previous=version).exists():
        raise AppError("version.in_use/rollback", model=version.key, alias="previous")
    _check_idle(version, PREPARE)


def version_delete(*, version: ModelVersion) -> None:
    """Delete a version that was refused, or uploaded and never validated; nobody ever searched with it.

    Raises AppError `version.wrong_state`, and `version.busy` while a job validates it.
    """
    with transaction.atomic():
        registry_lock("model versions")
        version.refresh_from_db()
        check_deletable(version)
        audit_note("version.deleted", version)
        version.delete()


def check_deletable(version: ModelVersion) -> None:
    """Raise the AppError with which deleting the version would be refused now, if it would."""
    if version.state not in _DELETABLE:
        raise _wrong_state(version, "deleted")
    _check_idle(version, VALIDATE)


def is_busy(version: ModelVersion, job_type: JobType[VersionParameters, Any]) -> bool:
    """Return whether a job of this type waits for the version, or works on it."""
    found = jobs_with(job_type, VersionParameters(version=version.pk))
    return found.filter(state__in=ACTIVE).exists()


def is_being_learned(version: ModelVersion) -> bool:
    """Return whether the job that made the version of marks still validates or prepares it."""
    return Job.objects.filter(type=LEARN.name, state__in=ACTIVE, result__new_id=version.pk).exists()


def _check_idle(version: ModelVersion, job_type: JobType[VersionParameters, Any]) -> None:
    for busy, name in ((is_busy(version, job_type), job_type.name), (is_being_learned(version), LEARN.name)):
        if busy:
            raise AppError("version.busy", model=version.key, job_type=name)


def version_move(version: ModelVersion, state: VersionState, **values: Any) -> None:
    """Set a version's state; only jobs call this. One that was set aside meanwhile stays so until it is prepared."""
    rows = ModelVersion.objects.filter(pk=version.pk)
    if state != VersionState.PREPARING:
        rows = rows.exclude(state=VersionState.SET_ASIDE)
    with transaction.atomic():
        moved = rows.exclude(state=state).exists()
        rows.update(state=state, **values)
        version.refresh_from_db()
        if moved:
            tell_state(version)


def champion() -> ModelVersion | None:
    """Return the version that answers searches, None before the first activation."""
    alias = Alias.objects.filter(name=CHAMPION).select_related("version").first()
    return alias.version if alias else None


def version_find(key: str) -> ModelVersion:
    """Return the version of an alias or of `name@number`; raises AppError `model.not_found`.

    This stands before every search, so its statement is not composed anew each time.
    """
    name, _, number = key.partition("@")
    values: list[str | int] = [key]
    where = "version.id = (SELECT version_id FROM models_admin_alias WHERE name = %s)"
    if number.isascii() and number.isdigit():
        values = [name, int(number[:9])]
        where = "version.name = %s AND version.number = %s"
    parts: Columns[ModelVersion] = columns(ModelVersion, "version")
    statement = Prepared(f"SELECT {parts.sql} FROM models_admin_modelversion version WHERE {where}")  # noqa: S608  our own names
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    if row is None:
        raise AppError("model.not_found", model=key)
    return parts.instance(row)


def _wrong_state(version: ModelVersion, action: str) -> AppError:
    return AppError("version.wrong_state", model=version.key, state=str(version.state), action=action)
